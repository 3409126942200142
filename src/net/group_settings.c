/* group_settings.c -- see group_settings.h. */
#include "group_settings.h"

#include "node.h"

static int32_t number_of(const struct image_configs *configs, const char *name, int32_t fallback)
{
    return (int32_t)image_configs_number(configs, str_from(name), fallback);
}

static void apply(const void *context, struct str group_id, struct consumer_config *config)
{
    const struct image *image = ((const struct shard *)context)->image;
    const struct image_configs *own = image_configs(image, CONFIG_OF_GROUP, group_id);
    if (!own)
        return;
    config->session_timeout_ms =
        number_of(own, "consumer.session.timeout.ms", config->session_timeout_ms);
    config->heartbeat_interval_ms =
        number_of(own, "consumer.heartbeat.interval.ms", config->heartbeat_interval_ms);
    config->assignment_interval_ms =
        number_of(own, "consumer.assignment.interval.ms", config->assignment_interval_ms);
}

struct group_settings group_settings_of(const struct shard *shard)
{
    return (struct group_settings){.context = shard, .apply = apply};
}
