/* check_p2_dense.c -- P2: offsets are dense: each batch begins where the log ends. */
#include "check.h"

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    const struct ghost_log *log = &ghost_partition_of(world, probe->key)->logs[node->index];
    const struct ghost_batches *incoming = &world->ghost->incoming;
    log_offset next = log->end;
    /* A log that starts within a batch holds all of it. */
    if (log->start == log->end && probe->offset < log->end && probe->value > log->end)
        next = probe->offset;
    log_offset first = next;
    for (uint32_t i = 0; i < incoming->count; i++) {
        if (incoming->all[i].base != next)
            world_violation(world, "P2", "node %d, partition %d: %lld is appended at the end %lld",
                            node->id, probe->key.index, (long long)incoming->all[i].base,
                            (long long)next);
        next = incoming->all[i].end;
    }
    if (probe->offset != first || probe->value != next)
        world_violation(world, "P2", "node %d, partition %d: an append from %lld to %lld at %lld",
                        node->id, probe->key.index, (long long)probe->offset,
                        (long long)probe->value, (long long)log->end);
}

const struct checker check_p2 = {.name = "P2", .kinds = KIND(LOG_APPEND), .take = take};
