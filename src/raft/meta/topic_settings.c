/* topic_settings.c -- what a topic may say of itself, and what counts where it says nothing.
 *
 * Which configs there are and what they take stands in config_key.h. An override counts before what
 * was altered for all brokers, and that before the settings that this node started with. */
#include "controller_state.h"

#include "number.h"

/* Long or odd text from a client is cut and cleaned before it is repeated. */
const char *setting_quoted(struct arena *arena, struct str text)
{
    char *copy = arena_format(arena, "%.*s", (int)(text.size < 100 ? text.size : 100),
                              text.data == NULL ? "" : text.data);
    for (char *c = copy; *c != '\0'; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
    return copy;
}

struct str setting_unknown(struct arena *arena, const char *kind, struct str name)
{
    return str_from(
        arena_format(arena, "Unknown %s config '%s'.", kind, setting_quoted(arena, name)));
}

const struct record_config *find_config(const struct record_config *configs, uint32_t count,
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
        const struct config_key *key = config_key_find(CONFIG_OF_TOPIC, configs[i].name);
        struct str value;
        if (key == NULL) {
            *message = setting_unknown(arena, "topic", configs[i].name);
            return ERR_INVALID_CONFIG;
        }
        if (configs[i].value.data == NULL) {
            *message = str_from(arena_format(arena, "%s: the value is null.", key->name));
            return ERR_INVALID_CONFIG;
        }
        if (config_key_check(key, configs[i].value, arena, &value, message) != ERR_NONE)
            return ERR_INVALID_CONFIG;
        if (find_config(keep, keep_count, configs[i].name) != NULL) {
            *message = str_from(arena_format(arena, "%s is given twice.", key->name));
            return ERR_INVALID_CONFIG;
        }
        if (key->reach != CONFIG_GONE)
            keep[keep_count++] =
                (struct record_config){.name = str_from(key->name), .value = value};
    }
    kept->config_count = keep_count;
    kept->configs = keep;
    return ERR_NONE;
}

/* Altered for all brokers, under any of the names that it has there; null: it was not. */
static struct str altered_default(const struct image *image, const struct config_key *key)
{
    struct str rest = str_from(key->synonyms), name, value = {0};
    while (value.data == NULL && config_next_word(&rest, &name))
        value = image_broker_config(image, name);
    return value;
}

static int64_t default_min_insync(const struct controller_config *config, int32_t replicas)
{
    if (config->min_insync_default > 0)
        return config->min_insync_default;
    return replicas >= 3 ? 2 : 1;
}

struct str topic_setting_default(const struct controller_config *config, const struct image *image,
                                 const struct config_key *key, int32_t replicas,
                                 struct arena *arena)
{
    struct str altered = altered_default(image, key), name = str_from(key->name);
    if (altered.data != NULL)
        return altered;
    if (str_equal(name, STR("min.insync.replicas")))
        return str_from(
            arena_format(arena, "%lld", (long long)default_min_insync(config, replicas)));
    const struct record_config *fallback =
        find_config(config->topic_defaults, config->topic_default_count, name);
    return fallback != NULL ? fallback->value : str_from(key->fallback);
}

static struct str value_of(const struct decision *decision, const struct record_topic *topic,
                           struct str name, int32_t replicas)
{
    const struct record_config *own = find_config(topic->configs, topic->config_count, name);
    if (own != NULL)
        return own->value;
    return topic_setting_default(&decision->controller->config, decision->image,
                                 config_key_find(CONFIG_OF_TOPIC, name), replicas, decision->arena);
}

static int64_t number_of(const struct decision *decision, const struct record_topic *topic,
                         struct str name, int64_t fallback)
{
    int64_t number = fallback;
    number_parse(value_of(decision, topic, name, 1), &number);
    return number;
}

enum err topic_settings_agree(const struct decision *decision, const struct record_topic *topic,
                              struct str *message)
{
    int64_t min = number_of(decision, topic, STR("min.compaction.lag.ms"), 0);
    int64_t max = number_of(decision, topic, STR("max.compaction.lag.ms"), INT64_MAX);
    if (min <= max)
        return ERR_NONE;
    return refuse_with(message, ERR_INVALID_CONFIG,
                       str_from(arena_format(decision->arena,
                                             "min.compaction.lag.ms=%lld is above "
                                             "max.compaction.lag.ms=%lld.",
                                             (long long)min, (long long)max)));
}

void topic_settings_apply(const struct decision *decision, const struct record_topic *topic,
                          struct record_partition *partition)
{
    int32_t replicas = (int32_t)partition->replicas.count;
    int64_t min_insync = 1, flush_messages = 0;

    number_parse(value_of(decision, topic, STR("min.insync.replicas"), replicas), &min_insync);
    number_parse(value_of(decision, topic, STR("flush.messages"), replicas), &flush_messages);
    partition->min_insync = min_insync < replicas ? (int32_t)min_insync : replicas;
    partition->flush_each = flush_messages == 1;
    partition->unclean_allowed = str_equal(
        value_of(decision, topic, STR("unclean.leader.election.enable"), replicas), STR("true"));
}
