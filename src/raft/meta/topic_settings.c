/* topic_settings.c -- the topic configs that clients may set, and what they take.
 *
 * Names, defaults and ranges are Kafka's. Old keys that Kafka 4 dropped are taken and
 * forgotten, because refusing them breaks scripts that set them everywhere. */
#include "controller_state.h"

#include "number.h"

enum setting_kind {
    SETTING_NUMBER, /* Within [min, max]. */
    SETTING_BOOL,
    SETTING_CHOICE,  /* One of `choices`. */
    SETTING_CHOICES, /* Any of `choices`, comma separated, or none. */
    SETTING_RATIO,   /* A decimal within [0, 1]. */
    SETTING_TEXT,
    SETTING_GONE, /* Accepted, not kept. */
};

struct setting_rule {
    const char *name;
    enum setting_kind kind;
    const char *fallback; /* NULL: from the broker's config. */
    const char *choices;
    int64_t min, max;
};

#define NUMBER(text, from, to, fallback_text)                                                      \
    {                                                                                              \
        .name = (text), .kind = SETTING_NUMBER, .min = (from), .max = (to),                        \
        .fallback = (fallback_text)                                                                \
    }
#define BOOL(text, fallback_text)                                                                  \
    {                                                                                              \
        .name = (text), .kind = SETTING_BOOL, .fallback = (fallback_text)                          \
    }
#define CHOICE(text, kind_value, choices_text, fallback_text)                                      \
    {                                                                                              \
        .name = (text), .kind = (kind_value), .choices = (choices_text),                           \
        .fallback = (fallback_text)                                                                \
    }
#define GONE(text)                                                                                 \
    {                                                                                              \
        .name = (text), .kind = SETTING_GONE                                                       \
    }
#define FOREVER "9223372036854775807"

/* Sorted by name. */
static const struct setting_rule rules[] = {
    CHOICE("cleanup.policy", SETTING_CHOICES, "compact,delete", "delete"),
    NUMBER("compression.gzip.level", -1, 9, "-1"),
    NUMBER("compression.lz4.level", 1, 17, "9"),
    CHOICE("compression.type", SETTING_CHOICE, "producer,uncompressed,gzip,snappy,lz4,zstd",
           "producer"),
    NUMBER("compression.zstd.level", -131072, 22, "3"),
    NUMBER("delete.retention.ms", 0, INT64_MAX, "86400000"),
    NUMBER("file.delete.delay.ms", 0, INT64_MAX, "60000"),
    NUMBER("flush.messages", 1, INT64_MAX, NULL),
    NUMBER("flush.ms", 0, INT64_MAX, FOREVER),
    {.name = "follower.replication.throttled.replicas", .kind = SETTING_TEXT, .fallback = ""},
    NUMBER("index.interval.bytes", 0, INT32_MAX, NULL),
    {.name = "leader.replication.throttled.replicas", .kind = SETTING_TEXT, .fallback = ""},
    NUMBER("local.retention.bytes", -2, INT64_MAX, "-2"),
    NUMBER("local.retention.ms", -2, INT64_MAX, "-2"),
    NUMBER("max.compaction.lag.ms", 1, INT64_MAX, FOREVER),
    NUMBER("max.message.bytes", 0, INT32_MAX, NULL),
    GONE("message.downconversion.enable"),
    GONE("message.format.version"),
    NUMBER("message.timestamp.after.max.ms", 0, INT64_MAX, "3600000"),
    NUMBER("message.timestamp.before.max.ms", 0, INT64_MAX, FOREVER),
    GONE("message.timestamp.difference.max.ms"),
    CHOICE("message.timestamp.type", SETTING_CHOICE, "CreateTime,LogAppendTime", "CreateTime"),
    {.name = "min.cleanable.dirty.ratio", .kind = SETTING_RATIO, .fallback = "0.5"},
    NUMBER("min.compaction.lag.ms", 0, INT64_MAX, "0"),
    NUMBER("min.insync.replicas", 1, INT32_MAX, NULL),
    BOOL("preallocate", "false"),
    BOOL("remote.log.copy.disable", "false"),
    BOOL("remote.log.delete.on.disable", "false"),
    BOOL("remote.storage.enable", "false"),
    NUMBER("retention.bytes", -1, INT64_MAX, "-1"),
    NUMBER("retention.ms", -1, INT64_MAX, "604800000"),
    NUMBER("segment.bytes", 14, INT32_MAX, NULL),
    NUMBER("segment.index.bytes", 4, INT32_MAX, "10485760"),
    NUMBER("segment.jitter.ms", 0, INT64_MAX, "0"),
    NUMBER("segment.ms", 1, INT64_MAX, "604800000"),
    BOOL("unclean.leader.election.enable", NULL),
};

