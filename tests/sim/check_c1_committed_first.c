/* check_c1_committed_first.c -- C1: nobody leads before the record that says so is committed. */
#include "check.h"

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    if (probe->kind == PROBE_IMAGE) {
        const struct image *image = probe->object;
        if (image->offset >= world->ghost->metadata->high_watermark)
            world_violation(world, "C1", "node %d applies %lld, and %lld is committed", node->id,
                            (long long)image->offset,
                            (long long)world->ghost->metadata->high_watermark);
        return;
    }
    struct ghost_partition *partition = ghost_partition_of(world, probe->key);
    const struct ghost_grant *grant = map_get(&partition->grants, &probe->epoch);
    if (!grant || grant->node != node->id)
        world_violation(world, "C1", "node %d leads partition %d in epoch %d, granted to %d",
                        node->id, probe->key.index, probe->epoch, grant ? grant->node : -1);
}

const struct checker check_c1 = {.name = "C1", .kinds = KIND(IMAGE) | KIND(LEADER), .take = take};
