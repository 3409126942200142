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
