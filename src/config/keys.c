/* keys.c -- every key that is known: Kafka's, and ours under `skiff.`.
 *
 * A key is a line here; a number also names its field and its limits. What security asks
 * for is a start-up error until it is built (ARCHITECTURE.md, "Compatibility").
 *
 * Source  broker configs of Kafka 4.4, and what older files hold. */
#include <string.h>

#include "config_parts.h"

/* clang-format off: a line each, as the table below. */
#define NUMBER32(name, field, min, max)                                                            \
    {                                                                                              \
        name, KEY_INT32, offsetof(struct config, field), min, max                                  \
    }
#define NUMBER64(name, field, min, max)                                                            \
    {                                                                                              \
        name, KEY_INT64, offsetof(struct config, field), min, max                                  \
    }
#define RATIO(name, field, min, max)                                                               \
    {                                                                                              \
        name, KEY_RATIO, offsetof(struct config, field), min, max                                  \
    }
#define RATE(name, field, min)                                                                     \
    {                                                                                              \
        name, KEY_RATE, offsetof(struct config, field), min, INT64_MAX                             \
    }
#define SWITCH(name, field)                                                                        \
    {                                                                                              \
        name, KEY_BOOL, offsetof(struct config, field), 0, 0                                       \
    }
#define TEXT(name, field)                                                                          \
    {                                                                                              \
        name, KEY_TEXT, offsetof(struct config_given, field), 0, 0                                 \
    }
#define MEANINGLESS(name)                                                                          \
    {                                                                                              \
        name, KEY_MEANINGLESS, 0, 0, 0                                                             \
    }
#define LATER(name)                                                                                \
    {                                                                                              \
        name, KEY_LATER, 0, 0, 0                                                                   \
    }
#define SECURITY(name)                                                                             \
    {                                                                                              \
        name, KEY_SECURITY, 0, 0, 0                                                                \
    }
/* clang-format on */

