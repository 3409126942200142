/* check_p13_checksums.c -- P13: each batch that reaches a consumer verifies its checksum. */
#include "check.h"

void check_p13_bytes(struct world *world, struct sim_node *node, struct partition_key key,
                     struct bytes records)
{
    struct bytes rest = records, batch;
    struct batch_info info;
    enum err result;
    while ((result = batch_next(&rest, &info, &batch)) == ERR_NONE) {
    }
    const struct ghost_partition *partition = ghost_partition_find(world, key);
    bool rotten = partition && partition->logs[node->index].rotten;
    if (result == ERR_CORRUPT && !rotten)
        world_violation(world, "P13", "node %d serves bytes of partition %d that do not verify",
                        node->id, key.index);
}

const struct checker check_p13 = {.name = "P13"};
