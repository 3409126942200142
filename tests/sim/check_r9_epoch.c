/* check_r9_epoch.c -- R9: the persisted quorum epoch of a disk never falls. */
#include "check.h"

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    const struct ghost_voter *voter = &world->ghost->voters[node->index];
    bool changed = probe->epoch == voter->vote_epoch && voter->voted_for >= 0 &&
                   probe->peer != voter->voted_for;
    if (probe->epoch < voter->vote_epoch || changed)
        world_violation(world, "R9",
                        "node %d persists epoch %d, vote for %d, over epoch %d, for %d", node->id,
                        probe->epoch, probe->peer, voter->vote_epoch, voter->voted_for);
}

const struct checker check_r9 = {.name = "R9", .kinds = KIND(RAFT_VOTE), .take = take};
