/* find_coordinator.c -- FindCoordinator: which node leads the partition that a group belongs to.
 *
 * Any node answers, from its image. The first one to be asked has __consumer_offsets made. The
 * answer waits a moment for that, and for the replacement of a leader that died, so that clients
 * need not poll through errors; then it is COORDINATOR_NOT_AVAILABLE.
 *
 * Source  KIP-98, KIP-699 (several keys), KIP-932 (share groups). */
#include "create_missing.h"
#include "groups.h"
#include "state.h"

enum { KEY_GROUP, KEY_TRANSACTION, KEY_SHARE };
enum { SEVERAL_SINCE = 4, HOLD_MS = 1000 };

struct finding {
    struct request *request;
    int8_t key_type;
    uint32_t key_count;
    struct str *keys;
    struct image_watch watch;
};

/* Where one key leads. */
struct found {
    enum err err;
    struct str message;
    node_id node;
    const struct record_endpoint *endpoint;
};

static struct found refusal(enum err err, struct str message)
{
    return (struct found){.err = err, .message = message, .node = -1};
}

static struct found find(const struct finding *finding, struct str key)
{
    const struct image *image = finding->request->shard->image;
    struct partition_key partition;
    if (finding->key_type == KEY_TRANSACTION)
        return refusal(ERR_INVALID_REQUEST, STR("Transactions are not there yet."));
    if (finding->key_type == KEY_SHARE)
        return refusal(ERR_INVALID_REQUEST, STR("Share groups are not there yet."));
    if (finding->key_type != KEY_GROUP)
        return refusal(ERR_INVALID_REQUEST, STR("The type of the key is not known."));
    enum err err = group_partition(image, key, &partition);
    if (err != ERR_NONE)
        return refusal(ERR_COORDINATOR_NOT_AVAILABLE, STR("__consumer_offsets is being made."));
    const struct image_partition *known =
        image_partition(image, partition.topic_id, partition.index);
    const struct image_broker *broker =
        known && known->leader >= 0 ? image_broker(image, known->leader) : NULL;
    const struct record_endpoint *endpoint =
        broker && !broker->fenced ? request_endpoint(finding->request, broker) : NULL;
    if (!endpoint)
        return refusal(ERR_COORDINATOR_NOT_AVAILABLE,
                       STR("The partition that holds the group has no leader."));
    return (struct found){.node = known->leader, .endpoint = endpoint};
}

static void answer_one(const struct finding *finding)
{
    struct find_coordinator_response response;
    struct found found = find(finding, finding->keys[0]);
    find_coordinator_response_init(&response);
    response.error_code = (int16_t)found.err;
    response.error_message = found.message;
    response.node_id = found.node;
    response.port = -1;
    if (found.endpoint) {
        response.host = found.endpoint->host;
        response.port = found.endpoint->port;
    }
    request_reply(finding->request, &response);
}

static void answer_several(const struct finding *finding)
{
    struct find_coordinator_response response;
    find_coordinator_response_init(&response);
    response.coordinators_count = finding->key_count;
    response.coordinators =
        find_coordinator_response_coordinator_new(&finding->request->arena, finding->key_count);
    for (uint32_t i = 0; i < finding->key_count; i++) {
        struct find_coordinator_response_coordinator *out = &response.coordinators[i];
        struct found found = find(finding, finding->keys[i]);
        out->key = finding->keys[i];
        out->error_code = (int16_t)found.err;
        out->error_message = found.message;
        out->node_id = found.node;
        out->port = -1;
        if (found.endpoint) {
            out->host = found.endpoint->host;
            out->port = found.endpoint->port;
        }
    }
    request_reply(finding->request, &response);
}

static void answer(const struct finding *finding)
{
    if (finding->request->version < SEVERAL_SINCE)
        answer_one(finding);
    else
        answer_several(finding);
}

/* Better to be told in a moment. */
static bool is_early(struct shard *shard, const struct finding *finding)
{
    if (finding->key_type != KEY_GROUP)
        return false;
    if (!image_topic_by_name(shard->image, STR("__consumer_offsets")))
        return !create_missing_failed(shard, STR("__consumer_offsets"));
    if (suspects_any(shard))
        return true;
    for (uint32_t i = 0; i < finding->key_count; i++)
        if (find(finding, finding->keys[i]).err == ERR_COORDINATOR_NOT_AVAILABLE)
            return true;
    return false;
}

static bool look(struct image_watch *watch, bool late)
{
    const struct finding *finding = watch->context;
    if (!late && is_early(watch->shard, finding))
        return false;
    answer(finding);
    return true;
}

static void take_keys(struct finding *finding, const struct find_coordinator_request *body)
{
    struct arena *arena = &finding->request->arena;
    bool is_single = finding->request->version < SEVERAL_SINCE;
    finding->key_type = body->key_type;
    finding->key_count = is_single ? 1 : body->coordinator_keys_count;
    finding->keys = arena_array(arena, struct str, finding->key_count);
    for (uint32_t i = 0; i < finding->key_count; i++)
        finding->keys[i] = arena_str(arena, is_single ? body->key : body->coordinator_keys[i]);
}

void api_find_coordinator(struct shard *shard, struct request *request)
{
    struct finding *finding = arena_alloc(&request->arena, sizeof *finding);
    struct find_coordinator_request body;
    if (!request_read(request, &body))
        return;
    if (body.coordinator_keys_count > GROUPS_ASKED_MAX) {
        request_close(request);
        return;
    }
    finding->request = request;
    take_keys(finding, &body);
    request_release_frame(request);
    if (finding->key_type == KEY_GROUP &&
        !image_topic_by_name(shard->image, STR("__consumer_offsets")))
        create_missing(shard, STR("__consumer_offsets"));
    finding->watch.look = look;
    finding->watch.context = finding;
    image_watch_start(shard, &finding->watch, shard->now + HOLD_MS);
}
