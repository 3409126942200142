/* image_values.h -- the counted values that images share, and the keys they stand under. */
#ifndef IMAGE_VALUES_H
#define IMAGE_VALUES_H

#include "image.h"

extern const struct pmap_kind broker_kind;
extern const struct pmap_kind topic_kind;
extern const struct pmap_kind partition_kind;
extern const struct pmap_kind configs_kind;

/* One reference each; strings and arrays are copied into the same block. */
struct image_broker *broker_value_new(const struct record_broker *broker);
struct image_topic *topic_value_new(const struct record_topic *topic);
struct image_partition *partition_value_new(void);
struct image_configs *configs_value_new(const struct record_configs *configs);
struct image_topic *topic_value_ref(struct image_topic *topic);

/* Big-endian, so that byte order is the order of ids. */
struct image_key {
    uint32_t size;
    uint8_t data[2 * RECORD_TOPIC_NAME_MAX + 1];
};

struct image_key broker_key(node_id id);
struct image_key topic_key(const struct uuid *id);
struct image_key partition_value_key(const struct partition_key *key);
struct image_key configs_key(enum config_resource resource, struct str name);
/* The name with '.' read as '_', a zero, the name: colliding names stand side by side. */
struct image_key name_key(struct str name);

static inline struct bytes key_bytes(const struct image_key *key)
{
    return (struct bytes){.data = key->data, .size = key->size};
}

#endif
