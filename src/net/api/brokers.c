/* brokers.c -- whom admin clients are sent to. */
#include "brokers.h"

node_id any_active_broker(const struct shard *shard)
{
    if (image_broker_is_active(shard->image, shard->config->node_id))
        return shard->config->node_id;
    for (const struct image_broker *broker = image_broker_after(shard->image, -1); broker;
         broker = image_broker_after(shard->image, broker->id))
        if (image_broker_is_active(shard->image, broker->id))
            return broker->id;
    return -1;
}

uint32_t put_nodes(struct arena *arena, const struct node_list *list, int32_t **out)
{
    *out = arena_array(arena, int32_t, list->count + 1);
    for (uint32_t i = 0; i < list->count; i++)
        (*out)[i] = list->ids[i];
    return list->count;
}

uint32_t put_offline_nodes(struct shard *shard, struct arena *arena, const struct node_list *list,
                           int32_t **out)
{
    uint32_t count = 0;
    *out = arena_array(arena, int32_t, list->count + 1);
    for (uint32_t i = 0; i < list->count; i++) {
        const struct image_broker *broker = image_broker(shard->image, list->ids[i]);
        if (!broker || broker->fenced)
            (*out)[count++] = list->ids[i];
    }
    return count;
}
