/* image_apply.c -- the fold: one record, one new image.
 *
 * Deterministic and total. A record is committed when it gets here, so there is no
 * refusing it: one that names what is not there leaves all but the offset as it was,
 * on every node alike. */
#include <string.h>

#include "image.h"
#include "image_delta.h"
#include "image_values.h"

/* The map counts its own reference; ours ends here. */
static void put(const struct pmap_kind *kind, struct pmap **root, const struct image_key *key,
                void *value)
{
    struct pmap *before = *root;
    *root = pmap_put(kind, before, key_bytes(key), value);
    pmap_unref(kind, before);
    kind->value_unref(value);
}

static void drop(const struct pmap_kind *kind, struct pmap **root, const struct image_key *key)
{
    struct pmap *before = *root;
    *root = pmap_remove(kind, before, key_bytes(key));
    pmap_unref(kind, before);
}

static void put_broker(struct image *image, struct image_broker *broker, struct image_delta *delta)
{
    struct image_key key = broker_key(broker->id);
    if (image_broker(image, broker->id) == NULL)
        image->broker_count++;
    put(&broker_kind, &image->brokers, &key, broker);
    delta_add_broker(delta, broker->id);
}

static void apply_register(struct image *image, const struct record_broker *record,
                           struct image_delta *delta)
{
    struct image_broker *broker = broker_value_new(record);
    broker->epoch = image->offset;
    broker->changed = image->offset;
    broker->fenced = true;
    put_broker(image, broker, delta);
}

static void apply_broker_change(struct image *image, const struct record_broker_change *record,
                                struct image_delta *delta)
{
    const struct image_broker *old = image_broker(image, record->id);
    if (old == NULL || old->epoch != record->epoch)
        return;
    struct record_broker same = {
        .id = old->id,
        .directory = old->directory,
        .incarnation = old->incarnation,
        .endpoint_count = old->endpoint_count,
        .endpoints = old->endpoints,
        .rack = old->rack,
    };
    struct image_broker *broker = broker_value_new(&same);
    broker->epoch = old->epoch;
    broker->changed = image->offset;
    broker->fenced = record->fenced;
    broker->shutting_down = record->shutting_down;
    put_broker(image, broker, delta);
}

/* The same topic again may bring other configs or more partitions. */
static void apply_topic(struct image *image, const struct record_topic *record,
                        struct image_delta *delta)
{
    const struct image_topic *by_id = image_topic_by_id(image, record->id);
    const struct image_topic *by_name = image_topic_by_name(image, record->name);
    if (by_id != by_name)
        return;
    if (by_id != NULL && by_id->partition_count > record->partition_count)
        return;
    if (by_id == NULL)
        image->topic_count++;

    for (partition_id index = 0; by_id != NULL && index < by_id->partition_count; index++)
        delta_add_partition(delta, (struct partition_key){.topic_id = by_id->id, .index = index});
    struct image_topic *topic = topic_value_new(record);
    struct image_key id = topic_key(&record->id);
    struct image_key name = name_key(record->name);
    put(&topic_kind, &image->topics, &id, topic_value_ref(topic));
    put(&topic_kind, &image->names, &name, topic);
    delta_set_topics(delta);
}

static void put_state(struct image *image, struct image_partition *partition,
                      const struct record_partition *record, struct image_delta *delta)
{
    partition->isr = record->isr;
    partition->elr = record->elr;
    partition->leader = record->leader;
    partition->leader_epoch = record->leader_epoch;
    partition->partition_epoch = record->partition_epoch;
    partition->min_insync = record->min_insync;
    partition->flush_each = record->flush_each;
    partition->unclean_allowed = record->unclean_allowed;
    partition->recovering = record->recovering;

    struct image_key key = partition_value_key(&record->key);
    put(&partition_kind, &image->partitions, &key, partition);
    delta_add_partition(delta, record->key);
}

/* A leader epoch is granted to the process that is registered now (rule 1). */
static broker_epoch grantee(const struct image *image, node_id leader)
{
    const struct image_broker *broker = leader < 0 ? NULL : image_broker(image, leader);
    return broker == NULL ? -1 : broker->epoch;
}

