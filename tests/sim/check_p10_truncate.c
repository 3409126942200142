/* check_p10_truncate.c -- P10: no member of ISR or ELR cuts what is committed. */
#include "check.h"

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    const struct ghost_partition *partition = ghost_partition_of(world, probe->key);
    const struct ghost_log *log = &partition->logs[node->index];
    if (partition->is_metadata || partition->removed)
        return;
    /* What it holds of the committed is cut only with what it holds beside it. */
    log_offset common = probe->offset;
    for (uint32_t i = 0; i < log->batches.count && log->batches.all[i].end <= probe->value; i++)
        if (ghost_agree(&log->batches, &partition->truth, log->batches.all[i].end))
            common = log->batches.all[i].end;
    bool cuts = probe->offset < partition->high_watermark && probe->offset < common;
    if (cuts && ghost_is_candidate(world, partition, node))
        world_violation(world, "P10", "node %d cuts partition %d at %lld; %lld is committed",
                        node->id, probe->key.index, (long long)probe->offset,
                        (long long)partition->high_watermark);
}

const struct checker check_p10 = {.name = "P10", .kinds = KIND(LOG_TRUNCATE), .take = take};
