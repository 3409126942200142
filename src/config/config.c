/* config.c -- defaults, one key after the other, and what follows from several of them.
 *
 * The pass over the text stores numbers where they belong and keeps the rest; what depends
 * on more than one key waits for config_finish(), because a later --set may change it. */
#include <stdio.h>
#include <string.h>

#include "config_parts.h"

#define DEFAULT_LOG_DIR "/tmp/skiff-logs"

/* What topics keep, for how long and in which form, and who cleans up. */
static void init_topics(struct config *config)
{
    config->is_cleaner_on = true;
    config->cleaner_map_size = 128 << 20;
    config->cleaner_map_load = 9 * CONFIG_RATIO_ONE / 10;
    config->cleaner_io_size = 512 << 10;
    config->cleaner_rate_max = INT64_MAX;
    config->cleaner_backoff_ms = 15000;
    config->dirty_ratio_min = CONFIG_RATIO_ONE / 2;
    config->compaction_lag_max_ms = INT64_MAX;
    config->delete_retention_ms = 24 * 3600 * 1000;
    config->retention_ms = 7 * 24 * 3600 * INT64_C(1000);
    config->retention_bytes = -1;
    config->segment_ms = 7 * 24 * 3600 * INT64_C(1000);
    config->delete_delay_ms = 60000;
    config->gzip_level = -1;
    config->lz4_level = 9;
    config->zstd_level = 3;
    config->timestamp_before_max_ms = INT64_MAX;
    config->timestamp_after_max_ms = 3600 * 1000;
}

void config_init(struct config *config)
{
    *config = (struct config){
        .node_id = 1,
        .shards = 1,
        .heartbeat_interval_ms = 500,
        .session_timeout_ms = 3000,
        .replica_lag_time_max_ms = 3000,
        .election_timeout_ms = 300,
        .fetch_timeout_ms = 1000,
        .replica_fetch_wait_max_ms = 500,
        .request_timeout_ms = 2000,
        .shutdown_timeout_ms = 5000,
        .connections_max_idle_ms = 600000,
        .request_size_max = 100 << 20,
        .message_size_max = 1048588,
        .fetch_size_max = 55 << 20,
        .replica_fetch_size_max = 10 << 20,
        .inflight_size_max = 32 << 20,
        .connections_max = INT32_MAX,
        .request_partitions_max = 2000,
        .fetch_sessions_max = 1000,
        .auto_create_topics = true,
        .partitions_default = 1,
        .replication_factor_default = -1,
        .min_insync_default = -1,
        .flush_messages = 1,
        .is_balanced = true,
        .balance_interval_s = 300,
        .segment_size = 1 << 30,
        .index_interval_size = 4096,
        .group_session_timeout_min_ms = 6000,
        .group_session_timeout_max_ms = 1800000,
        .group_initial_delay_ms = 3000,
        .group_members_max = INT32_MAX,
        .groups_size_max = 256 << 20,
        .consumer_session_timeout_ms = 45000,
        .consumer_session_timeout_min_ms = 45000,
        .consumer_session_timeout_max_ms = 60000,
        .consumer_heartbeat_interval_min_ms = 5000,
        .consumer_heartbeat_interval_max_ms = 15000,
        .consumer_heartbeat_interval_ms = 5000,
        .consumer_assignment_interval_ms = 1000,
        .consumer_members_max = INT32_MAX,
        .consumer_assignor_count = 2,
        .consumer_assignors = {CONFIG_ASSIGNOR_UNIFORM, CONFIG_ASSIGNOR_RANGE},
        .offset_metadata_max = 4096,
        .offsets_commit_timeout_ms = 5000,
        .offsets_retention_minutes = 7 * 24 * 60,
        .offsets_check_interval_ms = 600000,
        .offsets_partitions = 50,
        .offsets_replication_factor = -1,
        .offsets_segment_size = 100 << 20,
        .cleanup_policy = "delete",
        .compression_type = "producer",
        .timestamp_type = "CreateTime",
        .initial_task_delay_ms = 30000,
        .retention_check_interval_ms = 300000,
        .trace_level = TRACE_INFO,
    };
    init_topics(config);
}

