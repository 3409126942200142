/* config.h -- one node's settings, from Kafka's own keys.
 *
 * The parser is pure: text in, a struct and a list of remarks out. main.c reads
 * files; tests and the simulator fill the struct by hand after config_init(). */
#ifndef CONFIG_H
#define CONFIG_H

#include "base/base.h"
#include "config_key.h"
#include "env.h"

enum {
    CONFIG_VOTERS_MAX = 9,
    CONFIG_LISTENERS_MAX = 8,
    CONFIG_NAME_MAX = 64, /* Listener name, with its terminator. */
    CONFIG_DIR_MAX = 400,
    CONFIG_WORD_MAX = 16,       /* A setting that is one word, with its terminator. */
    CONFIG_RATIO_ONE = 1000000, /* Ratios are kept in millionths. */
};

struct config_voter {
    node_id id;
    struct env_address address; /* Of its internal listener. */
};

struct config_listener {
    char name[CONFIG_NAME_MAX];
    struct env_address bind;       /* Host "" binds every address; port 0 takes a free one. */
    struct env_address advertised; /* What clients are told. */
    bool internal;                 /* Quorum, replication, inter-node APIs, no clients; exactly
                                    * one. config_finish() adds it where none is named. */
    bool http;                     /* skiff.http.listener: metrics and health, nothing else. */
};

enum config_assignor { CONFIG_ASSIGNOR_UNIFORM, CONFIG_ASSIGNOR_RANGE };

struct config {
    node_id node_id;
    char log_dir[CONFIG_DIR_MAX];
    uint32_t voter_count;
    struct config_voter voters[CONFIG_VOTERS_MAX]; /* Sorted by id. */
    uint32_t listener_count;
    struct config_listener listeners[CONFIG_LISTENERS_MAX];
    uint32_t shards; /* 1 in the broker; the simulator also runs 4. */

    /* Timing, all in milliseconds. */
    int32_t heartbeat_interval_ms;   /* broker.heartbeat.interval.ms, 500 */
    int32_t session_timeout_ms;      /* broker.session.timeout.ms, 3000 */
    int32_t replica_lag_time_max_ms; /* replica.lag.time.max.ms, 3000 */
    int32_t election_timeout_ms;     /* controller.quorum.election.timeout.ms, 300, jitter on top */
    int32_t fetch_timeout_ms;        /* controller.quorum.fetch.timeout.ms, 1000 */
    int32_t replica_fetch_wait_max_ms; /* replica.fetch.wait.max.ms, 500 */
    int32_t request_timeout_ms;        /* request.timeout.ms between nodes, 2000 */
    int32_t shutdown_timeout_ms;       /* Controlled shutdown ends at the latest (rule 28), 5000. */
    int64_t connections_max_idle_ms;   /* 600000 */

    /* Limits, in bytes unless said. */
    int32_t request_size_max;       /* socket.request.max.bytes, 100 MiB */
    int32_t message_size_max;       /* message.max.bytes, 1048588 */
    int32_t fetch_size_max;         /* fetch.max.bytes, 55 MiB */
    int32_t replica_fetch_size_max; /* replica.fetch.response.max.bytes, 10 MiB */
    int64_t inflight_size_max;      /* queued.max.request.bytes, 32 MiB: of requests and replies */
    int32_t connections_max;        /* Count. */
    int32_t request_partitions_max; /* Count: max.request.partition.size.limit, 2000 */
    int32_t fetch_sessions_max;     /* Count: max.incremental.fetch.session.cache.slots, 1000 */

    /* The controller. */
    bool is_balanced;           /* auto.leader.rebalance.enable */
    int64_t balance_interval_s; /* leader.imbalance.check.interval.seconds, 300 */

