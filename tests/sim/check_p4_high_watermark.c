/* check_p4_high_watermark.c -- P4: the high watermark passes nobody of the maximal ISR, moves only
 * while the committed ISR is large enough, and never falls within an epoch (rule 3). What a
 * consumer hears of it never falls, whoever leads: a leader says nothing before it knows
 * (KIP-207). What a node remembers of it over a restart was reached once. */
#include "check.h"

static void check_leader(struct world *world, struct sim_node *node, const struct probe *probe)
{
    const struct ghost_partition *partition = ghost_partition_of(world, probe->key);
    const struct ghost_log *log = &partition->logs[node->index];
    if (probe->offset > partition->high_watermark &&
        __builtin_popcountll((uint64_t)log->isr) < log->min_insync)
        world_violation(world, "P4", "node %d moves partition %d to %lld with an ISR of %d, min %d",
                        node->id, probe->key.index, (long long)probe->offset,
                        __builtin_popcountll((uint64_t)log->isr), log->min_insync);
    for (uint32_t i = 0; i < world->swarm.nodes; i++) {
        const struct ghost_log *member = &partition->logs[i];
        bool counts = (uint64_t)(log->isr | log->isr_max) & node_bit(world->nodes[i].id);
        if (!counts || world->ghost->voters[i].wiped_epoch >= 0 || member->rotten)
            continue;
        if (probe->offset > partition->high_watermark &&
            (member->end < probe->offset || member->durable < probe->offset ||
             !ghost_agree(&member->batches, &log->batches, probe->offset)))
            world_violation(world, "P4",
                            "node %d moves partition %d to %lld; node %d is at %lld, durable %lld",
                            node->id, probe->key.index, (long long)probe->offset,
                            world->nodes[i].id, (long long)member->end, (long long)member->durable);
    }
}

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    const struct ghost_log *log = &ghost_partition_of(world, probe->key)->logs[node->index];
    if (probe->offset < log->high_watermark)
        world_violation(
            world, "P4", "node %d, partition %d: the high watermark falls from %lld to %lld",
            node->id, probe->key.index, (long long)log->high_watermark, (long long)probe->offset);
    if (probe->epoch < 0 && probe->offset > ghost_partition_of(world, probe->key)->high_watermark &&
        !ghost_partition_of(world, probe->key)->removed)
        world_violation(world, "P4", "node %d, partition %d: it remembers a high watermark of %lld",
                        node->id, probe->key.index, (long long)probe->offset);
    if (probe->offset > log->end && probe->offset > log->start)
        world_violation(world, "P4", "node %d, partition %d: high watermark %lld past the end %lld",
                        node->id, probe->key.index, (long long)probe->offset, (long long)log->end);
    if (probe->flag && !ghost_partition_of(world, probe->key)->removed)
        check_leader(world, node, probe);
}

void check_p4_told(struct world *world, struct sim_node *node, struct partition_key key,
                   struct check_told *told, const struct check_told *now)
{
    if (now->high_watermark < 0 || now->epoch < told->epoch)
        return; /* It does not know, or was deposed and does not know that. */
    if (now->high_watermark < told->high_watermark)
        world_violation(world, "P4",
                        "node %d, partition %d: a consumer hears of %lld in epoch %d after it has "
                        "heard of %lld in %d",
                        node->id, key.index, (long long)now->high_watermark, now->epoch,
                        (long long)told->high_watermark, told->epoch);
    *told = *now;
}

const struct checker check_p4 = {.name = "P4", .kinds = KIND(HIGH_WATERMARK), .take = take};