enum { RULE_COUNT = sizeof rules / sizeof rules[0] };

static const struct setting_rule *find_rule(struct str name)
{
    for (uint32_t i = 0; i < RULE_COUNT; i++)
        if (str_equal(str_from(rules[i].name), name))
            return &rules[i];
    return NULL;
}

/* Whether `item` is one of the comma separated `choices`. */
static bool is_choice(const char *choices, struct str item)
{
    struct str rest = str_from(choices);
    while (rest.size > 0) {
        const char *comma = memchr(rest.data, ',', rest.size);
        uint32_t size = comma == NULL ? rest.size : (uint32_t)(comma - rest.data);
        if (str_equal((struct str){.data = rest.data, .size = size}, item))
            return true;
        uint32_t skip = comma == NULL ? size : size + 1;
        rest = (struct str){.data = rest.data + skip, .size = rest.size - skip};
    }
    return false;
}

static bool are_choices(const char *choices, struct str value)
{
    while (value.size > 0) {
        const char *comma = memchr(value.data, ',', value.size);
        uint32_t size = comma == NULL ? value.size : (uint32_t)(comma - value.data);
        if (!is_choice(choices, (struct str){.data = value.data, .size = size}))
            return false;
        uint32_t skip = comma == NULL ? size : size + 1;
        if (comma != NULL && skip == value.size)
            return false; /* Ends with a comma. */
        value = (struct str){.data = value.data + skip, .size = value.size - skip};
    }
    return true;
}

/* Digits, perhaps a point and digits; not above one. */
static bool is_ratio(struct str value)
{
    uint32_t i = 0;
    int64_t whole = 0;
    bool above = false;

    for (; i < value.size && value.data[i] >= '0' && value.data[i] <= '9' && i < 9; i++)
        whole = 10 * whole + (value.data[i] - '0');
    if (i == 0)
        return false;
    if (i < value.size && (value.data[i] != '.' || i + 1 == value.size))
        return false;
    for (i++; i < value.size; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return false;
        above = above || value.data[i] != '0';
    }
    return whole == 0 || (whole == 1 && !above);
}

static bool is_text(struct str value)
{
    for (uint32_t i = 0; i < value.size; i++)
        if (value.data[i] < ' ' || value.data[i] > '~')
            return false;
    return value.size <= 4096;
}

static bool is_allowed(const struct setting_rule *rule, struct str value)
{
    int64_t number = 0;

    switch (rule->kind) {
    case SETTING_NUMBER:
        return number_parse(value, &number) && number >= rule->min && number <= rule->max;
    case SETTING_BOOL:
        return str_equal(value, STR("true")) || str_equal(value, STR("false"));
    case SETTING_CHOICE:
        return value.size > 0 && is_choice(rule->choices, value);
    case SETTING_CHOICES:
        return are_choices(rule->choices, value);
    case SETTING_RATIO:
        return is_ratio(value);
    case SETTING_TEXT:
        return is_text(value);
    case SETTING_GONE:
        return true;
    }
    return false;
}

