/* live_settings.c -- see live_settings.h.
 *
 * Who needs a setting reads it from shard->config when he needs it, so that this is all that an
 * alteration takes; only partitions keep what they made of theirs. */
#include "live_settings.h"

#include <stdio.h>

#include "partitions.h"

const struct image_configs *live_settings_own(const struct shard *shard)
{
    char id[16];
    snprintf(id, sizeof id, "%d", (int)shard->config->node_id);
    return image_configs(shard->image, CONFIG_OF_BROKER, str_from(id));
}

/* A record may come from a newer node, or from an older one that knew other limits: what this one
 * does not take, it leaves. */
static void take(struct shard *shard, const struct image_configs *configs)
{
    for (uint32_t i = 0; configs && i < configs->config_count; i++)
        if (!config_set(shard->altered, configs->configs[i].name, configs->configs[i].value))
            trace_warn(shard->env->trace, "config %.*s is not taken by this node",
                       (int)configs->configs[i].name.size, configs->configs[i].name.data);
}

void live_settings_take(struct shard *shard)
{
    if (!shard->altered)
        shard->altered = mem_alloc(sizeof *shard->altered);
    *shard->altered = *shard->started_with;
    take(shard, image_configs(shard->image, CONFIG_OF_BROKER, STR("")));
    take(shard, live_settings_own(shard));
    shard->config = shard->altered;
    partitions_reconfigure(shard->partitions);
}
