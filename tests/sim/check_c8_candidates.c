/* check_c8_candidates.c -- C8: every member of ISR and ELR holds, durably, all that is
 * committed; so does whoever a leader proposes to add (rule 3). */
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

/* What a leader proposes may be committed whatever answer it gets. */
static void check_proposal(struct world *world, struct sim_node *node, const struct probe *probe)
{
    const struct ghost_partition *partition = ghost_partition_of(world, probe->key);
    uint64_t added = (uint64_t)probe->value & ~(partition->isr | partition->elr);
    /* One at an old partition epoch, sent late, cannot be accepted any more. */
    bool stale = partition->leader != node->id || partition->leader_epoch != probe->epoch ||
                 partition->partition_epoch != probe->other;
    for (uint32_t i = 0; !stale && !partition->removed && i < world->swarm.nodes; i++)
        if ((added & node_bit(world->nodes[i].id)) && world->ghost->voters[i].wiped_epoch < 0)
            check_member(world, partition, &world->nodes[i], partition->high_watermark);
}

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    if (probe->kind == PROBE_ALTER_SENT) {
        check_proposal(world, node, probe);
        return;
    }
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
    .name = "C8", .kinds = KIND(HIGH_WATERMARK) | KIND(ALTER_SENT), .take = take, .end = end};
