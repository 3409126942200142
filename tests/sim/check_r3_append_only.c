/* check_r3_append_only.c -- R3: a leader of the quorum never cuts its own log. */
#include "check.h"

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    const struct ghost_voter *voter = &world->ghost->voters[node->index];
    if (ghost_is_metadata(probe->key) && voter->role == RAFT_LEADER && probe->offset < probe->value)
        world_violation(world, "R3", "node %d leads epoch %d and cuts its log from %lld to %lld",
                        node->id, voter->epoch, (long long)probe->value, (long long)probe->offset);
}

const struct checker check_r3 = {.name = "R3", .kinds = KIND(LOG_TRUNCATE), .take = take};
