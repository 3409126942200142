/* check_r11_identity.c -- R11: a voter is a node and its directory; an empty disk under an old
 * id neither votes, nor leads, nor counts (rule 13). */
#include "check.h"

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    if (!world->ghost->formed)
        return;
    bool acts = probe->kind == PROBE_RAFT_GRANT ||
                (probe->kind == PROBE_RAFT_ROLE && probe->value == RAFT_LEADER);
    if (acts && !ghost_is_voter(world, node))
        world_violation(world, "R11", "node %d %s, with another directory than the voter's",
                        node->id, probe->kind == PROBE_RAFT_GRANT ? "votes" : "leads");
    const struct sim_node *peer = world_node_of(world, probe->peer);
    if (probe->kind != PROBE_RAFT_CREDIT || !peer || ghost_is_voter(world, peer))
        return;
    /* What the old directory sent may still arrive. */
    if (probe->offset > world->ghost->voters[peer->index].lost_durable)
        world_violation(world, "R11", "node %d counts offset %lld of node %d's new directory",
                        node->id, (long long)probe->offset, probe->peer);
}

const struct checker check_r11 = {
    .name = "R11", .kinds = KIND(RAFT_GRANT) | KIND(RAFT_ROLE) | KIND(RAFT_CREDIT), .take = take};
