/* check_c10_directory.c -- C10: a registration under another directory leaves every ISR and ELR
 * (rule 2). */
#include "check.h"

static void check_gone(struct world *world, const struct image *image, node_id id)
{
    for (const struct image_partition *at = NULL; (at = image_partition_after(image, at));)
        if (node_list_has(&at->isr, id) || node_list_has(&at->elr, id))
            world_violation(world, "C10",
                            "node %d has another directory and is in partition %d's %s", id,
                            at->key.index, node_list_has(&at->isr, id) ? "ISR" : "ELR");
}

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    const struct image *image = probe->object, *before = world->ghost->image;
    (void)node;
    if (!before || image->offset <= before->offset)
        return;
    for (const struct image_broker *at = NULL;
         (at = image_broker_after(image, at ? at->id : -1));) {
        const struct image_broker *old = image_broker(before, at->id);
        if (old && !uuid_equal(old->directory, at->directory))
            check_gone(world, image, at->id);
    }
}

const struct checker check_c10 = {.name = "C10", .kinds = KIND(IMAGE), .take = take};
