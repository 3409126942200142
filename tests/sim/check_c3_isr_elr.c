/* check_c3_isr_elr.c -- C3: ISR within replicas, nobody fenced in it, apart from the ELR, and
 * no ELR while the ISR is large enough. */
#include "check.h"

static void check_partition(struct world *world, const struct image *image,
                            const struct image_partition *at)
{
    uint64_t isr = node_list_mask(&at->isr), elr = node_list_mask(&at->elr);
    if ((isr | elr) & ~node_list_mask(&at->replicas))
        world_violation(world, "C3", "partition %d: ISR or ELR outside of the replicas",
                        at->key.index);
    if (isr & elr)
        world_violation(world, "C3", "partition %d: a node in ISR and ELR", at->key.index);
    if ((int32_t)at->isr.count >= at->min_insync && elr != 0)
        world_violation(world, "C3", "partition %d: an ELR beside an ISR of %u, min %d",
                        at->key.index, at->isr.count, at->min_insync);
    for (uint32_t i = 0; i < at->isr.count; i++)
        if (!image_broker_is_active(image, at->isr.ids[i]))
            world_violation(world, "C3", "partition %d: node %d is in the ISR and fenced",
                            at->key.index, at->isr.ids[i]);
}

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    const struct image *image = probe->object, *before = world->ghost->image;
    (void)node;
    if (before && image->offset <= before->offset)
        return;
    for (const struct image_partition *at = NULL; (at = image_partition_after(image, at));)
        check_partition(world, image, at);
}

const struct checker check_c3 = {.name = "C3", .kinds = KIND(IMAGE), .take = take};