/* Which defaults must stay, because the user has said otherwise. */
static void mark_given(struct config_given *given, struct str name)
{
    given->has_node_id |= str_equal(name, STR("node.id")) || str_equal(name, STR("broker.id"));
    given->has_replication_factor |= str_equal(name, STR("default.replication.factor"));
    given->has_min_insync |= str_equal(name, STR("min.insync.replicas"));
    given->has_flush_messages |= str_equal(name, STR("log.flush.interval.messages")) ||
                                 str_equal(name, STR("flush.messages"));
    given->has_retention_ms |= str_equal(name, STR("log.retention.ms"));
    given->has_roll_ms |= str_equal(name, STR("log.roll.ms"));
    given->has_roll_jitter_ms |= str_equal(name, STR("log.roll.jitter.ms"));
}

/* A value that has a field in struct config. */
static void read_value(struct reading *reading, const struct key *key,
                       const struct property *property)
{
    struct str value, message;
    if (config_key_check(&key->about, property->value, reading->arena, &value, &message) !=
        ERR_NONE) {
        refuse(reading, "%.*s", STR_ARGS(message));
        return;
    }
    key_store(reading->config, key, value);
    mark_given(reading->config->given, property->key);
}

static void read_unknown(struct reading *reading, const struct property *property)
{
    const char *near = key_suggest(property->key);
    if (near != NULL)
        refuse(reading, "%.*s: unknown key; did you mean %s%s?", STR_ARGS(property->key), near,
               near[strlen(near) - 1] == '.' ? "*" : "");
    else
        warn(reading, "%.*s: unknown key, ignored", STR_ARGS(property->key));
}

/* The value as a remark may repeat it. */
static struct str shown(const struct property *property)
{
    return key_is_secret(property->key) ? STR("[hidden]") : property->value;
}

/* A node that would run without the protection that was asked for must not run. */
static void read_security(struct reading *reading, const struct property *property)
{
    if (str_equal(property->key, STR("authorizer.class.name")) && property->value.size == 0)
        return;
    refuse(reading, "%.*s=%.*s: is not built yet, and is never ignored silently",
           STR_ARGS(property->key), STR_ARGS(shown(property)));
}

static void ignore(struct ignored *ignored, struct str name)
{
    for (uint32_t i = 0; i < ignored->count; i++)
        if (str_equal(ignored->names[i], name))
            return;
    if (ignored->count == IGNORED_NAMES_MAX || name.size > KEY_SIZE_MAX)
        ignored->more++;
    else
        ignored->names[ignored->count++] = name;
}

static void read_property(struct reading *reading, const struct property *property)
{
    const struct key *key = key_find(property->key);
    struct config_given *given = reading->config->given;
    if (key == NULL) {
        read_unknown(reading, property);
        return;
    }
    given->sources[key_index(key)] = given->read_count > 1 ? CONFIG_FROM_SET : CONFIG_FROM_FILE;
    given->values[key_index(key)] = property->value;
    if (property->value.size > 0 && memchr(property->value.data, 0, property->value.size) != NULL) {
        refuse(reading, "%.*s: holds a zero byte", STR_ARGS(property->key));
        return;
    }
    switch (key->kind) {
    case KEY_INT32:
    case KEY_INT64:
    case KEY_RATIO:
    case KEY_RATE:
    case KEY_BOOL:
    case KEY_WORDS:
        read_value(reading, key, property);
        break;
    case KEY_TEXT:
        memcpy((char *)reading->config->given + key->offset, &property->value,
               sizeof property->value);
        break;
    case KEY_MEANINGLESS:
        ignore(&given->meaningless, property->key);
        break;
    case KEY_LATER:
        ignore(&given->later, property->key);
        break;
    case KEY_SECURITY:
        read_security(reading, property);
        break;
    }
}

enum err config_read(struct config *config, struct str text, struct arena *arena,
                     struct config_remark **remarks)
{
    struct reading reading;
    struct property property;
    reading_start(&reading, config, arena, remarks);
    config->given->read_count++;
    while (next_property(&text, arena, &property))
        read_property(&reading, &property);
    return reading.failed ? ERR_INVALID_CONFIG : ERR_NONE;
}

/* skiff.defaults=kafka: durability as Kafka has it, where the user has not said more. */
static void finish_defaults(struct reading *reading)
{
    struct config *config = reading->config;
    const struct config_given *given = config->given;
    if (given->defaults.size == 0 || str_equal(given->defaults, STR("skiff")))
        return;
    if (!str_equal(given->defaults, STR("kafka"))) {
        refuse(reading, "skiff.defaults=%.*s: must be skiff or kafka", STR_ARGS(given->defaults));
        return;
    }
    if (!given->has_replication_factor)
        config->replication_factor_default = 1;
    if (!given->has_min_insync)
        config->min_insync_default = 1;
    if (!given->has_flush_messages)
        config->flush_messages = INT64_MAX;
}

