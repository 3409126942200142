/* check_r7_commit.c -- R7: committed is what a majority has durably, first of the own epoch.
 *
 * A follower's committed offset never passes what a leader committed, nor what it
 * holds itself: a node's committed offset never passes its own durable end. */
#include "check.h"

static uint32_t count_holders(struct world *world, const struct ghost_log *of, log_offset offset,
                              uint32_t *voters)
{
    uint32_t holders = 0;
    *voters = 0;
    for (uint32_t i = 0; i < world->swarm.nodes; i++) {
        const struct sim_node *node = &world->nodes[i];
        const struct ghost_log *log = &world->ghost->metadata->logs[i];
        (*voters)++;
        if (ghost_is_voter(world, node))
            holders += log->durable >= offset && ghost_agree(&log->batches, &of->batches, offset);
        else /* Its disk is gone, and what it told before may still arrive. */
            holders += world->ghost->voters[i].lost_durable >= offset;
    }
    return holders;
}

static void take_leader(struct world *world, struct sim_node *node, const struct probe *probe)
{
    const struct ghost_log *log = &world->ghost->metadata->logs[node->index];
    uint32_t voters;
    uint32_t holders = count_holders(world, log, probe->offset, &voters);
    if (probe->offset > world->ghost->metadata->high_watermark && 2 * holders <= voters)
        world_violation(world, "R7", "node %d commits to %lld, which %u of %u voters hold durably",
                        node->id, (long long)probe->offset, holders, voters);
    const struct ghost_batch *last = ghost_batch_at(&log->batches, probe->offset - 1);
    if (!last || (last->epoch != probe->epoch && probe->offset > log->high_watermark_max))
        world_violation(world, "R7", "node %d leads epoch %d and commits to %lld, of epoch %d",
                        node->id, probe->epoch, (long long)probe->offset, last ? last->epoch : -1);
}

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    const struct ghost_partition *metadata = world->ghost->metadata;
    const struct ghost_log *log = &metadata->logs[node->index];
    if (probe->offset > log->durable)
        world_violation(world, "R7", "node %d commits to %lld and is durable to %lld", node->id,
                        (long long)probe->offset, (long long)log->durable);
    if (probe->flag)
        take_leader(world, node, probe);
    else if (probe->offset > metadata->high_watermark ||
             !ghost_agree(&log->batches, &metadata->truth, probe->offset))
        world_violation(world, "R7", "node %d follows a commit to %lld that no leader made",
                        node->id, (long long)probe->offset);
}

const struct checker check_r7 = {.name = "R7", .kinds = KIND(RAFT_COMMIT), .take = take};