/* Long or odd text from a client is cut and cleaned before it is repeated. */
static const char *quoted(struct arena *arena, struct str text)
{
    char *copy = arena_format(arena, "%.*s", (int)(text.size < 100 ? text.size : 100),
                              text.data == NULL ? "" : text.data);
    for (char *c = copy; *c != '\0'; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
    return copy;
}

static struct str refusal(struct arena *arena, const struct setting_rule *rule, struct str value)
{
    const char *text = quoted(arena, value);
    if (rule->kind == SETTING_NUMBER)
        return str_from(arena_format(arena,
                                     "%s is '%s'; it takes a whole number from %lld to %lld.",
                                     rule->name, text, (long long)rule->min, (long long)rule->max));
    if (rule->kind == SETTING_CHOICE || rule->kind == SETTING_CHOICES)
        return str_from(arena_format(arena, "%s is '%s'; it takes %s of %s.", rule->name, text,
                                     rule->kind == SETTING_CHOICE ? "one" : "any", rule->choices));
    if (rule->kind == SETTING_BOOL)
        return str_from(
            arena_format(arena, "%s is '%s'; it takes true or false.", rule->name, text));
    if (rule->kind == SETTING_RATIO)
        return str_from(
            arena_format(arena, "%s is '%s'; it takes a decimal from 0 to 1.", rule->name, text));
    return str_from(arena_format(arena, "%s holds unprintable characters.", rule->name));
}

static const struct record_config *find_config(const struct record_config *configs, uint32_t count,
                                               struct str name)
{
    for (uint32_t i = 0; i < count; i++)
        if (str_equal(configs[i].name, name))
            return &configs[i];
    return NULL;
}

enum err topic_settings_check(struct arena *arena, const struct record_config *configs,
                              uint32_t count, struct record_topic *kept, struct str *message)
{
    if (count > RECORD_CONFIGS_MAX) {
        *message = STR("Too many configs.");
        return ERR_INVALID_CONFIG;
    }
    struct record_config *keep = arena_array(arena, struct record_config, count);
    uint32_t keep_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (configs[i].value.data == NULL)
            continue;
        const struct setting_rule *rule = find_rule(configs[i].name);
        if (rule == NULL) {
            *message = str_from(
                arena_format(arena, "Unknown topic config '%s'.", quoted(arena, configs[i].name)));
            return ERR_INVALID_CONFIG;
        }
        if (!is_allowed(rule, configs[i].value)) {
            *message = refusal(arena, rule, configs[i].value);
            return ERR_INVALID_CONFIG;
        }
        if (find_config(keep, keep_count, configs[i].name) != NULL) {
            *message = str_from(arena_format(arena, "%s is given twice.", rule->name));
            return ERR_INVALID_CONFIG;
        }
        if (rule->kind != SETTING_GONE)
            keep[keep_count++] = configs[i];
    }
    kept->config_count = keep_count;
    kept->configs = keep;
    return ERR_NONE;
}

static int64_t default_min_insync(const struct controller_config *config, int32_t replicas)
{
    if (config->min_insync_default > 0)
        return config->min_insync_default;
    return replicas >= 3 ? 2 : 1;
}

static int64_t number_of(const struct record_topic *topic, struct str name, int64_t fallback)
{
    const struct record_config *config = find_config(topic->configs, topic->config_count, name);
    int64_t number = fallback;
    if (config != NULL)
        number_parse(config->value, &number);
    return number;
}

void topic_settings_apply(const struct controller_config *config, const struct record_topic *topic,
                          struct record_partition *partition)
{
    int32_t replicas = (int32_t)partition->replicas.count;
    int64_t min_insync =
        number_of(topic, STR("min.insync.replicas"), default_min_insync(config, replicas));
    const struct record_config *unclean =
        find_config(topic->configs, topic->config_count, STR("unclean.leader.election.enable"));

    partition->min_insync = min_insync < replicas ? (int32_t)min_insync : replicas;
    partition->flush_each = number_of(topic, STR("flush.messages"), config->flush_messages) == 1;
    partition->unclean_allowed =
        unclean == NULL ? config->unclean_election : str_equal(unclean->value, STR("true"));
}

static struct str broker_default(const struct controller_config *config, int32_t replicas,
                                 struct str name, struct arena *arena)
{
    int64_t number = config->index_interval_size;
    if (str_equal(name, STR("unclean.leader.election.enable")))
        return config->unclean_election ? STR("true") : STR("false");
    if (str_equal(name, STR("flush.messages")))
        number = config->flush_messages;
    else if (str_equal(name, STR("max.message.bytes")))
        number = config->message_size_max;
    else if (str_equal(name, STR("min.insync.replicas")))
        number = default_min_insync(config, replicas);
    else if (str_equal(name, STR("segment.bytes")))
        number = config->segment_size;
    else
        check(str_equal(name, STR("index.interval.bytes")));
    return str_from(arena_format(arena, "%lld", (long long)number));
}

uint32_t topic_settings(const struct controller_config *config, int32_t replicas,
                        const struct record_config *overrides, uint32_t override_count,
                        struct arena *arena, const struct topic_setting **out)
{
    struct topic_setting *settings = arena_array(arena, struct topic_setting, RULE_COUNT);
    uint32_t count = 0;
    for (uint32_t i = 0; i < RULE_COUNT; i++) {
        struct str name = str_from(rules[i].name);
        const struct record_config *override = find_config(overrides, override_count, name);
        const struct record_config *fallback =
            find_config(config->topic_defaults, config->topic_default_count, name);
        if (rules[i].kind == SETTING_GONE)
            continue;
        struct topic_setting *setting = &settings[count++];
        setting->name = name;
        setting->is_default = override == NULL;
        if (override != NULL)
            setting->value = override->value;
        else if (fallback != NULL)
            setting->value = fallback->value;
        else if (rules[i].fallback != NULL)
            setting->value = str_from(rules[i].fallback);
        else
            setting->value = broker_default(config, replicas, name, arena);
    }
    *out = settings;
    return count;
}
