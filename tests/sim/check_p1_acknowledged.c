/* check_p1_acknowledged.c -- P1: what was acknowledged to all is there, at its offset, for ever.
 *
 * At the acknowledgement it is below the true high watermark; whoever leads later holds
 * the same; and at the end it stands in what was committed. */
#include "check.h"

#include "history.h"

static void take_ack(struct world *world, struct sim_node *node, const struct probe *probe)
{
    const struct ghost_partition *partition = ghost_partition_of(world, probe->key);
    if (probe->count != -1 || partition->removed)
        return;
    if (probe->value > partition->high_watermark)
        world_violation(world, "P1", "node %d acknowledges partition %d to %lld; %lld is committed",
                        node->id, probe->key.index, (long long)probe->value,
                        (long long)partition->high_watermark);
}

static void take_leader(struct world *world, struct sim_node *node, const struct probe *probe)
{
    const struct ghost_partition *partition = ghost_partition_of(world, probe->key);
    const struct ghost_log *log = &partition->logs[node->index];
    bool stale = partition->leader_epoch > probe->epoch || partition->removed;
    if (stale || ghost_agree(&log->batches, &partition->truth, partition->high_watermark))
        return;
    world_violation(world, "P1",
                    "node %d leads partition %d in epoch %d with a log to %lld, "
                    "without all of the committed %lld",
                    node->id, probe->key.index, probe->epoch, (long long)log->end,
                    (long long)partition->high_watermark);
}

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    if (probe->kind == PROBE_ACK)
        take_ack(world, node, probe);
    else
        take_leader(world, node, probe);
}

static void check_ack(struct world *world, const struct history_ack *ack)
{
    const struct ghost_partition *partition = ghost_partition_find(world, ack->key);
    if (partition && partition->removed)
        return;
    const struct ghost_batch *batch =
        partition ? ghost_batch_at(&partition->truth, ack->offset) : NULL;
    if (!batch || batch->base != ack->offset || batch->value != ack->value)
        world_violation(world, "P1",
                        "partition %d offset %lld was acknowledged with value %llx, and holds %llx",
                        ack->key.index, (long long)ack->offset, (unsigned long long)ack->value,
                        batch ? (unsigned long long)batch->value : 0);
}

static void end(struct world *world)
{
    uint32_t count;
    const struct history_ack *acks = history_acks(world, &count);
    for (uint32_t i = 0; i < count; i++)
        if (acks[i].acks == -1)
            check_ack(world, &acks[i]);
}

const struct checker check_p1 = {
    .name = "P1", .kinds = KIND(ACK) | KIND(LEADER), .take = take, .end = end};
