/* describe_cluster.c -- DescribeCluster: id, brokers, and whom to ask (KIP-700). */
#include "api.h"
#include "brokers.h"

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
    if (body.endpoint_type != 1) {
        response.error_code = ERR_UNSUPPORTED_ENDPOINT_TYPE;
        response.error_message = STR("only brokers are described here");
        request_reply(request, &response);
        return;
    }
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
