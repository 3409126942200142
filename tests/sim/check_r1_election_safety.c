/* check_r1_election_safety.c -- R1: at most one leader an epoch, and one incarnation of it.
 *
 * An epoch that was won before a restart is not led after it (rule 12). */
#include "check.h"

static struct map leaders; /* epoch -> node << 32 | incarnation + 1 */

static void open(struct world *world)
{
    (void)world;
    map_init(&leaders, sizeof(log_epoch));
}

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    if (probe->value != RAFT_LEADER)
        return;
    uintptr_t who = (uintptr_t)node->id << 32 | (uintptr_t)(node->incarnation + 1);
    uintptr_t known = (uintptr_t)map_get(&leaders, &probe->epoch);
    if (known == 0)
        map_put(&leaders, &probe->epoch, (void *)who);
    else if (known != who)
        world_violation(world, "R1", "node %d leads quorum epoch %d, which node %d led %s",
                        node->id, probe->epoch, (int)(known >> 32),
                        known >> 32 == who >> 32 ? "in an earlier life" : "already");
}

const struct checker check_r1 = {
    .name = "R1", .kinds = KIND(RAFT_ROLE), .take = take, .open = open};
