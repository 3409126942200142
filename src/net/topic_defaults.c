/* topic_defaults.c -- what topics are like that say nothing themselves, by the broker's
 * settings. */
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
