/* image_values.c -- what stands in an image: one counted block each, never changed.
 *
 * A block ends with the bytes that its strings point to. Counts are atomic because
 * roots travel between shards. */
#include "image_values.h"

#include <string.h>

/* The unused rest of a block. */
struct room {
    uint8_t *at;
};

static void *take(struct room *room, size_t size)
{
    void *taken = room->at;
    room->at += size;
    return taken;
}

static struct str keep(struct room *room, struct str text)
{
    char *copy = take(room, text.size);
    if (text.size > 0)
        memcpy(copy, text.data, text.size);
    return (struct str){.data = copy, .size = text.size};
}

struct image_broker *broker_value_new(const struct record_broker *from)
{
    size_t arrays = from->endpoint_count * sizeof(struct record_endpoint);
    size_t text = from->rack.size;
    for (uint32_t i = 0; i < from->endpoint_count; i++)
        text += (size_t)from->endpoints[i].name.size + from->endpoints[i].host.size;

    struct image_broker *broker = mem_zalloc(sizeof *broker + arrays + text);
    struct room room = {.at = (uint8_t *)(broker + 1)};
    struct record_endpoint *endpoints = take(&room, arrays);
    for (uint32_t i = 0; i < from->endpoint_count; i++) {
        endpoints[i] = from->endpoints[i];
        endpoints[i].name = keep(&room, from->endpoints[i].name);
        endpoints[i].host = keep(&room, from->endpoints[i].host);
    }
    broker->refs = 1;
    broker->id = from->id;
    broker->directory = from->directory;
    broker->incarnation = from->incarnation;
    broker->endpoint_count = from->endpoint_count;
    broker->endpoints = endpoints;
    if (from->rack.size > 0)
        broker->rack = keep(&room, from->rack);
    return broker;
}

/* Few overrides: insertion is enough, and stable. */
static void sort_configs(struct record_config *configs, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        struct record_config config = configs[i];
        uint32_t place = i;
        for (; place > 0 && str_compare(configs[place - 1].name, config.name) > 0; place--)
            configs[place] = configs[place - 1];
        configs[place] = config;
    }
}

static size_t configs_size(const struct record_config *configs, uint32_t count)
{
    size_t size = count * sizeof *configs;
    for (uint32_t i = 0; i < count; i++)
        size += (size_t)configs[i].name.size + configs[i].value.size;
    return size;
}

static const struct record_config *keep_configs(struct room *room, const struct record_config *from,
                                                uint32_t count)
{
    struct record_config *configs = take(room, count * sizeof *configs);
    for (uint32_t i = 0; i < count; i++) {
        configs[i].name = keep(room, from[i].name);
        configs[i].value = keep(room, from[i].value);
    }
    sort_configs(configs, count);
    return configs;
}

struct image_configs *configs_value_new(const struct record_configs *from)
{
    size_t size = configs_size(from->configs, from->config_count);
    struct image_configs *configs = mem_zalloc(sizeof *configs + size + from->name.size);
    struct room room = {.at = (uint8_t *)(configs + 1)};
    configs->refs = 1;
    configs->resource = from->resource;
    configs->config_count = from->config_count;
    configs->configs = keep_configs(&room, from->configs, from->config_count);
    configs->name = keep(&room, from->name);
    return configs;
}

struct image_topic *topic_value_new(const struct record_topic *from)
{
    size_t size = configs_size(from->configs, from->config_count);
    struct image_topic *topic = mem_zalloc(sizeof *topic + size + from->name.size);
    struct room room = {.at = (uint8_t *)(topic + 1)};
    const struct record_config *configs = keep_configs(&room, from->configs, from->config_count);
    topic->refs = 1;
    topic->id = from->id;
    topic->name = keep(&room, from->name);
    topic->partition_count = from->partition_count;
    topic->config_count = from->config_count;
    topic->configs = configs;
    return topic;
}

struct image_partition *partition_value_new(void)
{
    struct image_partition *partition = mem_zalloc(sizeof *partition);
    partition->refs = 1;
    return partition;
}

struct image_topic *topic_value_ref(struct image_topic *topic)
{
    atomic_fetch_add_explicit(&topic->refs, 1, memory_order_relaxed);
    return topic;
}

static void broker_ref(void *value)
{
    struct image_broker *broker = value;
    atomic_fetch_add_explicit(&broker->refs, 1, memory_order_relaxed);
}

static void broker_unref(void *value)
{
    struct image_broker *broker = value;
    if (atomic_fetch_sub_explicit(&broker->refs, 1, memory_order_acq_rel) == 1)
        mem_free(broker);
}

static void topic_ref(void *value)
{
    topic_value_ref(value);
}

static void topic_unref(void *value)
{
    struct image_topic *topic = value;
    if (atomic_fetch_sub_explicit(&topic->refs, 1, memory_order_acq_rel) == 1)
        mem_free(topic);
}

static void partition_ref(void *value)
{
    struct image_partition *partition = value;
    atomic_fetch_add_explicit(&partition->refs, 1, memory_order_relaxed);
}

static void partition_unref(void *value)
{
    struct image_partition *partition = value;
    if (atomic_fetch_sub_explicit(&partition->refs, 1, memory_order_acq_rel) == 1)
        mem_free(partition);
}

static void configs_ref(void *value)
{
    struct image_configs *configs = value;
    atomic_fetch_add_explicit(&configs->refs, 1, memory_order_relaxed);
}

static void configs_unref(void *value)
{
    struct image_configs *configs = value;
    if (atomic_fetch_sub_explicit(&configs->refs, 1, memory_order_acq_rel) == 1)
        mem_free(configs);
}

const struct pmap_kind broker_kind = {.value_ref = broker_ref, .value_unref = broker_unref};
const struct pmap_kind topic_kind = {.value_ref = topic_ref, .value_unref = topic_unref};
const struct pmap_kind partition_kind = {.value_ref = partition_ref,
                                         .value_unref = partition_unref};
const struct pmap_kind configs_kind = {.value_ref = configs_ref, .value_unref = configs_unref};

struct image_key broker_key(node_id id)
{
    struct image_key key = {.size = 4};
    store_be32(key.data, (uint32_t)id);
    return key;
}

struct image_key topic_key(const struct uuid *id)
{
    struct image_key key = {.size = sizeof id->bytes};
    memcpy(key.data, id->bytes, sizeof id->bytes);
    return key;
}

struct image_key partition_value_key(const struct partition_key *from)
{
    struct image_key key = topic_key(&from->topic_id);
    store_be32(key.data + key.size, (uint32_t)from->index);
    key.size += 4;
    return key;
}

struct image_key configs_key(enum config_resource resource, struct str name)
{
    struct image_key key = {.size = 1, .data = {(uint8_t)resource}};
    check(name.size <= RECORD_TOPIC_NAME_MAX);
    if (name.size > 0)
        memcpy(key.data + key.size, name.data, name.size);
    key.size += name.size;
    return key;
}

struct image_key name_key(struct str name)
{
    struct image_key key = {.size = 0};
    check(name.size <= RECORD_TOPIC_NAME_MAX);
    for (uint32_t i = 0; i < name.size; i++)
        key.data[key.size++] = name.data[i] == '.' ? '_' : (uint8_t)name.data[i];
    key.data[key.size++] = 0;
    if (name.size > 0)
        memcpy(key.data + key.size, name.data, name.size);
    key.size += name.size;
    return key;
}
