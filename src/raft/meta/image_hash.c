/* image_hash.c -- one number for the content of an image.
 *
 * Walks everything in key order, so it depends on nothing but the records. */
#include "image.h"

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

static uint64_t mix_bytes(uint64_t hash, const void *data, uint32_t size)
{
    const uint8_t *bytes = data;
    hash = mix(hash, size);
    for (uint32_t i = 0; i < size; i++)
        hash = mix(hash, bytes[i]);
    return hash;
}

static uint64_t mix_nodes(uint64_t hash, const struct node_list *list)
{
    hash = mix(hash, list->count);
    for (uint32_t i = 0; i < list->count; i++)
        hash = mix(hash, (uint64_t)list->ids[i]);
    return hash;
}

static uint64_t mix_text(uint64_t hash, struct str text)
{
    return mix_bytes(hash, text.data, text.size);
}

static uint64_t mix_uuid(uint64_t hash, const struct uuid *uuid)
{
    return mix(mix(hash, load_be64(uuid->bytes)), load_be64(uuid->bytes + 8));
}

static uint64_t mix_broker(uint64_t hash, const struct image_broker *broker)
{
    hash = mix(hash, (uint64_t)broker->id);
    hash = mix(hash, (uint64_t)broker->epoch);
    hash = mix(hash, (uint64_t)broker->changed);
    hash = mix(hash, (uint64_t)broker->fenced << 1 | (uint64_t)broker->shutting_down);
    hash = mix_uuid(mix_uuid(hash, &broker->directory), &broker->incarnation);
    hash = mix_text(hash, broker->rack);
    hash = mix(hash, broker->endpoint_count);
    for (uint32_t i = 0; i < broker->endpoint_count; i++) {
        const struct record_endpoint *endpoint = &broker->endpoints[i];
        hash = mix_text(mix_text(hash, endpoint->name), endpoint->host);
        hash = mix(hash, (uint64_t)endpoint->port << 1 | (uint64_t)endpoint->internal);
    }
    return hash;
}

static uint64_t mix_configs(uint64_t hash, const struct record_config *configs, uint32_t count)
{
    hash = mix(hash, count);
    for (uint32_t i = 0; i < count; i++)
        hash = mix_text(mix_text(hash, configs[i].name), configs[i].value);
    return hash;
}

static uint64_t mix_topic(uint64_t hash, const struct image_topic *topic)
{
    hash = mix_text(mix_uuid(hash, &topic->id), topic->name);
    hash = mix(hash, (uint64_t)topic->partition_count);
    return mix_configs(hash, topic->configs, topic->config_count);
}

static uint64_t mix_partition(uint64_t hash, const struct image_partition *partition)
{
    hash = mix_uuid(hash, &partition->key.topic_id);
    hash = mix(hash, (uint64_t)partition->key.index);
    hash = mix_nodes(hash, &partition->replicas);
    hash = mix_nodes(hash, &partition->isr);
    hash = mix_nodes(hash, &partition->elr);
    hash = mix(hash, (uint64_t)partition->leader);
    hash = mix(hash, (uint64_t)partition->leader_epoch);
    hash = mix(hash, (uint64_t)partition->partition_epoch);
    hash = mix(hash, (uint64_t)partition->leader_broker_epoch);
    hash = mix(hash, (uint64_t)partition->min_insync);
    return mix(hash, (uint64_t)partition->flush_each << 2 |
                         (uint64_t)partition->unclean_allowed << 1 |
                         (uint64_t)partition->recovering);
}

uint64_t image_hash(const struct image *image)
{
    uint64_t hash = mix(1, (uint64_t)image->offset);
    hash = mix(hash, image->has_cluster);
    hash = mix(mix_uuid(hash, &image->cluster_id), image->level);
    hash = mix(hash, image->voters.count);
    for (uint32_t i = 0; i < image->voters.count; i++) {
        hash = mix(hash, (uint64_t)image->voters.voters[i].id);
        hash = mix_uuid(hash, &image->voters.voters[i].directory);
    }
    hash = mix(hash, (uint64_t)image->next_producer_id);
    hash = mix(hash, (uint64_t)image->epoch_floor);

    const struct image_broker *broker = NULL;
    for (node_id id = -1; (broker = image_broker_after(image, id)) != NULL; id = broker->id)
        hash = mix_broker(hash, broker);
    const struct image_topic *topic = NULL;
    while ((topic = image_topic_after(image, topic)) != NULL)
        hash = mix_topic(hash, topic);
    const struct image_partition *partition = NULL;
    while ((partition = image_partition_after(image, partition)) != NULL)
        hash = mix_partition(hash, partition);
    const struct image_configs *configs = NULL;
    while ((configs = image_configs_after(image, configs)) != NULL) {
        hash = mix_text(mix(hash, (uint64_t)configs->resource), configs->name);
        hash = mix_configs(hash, configs->configs, configs->config_count);
    }
    return hash;
}
