/* check_r6_state_machine.c -- R6: what nodes have applied up to an offset is the same. */
#include "check.h"

static struct map hashes; /* offset -> image hash, never 0 */

static void open(struct world *world)
{
    (void)world;
    map_init(&hashes, sizeof(log_offset));
}

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    const struct image *image = probe->object;
    uintptr_t hash = (uintptr_t)image_hash(image) | 1;
    uintptr_t known = (uintptr_t)map_get(&hashes, &image->offset);
    if (known == 0)
        map_put(&hashes, &image->offset, (void *)hash);
    else if (known != hash)
        world_violation(world, "R6", "node %d has another image at offset %lld than a node before",
                        node->id, (long long)image->offset);
}

const struct checker check_r6 = {.name = "R6", .kinds = KIND(IMAGE), .take = take, .open = open};
