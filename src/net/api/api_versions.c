/* api_versions.c -- ApiVersions: what is there, and nothing that is not (KIP-511).
 *
 * A version that we do not know is answered in the shape of version 0, error 35 and
 * the range of this API alone, so that the client can ask again. */
#include "api.h"

#include <ctype.h>

static bool name_is_ok(struct str name)
{
    for (uint32_t i = 0; i < name.size; i++) {
        bool inner = i > 0 && i + 1 < name.size;
        if (!isalnum((unsigned char)name.data[i]) &&
            !(inner && (name.data[i] == '-' || name.data[i] == '.')))
            return false;
    }
    return name.size > 0;
}

static void put_range(struct api_versions_response_api_key *out, const struct wire_api *wire)
{
    out->api_key = wire->key;
    out->min_version = wire->min;
    out->max_version = wire->max;
}

static void answer_strange(struct request *request)
{
    struct api_versions_response response;
    api_versions_response_init(&response);
    response.error_code = ERR_UNSUPPORTED_VERSION;
    response.api_keys_count = 1;
    response.api_keys = api_versions_response_api_key_new(&request->arena, 1);
    put_range(&response.api_keys[0], request->wire);
    request->version = 0;
    request_reply(request, &response);
}

/* A client that learnt of this address from another cluster, or as another node's, starts over
 * (KIP-1242). */
static bool is_meant_for(const struct shard *shard, const struct api_versions_request *body)
{
    char cluster[UUID_TEXT_SIZE];
    uuid_format(shard->image->cluster_id, cluster);
    if (body->cluster_id.data && !str_equal(body->cluster_id, str_from(cluster)))
        return false;
    return body->node_id < 0 || body->node_id == shard->config->node_id;
}

void api_api_versions(struct shard *shard, struct request *request)
{
    struct api_versions_request body;
    struct api_versions_response response;
    if (request->version < 0 || request->version > request->wire->max) {
        answer_strange(request);
        return;
    }
    if (!request_read(request, &body))
        return;
    api_versions_response_init(&response);
    if (request->version >= 3 &&
        (!name_is_ok(body.client_software_name) || !name_is_ok(body.client_software_version))) {
        response.error_code = ERR_INVALID_REQUEST;
        request_reply(request, &response);
        return;
    }
    if (!is_meant_for(shard, &body)) {
        response.error_code = ERR_REBOOTSTRAP_REQUIRED;
        request_reply(request, &response);
        return;
    }
    response.api_keys = api_versions_response_api_key_new(&request->arena, api_count());
    for (uint32_t i = 0; i < api_count(); i++) {
        const struct api *api = api_at(i);
        if (request->internal ? api->internal : api->client)
            put_range(&response.api_keys[response.api_keys_count++], wire_api_find(api->key));
    }
    response.finalized_features_epoch = shard->image->offset;
    request_reply(request, &response);
}
