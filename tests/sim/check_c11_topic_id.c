/* check_c11_topic_id.c -- C11: a topic id is used once, for one name; logs belong to known ids. */
#include "check.h"

static struct map names; /* topic id -> interned hash of the name, never 0 */
static struct map gone;  /* topic id, once it was removed */

static void open(struct world *world)
{
    (void)world;
    map_init(&names, sizeof(struct uuid));
    map_init(&gone, sizeof(struct uuid));
}

static void take_image(struct world *world, const struct image *image)
{
    const struct image *before = world->ghost->image;
    if (before && image->offset <= before->offset)
        return;
    for (const struct image_topic *at = NULL; (at = image_topic_after(image, at));) {
        uintptr_t hash = crc32c(0, at->name.data, at->name.size) | UINT64_C(1) << 40;
        uintptr_t known = (uintptr_t)map_put(&names, &at->id, (void *)hash);
        if (map_get(&gone, &at->id) || (known && known != hash))
            world_violation(world, "C11", "topic %.*s has an id that was used before",
                            (int)at->name.size, at->name.data);
    }
    for (const struct image_topic *at = NULL; before && (at = image_topic_after(before, at));)
        if (!image_topic_by_id(image, at->id))
            map_put(&gone, &at->id, (void *)1);
}

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    if (probe->kind == PROBE_IMAGE) {
        take_image(world, probe->object);
        return;
    }
    if (!ghost_is_metadata(probe->key) && !map_get(&names, &probe->key.topic_id))
        world_violation(world, "C11", "node %d acts on a topic id that was never committed",
                        node->id);
}

const struct checker check_c11 = {.name = "C11",
                                  .kinds = KIND(IMAGE) | KIND(ACK) | KIND(READ) | KIND(LEADER),
                                  .take = take,
                                  .open = open};
