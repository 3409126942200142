/* check_c7_alter_partition.c -- C7: an accepted AlterPartition is what its partition epoch
 * committed, and names only replicas. It is told when it is answered, which may be after
 * later changes. */
#include "check.h"

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    const struct ghost_partition *partition = ghost_partition_of(world, probe->key);
    if (partition->removed)
        return;
    int32_t partition_epoch = (int32_t)probe->other;
    uintptr_t known = (uintptr_t)map_get(&partition->versions, &partition_epoch);
    uintptr_t accepted = (uintptr_t)probe->value | UINT64_C(1) << 63;
    if (known != 0 && known != accepted)
        world_violation(
            world, "C7",
            "node %d accepts ISR %llx for partition %d, and partition epoch %d committed "
            "%llx",
            node->id, (unsigned long long)probe->value, probe->key.index, partition_epoch,
            (unsigned long long)(known << 1 >> 1));
    if ((uint64_t)probe->value & ~partition->replicas)
        world_violation(world, "C7", "node %d accepts an ISR outside of partition %d's replicas",
                        node->id, probe->key.index);
}

const struct checker check_c7 = {.name = "C7", .kinds = KIND(ALTER_ACCEPTED), .take = take};
