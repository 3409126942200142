/* check_c7_alter_partition.c -- C7: an accepted AlterPartition names the current epochs, and only
 * brokers that are there. */
#include "check.h"

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    const struct ghost_partition *partition = ghost_partition_of(world, probe->key);
    if (partition->removed)
        return;
    if (probe->epoch < partition->leader_epoch || probe->other < partition->partition_epoch)
        world_violation(world, "C7",
                        "node %d accepts an ISR for partition %d of leader epoch %d, partition "
                        "epoch %lld; committed are %d, %d",
                        node->id, probe->key.index, probe->epoch, (long long)probe->other,
                        partition->leader_epoch, partition->partition_epoch);
    if ((uint64_t)probe->value & ~partition->replicas)
        world_violation(world, "C7", "node %d accepts an ISR outside of partition %d's replicas",
                        node->id, probe->key.index);
}

const struct checker check_c7 = {.name = "C7", .kinds = KIND(ALTER_ACCEPTED), .take = take};
