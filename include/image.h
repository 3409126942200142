/* image.h -- the cluster as its metadata log tells it, up to one offset.
 *
 * An image never changes: applying a record gives a new one that shares all that
 * the record did not touch, so shards hold references and nothing locks. The fold
 * is a pure function of the records, the same on every node, and total: a record
 * that names what is not there changes nothing but the offset.
 *
 * Two roots exist on the active controller: the committed one that every node has,
 * and the controller's own, which includes what is not committed yet (controller.h).
 *
 * Source  invariants C1 to C5, C11 (docs/rules.md). */
#ifndef IMAGE_H
#define IMAGE_H

#include "base/base.h"
#include "record.h"

struct image_broker {
    _Atomic uint32_t refs;
    node_id id;
    broker_epoch epoch; /* Offset of its registration record. */
    struct uuid directory;
    struct uuid incarnation;
    bool fenced;
    bool shutting_down;
    log_offset changed; /* Offset of the last record about it. */
    uint32_t endpoint_count;
    const struct record_endpoint *endpoints;
    struct str rack; /* Null: none. */
};

struct image_topic {
    _Atomic uint32_t refs;
    struct uuid id;
    struct str name;
    int32_t partition_count;
    uint32_t config_count; /* Overrides only, sorted by name. */
    const struct record_config *configs;
};

/* What was altered of a broker, of all of them (an empty name) or of a group. */
struct image_configs {
    _Atomic uint32_t refs;
    enum config_resource resource;
    struct str name;
    uint32_t config_count; /* Sorted by name; never 0. */
    const struct record_config *configs;
};

struct image_partition {
    _Atomic uint32_t refs;
    struct partition_key key;
    struct node_list replicas;
    struct node_list isr;
    struct node_list elr;
    node_id leader; /* -1: none. */
    log_epoch leader_epoch;
    int32_t partition_epoch;
    broker_epoch
        leader_broker_epoch; /* The leader epoch was granted to this one (rule 1); -1: none. */
    int32_t min_insync;
    bool flush_each;
    bool unclean_allowed;
    bool recovering;
};

struct image {
    _Atomic uint32_t refs;
    log_offset offset; /* Of the last record applied; -1: none. */
    bool has_cluster;  /* A Cluster record was applied. */
    struct uuid cluster_id;
    uint32_t level;
    struct record_voters voters;
    int64_t next_producer_id;
    log_epoch epoch_floor;
    uint32_t broker_count;
    uint32_t topic_count;
    uint32_t partition_count;
    /* Private to image.c. */
    struct pmap *brokers;
    struct pmap *topics;
    struct pmap *names;
    struct pmap *partitions;
    struct pmap *configs;
};

/* What a run of records touched, each thing once, in the order of first touch.
 * Owns    init and free come in pairs; reset empties it for the next run. */
struct image_delta {
    uint32_t partition_count;
    struct partition_key *partitions; /* Created, changed or removed, or their topic's configs. */
    uint32_t broker_count;
    node_id *brokers; /* Registered, fenced, unfenced or shutting down. */
    bool topics;      /* Some topic was created or removed. */
    bool voters;
    bool configs; /* Of some broker or group. */
    /* Private. */
    uint32_t partition_capacity, broker_capacity;
    struct map seen;
};

void image_delta_init(struct image_delta *delta);
void image_delta_free(struct image_delta *delta);

/* An empty image, one reference. */
struct image *image_new(void);
struct image *image_ref(const struct image *image);
void image_unref(struct image *image); /* NULL is fine. */

/* The image after `record`, which stands at `offset`.
 * Owns    returns one reference; `image` is borrowed; `delta` may be NULL. */
struct image *image_apply(const struct image *image, const struct record *record, log_offset offset,
                          struct image_delta *delta);

/* Lookups give NULL for what is not there, else a pointer that is good while the image is. */
const struct image_broker *image_broker(const struct image *image, node_id id);
const struct image_topic *image_topic_by_id(const struct image *image, struct uuid id);
const struct image_topic *image_topic_by_name(const struct image *image, struct str name);
/* Whether the topic, null: none, has a partition of this number. */
bool image_topic_has(const struct image_topic *topic, partition_id index);
/* A topic whose name differs from `name` only by '.' and '_'. */
const struct image_topic *image_topic_colliding(const struct image *image, struct str name);
const struct image_partition *image_partition(const struct image *image, struct uuid topic_id,
                                              partition_id index);

/* Iteration, NULL at the end: brokers by id, topics by name (where '.' counts as '_'),
 * partitions by (topic id, index). Start with id -1, a null topic, a null partition. */
const struct image_broker *image_broker_after(const struct image *image, node_id id);
const struct image_topic *image_topic_after(const struct image *image,
                                            const struct image_topic *topic);
const struct image_partition *image_partition_after(const struct image *image,
                                                    const struct image_partition *partition);

/* NULL: nothing of it was altered. */
const struct image_configs *image_configs(const struct image *image, enum config_resource resource,
                                          struct str name);
/* One of them as a number; `fallback` where it is not there. */
int64_t image_configs_number(const struct image_configs *configs, struct str name,
                             int64_t fallback);
/* Of how many resources something was altered. */
uint32_t image_configs_count(const struct image *image);
/* By resource and name; start with NULL. */
const struct image_configs *image_configs_after(const struct image *image,
                                                const struct image_configs *configs);
/* One value that was altered for all brokers; the null string: it was not. */
struct str image_broker_config(const struct image *image, struct str key);

/* May take leadership, ISR membership and clients: registered, unfenced, not shutting down. */
bool image_broker_is_active(const struct image *image, node_id id);
/* The listener `name`, or with a null name the internal one; NULL: it has none. */
const struct record_endpoint *image_endpoint(const struct image_broker *broker, struct str name);
/* An override of the topic; the null string where it has none. */
struct str image_topic_config(const struct image_topic *topic, struct str name);
/* The same as a number; `fallback` where there is no override. */
int64_t image_topic_number(const struct image_topic *topic, struct str name, int64_t fallback);

/* 1 to 249 of [a-zA-Z0-9._-], neither "." nor "..". */
bool topic_name_is_valid(struct str name);

/* A function of the content alone: equal logs give equal hashes on every node. */
uint64_t image_hash(const struct image *image);

#endif
