/* check_r14_pre_vote.c -- R14: who hears a living leader denies a pre-vote; granting one
 * persists nothing. A refused dial ends hearing (rule 27). */
#include "check.h"

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    const struct ghost_voter *voter = &world->ghost->voters[node->index];
    if (!probe->flag)
        return;
    if (voter->role == RAFT_LEADER)
        world_violation(world, "R14", "node %d leads epoch %d and grants a pre-vote to %d",
                        node->id, voter->epoch, probe->peer);
    /* To be told who leads is not to hear it. Drift and one tick aside. */
    sim_us patience = (sim_us)node->config.fetch_timeout_ms * SIM_MS * 9 / 10;
    if (voter->role == RAFT_FOLLOWER && voter->leader >= 0 && !voter->refused &&
        voter->heard_at > 0 && world->kernel.now - voter->heard_at < patience)
        world_violation(world, "R14", "node %d follows %d in epoch %d and grants a pre-vote to %d",
                        node->id, voter->leader, voter->epoch, probe->peer);
}

const struct checker check_r14 = {.name = "R14", .kinds = KIND(RAFT_GRANT), .take = take};