    /* Defaults of topics. */
    bool auto_create_topics;            /* auto.create.topics.enable */
    int32_t partitions_default;         /* num.partitions */
    int32_t replication_factor_default; /* default.replication.factor; -1: min(3, brokers) */
    int32_t
        min_insync_default; /* min.insync.replicas; -1: 2 where the factor is 3 or more, else 1 */
    int64_t flush_messages; /* log.flush.interval.messages; 1: synced before an acknowledgement */
    int32_t segment_size;   /* log.segment.bytes, 1 GiB */
    int32_t index_interval_size;            /* log.index.interval.bytes, 4096 */
    bool unclean_election;                  /* unclean.leader.election.enable */
    char cleanup_policy[CONFIG_WORD_MAX];   /* log.cleanup.policy, "delete" */
    int64_t retention_ms;                   /* log.retention.ms, minutes, hours; 7 days. -1: none */
    int64_t retention_bytes;                /* log.retention.bytes; -1: none */
    int64_t segment_ms;                     /* log.roll.ms, hours; 7 days */
    int64_t segment_jitter_ms;              /* log.roll.jitter.ms, hours; 0 */
    int64_t delete_delay_ms;                /* log.segment.delete.delay.ms, 60000 */
    char compression_type[CONFIG_WORD_MAX]; /* compression.type, "producer" */
    int32_t gzip_level;                     /* compression.gzip.level, -1 */
    int32_t lz4_level;                      /* compression.lz4.level, 9 */
    int32_t zstd_level;                     /* compression.zstd.level, 3 */
    char timestamp_type[CONFIG_WORD_MAX];   /* log.message.timestamp.type, "CreateTime" */
    int64_t timestamp_before_max_ms;        /* log.message.timestamp.before.max.ms; any */
    int64_t timestamp_after_max_ms;         /* log.message.timestamp.after.max.ms, one hour */

    int64_t delete_retention_ms;   /* log.cleaner.delete.retention.ms, a day */
    int32_t dirty_ratio_min;       /* log.cleaner.min.cleanable.ratio, in millionths */
    int64_t compaction_lag_min_ms; /* log.cleaner.min.compaction.lag.ms, 0 */
    int64_t compaction_lag_max_ms; /* log.cleaner.max.compaction.lag.ms; for ever */

    /* The cleaner. */
    bool is_cleaner_on;         /* log.cleaner.enable */
    int64_t cleaner_map_size;   /* log.cleaner.dedupe.buffer.size, 128 MiB */
    int32_t cleaner_map_load;   /* log.cleaner.io.buffer.load.factor, in millionths: 900000 */
    int32_t cleaner_io_size;    /* log.cleaner.io.buffer.size, 512 KiB */
    int64_t cleaner_rate_max;   /* log.cleaner.io.max.bytes.per.second; any */
    int32_t cleaner_backoff_ms; /* log.cleaner.backoff.ms, 15000 */

    /* When logs are looked through for what may go. */
    int64_t initial_task_delay_ms;       /* log.initial.task.delay.ms, 30000 */
    int64_t retention_check_interval_ms; /* log.retention.check.interval.ms, 300000 */

