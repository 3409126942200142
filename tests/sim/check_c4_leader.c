/* check_c4_leader.c -- C4: the leader is in the ISR and unfenced; a new one came from ISR or
 * ELR. */
#include "check.h"

static void check_partition(struct world *world, const struct image *image,
                            const struct image_partition *at, const struct image_partition *old)
{
    if (at->leader < 0)
        return;
    uint64_t bit = node_bit(at->leader);
    if (!(node_list_mask(&at->isr) & bit) || !image_broker_is_active(image, at->leader))
        world_violation(world, "C4", "partition %d: leader %d is not in the ISR, or fenced",
                        at->key.index, at->leader);
    /* One change apart: several may lie between two images. */
    bool next = old && at->partition_epoch == old->partition_epoch + 1;
    if (!next || old->leader == at->leader || at->unclean_allowed)
        return;
    if (!((node_list_mask(&old->isr) | node_list_mask(&old->elr)) & bit))
        world_violation(world, "C4", "partition %d: leader %d came from outside of ISR and ELR",
                        at->key.index, at->leader);
}

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    const struct image *image = probe->object, *before = world->ghost->image;
    (void)node;
    if (before && image->offset <= before->offset)
        return;
    for (const struct image_partition *at = NULL; (at = image_partition_after(image, at));) {
        const struct image_partition *old =
            before ? image_partition(before, at->key.topic_id, at->key.index) : NULL;
        check_partition(world, image, at, old);
    }
}

const struct checker check_c4 = {.name = "C4", .kinds = KIND(IMAGE), .take = take};
