/* endpoints.c -- names of topics and nodes as clients know them.
 *
 * Source  KIP-516 (topic ids), KIP-951 (leader hints with endpoints). */
#include "endpoints.h"

struct str request_listener_name(const struct request *request)
{
    return str_from(request->shard->config->listeners[request->listener].name);
}

const struct record_endpoint *request_endpoint(const struct request *request,
                                               const struct image_broker *broker)
{
    return broker ? image_endpoint(broker, request_listener_name(request)) : NULL;
}

const struct record_endpoint *hint_endpoint(struct shard *shard, const struct request *request,
                                            node_id leader)
{
    const struct image_broker *broker = leader >= 0 ? image_broker(shard->image, leader) : NULL;
    return request_endpoint(request, broker);
}

bool hint_is_named(const void *endpoints, size_t size, uint32_t count, node_id node)
{
    for (uint32_t i = 0; i < count; i++) {
        int32_t named;
        memcpy(&named, (const uint8_t *)endpoints + i * size, sizeof named);
        if (named == node)
            return true;
    }
    return false;
}

bool topic_is_internal(struct str name)
{
    return str_equal(name, STR("__consumer_offsets")) ||
           str_equal(name, STR("__transaction_state")) ||
           str_equal(name, STR("__cluster_metadata"));
}

enum err find_partition(const struct image *image, struct str name, struct uuid id,
                        partition_id index, struct partition_key *out)
{
    bool by_id = !uuid_is_zero(id);
    const struct image_topic *topic =
        by_id ? image_topic_by_id(image, id) : image_topic_by_name(image, name);
    if (!topic)
        return by_id ? ERR_UNKNOWN_TOPIC_ID : ERR_UNKNOWN_TOPIC_OR_PARTITION;
    if (!image_partition(image, topic->id, index))
        return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    *out = (struct partition_key){.topic_id = topic->id, .index = index};
    return ERR_NONE;
}
