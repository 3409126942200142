/* describe_cluster.c -- DescribeCluster: id, brokers, and whom to ask (KIP-700).
 *
 * Each node is a broker and a controller. Clients reach it as the first, and as the
 * second on the internal listener, where admin tools ask with --bootstrap-controller (KIP-919). */
#include "api.h"
#include "brokers.h"

enum { ENDPOINT_BROKERS = 1, ENDPOINT_CONTROLLERS = 2 };

static enum err endpoint_type_error(const struct request *request, int8_t type)
{
    if (type != ENDPOINT_BROKERS && type != ENDPOINT_CONTROLLERS)
        return ERR_UNSUPPORTED_ENDPOINT_TYPE;
    return type == ENDPOINT_CONTROLLERS && !request->internal ? ERR_MISMATCHED_ENDPOINT_TYPE
                                                              : ERR_NONE;
}

void api_describe_cluster(struct shard *shard, struct request *request)
{
    struct describe_cluster_request body;
    struct describe_cluster_response response;
    char cluster[UUID_TEXT_SIZE];
    if (!request_read(request, &body))
        return;
    describe_cluster_response_init(&response);
    response.endpoint_type = body.endpoint_type;
    uuid_format(shard->image->cluster_id, cluster);
    response.cluster_id = str_from(cluster);
    response.controller_id = any_active_broker(shard);
    response.error_code = (int16_t)endpoint_type_error(request, body.endpoint_type);
    if (response.error_code != ERR_NONE) {
        response.error_message =
            STR("this listener tells of brokers; of controllers, the internal one");
        request_reply(request, &response);
        return;
    }
    if (body.include_cluster_authorized_operations)
        response.cluster_authorized_operations = CLUSTER_OPERATIONS;
    response.brokers =
        describe_cluster_response_broker_new(&request->arena, shard->image->broker_count);
    for (const struct image_broker *broker = image_broker_after(shard->image, -1); broker;
         broker = image_broker_after(shard->image, broker->id)) {
        const struct record_endpoint *endpoint = request_endpoint(request, broker);
        if (!endpoint || (broker->fenced && !body.include_fenced_brokers))
            continue;
        struct describe_cluster_response_broker *out = &response.brokers[response.brokers_count++];
        out->broker_id = broker->id;
        out->host = endpoint->host;
        out->port = endpoint->port;
        out->rack = broker->rack;
        out->is_fenced = broker->fenced;
    }
    request_reply(request, &response);
}
