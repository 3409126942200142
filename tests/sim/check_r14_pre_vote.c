/* check_r14_pre_vote.c -- R14: who hears a living leader denies a pre-vote; granting one
 * persists nothing. A refused dial ends hearing (rule 27).
 *
 * What a pre-vote persisted would be an epoch in which nobody stood, or a vote for a node
 * that did not stand in it: those who only ask stay in the epoch before. */
#include "check.h"

static struct map stood; /* epoch -> bits of nodes that were candidate or leader in it */

static void open(struct world *world)
{
    (void)world;
    map_init(&stood, sizeof(log_epoch));
}

static void take_role(struct sim_node *node, const struct probe *probe)
{
    uintptr_t who = (uintptr_t)map_get(&stood, &probe->epoch);
    if (probe->value == RAFT_CANDIDATE || probe->value == RAFT_LEADER)
        map_put(&stood, &probe->epoch, (void *)(who | (uintptr_t)node_bit(node->id)));
}

static void take_vote(struct world *world, struct sim_node *node, const struct probe *probe)
{
    uintptr_t who = (uintptr_t)map_get(&stood, &probe->epoch);
    uintptr_t voted_for = probe->peer < 0 ? 0 : (uintptr_t)node_bit(probe->peer);
    if (probe->epoch > 0 && (who == 0 || (voted_for & ~who)))
        world_violation(world, "R14", "node %d persists epoch %d with a vote for %d; %llx stood",
                        node->id, probe->epoch, probe->peer, (unsigned long long)who);
}

static void take_grant(struct world *world, struct sim_node *node, const struct probe *probe)
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

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    if (probe->kind == PROBE_RAFT_ROLE)
        take_role(node, probe);
    else if (probe->kind == PROBE_RAFT_VOTE)
        take_vote(world, node, probe);
    else
        take_grant(world, node, probe);
}

const struct checker check_r14 = {.name = "R14",
                                  .kinds = KIND(RAFT_GRANT) | KIND(RAFT_ROLE) | KIND(RAFT_VOTE),
                                  .take = take,
                                  .open = open};
