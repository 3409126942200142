/* settings.c -- what would be used: every key, its value, where it is from.
 *
 * A number is shown as it stands in struct config, after all that follows from other keys; a
 * text as it was given, or as what was made of several. */
#include <string.h>

#include "config_parts.h"

static const char *text_of(struct arena *arena, struct str text)
{
    return arena_format(arena, "%.*s", STR_ARGS(text));
}

static const char *address_text(struct arena *arena, const struct env_address *address)
{
    bool bracketed = strchr(address->host, ':') != NULL;
    return arena_format(arena, "%s%s%s:%u", bracketed ? "[" : "", address->host,
                        bracketed ? "]" : "", (unsigned)address->port);
}

static const char *listeners_text(const struct config *config, struct arena *arena, bool advertised)
{
    const char *text = "";
    for (uint32_t i = 0; i < config->listener_count; i++) {
        const struct config_listener *listener = &config->listeners[i];
        if (listener->http) /* The last, if it is there; it has a key of its own. */
            continue;
        text =
            arena_format(arena, "%s%s%s://%s", text, i > 0 ? "," : "", listener->name,
                         address_text(arena, advertised ? &listener->advertised : &listener->bind));
    }
    return text;
}

static const char *voters_text(const struct config *config, struct arena *arena)
{
    const char *text = "";
    for (uint32_t i = 0; i < config->voter_count; i++)
        text = arena_format(arena, "%s%s%d@%s", text, i > 0 ? "," : "", (int)config->voters[i].id,
                            address_text(arena, &config->voters[i].address));
    return text;
}

/* Null: not given, or nothing was read (a test's config). */
static struct str given_of(const struct config *config, const struct key *key)
{
    struct str given = {0};
    if (config->given != NULL)
        memcpy(&given, (const char *)config->given + key->offset, sizeof given);
    return given;
}

/* NULL: it says nothing that another key does not say. */
static const char *given_text(const struct config *config, struct arena *arena,
                              const struct key *key)
{
    static const char *const levels[] = {[TRACE_DEBUG] = "debug",
                                         [TRACE_INFO] = "info",
                                         [TRACE_WARN] = "warn",
                                         [TRACE_ERROR] = "error"};
    struct str given = given_of(config, key);
    switch (key->offset) {
    case offsetof(struct config_given, listeners):
        return listeners_text(config, arena, false);
    case offsetof(struct config_given, advertised_listeners):
        return listeners_text(config, arena, true);
    case offsetof(struct config_given, voters):
        return voters_text(config, arena);
    case offsetof(struct config_given, log_dirs):
        return config->log_dir;
    case offsetof(struct config_given, log_dir):
    case offsetof(struct config_given, metadata_log_dir):
        return NULL;
    case offsetof(struct config_given, process_roles):
        return given.size > 0 ? text_of(arena, given) : "broker,controller";
    case offsetof(struct config_given, defaults):
        return given.size > 0 ? text_of(arena, given) : "skiff";
    case offsetof(struct config_given, retention_minutes):
    case offsetof(struct config_given, retention_hours):
    case offsetof(struct config_given, roll_hours):
    case offsetof(struct config_given, roll_jitter_hours):
        return NULL; /* Said in milliseconds. */
    case offsetof(struct config_given, consumer_assignors):
        return given.size > 0 ? text_of(arena, given) : "uniform,range";
    case offsetof(struct config_given, consumer_policy):
        return given.size > 0 ? text_of(arena, given) : "bidirectional";
    case offsetof(struct config_given, log_level):
        return levels[config->trace_level];
    case offsetof(struct config_given, log_format):
        return config->trace_json ? "json" : "text";
    default:
        return given.size > 0 ? text_of(arena, given) : NULL;
    }
}

/* Some numbers are a rule until the brokers are counted. */
static const char *number_text(const struct config *config, struct arena *arena,
                               const struct key *key)
{
    const char *field = (const char *)config + key->offset;
    int64_t wide = 0;
    int32_t narrow = 0;
    bool on = false;
    if (key->kind == KEY_WORDS)
        return text_of(arena, str_from(field));
    if (key->kind == KEY_BOOL) {
        memcpy(&on, field, sizeof on);
        return on ? "true" : "false";
    }
    if (key->kind == KEY_INT64 || key->kind == KEY_RATE)
        memcpy(&wide, field, sizeof wide);
    else
        memcpy(&narrow, field, sizeof narrow);
    if (narrow == -1 && key->offset == offsetof(struct config, replication_factor_default))
        return "min(3, brokers)";
    if (narrow == -1 && key->offset == offsetof(struct config, min_insync_default))
        return "2 where the replication factor is 3 or more, else 1";
    if (key->kind == KEY_RATIO)
        return config_ratio_text(arena, narrow);
    return arena_format(arena, "%lld", (long long)(key->kind == KEY_INT32 ? narrow : wide));
}