static void finish_log_dir(struct reading *reading)
{
    const struct config_given *given = reading->config->given;
    struct str dirs = given->log_dirs.size > 0 ? given->log_dirs : given->log_dir;
    const char *key = given->log_dirs.size > 0 ? "log.dirs" : "log.dir";
    if (dirs.size == 0) {
        warn(reading, "log.dirs is not set: data goes to %s, which may not outlive a reboot",
             DEFAULT_LOG_DIR);
        dirs = STR(DEFAULT_LOG_DIR);
    }
    if (memchr(dirs.data, ',', dirs.size) != NULL)
        refuse(reading, "%s=%.*s: one directory only; run a node for each disk", key,
               STR_ARGS(dirs));
    else if (dirs.size >= CONFIG_DIR_MAX)
        refuse(reading, "%s: longer than %d bytes", key, CONFIG_DIR_MAX - 1);
    else
        snprintf(reading->config->log_dir, CONFIG_DIR_MAX, "%.*s", STR_ARGS(dirs));
    if (given->metadata_log_dir.size > 0 && !str_equal(given->metadata_log_dir, dirs))
        warn(reading, "metadata.log.dir=%.*s: ignored, metadata lies in %s too",
             STR_ARGS(given->metadata_log_dir), key);
}

static void finish_trace(struct reading *reading)
{
    static const char *const levels[] = {[TRACE_DEBUG] = "debug",
                                         [TRACE_INFO] = "info",
                                         [TRACE_WARN] = "warn",
                                         [TRACE_ERROR] = "error"};
    const struct config_given *given = reading->config->given;
    bool known = given->log_level.size == 0;
    for (int level = TRACE_DEBUG; level <= TRACE_ERROR; level++) {
        if (!equals_ignoring_case(given->log_level, levels[level]))
            continue;
        reading->config->trace_level = (enum trace_level)level;
        known = true;
    }
    if (!known)
        refuse(reading, "skiff.log.level=%.*s: must be debug, info, warn or error",
               STR_ARGS(given->log_level));
    reading->config->trace_json = str_equal(given->log_format, STR("json"));
    if (given->log_format.size > 0 && !reading->config->trace_json &&
        !str_equal(given->log_format, STR("text")))
        refuse(reading, "skiff.log.format=%.*s: must be text or json", STR_ARGS(given->log_format));
}

/* Limits that hold against each other. */
static void finish_limits(struct reading *reading)
{
    struct config *config = reading->config;
    if (config->inflight_size_max < 0) /* Kafka's "no limit"; here there is always one. */
        config->inflight_size_max = 32 << 20;
    if (config->message_size_max > config->request_size_max)
        warn(reading, "message.max.bytes=%d: a request may have socket.request.max.bytes=%d",
             (int)config->message_size_max, (int)config->request_size_max);
}

static const char *join_names(struct reading *reading, const struct ignored *ignored)
{
    const char *text = "";
    for (uint32_t i = 0; i < ignored->count; i++)
        text = arena_format(reading->arena, "%s%s%.*s", text, i > 0 ? ", " : "",
                            STR_ARGS(ignored->names[i]));
    return ignored->more > 0 ? arena_format(reading->arena, "%s and %u more", text, ignored->more)
                             : text;
}

/* What has no effect, in one line: Kafka's files hold dozens of such keys. */
static void note_ignored(struct reading *reading)
{
    const struct config_given *given = reading->config->given;
    bool meaningless = given->meaningless.count + given->meaningless.more > 0;
    bool later = given->later.count + given->later.more > 0;
    if (!meaningless && !later)
        return;
    note(reading, "keys without effect: %s%s%s%s%s", join_names(reading, &given->meaningless),
         meaningless ? " (no meaning here)" : "", meaningless && later ? "; " : "",
         join_names(reading, &given->later), later ? " (not built yet)" : "");
}

enum err config_finish(struct config *config, struct arena *arena, struct config_remark **remarks)
{
    struct reading reading;
    reading_start(&reading, config, arena, remarks);
    note_ignored(&reading);
    finish_defaults(&reading);
    finish_log_dir(&reading);
    finish_trace(&reading);
    finish_limits(&reading);
    finish_pairs(&reading);
    finish_topics(&reading);
    finish_consumers(&reading);
    finish_listeners(&reading);
    finish_voters(&reading);
    finish_http(&reading);
    return reading.failed ? ERR_INVALID_CONFIG : ERR_NONE;
}