static const struct key keys[] = {
    NUMBER32("node.id", node_id, 0, INT32_MAX),
    NUMBER32("broker.id", node_id, 0, INT32_MAX),
    NUMBER32("broker.heartbeat.interval.ms", heartbeat_interval_ms, 1, 3600000),
    NUMBER32("broker.session.timeout.ms", session_timeout_ms, 10, 3600000),
    NUMBER32("replica.lag.time.max.ms", replica_lag_time_max_ms, 10, INT32_MAX),
    NUMBER32("controller.quorum.election.timeout.ms", election_timeout_ms, 10, 3600000),
    NUMBER32("controller.quorum.fetch.timeout.ms", fetch_timeout_ms, 10, 3600000),
    NUMBER32("replica.fetch.wait.max.ms", replica_fetch_wait_max_ms, 1, 3600000),
    NUMBER32("request.timeout.ms", request_timeout_ms, 10, INT32_MAX),
    NUMBER32("skiff.shutdown.timeout.ms", shutdown_timeout_ms, 0, 3600000),
    NUMBER64("connections.max.idle.ms", connections_max_idle_ms, -1, INT64_MAX),
    NUMBER32("socket.request.max.bytes", request_size_max, 1024, INT32_MAX),
    NUMBER32("message.max.bytes", message_size_max, 0, INT32_MAX),
    NUMBER32("fetch.max.bytes", fetch_size_max, 1024, INT32_MAX),
    NUMBER32("replica.fetch.response.max.bytes", replica_fetch_size_max, 1024, INT32_MAX),
    NUMBER64("queued.max.request.bytes", inflight_size_max, -1, INT64_MAX),
    NUMBER32("max.connections", connections_max, 0, INT32_MAX),
    NUMBER32("max.incremental.fetch.session.cache.slots", fetch_sessions_max, 0, INT32_MAX),
    NUMBER32("num.partitions", partitions_default, 1, INT32_MAX),
    NUMBER32("default.replication.factor", replication_factor_default, 1, 32767),
    NUMBER32("min.insync.replicas", min_insync_default, 1, 32767),
    NUMBER64("log.flush.interval.messages", flush_messages, 1, INT64_MAX),
    NUMBER64("flush.messages", flush_messages, 1, INT64_MAX),
    NUMBER32("log.segment.bytes", segment_size, 1048576, INT32_MAX),
    NUMBER32("log.index.interval.bytes", index_interval_size, 0, INT32_MAX),
    NUMBER32("group.min.session.timeout.ms", group_session_timeout_min_ms, 1, INT32_MAX),
    NUMBER32("group.max.session.timeout.ms", group_session_timeout_max_ms, 1, INT32_MAX),
    NUMBER32("group.initial.rebalance.delay.ms", group_initial_delay_ms, 0, INT32_MAX),
    NUMBER32("group.max.size", group_members_max, 1, INT32_MAX),
    NUMBER32("group.consumer.session.timeout.ms", consumer_session_timeout_ms, 1, INT32_MAX),
    NUMBER32("group.consumer.heartbeat.interval.ms", consumer_heartbeat_interval_ms, 1, INT32_MAX),
    NUMBER32("group.consumer.assignment.interval.ms", consumer_assignment_interval_ms, 0,
             INT32_MAX),
    NUMBER32("group.consumer.max.size", consumer_members_max, 1, INT32_MAX),
    TEXT("group.consumer.assignors", consumer_assignors),
    TEXT("group.consumer.migration.policy", consumer_policy),
    NUMBER32("offset.metadata.max.bytes", offset_metadata_max, 0, INT32_MAX),
    NUMBER32("offsets.commit.timeout.ms", offsets_commit_timeout_ms, 1, INT32_MAX),
    NUMBER32("offsets.retention.minutes", offsets_retention_minutes, 1, INT32_MAX),
    NUMBER64("offsets.retention.check.interval.ms", offsets_check_interval_ms, 1, INT64_MAX / 2),
    NUMBER32("offsets.topic.num.partitions", offsets_partitions, 1, 10000),
    NUMBER32("offsets.topic.replication.factor", offsets_replication_factor, 1, 32767),
    NUMBER32("offsets.topic.segment.bytes", offsets_segment_size, 1, INT32_MAX),
    NUMBER64("log.retention.ms", retention_ms, -1, INT64_MAX),
    NUMBER64("log.retention.bytes", retention_bytes, -1, INT64_MAX),
    NUMBER64("log.roll.ms", segment_ms, 1, INT64_MAX),
    NUMBER64("log.roll.jitter.ms", segment_jitter_ms, 0, INT64_MAX),
    NUMBER64("log.segment.delete.delay.ms", delete_delay_ms, 0, INT64_MAX),
    NUMBER64("log.retention.check.interval.ms", retention_check_interval_ms, 1, INT64_MAX),
    NUMBER64("log.initial.task.delay.ms", initial_task_delay_ms, 0, INT64_MAX),
    NUMBER64("log.message.timestamp.before.max.ms", timestamp_before_max_ms, 0, INT64_MAX),
    NUMBER64("log.message.timestamp.after.max.ms", timestamp_after_max_ms, 0, INT64_MAX),
    NUMBER32("compression.gzip.level", gzip_level, -1, 9),
    NUMBER32("compression.lz4.level", lz4_level, 1, 17),
    NUMBER32("compression.zstd.level", zstd_level, -131072, 22),
    SWITCH("auto.create.topics.enable", auto_create_topics),
    SWITCH("unclean.leader.election.enable", unclean_election),
    SWITCH("log.cleaner.enable", is_cleaner_on),
    NUMBER64("log.cleaner.dedupe.buffer.size", cleaner_map_size, 1048576, INT64_MAX),
    RATIO("log.cleaner.io.buffer.load.factor", cleaner_map_load, 10000, 990000),
    NUMBER32("log.cleaner.io.buffer.size", cleaner_io_size, 0, 64 << 20),
    RATE("log.cleaner.io.max.bytes.per.second", cleaner_rate_max, 1024),
    NUMBER32("log.cleaner.backoff.ms", cleaner_backoff_ms, 0, INT32_MAX),
    RATIO("log.cleaner.min.cleanable.ratio", dirty_ratio_min, 0, CONFIG_RATIO_ONE),
    NUMBER64("log.cleaner.min.compaction.lag.ms", compaction_lag_min_ms, 0, INT64_MAX),
    NUMBER64("log.cleaner.max.compaction.lag.ms", compaction_lag_max_ms, 1, INT64_MAX),
    NUMBER64("log.cleaner.delete.retention.ms", delete_retention_ms, 0, INT64_MAX),

    TEXT("listeners", listeners),
    TEXT("advertised.listeners", advertised_listeners),
    TEXT("listener.security.protocol.map", protocol_map),
    TEXT("inter.broker.listener.name", inter_broker_listener),
    TEXT("security.inter.broker.protocol", inter_broker_protocol),
    TEXT("controller.listener.names", controller_listeners),
    TEXT("process.roles", process_roles),
    TEXT("controller.quorum.voters", voters),
    TEXT("controller.quorum.bootstrap.servers", bootstrap_servers),
    TEXT("log.dirs", log_dirs),
    TEXT("log.dir", log_dir),
    TEXT("metadata.log.dir", metadata_log_dir),
    TEXT("skiff.defaults", defaults),
    TEXT("skiff.http.listener", http_listener),
    TEXT("skiff.log.level", log_level),
    TEXT("skiff.log.format", log_format),
    TEXT("log.retention.minutes", retention_minutes),
    TEXT("log.retention.hours", retention_hours),
    TEXT("log.roll.hours", roll_hours),
    TEXT("log.roll.jitter.hours", roll_jitter_hours),
    TEXT("log.cleanup.policy", cleanup_policy),
    TEXT("compression.type", compression_type),
    TEXT("log.message.timestamp.type", timestamp_type),

    MEANINGLESS("advertised.host.name"),
    MEANINGLESS("advertised.port"),
    MEANINGLESS("background.threads"),
    MEANINGLESS("broker.id.generation.enable"),
    MEANINGLESS("confluent."),
    MEANINGLESS("control.plane.listener.name"),
    MEANINGLESS("controlled.shutdown.max.retries"),
    MEANINGLESS("controlled.shutdown.retry.backoff.ms"),
    MEANINGLESS("controller.quorum.append.linger.ms"),
    MEANINGLESS("controller.quorum.auto.join.enable"),
    MEANINGLESS("controller.quorum.election.backoff.max.ms"),
    MEANINGLESS("controller.quorum.fetch.max.bytes"),
    MEANINGLESS("controller.quorum.fetch.snapshot.max.bytes"),
    MEANINGLESS("controller.quorum.request.timeout.ms"),
    MEANINGLESS("controller.quorum.retry.backoff.ms"),
    MEANINGLESS("controller.socket.timeout.ms"),
    MEANINGLESS("group.coordinator.append.linger.ms"),
    MEANINGLESS("group.coordinator.threads"),
    MEANINGLESS("host.name"),
    MEANINGLESS("initial.broker.registration.timeout.ms"),
    MEANINGLESS("inter.broker.protocol.version"),
    MEANINGLESS("internal."),
    MEANINGLESS("leader.imbalance.per.broker.percentage"),
    MEANINGLESS("log.cleaner.threads"),
    MEANINGLESS("log.dir.failure.timeout.ms"),
    MEANINGLESS("log.flush.interval.ms"),
    MEANINGLESS("log.flush.offset.checkpoint.interval.ms"),
    MEANINGLESS("log.flush.scheduler.interval.ms"),
    MEANINGLESS("log.flush.start.offset.checkpoint.interval.ms"),
    MEANINGLESS("log.message.downconversion.enable"),
    MEANINGLESS("log.message.format.version"),
    MEANINGLESS("metadata.max.idle.interval.ms"),
    MEANINGLESS("num.io.threads"),
    MEANINGLESS("num.network.threads"),
    MEANINGLESS("num.recovery.threads.per.data.dir"),
    MEANINGLESS("num.replica.alter.log.dirs.threads"),
    MEANINGLESS("num.replica.fetchers"),
    MEANINGLESS("offsets.load.buffer.size"),
    MEANINGLESS("port"),
    MEANINGLESS("queued.max.requests"),
    MEANINGLESS("replica.fetch.backoff.ms"),
    MEANINGLESS("replica.fetch.min.bytes"),
    MEANINGLESS("replica.high.watermark.checkpoint.interval.ms"),
    MEANINGLESS("replica.socket.receive.buffer.bytes"),
    MEANINGLESS("replica.socket.timeout.ms"),
    MEANINGLESS("reserved.broker.max.id"),
    MEANINGLESS("server.max.startup.time.ms"),
    MEANINGLESS("socket.connection.setup.timeout.max.ms"),
    MEANINGLESS("socket.connection.setup.timeout.ms"),
    MEANINGLESS("socket.listen.backlog.size"),
    MEANINGLESS("socket.receive.buffer.bytes"),
    MEANINGLESS("socket.send.buffer.bytes"),
    MEANINGLESS("transaction.log.load.buffer.size"),
    MEANINGLESS("unclean.leader.election.interval.ms"),
    MEANINGLESS("unstable.api.versions.enable"),
    MEANINGLESS("unstable.feature.versions.enable"),
    MEANINGLESS("zookeeper."),

    LATER("add.partitions.to.txn.retry.backoff.max.ms"),
    LATER("add.partitions.to.txn.retry.backoff.ms"),
    LATER("alter.config.policy.class.name"),
    LATER("alter.log.dirs.replication.quota."),
    LATER("auto.include.jmx.reporter"),
    LATER("auto.leader.rebalance.enable"),
    LATER("broker.rack"),
    LATER("client.quota.callback.class"),
    LATER("connection.failed.authentication.delay.ms"),
    LATER("controller.performance.always.log.threshold.ms"),
    LATER("controller.performance.sample.period.ms"),
    LATER("controlled.shutdown.enable"),
    LATER("controller.quota."),
    LATER("cordoned.log.dirs"),
    LATER("create.topic.policy.class.name"),
    LATER("delete.records.purgatory.purge.interval.requests"),
    LATER("delete.topic.enable"),
    LATER("fetch.purgatory.purge.interval.requests"),
    LATER("follower.fetch.last.tiered.offset.enable"),
    LATER("follower.replication.throttled.rate"),
    LATER("group.consumer."),
    LATER("group.share."),
    LATER("group.streams."),
    LATER("group.coordinator."),
    LATER("kafka.metrics."),
    LATER("leader.imbalance.check.interval.seconds"),
    LATER("leader.replication.throttled.rate"),
    LATER("log.index.size.max.bytes"),
    LATER("log.local.retention.bytes"),
    LATER("log.local.retention.ms"),
    LATER("log.message.timestamp.difference.max.ms"),
    LATER("log.preallocate"),
    LATER("max.connection.creation.rate"),
    LATER("max.connections.per.ip"),
    LATER("max.connections.per.ip.overrides"),
    LATER("max.request.partition.size.limit"),
    LATER("metadata.log."),
    LATER("metadata.max.retention.bytes"),
    LATER("metadata.max.retention.ms"),
    LATER("metric.reporters"),
    LATER("metrics."),
    LATER("offsets.commit.required.acks"),
    LATER("offsets.topic.compression.codec"),
    LATER("producer.id.expiration.check.interval.ms"),
    LATER("producer.id.expiration.ms"),
    LATER("producer.purgatory.purge.interval.requests"),
    LATER("quota."),
    LATER("remote.fetch.max.wait.ms"),
    LATER("remote.list.offsets.request.timeout.ms"),
    LATER("remote.log."),
    LATER("replica.fetch.max.bytes"),
    LATER("replica.selector.class"),
    LATER("replication.quota."),
    LATER("share.coordinator."),
    LATER("share.fetch.purgatory.purge.interval.requests"),
    LATER("telemetry.max.bytes"),
    LATER("transaction.abort.timed.out.transaction.cleanup.interval.ms"),
    LATER("transaction.max.timeout.ms"),
    LATER("transaction.partition.verification.enable"),
    LATER("transaction.remove.expired.transaction.cleanup.interval.ms"),
    LATER("transaction.state.log.load.buffer.size"),
    LATER("transaction.state.log.min.isr"),
    LATER("transaction.state.log.num.partitions"),
    LATER("transaction.state.log.replication.factor"),
    LATER("transaction.state.log.segment.bytes"),
    LATER("transaction.two.phase.commit.enable"),
    LATER("transactional.id.expiration.ms"),

    SECURITY("allow.everyone.if.no.acl.found"),
    SECURITY("authorizer.class.name"),
    SECURITY("config.providers"),
    SECURITY("config.providers."),
    SECURITY("connections.max.reauth.ms"),
    SECURITY("delegation.token."),
    SECURITY("early.start.listeners"),
    SECURITY("listener.name."),
    SECURITY("password.encoder."),
    SECURITY("principal.builder.class"),
    SECURITY("sasl."),
    SECURITY("security.providers"),
    SECURITY("ssl."),
    SECURITY("super.users"),
};

