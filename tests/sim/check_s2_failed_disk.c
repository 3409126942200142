/* check_s2_failed_disk.c -- S2: after a failed write or sync nothing depends on that log again. */
#include "check.h"

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    const struct ghost_log *log = &ghost_partition_of(world, probe->key)->logs[node->index];
    if (log->failed)
        world_violation(world, "S2", "node %d, partition %d: %s after its log has failed", node->id,
                        probe->key.index, probe_name(probe->kind));
}

const struct checker check_s2 = {
    .name = "S2", .kinds = KIND(LOG_APPEND) | KIND(LOG_DURABLE) | KIND(ACK), .take = take};
