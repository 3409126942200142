/* check_c5_epochs.c -- C5: leader and partition epochs never fall; a new leader has a new leader
 * epoch, any change a new partition epoch. */
#include "check.h"

static void check_partition(struct world *world, const struct image_partition *at,
                            const struct image_partition *old)
{
    bool led = old->leader != at->leader;
    bool changed = led || old->leader_epoch != at->leader_epoch ||
                   !node_list_equal(&old->isr, &at->isr) || !node_list_equal(&old->elr, &at->elr) ||
                   old->min_insync != at->min_insync;
    bool fell = at->leader_epoch < old->leader_epoch || at->partition_epoch < old->partition_epoch;
    bool same_leader_epoch = led && at->leader >= 0 && at->leader_epoch == old->leader_epoch;
    if (fell || same_leader_epoch || (changed && at->partition_epoch == old->partition_epoch))
        world_violation(world, "C5",
                        "partition %d goes from leader %d epoch %d partition epoch %d to %d %d %d",
                        at->key.index, old->leader, old->leader_epoch, old->partition_epoch,
                        at->leader, at->leader_epoch, at->partition_epoch);
}

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    const struct image *image = probe->object, *before = world->ghost->image;
    (void)node;
    if (!before || image->offset <= before->offset)
        return;
    for (const struct image_partition *at = NULL; (at = image_partition_after(image, at));) {
        const struct image_partition *old =
            image_partition(before, at->key.topic_id, at->key.index);
        if (old && old != at)
            check_partition(world, at, old);
    }
}

const struct checker check_c5 = {.name = "C5", .kinds = KIND(IMAGE), .take = take};
