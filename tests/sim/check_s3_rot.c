/* check_s3_rot.c -- S3: damage below the durable mark is rot: told, never cut, and thrown away
 * only once a committed record says that the replica is in neither ISR nor ELR (rule 11).
 *
 * The durable mark is the sole evidence; the harness damages only what lies below the
 * mark that the last recovery found. What it did not damage is no rot. */
#include "check.h"

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    const struct ghost_partition *partition = ghost_partition_of(world, probe->key);
    const struct ghost_log *log = &partition->logs[node->index];
    if (probe->kind == PROBE_LOG_RESET && log->rotten && ghost_is_candidate(world, partition, node))
        world_violation(world, "S3", "node %d drops the rotten partition %d, and is in ISR or ELR",
                        node->id, probe->key.index);
    /* A rotten log may be met again after it was dropped, if power fails amid that. */
    bool may_rot = world->swarm.fault_mean[FAULT_ROT] > 0;
    if (probe->kind == PROBE_LOG_OFFLINE && probe->value == ERR_CORRUPT && !may_rot)
        world_violation(world, "S3", "node %d finds rot in partition %d that is none: %s", node->id,
                        probe->key.index, probe->text);
    if (!log->rotten || log->rot_told || ghost_has_just_failed(world, log))
        return;
    if (probe->kind == PROBE_LOG_TRUNCATE && probe->offset < log->rot_end)
        world_violation(world, "S3", "node %d cuts the rotten partition %d at %lld, rot to %lld",
                        node->id, probe->key.index, (long long)probe->offset,
                        (long long)log->rot_end);
    if (probe->kind == PROBE_LOG_OPEN && probe->offset < log->durable)
        world_violation(world, "S3", "node %d opens the rotten partition %d to %lld, durable %lld",
                        node->id, probe->key.index, (long long)probe->offset,
                        (long long)log->durable);
}

const struct checker check_s3 = {.name = "S3",
                                 .kinds = KIND(LOG_OPEN) | KIND(LOG_TRUNCATE) | KIND(LOG_RESET) |
                                          KIND(LOG_OFFLINE),
                                 .take = take};
