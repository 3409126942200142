/* partition_reconcile.c -- which partitions are here, as the image says.
 *
 * One request may create thousands of partitions, and to make all of their logs at once would hold
 * up the quorum for longer than an election waits. So what is missing stands in a queue, of which
 * a tick takes a few.
 *
 * Invariant
 * - Until the broker has applied its own registration nothing here exists, so no
 *   log can be judged by an old image (rule 10). */
#include "partition.h"

#include <stdio.h>
#include <stdlib.h>

#include "coordinators.h"
#include "quorum.h"
#include "sync.h"

enum {
    LOGS_A_TICK = 64,
    NAME_RETRY_MS = 20,
    ROOM_RETRY_MS = 500,
};

/* A partition of ours that has no log yet. */
struct missing {
    struct list link; /* In partitions->missing, or put_off where it cannot be made now. */
    struct partition_key key;
};

static bool is_ours(struct shard *shard, const struct image_partition *known)
{
    return known && partition_shard(known->key, shard->config->shards) == shard->index &&
           node_list_has(&known->replicas, shard->config->node_id);
}

/* Something of it was synced here, so a directory of its name with another id has rotted. */
static bool has_mark(const struct shard *shard, struct partition_key key)
{
    uint32_t cursor = 0;
    for (struct partition_key marked; sync_next_mark(shard->partitions->sync, &cursor, &marked);)
        if (partition_key_equal(marked, key))
            return true;
    return false;
}

/* A name may be taken again only when the log that had it is gone. */
static bool name_is_busy(struct shard *shard, const struct image_partition *known)
{
    const struct image_topic *topic = image_topic_by_id(shard->image, known->key.topic_id);
    char name[LOG_DIR_MAX];
    if (!topic)
        return true;
    snprintf(name, sizeof name, "%.*s-%d", (int)topic->name.size, topic->name.data,
             known->key.index);
    if (pmap_get(shard->partitions->names, bytes_of_str(str_from(name))))
        return true;
    struct uuid found; /* The old log may be another shard's, and on its way out. */
    return log_identify(shard->env, name, &found) == ERR_NONE &&
           !uuid_equal(found, known->key.topic_id) && !has_mark(shard, known->key);
}

/* Does a log of ours with synced records have this directory? */
static bool is_name_of_ours(struct shard *shard, const char *name, const char *dash,
                            partition_id index)
{
    struct str topic_name = {.data = name, .size = (uint32_t)(dash - name)};
    const struct image_topic *topic = image_topic_by_name(shard->image, topic_name);
    if (!topic)
        return false;
    struct partition_key key = {.topic_id = topic->id, .index = index};
    return is_ours(shard, image_partition(shard->image, key.topic_id, index)) &&
           has_mark(shard, key);
}

static void want(struct shard *shard, struct partition_key key)
{
    struct partitions *partitions = shard->partitions;
    if (map_get(&partitions->wanted, &key))
        return;
    struct missing *missing = mem_zalloc(sizeof *missing);
    missing->key = key;
    list_init(&missing->link);
    list_append(&partitions->missing, &missing->link);
    map_put(&partitions->wanted, &key, missing);
}

void partition_reconcile(struct shard *shard, struct partition_key key)
{
    if (partition_shard(key, shard->config->shards) != shard->index)
        return;
    const struct image_partition *known = image_partition(shard->image, key.topic_id, key.index);
    struct partition *partition = map_get(&shard->partitions->map, &key);
    if (is_ours(shard, known)) {
        if (partition) {
            partition_reconfigure(partition);
            partition_apply(partition);
        } else {
            want(shard, key);
        }
    } else if (partition) {
        partition_remove(partition);
    }
}

/* Returns after how many ms to try again; 0: it is there, or is not ours any more. */
static mono_ms make(struct shard *shard, struct partition_key key)
{
    const struct image_partition *known = image_partition(shard->image, key.topic_id, key.index);
    if (!is_ours(shard, known) || map_get(&shard->partitions->map, &key))
        return 0;
    if (name_is_busy(shard, known))
        return NAME_RETRY_MS;
    return partition_create(shard, known) ? 0 : ROOM_RETRY_MS;
}