    /* Groups; times in milliseconds unless said. */
    int32_t group_session_timeout_min_ms;       /* group.min.session.timeout.ms, 6000 */
    int32_t group_session_timeout_max_ms;       /* group.max.session.timeout.ms, 1800000 */
    int32_t group_initial_delay_ms;             /* group.initial.rebalance.delay.ms, 3000 */
    int32_t group_members_max;                  /* group.max.size */
    int64_t groups_size_max;                    /* skiff.groups.max.bytes, 256 MiB */
    int32_t consumer_session_timeout_ms;        /* group.consumer.session.timeout.ms, 45000 */
    int32_t consumer_session_timeout_min_ms;    /* group.consumer.min.session.timeout.ms, 45000 */
    int32_t consumer_session_timeout_max_ms;    /* group.consumer.max.session.timeout.ms, 60000 */
    int32_t consumer_heartbeat_interval_min_ms; /* group.consumer.min.heartbeat..., 5000 */
    int32_t consumer_heartbeat_interval_max_ms; /* group.consumer.max.heartbeat..., 15000 */
    int32_t consumer_heartbeat_interval_ms;     /* group.consumer.heartbeat.interval.ms, 5000 */
    int32_t consumer_assignment_interval_ms;    /* group.consumer.assignment.interval.ms, 1000 */
    int32_t consumer_members_max;               /* group.consumer.max.size */
    bool consumer_may_upgrade;                  /* group.consumer.migration.policy: bidirectional */
    bool consumer_may_downgrade;
    uint32_t consumer_assignor_count; /* group.consumer.assignors: uniform,range */
    enum config_assignor consumer_assignors[2];
    int32_t offset_metadata_max;       /* offset.metadata.max.bytes, 4096 */
    int32_t offsets_commit_timeout_ms; /* offsets.commit.timeout.ms, 5000 */
    int32_t offsets_retention_minutes; /* offsets.retention.minutes, 10080 */
    int64_t offsets_check_interval_ms; /* offsets.retention.check.interval.ms, 600000 */
    /* Of __consumer_offsets, when it is made. */
    int32_t offsets_partitions;         /* offsets.topic.num.partitions, 50 */
    int32_t offsets_replication_factor; /* offsets.topic.replication.factor; -1: min(3, brokers) */
    int32_t offsets_segment_size;       /* offsets.topic.segment.bytes, 100 MiB */

    /* What the process says about itself. */
    enum trace_level trace_level; /* skiff.log.level: debug, info, warn or error */
    bool trace_json;              /* skiff.log.format: text or json */

    struct config_given *given; /* What config_read() keeps for config_finish(), in the arena. */
};

/* Every field at its default, no voters, no listeners. */
void config_init(struct config *config);

struct config_remark {
    bool fatal;       /* The node must not start. */
    bool note;        /* Harmless: a key that means nothing here. Otherwise it is a warning. */
    const char *text; /* Names the key, the value and what is allowed. */
    struct config_remark *next;
};

/* Read server.properties text over `config`; keys given later win. Call once for the file
 * and once for each --set, then config_finish() to check and derive what depends on several keys.
 * Keys without effect here are told in one note, by config_finish().
 * Owns    remarks live in `arena`, in the order found, appended to *remarks.
 * Errors  ERR_INVALID_CONFIG: at least one fatal remark was added. */
enum err config_read(struct config *config, struct str text, struct arena *arena,
                     struct config_remark **remarks);
enum err config_finish(struct config *config, struct arena *arena, struct config_remark **remarks);

enum config_source { CONFIG_FROM_DEFAULT, CONFIG_FROM_FILE, CONFIG_FROM_SET };

/* One key that has an effect, and what would be used. */
struct config_setting {
    const char *key;
    const char *value;
    enum config_source source; /* The first text read is the file, later ones are --set. */
};

/* What would be used, key by key, after config_finish().
 * Owns    *out lives in `arena`, which is the one that was read with. */
uint32_t config_settings(const struct config *config, struct arena *arena,
                         struct config_setting **out);

/* What the broker's `key` is set to, as a client is told it: also what has no effect, as it was
 * given; `brokers` settle the replication factor. NULL: nothing.
 * Owns    the text lives in `arena`, or for ever. */
const char *config_text(const struct config *config, const struct config_key *key, int32_t brokers,
                        struct arena *arena);
enum config_source config_given_by(const struct config *config, const struct config_key *key);
/* What a topic or group has that says nothing of `key` itself, by the broker's settings; `replicas`
 * settles min.insync.replicas. NULL: nothing. */
const char *config_topic_text(const struct config *config, const struct config_key *key,
                              int32_t replicas, struct arena *arena);
/* Change a key that is CONFIG_LIVE or CONFIG_CLUSTER. False: it is not, or does not take that. */
bool config_set(struct config *config, struct str name, struct str value);

/* A decimal from 0 to 1, as a topic's settings hold it too. False: it is none. */
bool config_parse_ratio(struct str text, int32_t *millionths);
const char *config_ratio_text(struct arena *arena, int32_t millionths);

#endif
