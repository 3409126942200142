/* used_keys.c -- the broker's keys that have an effect: Kafka's, and ours under `skiff.`.
 *
 * A key is a line here; a number also names its field, and its default is what config_init() puts
 * there. */
#include "config_parts.h"

/* clang-format off: a line each, as the table below. */
#define KEY(text, type_, reach_, kind_, offset_, from, to, doc_)                                   \
    {                                                                                              \
        .about = {.name = (text),                                                                  \
                  .type = CONFIG_##type_,                                                          \
                  .reach = CONFIG_##reach_,                                                        \
                  .min = (from),                                                                   \
                  .max = (to),                                                                     \
                  .doc = doc_},                                                                    \
        .kind = (kind_), .offset = (offset_)                                                       \
    }
#define NUMBER32(name, reach, field, min, max, doc)                                                \
    KEY(name, INT, reach, KEY_INT32, offsetof(struct config, field), min, max, doc)
#define NUMBER64(name, reach, field, min, max, doc)                                                \
    KEY(name, LONG, reach, KEY_INT64, offsetof(struct config, field), min, max, doc)
#define RATIO(name, reach, field, min, max, doc)                                                   \
    KEY(name, DOUBLE, reach, KEY_RATIO, offsetof(struct config, field), min, max, doc)
#define RATE(name, reach, field, min, doc)                                                         \
    KEY(name, DOUBLE, reach, KEY_RATE, offsetof(struct config, field), min, INT64_MAX, doc)
#define SWITCH(name, reach, field, doc)                                                            \
    KEY(name, BOOLEAN, reach, KEY_BOOL, offsetof(struct config, field), 0, 0, doc)
#define WORDS(text, type_, reach_, field, choices_, doc_)                                          \
    {                                                                                              \
        .about = {.name = (text),                                                                  \
                  .type = CONFIG_##type_,                                                          \
                  .reach = CONFIG_##reach_,                                                        \
                  .choices = (choices_),                                                           \
                  .doc = doc_},                                                                    \
        .kind = KEY_WORDS, .offset = offsetof(struct config, field)                                \
    }
#define LEVELS(text, field, from, to, choices_, doc_)                                              \
    {                                                                                              \
        .about = {.name = (text),                                                                  \
                  .type = CONFIG_INT,                                                              \
                  .reach = CONFIG_LIVE,                                                            \
                  .min = (from),                                                                   \
                  .max = (to),                                                                     \
                  .choices = (choices_),                                                           \
                  .doc = doc_},                                                                    \
        .kind = KEY_INT32, .offset = offsetof(struct config, field)                                \
    }
#define TEXT(text, type_, field, fallback_, doc_)                                                  \
    {                                                                                              \
        .about = {.name = (text),                                                                  \
                  .type = CONFIG_##type_,                                                          \
                  .reach = CONFIG_START,                                                           \
                  .fallback = (fallback_),                                                         \
                  .doc = doc_},                                                                    \
        .kind = KEY_TEXT, .offset = offsetof(struct config_given, field)                           \
    }
/* A time that may be given in several units: topics.c takes it. */
#define TIME(text, field, from, never_zero, fallback_, doc_)                                       \
    {                                                                                              \
        .about = {.name = (text),                                                                  \
                  .type = CONFIG_INT,                                                              \
                  .reach = CONFIG_START,                                                           \
                  .fallback = (fallback_),                                                         \
                  .min = (from),                                                                   \
                  .max = INT32_MAX,                                                                \
                  .is_never_zero = (never_zero),                                                   \
                  .doc = doc_},                                                                    \
        .kind = KEY_TEXT, .offset = offsetof(struct config_given, field)                           \
    }
/* clang-format on */

