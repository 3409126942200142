/* check_p1_synced.c -- P1': at an acknowledgement the record is synced on every member of the
 * committed ISR and of what was proposed, and the committed ISR is large enough. */
#include "check.h"

static void check_member(struct world *world, const struct sim_node *leader,
                         const struct probe *probe, const struct sim_node *member)
{
    const struct ghost_log *log = &ghost_partition_of(world, probe->key)->logs[member->index];
    if (log->durable < probe->value)
        world_violation(world, "P1'",
                        "node %d acknowledges partition %d to %lld; node %d is durable to %lld",
                        leader->id, probe->key.index, (long long)probe->value, member->id,
                        (long long)log->durable);
}

/* The leader is deposed and does not know: its members may follow another already. */
static bool has_left(const struct world *world, const struct ghost_partition *partition,
                     const struct sim_node *leader)
{
    (void)world;
    return partition->leader_epoch > partition->logs[leader->index].leads;
}

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    const struct ghost_partition *partition = ghost_partition_of(world, probe->key);
    const struct ghost_log *log = &partition->logs[node->index];
    if (probe->count == 0 || partition->removed)
        return;
    check_member(world, node, probe, node);
    if (probe->count != -1)
        return;
    if (log->leads >= 0 && __builtin_popcountll((uint64_t)log->isr) < log->min_insync &&
        probe->value > partition->high_watermark)
        world_violation(world, "P1'", "node %d acknowledges partition %d with an ISR of %d, min %d",
                        node->id, probe->key.index, __builtin_popcountll((uint64_t)log->isr),
                        log->min_insync);
    /* A member that was wiped since is no candidate until it registers. */
    uint64_t members = log->leads >= 0 ? (uint64_t)(log->isr | log->isr_max) : 0;
    for (uint32_t i = 0; i < world->swarm.nodes; i++) {
        const struct sim_node *member = &world->nodes[i];
        if ((members & node_bit(member->id)) && world->ghost->voters[i].wiped_epoch < 0 &&
            !partition->logs[i].rotten && !has_left(world, partition, node))
            check_member(world, node, probe, member);
    }
}

const struct checker check_p1_synced = {.name = "P1'", .kinds = KIND(ACK), .take = take};
