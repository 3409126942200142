/* check_p6_read_bound.c -- P6: a consumer gets nothing at or past the server's high watermark. */
#include "check.h"

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    const struct ghost_partition *partition = ghost_partition_of(world, probe->key);
    const struct ghost_log *log = &partition->logs[node->index];
    if (probe->value > log->high_watermark)
        world_violation(world, "P6",
                        "node %d serves partition %d to %lld; its high watermark is %lld", node->id,
                        probe->key.index, (long long)probe->value, (long long)log->high_watermark);
    if (!partition->removed && probe->value > partition->high_watermark)
        world_violation(world, "P6", "node %d serves partition %d to %lld; %lld is committed",
                        node->id, probe->key.index, (long long)probe->value,
                        (long long)partition->high_watermark);
}

const struct checker check_p6 = {.name = "P6", .kinds = KIND(READ), .take = take};