enum { KEY_COUNT = sizeof keys / sizeof keys[0] };

static bool matches(const struct key *key, struct str name)
{
    size_t size = strlen(key->name);
    if (key->name[size - 1] == '.')
        return name.size >= size && memcmp(name.data, key->name, size) == 0;
    return name.size == size && memcmp(name.data, key->name, size) == 0;
}

const struct key *key_find(struct str name)
{
    for (uint32_t i = 0; i < KEY_COUNT; i++)
        if (matches(&keys[i], name))
            return &keys[i];
    return NULL;
}

const struct key *key_at(uint32_t index)
{
    return index < KEY_COUNT ? &keys[index] : NULL;
}

uint32_t key_index(const struct key *key)
{
    return (uint32_t)(key - keys);
}

uint32_t key_count(void)
{
    return KEY_COUNT;
}

static uint32_t least(uint32_t a, uint32_t b, uint32_t c)
{
    uint32_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Levenshtein: how many single-character changes make one of the other. */
static uint32_t distance(struct str a, struct str b)
{
    uint32_t row[KEY_SIZE_MAX + 1];
    for (uint32_t j = 0; j <= b.size; j++)
        row[j] = j;
    for (uint32_t i = 1; i <= a.size; i++) {
        uint32_t diagonal = row[0];
        row[0] = i;
        for (uint32_t j = 1; j <= b.size; j++) {
            uint32_t above = row[j];
            uint32_t changed = a.data[i - 1] == b.data[j - 1] ? 0 : 1;
            row[j] = least(above + 1, row[j - 1] + 1, diagonal + changed);
            diagonal = above;
        }
    }
    return row[b.size];
}

/* As many words of `name` as `known` has, which ends in '.': "sal.enabled" is near "sasl.". */
static struct str same_words(struct str name, struct str known)
{
    uint32_t dots = 0;
    for (uint32_t i = 0; i < known.size; i++)
        dots += known.data[i] == '.';
    for (uint32_t i = 0; i < name.size; i++)
        if (name.data[i] == '.' && --dots == 0)
            return (struct str){.data = name.data, .size = i + 1};
    return (struct str){NULL, 0};
}

const char *key_suggest(struct str name)
{
    const char *nearest = NULL;
    uint32_t least_distance = KEY_DISTANCE_MAX + 1;
    if (name.size > KEY_SIZE_MAX)
        return NULL;
    for (uint32_t i = 0; i < KEY_COUNT; i++) {
        struct str known = str_from(keys[i].name);
        bool is_start = known.data[known.size - 1] == '.';
        struct str part = is_start ? same_words(name, known) : name;
        uint32_t apart = part.size > 0 ? distance(part, known) : UINT32_MAX / 2;
        if (apart >= least_distance ||
            (is_start ? apart * 4 > known.size : apart * 2 >= known.size))
            continue;
        least_distance = apart;
        nearest = keys[i].name;
    }
    return nearest;
}

bool key_is_secret(struct str name)
{
    static const char *const words[] = {"password", "secret", "jaas", "keystore.key"};
    for (uint32_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (memmem(name.data, name.size, words[i], strlen(words[i])) != NULL)
            return true;
    return false;
}
