/* check_r8_truncate.c -- R8: the metadata log is never cut below its high watermark. */
#include "check.h"

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    if (!ghost_is_metadata(probe->key))
        return;
    const struct ghost_log *log = &world->ghost->metadata->logs[node->index];
    if (probe->offset < log->high_watermark_max)
        world_violation(world, "R8",
                        "node %d cuts the metadata log at %lld, below its committed %lld", node->id,
                        (long long)probe->offset, (long long)log->high_watermark_max);
}

const struct checker check_r8 = {.name = "R8", .kinds = KIND(LOG_TRUNCATE), .take = take};
