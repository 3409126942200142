/* init_producer_id.c -- InitProducerId: an id that nobody else has, from this shard's block
 * (KIP-98, KIP-730).
 *
 * A block is asked of the controller when the last id has gone; who asks meanwhile
 * waits in a bounded line. There are no transactions yet, so a transactional id is refused. */
#include "api.h"
#include "controller_link.h"
#include "state.h"

static void ask_for_block(struct shard *shard);

static void answer(struct request *request, enum err err, int64_t producer_id)
{
    struct init_producer_id_response response;
    init_producer_id_response_init(&response);
    response.error_code = (int16_t)err;
    response.producer_id = producer_id;
    response.producer_epoch = producer_id >= 0 ? 0 : -1;
    request_reply(request, &response);
}

static void answer_waiters(struct shard *shard, enum err err)
{
    struct api_state *api = shard->api;
    while (!list_is_empty(&api->producer_id_waiters)) {
        if (err == ERR_NONE && api->producer_id_next == api->producer_id_end) {
            ask_for_block(shard);
            return;
        }
        struct list *node = list_take_first(&api->producer_id_waiters);
        api->producer_id_waiter_count--;
        struct request *request = list_entry(node, struct request, letter.link);
        answer(request, err, err == ERR_NONE ? api->producer_id_next++ : -1);
    }
}

static void block_done(struct shard *shard, void *context, enum err result,
                       struct client_reply *reply)
{
    struct api_state *api = context;
    struct arena arena = {0};
    struct allocate_producer_ids_response body;
    allocate_producer_ids_response_init(&body);
    api->producer_ids_asked = false;
    if (result == ERR_NONE)
        result = allocate_producer_ids_response_read(&body, reply->version, &reply->reader, &arena);
    if (result == ERR_NONE && body.error_code == ERR_NONE && body.producer_id_count > 0) {
        api->producer_id_next = body.producer_id_start;
        api->producer_id_end = body.producer_id_start + body.producer_id_count;
        answer_waiters(shard, ERR_NONE);
    } else {
        answer_waiters(shard, ERR_COORDINATOR_LOAD_IN_PROGRESS); /* The client asks again. */
    }
    arena_free(&arena);
}

static void ask_for_block(struct shard *shard)
{
    struct api_state *api = shard->api;
    struct allocate_producer_ids_request body;
    if (api->producer_ids_asked)
        return;
    allocate_producer_ids_request_init(&body);
    body.broker_id = shard->config->node_id;
    body.broker_epoch = shard->broker_epoch;
    api->producer_ids_asked = true;
    if (controller_call(shard, WIRE_ALLOCATE_PRODUCER_IDS, &body, shard->config->request_timeout_ms,
                        block_done, api) == ERR_NONE)
        return;
    api->producer_ids_asked = false;
    answer_waiters(shard, ERR_COORDINATOR_LOAD_IN_PROGRESS);
}

void api_init_producer_id(struct shard *shard, struct request *request)
{
    struct api_state *api = shard->api;
    struct init_producer_id_request body;
    if (!request_read(request, &body))
        return;
    if (body.transactional_id.data) {
        answer(request, ERR_INVALID_REQUEST, -1);
        return;
    }
    if (api->producer_id_next < api->producer_id_end) {
        answer(request, ERR_NONE, api->producer_id_next++);
        return;
    }
    if (api->producer_id_waiter_count == PRODUCER_ID_WAITERS_MAX) {
        answer(request, ERR_COORDINATOR_LOAD_IN_PROGRESS, -1);
        return;
    }
    request_release_frame(request);
    list_init(&request->letter.link);
    list_append(&api->producer_id_waiters, &request->letter.link);
    api->producer_id_waiter_count++;
    ask_for_block(shard);
}
