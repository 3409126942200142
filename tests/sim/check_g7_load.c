/* check_g7_load.c -- G7: a coordinator works for the epoch that its node leads, and only once it
 * knows all that is in the log: then its state is the fold of what is committed, and nothing of it
 * can be lost any more. That an epoch has one leader is C6's.
 * Of a replica that has missed a tombstone it is not (ledger.h). */
#include "check.h"

/* (partition, node) -> epoch in which the node's coordinator has loaded, and the incarnation. */
static struct map loaded;

struct loaded_key {
    struct partition_key key;
    node_id node;
};

struct load {
    log_epoch epoch;
    uint64_t incarnation;
};

static void open(struct world *world)
{
    (void)world;
    map_init(&loaded, sizeof(struct loaded_key));
}

static void take_load(struct world *world, struct sim_node *node, const struct probe *probe)
{
    const struct ghost_partition *partition = ghost_partition_of(world, probe->key);
    const struct ghost_log *log = &partition->logs[node->index];
    uint64_t hash;
    uint32_t members;
    if (log->leads != probe->epoch || probe->offset != log->end ||
        probe->offset > log->high_watermark)
        world_violation(world, "G7",
                        "node %d coordinates partition %d in epoch %d, loaded to %lld: it leads in "
                        "epoch %d, and %lld of %lld is committed",
                        node->id, probe->key.index, probe->epoch, (long long)probe->offset,
                        log->leads, (long long)log->high_watermark, (long long)log->end);
    if (ledger_hash(world, probe->key, probe->offset, &hash, &members)) {
        if (hash != (uint64_t)probe->value && !keyed_has_missed(partition, node))
            world_violation(world, "G7", "node %d, partition %d: what was loaded to %lld differs",
                            node->id, probe->key.index, (long long)probe->offset);
        if (members > 0)
            world_mark(world, "coordinator_failover");
    }
    struct loaded_key key = {.key = probe->key, .node = node->id};
    struct load *load = map_get(&loaded, &key);
    if (!load)
        map_put(&loaded, &key, load = mem_zalloc(sizeof *load));
    *load = (struct load){.epoch = probe->epoch, .incarnation = node->incarnation};
}

static bool holds_groups(const struct world *world, struct partition_key key)
{
    const struct image *image = world->ghost->image;
    const struct image_topic *topic =
        image ? image_topic_by_name(image, STR("__consumer_offsets")) : NULL;
    return topic && uuid_equal(topic->id, key.topic_id);
}

static void take_append(struct world *world, struct sim_node *node, const struct probe *probe)
{
    struct loaded_key key = {.key = probe->key, .node = node->id};
    if (!probe->flag || !holds_groups(world, probe->key))
        return;
    const struct load *load = map_get(&loaded, &key);
    if (!load || load->epoch != probe->epoch || load->incarnation != node->incarnation)
        world_violation(world, "G7",
                        "node %d decides in epoch %d of partition %d, and has not loaded", node->id,
                        probe->epoch, probe->key.index);
}

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    if (probe->kind == PROBE_COORDINATOR)
        take_load(world, node, probe);
    else
        take_append(world, node, probe);
}

const struct checker check_g7 = {
    .name = "G7", .kinds = KIND(COORDINATOR) | KIND(LOG_APPEND), .take = take, .open = open};
