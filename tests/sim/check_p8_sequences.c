/* check_p8_sequences.c -- P8: a (producer, epoch, sequence) stands at one offset of a partition. */
#include "check.h"

static void check_new(struct world *world, struct ghost_partition *partition,
                      const struct ghost_batch *batch)
{
    struct {
        int64_t producer;
        int32_t epoch, sequence;
    } key = {batch->producer_id, batch->producer_epoch, batch->sequence};
    uintptr_t known = (uintptr_t)map_get(&partition->sequences, &key);
    if (batch->producer_id >= 0 && known != 0)
        world_violation(world, "P8",
                        "partition %d: producer %lld sequence %d is committed to %lld and to %lld",
                        partition->key.index, (long long)batch->producer_id, batch->sequence,
                        (long long)known, (long long)batch->end);
}

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    struct ghost_partition *partition = ghost_partition_of(world, probe->key);
    const struct ghost_log *log = &partition->logs[node->index];
    if (!probe->flag)
        return;
    for (log_offset at = partition->high_watermark; at < probe->offset;) {
        const struct ghost_batch *batch = ghost_batch_at(&log->batches, at);
        if (!batch || batch->end > probe->offset)
            return;
        check_new(world, partition, batch);
        at = batch->end;
    }
}

const struct checker check_p8 = {.name = "P8", .kinds = KIND(HIGH_WATERMARK), .take = take};
