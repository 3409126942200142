/* topic_defaults.c -- see topic_defaults.h. */
#include "topic_defaults.h"

uint32_t topic_defaults(const struct config *config, struct arena *arena,
                        const struct record_config **out)
{
    const struct config_key *key;
    uint32_t count = 0;
    while (config_key_at(CONFIG_OF_TOPIC, count))
        count++;
    struct record_config *defaults = arena_array(arena, struct record_config, count);
    count = 0;
    for (uint32_t i = 0; (key = config_key_at(CONFIG_OF_TOPIC, i)); i++) {
        struct str name = str_from(key->name);
        if (key->reach == CONFIG_GONE || str_equal(name, STR("min.insync.replicas")))
            continue; /* That one depends on how many replicas there are. */
        defaults[count++] = (struct record_config){
            .name = name, .value = str_from(config_topic_text(config, key, 0, arena))};
    }
    *out = defaults;
    return count;
}

static struct record_config setting(const struct config *config, const char *name,
                                    struct arena *arena)
{
    const struct config_key *key = config_key_find(CONFIG_OF_BROKER, str_from(name));
    return (struct record_config){.name = str_from(name),
                                  .value = str_from(config_text(config, key, 0, arena))};
}

uint32_t paired_settings(const struct config *config, struct arena *arena,
                         const struct record_config **out)
{
    const struct config_pair *pair;
    uint32_t count = 0;
    while (config_pair_at(count))
        count++;
    struct record_config *settings = arena_array(arena, struct record_config, (size_t)count * 2);
    count = 0;
    for (uint32_t i = 0; (pair = config_pair_at(i)); i++) {
        settings[count++] = setting(config, pair->lesser, arena);
        settings[count++] = setting(config, pair->greater, arena);
    }
    *out = settings;
    return count;
}
