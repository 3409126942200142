/* list_config_resources.c -- ListConfigResources: of what there are configs (KIP-714, 1142).
 *
 * Brokers and their loggers are those that serve; groups only those of which something was altered;
 * metrics of clients, the one thing that version 0 asks about, there are none. A type that nobody
 * knows is an error of the whole, and one that is named often counts once. */
#include "api.h"

enum { CONFIG_OF_METRICS = 16 };

static enum err check_types(const struct list_config_resources_request *body)
{
    for (uint32_t i = 0; i < body->resource_types_count; i++)
        switch (body->resource_types[i]) {
        case CONFIG_OF_TOPIC:
        case CONFIG_OF_BROKER:
        case CONFIG_OF_LOGGER:
        case CONFIG_OF_METRICS:
        case CONFIG_OF_GROUP:
            break;
        default:
            return ERR_UNSUPPORTED_VERSION;
        }
    return ERR_NONE;
}

static bool is_wanted(const struct list_config_resources_request *body, int8_t type)
{
    for (uint32_t i = 0; i < body->resource_types_count; i++)
        if (body->resource_types[i] == type)
            return true;
    return body->resource_types_count == 0;
}

static void put(struct list_config_resources_response *response, int8_t type, struct str name)
{
    struct list_config_resources_response_resource *out =
        &response->resources[response->resources_count++];
    out->type = type;
    out->name = name;
}

static void put_groups(const struct image *image, struct list_config_resources_response *response)
{
    for (const struct image_configs *configs = image_configs_after(image, NULL); configs;
         configs = image_configs_after(image, configs))
        if (configs->resource == CONFIG_OF_GROUP)
            put(response, CONFIG_OF_GROUP, configs->name);
}

static void put_brokers(struct request *request, int8_t type,
                        struct list_config_resources_response *response)
{
    const struct image *image = request->shard->image;
    for (const struct image_broker *broker = image_broker_after(image, -1); broker;
         broker = image_broker_after(image, broker->id))
        if (!broker->fenced && request_endpoint(request, broker))
            put(response, type, str_from(arena_format(&request->arena, "%d", (int)broker->id)));
}

static void put_topics(const struct image *image, struct list_config_resources_response *response)
{
    for (const struct image_topic *topic = image_topic_after(image, NULL); topic;
         topic = image_topic_after(image, topic))
        put(response, CONFIG_OF_TOPIC, topic->name);
}

static uint32_t room_for(const struct image *image)
{
    uint32_t room = image->topic_count + 2 * image->broker_count;
    for (const struct image_configs *configs = image_configs_after(image, NULL); configs;
         configs = image_configs_after(image, configs))
        room++;
    return room;
}

static void put_all(struct request *request, const struct list_config_resources_request *body,
                    struct list_config_resources_response *response)
{
    const struct image *image = request->shard->image;
    response->resources =
        list_config_resources_response_resource_new(&request->arena, room_for(image));
    if (is_wanted(body, CONFIG_OF_GROUP))
        put_groups(image, response);
    if (is_wanted(body, CONFIG_OF_LOGGER))
        put_brokers(request, CONFIG_OF_LOGGER, response);
    if (is_wanted(body, CONFIG_OF_BROKER))
        put_brokers(request, CONFIG_OF_BROKER, response);
    if (is_wanted(body, CONFIG_OF_TOPIC))
        put_topics(image, response);
}

void api_list_config_resources(struct shard *shard, struct request *request)
{
    struct list_config_resources_request body;
    struct list_config_resources_response response;
    (void)shard;
    if (!request_read(request, &body))
        return;
    list_config_resources_response_init(&response);
    response.error_code = (int16_t)err_on_wire(check_types(&body));
    if (response.error_code == ERR_NONE && request->version > 0)
        put_all(request, &body, &response);
    request_reply(request, &response);
}
