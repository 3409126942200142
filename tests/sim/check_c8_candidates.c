/* check_c8_candidates.c -- C8: every member of ISR and ELR holds, durably, all that is
 * committed. */
#include "check.h"

static void check_member(struct world *world, const struct ghost_partition *partition,
                         const struct sim_node *node, log_offset high_watermark)
{
    const struct ghost_log *log = &partition->logs[node->index];
    if (!log->open || log->failed || log->rotten)
        return;
    if (log->durable < high_watermark)
        world_violation(
            world, "C8",
            "partition %d: node %d is in ISR or ELR, durable to %lld; %lld is committed",
            partition->key.index, node->id, (long long)log->durable, (long long)high_watermark);
}

static void check_partition(struct world *world, const struct ghost_partition *partition,
                            log_offset high_watermark)
{
    for (uint32_t i = 0; i < world->swarm.nodes; i++)
        if (ghost_is_candidate(world, partition, &world->nodes[i]))
            check_member(world, partition, &world->nodes[i], high_watermark);
}

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    (void)node;
    if (ghost_is_metadata(probe->key) || !probe->flag)
        return;
    const struct ghost_partition *partition = ghost_partition_of(world, probe->key);
    if (probe->offset > partition->high_watermark)
        check_partition(world, partition, probe->offset);
}

static void end(struct world *world)
{
    for (const struct ghost_partition *at = world->ghost->first; at; at = at->next)
        if (!at->is_metadata && !at->removed)
            check_partition(world, at, at->high_watermark);
}

const struct checker check_c8 = {
    .name = "C8", .kinds = KIND(HIGH_WATERMARK), .take = take, .end = end};
