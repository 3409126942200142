/* check_k10_let_go.c -- K10: once a node knows that a partition is not compacted any more, what a
 * compaction has begun on it ends: a swap within a few groups of its log. Nothing but retention
 * takes records from it then, at a start neither. What one swap takes is K2's to judge. */
#include "check.h"

/* A group under way, two that the swap takes, one that syncs its last name, and some more for
 * what a shard has not heard yet. */
enum { GROUPS_MAX = 8 };

/* A partition on a node. */
struct place {
    struct partition_key key;
    uint32_t node;
};

struct let_go {
    bool is_on;      /* By the newest image of this node it is not compacted. */
    uint32_t groups; /* Of its log that were synced since, in this life of the node. */
};

static struct map places; /* place -> struct let_go */

static void open(struct world *world)
{
    (void)world;
    map_init(&places, sizeof(struct place));
}

static struct let_go *let_go_of(struct partition_key key, uint32_t node)
{
    struct place place;
    memset(&place, 0, sizeof place);
    place.key = key;
    place.node = node;
    struct let_go *found = map_get(&places, &place);
    if (!found) {
        found = mem_zalloc(sizeof *found);
        map_put(&places, &place, found);
    }
    return found;
}

static bool has_swap(const struct world *world, struct sim_node *node, struct partition_key key)
{
    char path[ENV_PATH_MAX];
    if (!ghost_log_path(world, key, path))
        return false;
    const struct disk_file *directory = disk_find(&node->disk, path);
    for (uint32_t i = 0; directory && i < directory->entries.count; i++)
        if (strstr(directory->entries.all[i].name, ".log.swap"))
            return true;
    return false;
}

static bool is_compacted(const struct image_topic *topic)
{
    struct str policy = image_topic_config(topic, STR("cleanup.policy"));
    return policy.data && memmem(policy.data, policy.size, "compact", 7);
}

static void take_image(struct world *world, struct sim_node *node, const struct image *image)
{
    for (struct ghost_partition *at = world->ghost->first; at; at = at->next) {
        const struct image_topic *topic = image_topic_by_id(image, at->key.topic_id);
        if (!at->keyed || !topic)
            continue;
        struct let_go *let_go = let_go_of(at->key, node->index);
        bool is_on = !is_compacted(topic);
        if (is_on == let_go->is_on)
            continue;
        *let_go = (struct let_go){.is_on = is_on};
        if (is_on && at->logs[node->index].open && has_swap(world, node, at->key))
            world_mark(world, "swap_let_go");
    }
}

static void take_group(struct world *world, struct sim_node *node, const struct probe *probe,
                       struct let_go *let_go)
{
    if (let_go->is_on && ++let_go->groups == GROUPS_MAX && has_swap(world, node, probe->key))
        world_violation(world, "K10",
                        "node %d, partition %d: it is not compacted any more, and %u groups later "
                        "a swap stands there",
                        node->id, probe->key.index, let_go->groups);
}

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    if (!world->swarm.flips)
        return;
    if (probe->kind == PROBE_IMAGE) {
        take_image(world, node, probe->object);
        return;
    }
    struct let_go *let_go = let_go_of(probe->key, node->index);
    if (probe->kind == PROBE_LOG_DURABLE)
        take_group(world, node, probe, let_go);
    else if (probe->kind == PROBE_LOG_OPEN)
        let_go->groups = 0;
    else if (let_go->is_on && let_go->groups >= GROUPS_MAX && world->phase != PHASE_DONE)
        world_violation(world, "K10",
                        "node %d, partition %d: compacted to %lld, %u groups after it was not to "
                        "be any more",
                        node->id, probe->key.index, (long long)probe->value, let_go->groups);
}

const struct checker check_k10 = {.name = "K10",
                                  .kinds = KIND(IMAGE) | KIND(LOG_OPEN) | KIND(LOG_DURABLE) |
                                           KIND(LOG_COMPACT),
                                  .take = take,
                                  .open = open};
