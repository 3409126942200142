/* check_r13_pull_ack.c -- R13: what a leader counts for a voter, that voter holds durably. */
#include "check.h"

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    const struct ghost *ghost = world->ghost;
    const struct sim_node *peer = world_node_of(world, probe->peer);
    if (!peer || peer == node || !ghost_is_voter(world, peer))
        return;
    if (ghost->voters[peer->index].epoch > probe->epoch)
        return; /* It has moved on since it sent this, and may have cut its log. */
    const struct ghost_log *log = &ghost->metadata->logs[peer->index];
    const struct ghost_log *own = &ghost->metadata->logs[node->index];
    if (log->durable < probe->offset)
        world_violation(world, "R13", "node %d counts %lld for node %d, which is durable to %lld",
                        node->id, (long long)probe->offset, probe->peer, (long long)log->durable);
    if (!ghost_agree(&log->batches, &own->batches, probe->offset))
        world_violation(world, "R13", "node %d counts %lld for node %d, whose log differs",
                        node->id, (long long)probe->offset, probe->peer);
}

const struct checker check_r13 = {.name = "R13", .kinds = KIND(RAFT_CREDIT), .take = take};