static void apply_partition(struct image *image, const struct record_partition *record,
                            struct image_delta *delta)
{
    const struct image_topic *topic = image_topic_by_id(image, record->key.topic_id);
    if (topic == NULL || record->key.index >= topic->partition_count)
        return;
    if (image_partition(image, record->key.topic_id, record->key.index) != NULL)
        return;
    struct image_partition *partition = partition_value_new();
    partition->key = record->key;
    partition->replicas = record->replicas;
    partition->leader_broker_epoch = grantee(image, record->leader);
    image->partition_count++;
    put_state(image, partition, record, delta);
}

static void apply_partition_change(struct image *image, const struct record_partition *record,
                                   struct image_delta *delta)
{
    const struct image_partition *old =
        image_partition(image, record->key.topic_id, record->key.index);
    if (old == NULL)
        return;
    struct image_partition *partition = partition_value_new();
    partition->key = old->key;
    partition->replicas = old->replicas;
    partition->leader_broker_epoch = old->leader_broker_epoch;
    if (record->leader != old->leader || record->leader_epoch != old->leader_epoch)
        partition->leader_broker_epoch = grantee(image, record->leader);
    put_state(image, partition, record, delta);
}

static void apply_remove_topic(struct image *image, struct uuid id, struct image_delta *delta)
{
    const struct image_topic *topic = image_topic_by_id(image, id);
    if (topic == NULL)
        return;
    struct image_key next = topic_key(&id);
    const struct image_partition *partition = NULL;
    while ((partition = pmap_seek(image->partitions, key_bytes(&next), false, NULL)) != NULL) {
        struct partition_key identity = partition->key;
        if (!uuid_equal(identity.topic_id, id))
            break;
        next = partition_value_key(&identity);
        drop(&partition_kind, &image->partitions, &next);
        image->partition_count--;
        delta_add_partition(delta, identity);
    }
    struct image_key by_name = name_key(topic->name);
    struct image_key by_id = topic_key(&id);
    drop(&topic_kind, &image->names, &by_name);
    drop(&topic_kind, &image->topics, &by_id);
    image->topic_count--;
    delta_set_topics(delta);
}

static void apply_configs(struct image *image, const struct record_configs *record,
                          struct image_delta *delta)
{
    struct image_key key = configs_key(record->resource, record->name);
    delta_set_configs(delta);
    if (record->config_count == 0)
        drop(&configs_kind, &image->configs, &key);
    else
        put(&configs_kind, &image->configs, &key, configs_value_new(record));
}

static struct image *copy_of(const struct image *image)
{
    struct image *copy = mem_alloc(sizeof *copy);
    memcpy(copy, image, sizeof *copy);
    copy->refs = 1;
    pmap_ref(copy->brokers);
    pmap_ref(copy->topics);
    pmap_ref(copy->names);
    pmap_ref(copy->partitions);
    pmap_ref(copy->configs);
    return copy;
}

static void apply_to(struct image *image, const struct record *record, struct image_delta *delta)
{
    switch (record->type) {
    case RECORD_CLUSTER:
        image->has_cluster = true;
        image->cluster_id = record->cluster.cluster_id;
        image->level = record->cluster.level;
        return;
    case RECORD_VOTERS:
        image->voters = record->voters;
        delta_set_voters(delta);
        return;
    case RECORD_REGISTER_BROKER:
        apply_register(image, &record->broker, delta);
        return;
    case RECORD_BROKER_CHANGE:
        apply_broker_change(image, &record->broker_change, delta);
        return;
    case RECORD_TOPIC:
        apply_topic(image, &record->topic, delta);
        return;
    case RECORD_PARTITION:
        apply_partition(image, &record->partition, delta);
        return;
    case RECORD_PARTITION_CHANGE:
        apply_partition_change(image, &record->partition, delta);
        return;
    case RECORD_REMOVE_TOPIC:
        apply_remove_topic(image, record->remove_topic.id, delta);
        return;
    case RECORD_PRODUCER_IDS:
        if (record->producer_ids.next > image->next_producer_id)
            image->next_producer_id = record->producer_ids.next;
        return;
    case RECORD_EPOCH_FLOOR:
        if (record->epoch_floor.floor > image->epoch_floor)
            image->epoch_floor = record->epoch_floor.floor;
        return;
    case RECORD_CONFIGS:
        apply_configs(image, &record->configs, delta);
        return;
    }
}

struct image *image_apply(const struct image *image, const struct record *record, log_offset offset,
                          struct image_delta *delta)
{
    check(offset > image->offset);
    struct image *next = copy_of(image);
    next->offset = offset;
    apply_to(next, record, delta);
    return next;
}
