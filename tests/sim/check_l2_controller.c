/* check_l2_controller.c -- L2: once healed, there is one active controller that all follow. */
#include "check.h"
#include "live.h"

bool live_l2(struct world *world, char *why, size_t size)
{
    const struct ghost *ghost = world->ghost;
    node_id leader = -1;
    log_epoch newest = -1;
    for (uint32_t i = 0; i < world->swarm.nodes; i++)
        if (ghost->voters[i].role == RAFT_LEADER && ghost->voters[i].epoch > newest) {
            leader = world->nodes[i].id;
            newest = ghost->voters[i].epoch;
        }
    if (leader < 0) {
        snprintf(why, size, "nobody leads the quorum");
        return false;
    }
    for (uint32_t i = 0; i < world->swarm.nodes; i++)
        if (ghost->voters[i].leader != leader) {
            snprintf(why, size, "node %u follows %d, and %d leads", i + 1, ghost->voters[i].leader,
                     leader);
            return false;
        }
    return true;
}
