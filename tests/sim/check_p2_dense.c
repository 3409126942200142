/* check_p2_dense.c -- P2: offsets are dense: each batch begins where the log ends.
 *
 * A follower may copy less; what was committed in between is counted as if it came (K2 says
 * whether it may be missing). */
#include "check.h"

/* Where the first batch that came begins. */
static log_offset first_here(const struct ghost_batches *incoming)
{
    for (uint32_t i = 0; i < incoming->count; i++)
        if (!incoming->all[i].is_absent)
            return incoming->all[i].base;
    return -1;
}

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    const struct ghost_log *log = &ghost_partition_of(world, probe->key)->logs[node->index];
    const struct ghost_batches *incoming = &world->ghost->incoming;
    log_offset next = log->end;
    /* A log that starts within a batch holds all of it. */
    if (log->start == log->end && incoming->count > 0 && incoming->all[0].base < log->end &&
        incoming->all[0].end > log->end)
        next = incoming->all[0].base;
    for (uint32_t i = 0; i < incoming->count; i++) {
        if (incoming->all[i].base != next)
            world_violation(world, "P2", "node %d, partition %d: %lld is appended at the end %lld",
                            node->id, probe->key.index, (long long)incoming->all[i].base,
                            (long long)next);
        next = incoming->all[i].end;
    }
    if (probe->offset != first_here(incoming) || probe->value != next)
        world_violation(world, "P2", "node %d, partition %d: an append from %lld to %lld at %lld",
                        node->id, probe->key.index, (long long)probe->offset,
                        (long long)probe->value, (long long)log->end);
}

const struct checker check_p2 = {.name = "P2", .kinds = KIND(LOG_APPEND), .take = take};