const struct key used_keys[] = {
    NUMBER32("node.id", START, node_id, 0, INT32_MAX, "Who this node is; no other has its number."),
    NUMBER32("broker.id", START, node_id, 0, INT32_MAX, "The older name of node.id."),
    NUMBER32("broker.heartbeat.interval.ms", START, heartbeat_interval_ms, 1, 3600000,
             "How often a broker tells the controller that it lives."),
    NUMBER32("broker.session.timeout.ms", START, session_timeout_ms, 10, 3600000,
             "A broker that was not heard of for so long is fenced."),
    NUMBER32("replica.lag.time.max.ms", START, replica_lag_time_max_ms, 10, INT32_MAX,
             "A replica that is not durably caught up for so long leaves the in-sync set."),
    NUMBER32("controller.quorum.election.timeout.ms", START, election_timeout_ms, 10, 3600000,
             "How long a candidate waits for votes; up to as much is added by chance."),
    NUMBER32("controller.quorum.fetch.timeout.ms", START, fetch_timeout_ms, 10, 3600000,
             "A quorum leader that was not heard of for so long is stood against."),
    NUMBER32("replica.fetch.wait.max.ms", START, replica_fetch_wait_max_ms, 1, 3600000,
             "How long a follower's fetch waits for records."),
    NUMBER32("request.timeout.ms", START, request_timeout_ms, 10, INT32_MAX,
             "How long nodes wait for each other's answers."),
    NUMBER32("skiff.shutdown.timeout.ms", START, shutdown_timeout_ms, 0, 3600000,
             "A controlled shutdown that takes longer ends all the same."),
    NUMBER64("connections.max.idle.ms", LIVE, connections_max_idle_ms, -1, INT64_MAX,
             "A connection that is silent for longer is closed. -1: never."),
    NUMBER32("socket.request.max.bytes", START, request_size_max, 1024, INT32_MAX,
             "A connection that announces a larger request is closed."),
    NUMBER32("message.max.bytes", LIVE, message_size_max, 0, INT32_MAX,
             "The largest batch that topics take that say nothing themselves (max.message.bytes)."),
    NUMBER32("fetch.max.bytes", LIVE, fetch_size_max, 1024, INT32_MAX,
             "What one answer to a consumer's fetch holds at most."),
    NUMBER32("replica.fetch.response.max.bytes", START, replica_fetch_size_max, 1024, INT32_MAX,
             "What one answer to a follower's fetch holds at most."),
    NUMBER64(
        "queued.max.request.bytes", START, inflight_size_max, -1, INT64_MAX,
        "What open requests and replies that have not left hold together before sockets are no "
        "longer read, and long answers no longer made. -1: 32 MiB."),
    NUMBER32("max.connections", LIVE, connections_max, 10, INT32_MAX,
             "So many connections a node accepts from clients; those of other nodes do not count. "
             "Kafka takes 0 to 9 too: here whoever lowers it can still come in to raise it."),
    NUMBER32("max.incremental.fetch.session.cache.slots", START, fetch_sessions_max, 0, INT32_MAX,
             "So many fetch sessions of consumers a node keeps."),
    NUMBER32("max.request.partition.size.limit", START, request_partitions_max, 1, INT32_MAX,
             "Partitions in one answer of DescribeTopicPartitions."),
    NUMBER32("num.partitions", CLUSTER, partitions_default, 1, INT32_MAX,
             "Partitions of a topic that is made without a number."),
    NUMBER32("default.replication.factor", CLUSTER, replication_factor_default, 1, 32767,
             "Replicas of a topic that is made without a number. Where nothing is said: 3, or all "
             "nodes if there are fewer."),
    NUMBER32("min.insync.replicas", CLUSTER, min_insync_default, 1, 32767,
             "So many replicas must be in sync for acks=all to be taken, or all if there are "
             "fewer. Where nothing is said: 2 of 3 or more replicas, else 1."),
    SWITCH("auto.leader.rebalance.enable", START, is_balanced,
           "Whether leaders go back to preferred replicas by themselves."),
    NUMBER64("leader.imbalance.check.interval.seconds", START, balance_interval_s, 1, INT32_MAX,
             "How often it is looked whether leaders are to move back."),
    NUMBER64("log.flush.interval.messages", START, flush_messages, 1, INT64_MAX,
             "1: records are synced to disk on every replica before they are acknowledged. Any "
             "other number: an acknowledgement means the page cache."),
    NUMBER64("flush.messages", START, flush_messages, 1, INT64_MAX,
             "Another name of log.flush.interval.messages."),
    NUMBER32("log.segment.bytes", LIVE, segment_size, 1048576, INT32_MAX,
             "How large a segment file grows before another is begun (segment.bytes)."),
    NUMBER32("log.index.interval.bytes", LIVE, index_interval_size, 0, INT32_MAX,
             "Bytes of records between two entries of an index (index.interval.bytes)."),
    NUMBER32("group.min.session.timeout.ms", LIVE, group_session_timeout_min_ms, 1, INT32_MAX,
             "The shortest session that a member of the classic protocol may ask for."),
    NUMBER32("group.max.session.timeout.ms", LIVE, group_session_timeout_max_ms, 1, INT32_MAX,
             "The longest session that a member of the classic protocol may ask for."),
    NUMBER32("group.initial.rebalance.delay.ms", LIVE, group_initial_delay_ms, 0, INT32_MAX,
             "How long a new group waits for more members before it assigns."),
    NUMBER32("group.max.size", LIVE, group_members_max, 1, INT32_MAX,
             "Members of a group of the classic protocol."),
    NUMBER64("skiff.groups.max.bytes", LIVE, groups_size_max, 1048576, INT64_MAX,
             "Memory of all groups that a node coordinates: members, committed offsets. What would "
             "take more is refused."),
    NUMBER32("group.consumer.session.timeout.ms", LIVE, consumer_session_timeout_ms, 1, INT32_MAX,
             "How long a member of the consumer protocol may be silent."),
    NUMBER32("group.consumer.heartbeat.interval.ms", LIVE, consumer_heartbeat_interval_ms, 1,
             INT32_MAX, "How often members of the consumer protocol are to send heartbeats."),
    NUMBER32("group.consumer.min.session.timeout.ms", START, consumer_session_timeout_min_ms, 1,
             INT32_MAX, "The shortest session that a single group may be given."),
    NUMBER32("group.consumer.max.session.timeout.ms", START, consumer_session_timeout_max_ms, 1,
             INT32_MAX, "The longest session that a single group may be given."),
    NUMBER32("group.consumer.min.heartbeat.interval.ms", START, consumer_heartbeat_interval_min_ms,
             1, INT32_MAX, "The shortest heartbeat interval that a single group may be given."),
    NUMBER32("group.consumer.max.heartbeat.interval.ms", START, consumer_heartbeat_interval_max_ms,
             1, INT32_MAX, "The longest heartbeat interval that a single group may be given."),
    NUMBER32("group.consumer.assignment.interval.ms", LIVE, consumer_assignment_interval_ms, 0,
             INT32_MAX, "At least so much time lies between two assignments of a group."),
    NUMBER32("group.consumer.max.size", LIVE, consumer_members_max, 1, INT32_MAX,
             "Members of a group of the consumer protocol."),
    TEXT("group.consumer.assignors", LIST, consumer_assignors, NULL,
         "What assigns partitions in the consumer protocol, the first unless members wish other."),
    TEXT("group.consumer.migration.policy", STRING, consumer_policy, NULL,
         "Which groups may go from one protocol to the other with their members in it: "
         "bidirectional, upgrade, downgrade or disabled."),
    NUMBER32("offset.metadata.max.bytes", LIVE, offset_metadata_max, 0, INT32_MAX,
             "The longest text that may be committed with an offset."),
    NUMBER32("offsets.commit.timeout.ms", LIVE, offsets_commit_timeout_ms, 1, INT32_MAX,
             "How long a commit waits until its replicas have it."),
    NUMBER32("offsets.retention.minutes", LIVE, offsets_retention_minutes, 1, INT32_MAX,
             "Offsets of a group without members are kept so long."),
    NUMBER64("offsets.retention.check.interval.ms", LIVE, offsets_check_interval_ms, 1,
             INT64_MAX / 2, "How often offsets are looked through for what has expired."),
    NUMBER32("offsets.topic.num.partitions", START, offsets_partitions, 1, 10000,
             "Partitions of __consumer_offsets, when it is made."),
    NUMBER32("offsets.topic.replication.factor", START, offsets_replication_factor, 1, 32767,
             "Replicas of __consumer_offsets, when it is made. Where nothing is said: 3, or all "
             "nodes if there are fewer."),
    NUMBER32("offsets.topic.segment.bytes", START, offsets_segment_size, 1, INT32_MAX,
             "Segment size of __consumer_offsets, when it is made."),
    {.about = {.name = "log.retention.ms",
               .type = CONFIG_LONG,
               .reach = CONFIG_LIVE,
               .min = -1,
               .max = INT64_MAX,
               .is_never_zero = true,
               .doc = "How old the newest record of a segment gets before the segment goes "
                      "(retention.ms). -1: for ever."},
     .kind = KEY_INT64,
     .offset = offsetof(struct config, retention_ms)},
    NUMBER64("log.retention.bytes", LIVE, retention_bytes, -1, INT64_MAX,
             "How large a partition's log grows before its oldest segments go (retention.bytes)."),
    NUMBER64("log.roll.ms", LIVE, segment_ms, 1, INT64_MAX,
             "A segment ends when a record comes that is so much newer than its first "
             "(segment.ms)."),
    NUMBER64("log.roll.jitter.ms", LIVE, segment_jitter_ms, 0, INT64_MAX,
             "At most so much earlier is a segment ended, by chance (segment.jitter.ms)."),
    NUMBER64("log.segment.delete.delay.ms", LIVE, delete_delay_ms, 0, INT64_MAX,
             "How long the file of a retired segment stays (file.delete.delay.ms)."),
    NUMBER64("log.retention.check.interval.ms", LIVE, retention_check_interval_ms, 1, INT64_MAX,
             "How often logs are looked through for what may go."),
    NUMBER64("log.initial.task.delay.ms", START, initial_task_delay_ms, 0, INT64_MAX,
             "How long after a start logs are looked through for the first time."),
    NUMBER64("log.message.timestamp.before.max.ms", LIVE, timestamp_before_max_ms, 0, INT64_MAX,
             "By how much a record's time may be before the broker's."),
    NUMBER64("log.message.timestamp.after.max.ms", LIVE, timestamp_after_max_ms, 0, INT64_MAX,
             "By how much a record's time may be after the broker's."),
    LEVELS("compression.gzip.level", gzip_level, -1, 9, CONFIG_GZIP_LEVELS,
           "Level of gzip, where a topic's "
           "compression.type is gzip."),
    NUMBER32("compression.lz4.level", LIVE, lz4_level, 1, 17,
             "Level of lz4, where a topic's "
             "compression.type is lz4."),
    NUMBER32("compression.zstd.level", LIVE, zstd_level, -131072, 22,
             "Level of zstd, where a topic's compression.type is zstd."),
    SWITCH("auto.create.topics.enable", LIVE, auto_create_topics,
           "Whether a topic is made because a client asked about it."),
    SWITCH("unclean.leader.election.enable", CLUSTER, unclean_election,
           "Whether a replica that may lack acknowledged records may lead when no other can."),
    SWITCH("log.cleaner.enable", START, is_cleaner_on, "Whether logs are compacted at all."),
    NUMBER64("log.cleaner.dedupe.buffer.size", START, cleaner_map_size, 1048576, INT64_MAX,
             "Memory for the keys of one compaction, at most."),
    RATIO("log.cleaner.io.buffer.load.factor", START, cleaner_map_load, 10000, 990000,
          "How full that memory gets."),
    NUMBER32("log.cleaner.io.buffer.size", START, cleaner_io_size, 0, 64 << 20,
             "What the cleaner reads or writes at one time."),
    RATE("log.cleaner.io.max.bytes.per.second", LIVE, cleaner_rate_max, 1024,
         "What the cleaner reads and writes in a second, at most."),
    NUMBER32("log.cleaner.backoff.ms", LIVE, cleaner_backoff_ms, 0, INT32_MAX,
             "How long the cleaner rests when nothing is to be done."),
    RATIO("log.cleaner.min.cleanable.ratio", LIVE, dirty_ratio_min, 0, CONFIG_RATIO_ONE,
          "A log is compacted when this part of it is new since the last time."),
    NUMBER64("log.cleaner.min.compaction.lag.ms", LIVE, compaction_lag_min_ms, 0, INT64_MAX,
             "Younger records are not compacted."),
    NUMBER64("log.cleaner.max.compaction.lag.ms", LIVE, compaction_lag_max_ms, 1, INT64_MAX,
             "Older records are compacted, whatever the ratio."),
    NUMBER64("log.cleaner.delete.retention.ms", LIVE, delete_retention_ms, 0, INT64_MAX,
             "How long compaction keeps a tombstone once what it deletes is gone."),
    WORDS("log.cleanup.policy", LIST, LIVE, cleanup_policy, "delete,compact",
          "What becomes of old records of topics that say nothing themselves (cleanup.policy)."),
    WORDS("compression.type", STRING, LIVE, compression_type,
          "producer,uncompressed,gzip,snappy,lz4,zstd",
          "How batches are stored; producer: as they came."),
    WORDS("log.message.timestamp.type", STRING, LIVE, timestamp_type, "CreateTime,LogAppendTime",
          "Whose clock a record's time is from."),

    TEXT("listeners", LIST, listeners, NULL, "Where the node listens."),
    TEXT("advertised.listeners", LIST, advertised_listeners, NULL,
         "Where clients are told to connect."),
    TEXT("listener.security.protocol.map", STRING, protocol_map, "PLAINTEXT:PLAINTEXT",
         "Which listener speaks which protocol; all speak PLAINTEXT."),
    TEXT("inter.broker.listener.name", STRING, inter_broker_listener, NULL,
         "The listener that brokers use among themselves."),
    TEXT("security.inter.broker.protocol", STRING, inter_broker_protocol, "PLAINTEXT",
         "What brokers speak among themselves: PLAINTEXT."),
    TEXT("controller.listener.names", LIST, controller_listeners, NULL,
         "The listener of the quorum, which serves no clients."),
    TEXT("process.roles", LIST, process_roles, NULL, "What the node is: broker and controller."),
    TEXT("controller.quorum.voters", LIST, voters, NULL, "Who votes: id@host:port of each."),
    TEXT("controller.quorum.bootstrap.servers", LIST, bootstrap_servers, NULL,
         "Where the quorum is found."),
    TEXT("log.dirs", LIST, log_dirs, NULL, "The directory of all that the node keeps."),
    TEXT("log.dir", STRING, log_dir, NULL, "Another name of log.dirs."),
    TEXT("metadata.log.dir", STRING, metadata_log_dir, NULL,
         "Ignored: metadata lies in log.dirs too."),
    TEXT("skiff.defaults", STRING, defaults, NULL,
         "skiff: durable defaults; kafka: replication, min.insync.replicas and flushing as Kafka "
         "has them."),
    TEXT("skiff.http.listener", STRING, http_listener, NULL, "Where metrics and health are told."),
    TEXT("skiff.log.level", STRING, log_level, NULL,
         "How much the node tells at its start: debug, info, "
         "warn or error."),
    TEXT("skiff.log.format", STRING, log_format, NULL, "What its lines look like: text or json."),
    TIME("log.retention.minutes", retention_minutes, -1, true, NULL,
         "log.retention.ms in minutes; the finest unit that is given counts."),
    TIME("log.retention.hours", retention_hours, -1, true, "168", "log.retention.ms in hours."),
    TIME("log.roll.hours", roll_hours, 1, false, "168", "log.roll.ms in hours."),
    TIME("log.roll.jitter.hours", roll_jitter_hours, 0, false, "0", "log.roll.jitter.ms in hours."),
};

const uint32_t used_key_count = sizeof used_keys / sizeof used_keys[0];