/* One of two names for the same field: the one that was given, else the first. */
static bool is_shown(const struct config *config, const struct key *key)
{
    const uint8_t *sources = config->given->sources;
    for (uint32_t i = 0; i < key_count(); i++) {
        const struct key *other = key_at(i);
        if (other == key || other->kind != key->kind || other->offset != key->offset)
            continue;
        if (sources[key_index(key)] < sources[i] ||
            (sources[key_index(key)] == sources[i] && i < key_index(key)))
            return false;
    }
    return true;
}

static enum config_source source_of(const struct config *config, const struct key *key)
{
    if (config->given == NULL)
        return CONFIG_FROM_DEFAULT;
    uint8_t own = config->given->sources[key_index(key)];
    bool is_dirs = key->offset == offsetof(struct config_given, log_dirs);
    const struct {
        const char *in_ms, *in_other[2];
    } times[] = {
        {"log.retention.ms", {"log.retention.minutes", "log.retention.hours"}},
        {"log.roll.ms", {"log.roll.hours", "log.roll.hours"}},
        {"log.roll.jitter.ms", {"log.roll.jitter.hours", "log.roll.jitter.hours"}},
    };
    for (uint32_t i = 0; i < sizeof times / sizeof *times && own == CONFIG_FROM_DEFAULT; i++)
        for (uint32_t k = 0; k < 2 && strcmp(key->about.name, times[i].in_ms) == 0; k++) {
            uint8_t other =
                config->given->sources[key_index(key_find(str_from(times[i].in_other[k])))];
            own = other > own ? other : own;
        }
    if (key->kind != KEY_TEXT || !is_dirs || config->given->log_dirs.size > 0)
        return (enum config_source)own;
    return (enum config_source)config->given->sources[key_index(key_find(STR("log.dir")))];
}

uint32_t config_settings(const struct config *config, struct arena *arena,
                         struct config_setting **out)
{
    uint32_t count = 0;
    *out = arena_array(arena, struct config_setting, key_count());
    for (uint32_t i = 0; i < key_count(); i++) {
        const struct key *key = key_at(i);
        const char *value;
        if (key->kind == KEY_MEANINGLESS || key->kind == KEY_LATER || key->kind == KEY_SECURITY)
            continue;
        value = key->kind == KEY_TEXT ? given_text(config, arena, key)
                                      : number_text(config, arena, key);
        if (value == NULL || (key->kind != KEY_TEXT && !is_shown(config, key)))
            continue;
        (*out)[count++] = (struct config_setting){
            .key = key->about.name, .value = value, .source = source_of(config, key)};
    }
    return count;
}

/* A number that is a rule as long as nothing is said, for this many brokers or replicas. */
static int32_t settled(uint32_t offset, int32_t count)
{
    bool is_factor = offset == offsetof(struct config, replication_factor_default) ||
                     offset == offsetof(struct config, offsets_replication_factor);
    if (is_factor)
        return count < 3 ? (count > 0 ? count : 1) : 3;
    return count < 3 ? 1 : 2;
}

static bool is_rule(const struct config *config, const struct key *key)
{
    int32_t narrow;
    if (key->offset != offsetof(struct config, replication_factor_default) &&
        key->offset != offsetof(struct config, offsets_replication_factor) &&
        key->offset != offsetof(struct config, min_insync_default))
        return false;
    memcpy(&narrow, (const char *)config + key->offset, sizeof narrow);
    return key->kind == KEY_INT32 && narrow == -1;
}

static const char *used_text(const struct config *config, const struct key *key, int32_t count,
                             struct arena *arena)
{
    if (key->kind != KEY_TEXT)
        return is_rule(config, key) ? arena_format(arena, "%d", (int)settled(key->offset, count))
                                    : number_text(config, arena, key);
    const char *text = given_text(config, arena, key);
    struct str given = given_of(config, key);
    if (text == NULL && given.size > 0)
        text = text_of(arena, given);
    return text == NULL ? key->about.fallback : text;
}

static const char *text_for(const struct config *config, const struct key *key, int32_t count,
                            struct arena *arena)
{
    bool is_used = key_index(key) < used_key_count;
    if (key->about.type == CONFIG_PASSWORD)
        return NULL;
    if (is_used)
        return used_text(config, key, count, arena);
    struct str given =
        config->given == NULL ? (struct str){0} : config->given->values[key_index(key)];
    return given.data == NULL ? key->about.fallback : text_of(arena, given);
}

const char *config_text(const struct config *config, const struct config_key *key, int32_t brokers,
                        struct arena *arena)
{
    return text_for(config, key_find(str_from(key->name)), brokers, arena);
}

enum config_source config_given_by(const struct config *config, const struct config_key *key)
{
    return source_of(config, key_find(str_from(key->name)));
}

const char *config_topic_text(const struct config *config, const struct config_key *key,
                              int32_t replicas, struct arena *arena)
{
    struct str rest, first;
    if (key->fallback != NULL || key->synonyms == NULL)
        return key->fallback;
    rest = str_from(key->synonyms);
    check(next_part(&rest, ',', &first));
    return text_for(config, key_find(first), replicas, arena);
}
