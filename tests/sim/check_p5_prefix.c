/* check_p5_prefix.c -- P5: below their high watermarks all replicas hold the same; an (epoch,
 * offset) means one prefix for ever. */
#include "check.h"

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    if (ghost_is_metadata(probe->key))
        return;
    if (probe->kind == PROBE_LOG_APPEND) {
        ghost_check_positions(world, node, probe, "P5");
        return;
    }
    const struct ghost_partition *partition = ghost_partition_of(world, probe->key);
    const struct ghost_log *log = &partition->logs[node->index];
    log_offset common =
        probe->offset < partition->high_watermark ? probe->offset : partition->high_watermark;
    if (probe->offset <= log->start)
        return; /* It begins there, perhaps within a batch. */
    if (!partition->removed && !ghost_agree(&log->batches, &partition->truth, common))
        world_violation(world, "P5",
                        "node %d, partition %d: below %lld it holds other records than "
                        "were committed",
                        node->id, probe->key.index, (long long)common);
}

const struct checker check_p5 = {
    .name = "P5", .kinds = KIND(LOG_APPEND) | KIND(HIGH_WATERMARK), .take = take};
