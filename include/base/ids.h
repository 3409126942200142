/* ids.h -- scalar names of Kafka's things, and the uuid. */
#ifndef BASE_IDS_H
#define BASE_IDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

typedef int32_t node_id;      /* -1: none. */
typedef int64_t log_offset;   /* -1: unknown. */
typedef int32_t log_epoch;    /* Leader epoch; -1: unknown. */
typedef int32_t partition_id; /* Index within its topic. */
typedef int64_t broker_epoch; /* Offset of the broker's registration record; -1: none. */

struct uuid {
    uint8_t bytes[16];
};

enum { UUID_TEXT_SIZE = 23 }; /* 22 characters and the terminator. */

bool uuid_equal(struct uuid a, struct uuid b);
int uuid_compare(struct uuid a, struct uuid b);
bool uuid_is_zero(struct uuid uuid);
/* URL-safe base64 without padding, Kafka's text form; terminated. */
void uuid_format(struct uuid uuid, char out[UUID_TEXT_SIZE]);
bool uuid_parse(struct str text, struct uuid *out);

/* One partition, by identity: names are not identities (rule 18). */
struct partition_key {
    struct uuid topic_id;
    partition_id index;
};

bool partition_key_equal(struct partition_key a, struct partition_key b);
int partition_key_compare(struct partition_key a, struct partition_key b);
/* The shard that owns it: a hash of the identity, the same on every node. */
uint32_t partition_shard(struct partition_key key, uint32_t shard_count);

#endif
