/* check_s3_rot.c -- S3: damage below the durable mark is rot: told, and never cut.
 *
 * The durable mark is the sole evidence; the harness damages only what lies below the
 * mark that the last recovery found. */
#include "check.h"

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    const struct ghost_log *log = &ghost_partition_of(world, probe->key)->logs[node->index];
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

const struct checker check_s3 = {
    .name = "S3", .kinds = KIND(LOG_OPEN) | KIND(LOG_TRUNCATE), .take = take};
