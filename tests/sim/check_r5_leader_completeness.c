/* check_r5_leader_completeness.c -- R5: whoever leads has all that was ever committed. */
#include "check.h"

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    const struct ghost_partition *metadata = world->ghost->metadata;
    const struct ghost_log *log = &metadata->logs[node->index];
    if (probe->value != RAFT_LEADER || world->ghost->voters[node->index].role == RAFT_LEADER)
        return;
    if (log->end < metadata->high_watermark ||
        !ghost_agree(&log->batches, &metadata->truth, metadata->high_watermark))
        world_violation(world, "R5", "node %d leads epoch %d with a log to %lld without all of the "
                        "committed %lld", node->id, probe->epoch, (long long)log->end,
                        (long long)metadata->high_watermark);
}

const struct checker check_r5 = {.name = "R5", .kinds = KIND(RAFT_ROLE), .take = take};
