/* check_r5_leader_completeness.c -- R5: whoever leads has all that was committed in epochs
 * before. */
#include "check.h"

/* Whoever wins an old epoch late is deposed already, and need not know what came after. */
static log_offset committed_before(const struct ghost_batches *truth, log_epoch epoch)
{
    for (uint32_t i = truth->count; i > 0; i--)
        if (truth->all[i - 1].committed_in < epoch)
            return truth->all[i - 1].end;
    return 0;
}

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    const struct ghost_partition *metadata = world->ghost->metadata;
    const struct ghost_log *log = &metadata->logs[node->index];
    if (probe->value != RAFT_LEADER || world->ghost->voters[node->index].role == RAFT_LEADER)
        return;
    log_offset committed = committed_before(&metadata->truth, probe->epoch);
    if (log->end < committed || !ghost_agree(&log->batches, &metadata->truth, committed))
        world_violation(
            world, "R5",
            "node %d leads epoch %d with a log to %lld, without all of the committed %lld",
            node->id, probe->epoch, (long long)log->end, (long long)committed);
}

const struct checker check_r5 = {.name = "R5", .kinds = KIND(RAFT_ROLE), .take = take};
