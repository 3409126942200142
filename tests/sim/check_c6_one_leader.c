/* check_c6_one_leader.c -- C6: one broker, and one incarnation of it, acts in a leader epoch
 * (rule 1). */
#include "check.h"

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    struct ghost_partition *partition = ghost_partition_of(world, probe->key);
    const struct ghost_grant *grant = map_get(&partition->grants, &probe->epoch);
    if (!grant)
        return; /* C1 tells. */
    if (grant->node != node->id || (grant->acted && grant->incarnation != node->incarnation))
        world_violation(world, "C6",
                        "node %d leads partition %d in epoch %d, in which %s acted before",
                        node->id, probe->key.index, probe->epoch,
                        grant->node == node->id ? "an earlier life of it" : "another node");
}

const struct checker check_c6 = {.name = "C6", .kinds = KIND(LEADER), .take = take};
