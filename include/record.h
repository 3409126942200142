/* record.h -- what the quorum agrees on: one metadata record, as a plain struct.
 *
 * Every durable fact of the cluster is one of these, and every one of them says
 * why it was written, so that the log explains itself later. On disk a record's
 * value is a protobuf message (src/raft/meta/metadata.proto) inside a Kafka v2
 * batch; only record.c reads and writes it.
 *
 * Source  kafka-metadata's record types; KIP-966 (ELR), KIP-853 (voters). */
#ifndef RECORD_H
#define RECORD_H

#include "base/base.h"
#include "config_key.h"

enum {
    RECORD_LEVEL = 2,         /* The newest feature level that this build reads and writes. */
    RECORD_REPLICAS_MAX = 16, /* Replicas of one partition. */
    RECORD_VOTERS_MAX = 9,
    RECORD_ENDPOINTS_MAX = 16, /* Listeners of one broker. */
    RECORD_CONFIGS_MAX = 256,  /* Overrides of one topic, broker or group. */
    RECORD_TOPIC_NAME_MAX = 249,
    RECORD_DESCRIPTION_MAX = 1024, /* Room that record_describe() never needs to exceed. */
};

/* Some brokers, in an order that means something (assignment order for replicas). */
struct node_list {
    uint32_t count;
    node_id ids[RECORD_REPLICAS_MAX];
};

bool node_list_has(const struct node_list *list, node_id id);
bool node_list_equal(const struct node_list *a, const struct node_list *b);
void node_list_add(struct node_list *list, node_id id); /* No effect when it is there. */

enum record_type {
    RECORD_CLUSTER = 1,
    RECORD_VOTERS,
    RECORD_REGISTER_BROKER,
    RECORD_BROKER_CHANGE,
    RECORD_TOPIC,
    RECORD_PARTITION,
    RECORD_PARTITION_CHANGE,
    RECORD_REMOVE_TOPIC,
    RECORD_PRODUCER_IDS,
    RECORD_EPOCH_FLOOR,
    RECORD_CONFIGS,
};

/* First record of a cluster. */
struct record_cluster {
    struct uuid cluster_id;
    uint32_t level; /* Feature level of all that follows. */
};

struct record_voter {
    node_id id;
    struct uuid directory; /* A voter is both (KIP-853). */
};

struct record_voters {
    uint32_t count;
    struct record_voter voters[RECORD_VOTERS_MAX]; /* Sorted by id. */
};

struct record_endpoint {
    struct str name; /* Listener name. */
    struct str host;
    uint16_t port;
    bool internal; /* Quorum, replication, inter-node APIs. */
};

/* A broker process introduces itself; this record's offset is its broker epoch, and
 * it starts fenced. */
struct record_broker {
    node_id id;
    struct uuid directory;
    struct uuid incarnation; /* New at each process start. */
    uint32_t endpoint_count;
    const struct record_endpoint *endpoints;
    struct str rack; /* Null: none. */
};

struct record_broker_change {
    node_id id;
    broker_epoch epoch; /* Ignored unless it is still the current one. */
    bool fenced;
    bool shutting_down; /* In controlled shutdown. */
};

struct record_config {
    struct str name;
    struct str value;
};

struct record_topic {
    struct uuid id;
    struct str name;
    int32_t partition_count; /* That many Partition records follow in the same batch. */
    uint32_t config_count;   /* Overrides only; what is absent has the broker's default. */
    const struct record_config *configs;
};

/* PARTITION creates one. PARTITION_CHANGE holds the whole new state of what may change;
 * `replicas` is then empty and keeps its old value. */
struct record_partition {
    struct partition_key key;
    struct node_list replicas; /* Assignment order; the first is the preferred leader. */
    struct node_list isr;
    struct node_list elr; /* Eligible leader replicas (KIP-966). */
    node_id leader;       /* -1: none; the partition waits. */
    log_epoch leader_epoch;
    int32_t partition_epoch;
    int32_t min_insync;   /* Effective: min(min.insync.replicas, replicas). */
    bool flush_each;      /* Durability class: synced before it counts (flush.messages=1). */
    bool unclean_allowed; /* unclean.leader.election.enable */
    bool recovering;      /* The leader was elected uncleanly and has not said otherwise yet. */
    bool data_loss;       /* This very change may drop acknowledged records. */
};

struct record_remove_topic {
    struct uuid id;
};

struct record_producer_ids {
    node_id broker;
    broker_epoch epoch;
    int64_t next; /* First id that is not handed out yet. */
};

/* Leader epochs of topics created later start here (rule 18). */
struct record_epoch_floor {
    log_epoch floor;
};

/* All overrides of one broker, of all brokers (an empty name), or of one group. */
struct record_configs {
    enum config_resource resource; /* A topic's stand in its own record. */
    struct str name;               /* At most RECORD_TOPIC_NAME_MAX bytes. */
    uint32_t config_count;         /* 0: none any more. */
    const struct record_config *configs;
};

struct record {
    enum record_type type;
    struct str cause; /* Which request of which principal, or which failure; never empty. */
    union {
        struct record_cluster cluster;
        struct record_voters voters;
        struct record_broker broker;
        struct record_broker_change broker_change;
        struct record_topic topic;
        struct record_partition partition; /* Also of PARTITION_CHANGE. */
        struct record_remove_topic remove_topic;
        struct record_producer_ids producer_ids;
        struct record_epoch_floor epoch_floor;
        struct record_configs configs;
    };
};

/* The value that goes into the batch; key and headers stay empty.
 * Owns    the bytes live in `arena`. */
struct bytes record_encode(const struct record *record, struct arena *arena);

/* Owns    strings and arrays of *out live in `arena`, nothing points into `value`.
 * Errors  ERR_UNSUPPORTED_VERSION: a type, level or field that this build does not know: the
 *         node must stop. ERR_CORRUPT: not a record at all. *out is then untouched. */
enum err record_decode(struct bytes value, struct arena *arena, struct record *out);

/* One field of an encoded record, as record_visit() meets it. */
enum record_field_kind {
    RECORD_FIELD_NUMBER,
    RECORD_FIELD_BOOL,
    RECORD_FIELD_TEXT,
    RECORD_FIELD_UUID,
    RECORD_FIELD_BYTES, /* Neither; a rotten uuid for one. */
    RECORD_FIELD_OPEN,  /* Fields of a message follow, until its CLOSE. */
    RECORD_FIELD_CLOSE,
    RECORD_FIELD_LIST_OPEN,
    RECORD_FIELD_LIST_CLOSE,
};

struct record_field {
    const char *name; /* As in metadata.proto; NULL: an element of a list, or a CLOSE. */
    enum record_field_kind kind;
    int64_t number; /* Also of a BOOL. */
    struct uuid uuid;
    struct bytes bytes; /* Of TEXT and BYTES; borrowed for the call. */
};

typedef void record_visitor(void *context, const struct record_field *field);

/* Tell every field of an encoded record, in the order of the schema. What this build does not
 * know is told as the number of an `unknown_field`; nothing is judged but the encoding.
 * Errors  ERR_CORRUPT: not a record at all; nothing was told. */
enum err record_visit(struct bytes value, struct arena *arena, record_visitor *visit,
                      void *context);

/* "REGISTER_BROKER"; never null. */
const char *record_type_name(enum record_type type);

struct image;

/* One line of the server's contract: what, old -> new, cause. `old` is the image before
 * the record was applied. Terminated, cut when `size` is too small; returns its length,
 * 0 for records that change nothing worth a line. */
uint32_t record_describe(const struct record *record, const struct image *old, char *out,
                         uint32_t size);

#endif
