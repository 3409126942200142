/* image.c -- images, and what can be asked of them.
 *
 * Five path-copying maps: brokers by id, topics by id and by name, partitions by
 * topic id and index, what was altered of brokers and groups by these. Their order is the order
 * of the keys' bytes, so iteration is the same everywhere. image_apply() is in image_apply.c. */
#include "image.h"

#include <string.h>

#include "image_values.h"
#include "number.h"

struct image *image_new(void)
{
    struct image *image = mem_zalloc(sizeof *image);
    image->refs = 1;
    image->offset = -1;
    return image;
}

struct image *image_ref(const struct image *image)
{
    /* The count is the one thing that changes in an image; holders see it as const. */
    struct image *counted = (struct image *)(uintptr_t)image;
    uint32_t before = atomic_fetch_add_explicit(&counted->refs, 1, memory_order_relaxed);
    check(before > 0);
    return counted;
}

void image_unref(struct image *image)
{
    if (image == NULL)
        return;
    if (atomic_fetch_sub_explicit(&image->refs, 1, memory_order_acq_rel) != 1)
        return;
    pmap_unref(&broker_kind, image->brokers);
    pmap_unref(&topic_kind, image->topics);
    pmap_unref(&topic_kind, image->names);
    pmap_unref(&partition_kind, image->partitions);
    pmap_unref(&configs_kind, image->configs);
    mem_free(image);
}

const struct image_broker *image_broker(const struct image *image, node_id id)
{
    struct image_key key = broker_key(id);
    return pmap_get(image->brokers, key_bytes(&key));
}

const struct image_topic *image_topic_by_id(const struct image *image, struct uuid id)
{
    struct image_key key = topic_key(&id);
    return pmap_get(image->topics, key_bytes(&key));
}

const struct image_topic *image_topic_by_name(const struct image *image, struct str name)
{
    if (name.size > RECORD_TOPIC_NAME_MAX)
        return NULL;
    struct image_key key = name_key(name);
    return pmap_get(image->names, key_bytes(&key));
}

bool image_topic_has(const struct image_topic *topic, partition_id index)
{
    return topic && index >= 0 && index < topic->partition_count;
}

const struct image_topic *image_topic_colliding(const struct image *image, struct str name)
{
    if (name.size > RECORD_TOPIC_NAME_MAX)
        return NULL;
    struct image_key key = name_key(name);
    struct bytes prefix = {.data = key.data, .size = name.size + 1};
    struct bytes found = {0};
    const struct image_topic *topic = pmap_seek(image->names, prefix, false, &found);
    if (topic != NULL && str_equal(topic->name, name))
        topic = pmap_seek(image->names, key_bytes(&key), true, &found);
    if (topic == NULL || found.size < prefix.size)
        return NULL;
    return memcmp(found.data, prefix.data, prefix.size) == 0 ? topic : NULL;
}

const struct image_partition *image_partition(const struct image *image, struct uuid topic_id,
                                              partition_id index)
{
    struct partition_key identity = {.topic_id = topic_id, .index = index};
    struct image_key key = partition_value_key(&identity);
    return pmap_get(image->partitions, key_bytes(&key));
}

const struct image_broker *image_broker_after(const struct image *image, node_id id)
{
    struct image_key key = broker_key(id);
    if (id < 0)
        key.size = 0;
    return pmap_seek(image->brokers, key_bytes(&key), id >= 0, NULL);
}

const struct image_topic *image_topic_after(const struct image *image,
                                            const struct image_topic *topic)
{
    struct image_key key = {.size = 0};
    if (topic != NULL)
        key = name_key(topic->name);
    return pmap_seek(image->names, key_bytes(&key), topic != NULL, NULL);
}

const struct image_partition *image_partition_after(const struct image *image,
                                                    const struct image_partition *partition)
{
    struct image_key key = {.size = 0};
    if (partition != NULL)
        key = partition_value_key(&partition->key);
    return pmap_seek(image->partitions, key_bytes(&key), partition != NULL, NULL);
}

bool image_broker_is_active(const struct image *image, node_id id)
{
    const struct image_broker *broker = image_broker(image, id);
    return broker != NULL && !broker->fenced && !broker->shutting_down;
}

const struct record_endpoint *image_endpoint(const struct image_broker *broker, struct str name)
{
    for (uint32_t i = 0; i < broker->endpoint_count; i++) {
        const struct record_endpoint *endpoint = &broker->endpoints[i];
        if (name.data == NULL ? endpoint->internal : str_equal(endpoint->name, name))
            return endpoint;
    }
    return NULL;
}

static struct str value_of(const struct record_config *configs, uint32_t count, struct str name)
{
    for (uint32_t i = 0; i < count; i++)
        if (str_equal(configs[i].name, name))
            return configs[i].value;
    return (struct str){0};
}

struct str image_topic_config(const struct image_topic *topic, struct str name)
{
    return value_of(topic->configs, topic->config_count, name);
}

int64_t image_topic_number(const struct image_topic *topic, struct str name, int64_t fallback)
{
    int64_t number = 0;
    return number_parse(image_topic_config(topic, name), &number) ? number : fallback;
}

int64_t image_configs_number(const struct image_configs *configs, struct str name, int64_t fallback)
{
    int64_t number = 0;
    return number_parse(value_of(configs->configs, configs->config_count, name), &number)
               ? number
               : fallback;
}

uint32_t image_configs_count(const struct image *image)
{
    return pmap_count(image->configs);
}

const struct image_configs *image_configs(const struct image *image, enum config_resource resource,
                                          struct str name)
{
    if (name.size > RECORD_TOPIC_NAME_MAX)
        return NULL;
    struct image_key key = configs_key(resource, name);
    return pmap_get(image->configs, key_bytes(&key));
}

const struct image_configs *image_configs_after(const struct image *image,
                                                const struct image_configs *configs)
{
    struct image_key key = {.size = 0};
    if (configs != NULL)
        key = configs_key(configs->resource, configs->name);
    return pmap_seek(image->configs, key_bytes(&key), configs != NULL, NULL);
}

struct str image_broker_config(const struct image *image, struct str key)
{
    const struct image_configs *configs = image_configs(image, CONFIG_OF_BROKER, STR(""));
    for (uint32_t i = 0; configs != NULL && i < configs->config_count; i++)
        if (str_equal(configs->configs[i].name, key))
            return configs->configs[i].value;
    return (struct str){0};
}

static bool is_name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

bool topic_name_is_valid(struct str name)
{
    if (name.size == 0 || name.size > RECORD_TOPIC_NAME_MAX)
        return false;
    if (str_equal(name, STR(".")) || str_equal(name, STR("..")))
        return false;
    for (uint32_t i = 0; i < name.size; i++)
        if (!is_name_character(name.data[i]))
            return false;
    return true;
}