bool partitions_make(struct partitions *partitions)
{
    struct shard *shard = partitions->shard;
    if (list_is_empty(&partitions->missing))
        return false;
    struct list *node;
    for (uint32_t i = 0; i < LOGS_A_TICK && (node = list_take_first(&partitions->missing)); i++) {
        struct missing *missing = list_entry(node, struct missing, link);
        mono_ms again = make(shard, missing->key);
        if (again == 0) {
            mem_free(map_remove(&partitions->wanted, &missing->key));
            continue;
        }
        list_append(&partitions->put_off, node);
        timer_start(&shard->timers, &partitions->make_timer, shard->now + again);
    }
    return true;
}

void partitions_make_again(struct partitions *partitions)
{
    for (struct list *node; (node = list_take_first(&partitions->put_off));)
        list_append(&partitions->missing, node);
}

void partitions_make_fire(struct timer *timer, mono_ms now)
{
    (void)now;
    partitions_make_again(list_entry(timer, struct partitions, make_timer));
}

/* A directory whose topic id the image does not know, or not as ours: its partition
 * was deleted or moved while this node was away. */
static void reconcile_directory(struct shard *shard, const char *name)
{
    struct partition_key key;
    const char *dash = strrchr(name, '-');
    if (!dash || dash == name || log_identify(shard->env, name, &key.topic_id) != ERR_NONE)
        return;
    key.index = (partition_id)strtol(dash + 1, NULL, 10);
    if (uuid_equal(key.topic_id, quorum_key().topic_id) ||
        partition_shard(key, shard->config->shards) != shard->index ||
        is_ours(shard, image_partition(shard->image, key.topic_id, key.index)) ||
        is_name_of_ours(shard, name, dash, key.index))
        return;
    partition_discard(shard, key, name);
}

static void reconcile_all(struct shard *shard)
{
    struct arena arena = {0};
    const char **names;
    uint32_t count = 0, cursor = 0;
    if (env_list(shard->env, ".", &arena, &names, &count) != ERR_NONE) {
        env_fatal(shard->env, "the log directory can not be listed");
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        reconcile_directory(shard, names[i]);
    for (struct partition_key key; sync_next_mark(shard->partitions->sync, &cursor, &key);)
        if (!is_ours(shard, image_partition(shard->image, key.topic_id, key.index)) &&
            !map_get(&shard->partitions->map, &key))
            sync_drop_mark(shard->partitions->sync, key);
    arena_free(&arena);
    const struct image_partition *known = image_partition_after(shard->image, NULL);
    for (; known; known = image_partition_after(shard->image, known))
        partition_reconcile(shard, known->key);
    while (partitions_make(shard->partitions)) { /* All: it may be chosen to lead them now. */
    }
}

static void forget_topics(struct partitions *partitions)
{
    uint32_t cursor = 0;
    for (void *value; map_next(&partitions->map, &cursor, &value);)
        coordinator_forget(value);
}

void partitions_reconfigure(struct partitions *partitions)
{
    uint32_t cursor = 0;
    for (void *value; map_next(&partitions->map, &cursor, &value);)
        partition_reconfigure(value);
    partitions_clean_configure(partitions);
}

void partitions_take_image(struct partitions *partitions, const struct partition_key *keys,
                           uint32_t key_count, const node_id *brokers, uint32_t broker_count)
{
    struct shard *shard = partitions->shard;
    bool deleted = false; /* Some topic. */
    (void)brokers;
    if (shard->broker_epoch < 0 && !partitions->reconciled)
        return; /* Later, while another registration stands in place of ours, nothing is skipped. */
    fetchers_image(partitions);
    if (!partitions->reconciled) {
        partitions->reconciled = true;
        reconcile_all(shard);
        partitions_clean_begin(partitions);
        return;
    }
    for (uint32_t i = 0; i < key_count; i++) {
        deleted |= !image_topic_by_id(shard->image, keys[i].topic_id);
        partition_reconcile(shard, keys[i]);
    }
    if (deleted)
        forget_topics(partitions);
    if (broker_count == 0)
        return;
    uint32_t cursor = 0;
    for (void *value; map_next(&partitions->map, &cursor, &value);) {
        struct partition *partition = value;
        if (!partition->removing && partition->replica)
            partition_fire(&partition->timer, shard->now);
    }
}
