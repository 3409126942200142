/* request.c -- a frame becomes a request, finds its handler and its shard, and ends in a reply. */
#include "request.h"

#include "budget.h"
#include "node.h"

static bool request_allowed(const struct request *request)
{
    const struct api *api = request->api;
    if (!api)
        return false;
    return request->internal ? api->internal : api->client;
}

static void request_arrive(struct shard *shard, struct letter *letter)
{
    struct request *request = (struct request *)letter;
    request->shard = shard;
    request->api->handle(shard, request);
}

/* Of its answer; 0: small whatever it asks. */
static uint64_t size_expected(const struct request *request)
{
    if (request->api->tells_much)
        return UINT64_MAX;
    return request->api->tells_each ? request->frame.bytes.size : 0;
}

static void request_dispatch(struct shard *shard, struct request *request)
{
    if (!request_has_room(request, size_expected(request)))
        request_wait(request);
    else if (request->api->home == API_QUORUM_SHARD && shard->index != 0)
        mailbox_send(shard, 0, &request->letter, request_arrive);
    else
        request->api->handle(shard, request);
}

/* ApiVersions of an unknown version is answered as version 0, error 35 (KIP-511). */
static bool request_is_strange_api_versions(const struct wire_api *wire,
                                            const struct wire_request_header *header)
{
    return wire && header->api_key == WIRE_API_VERSIONS &&
           (header->api_version < 0 || header->api_version > wire->max);
}

static void request_take_header(struct request *request, const struct wire_request_header *header)
{
    request->api = api_find(header->api_key);
    request->version = header->api_version;
    request->correlation_id = header->correlation_id;
    request->client_id = utf8_mend(&request->arena, header->client_id);
}

static bool request_parse(struct request *request, const struct conn *conn)
{
    struct wire_request_header header;
    wire_reader_init(&request->reader, request->frame.bytes);
    enum err result = wire_request_header_read(&header, &request->wire, &request->reader);
    if (result != ERR_NONE && !(result == ERR_UNSUPPORTED_VERSION &&
                                request_is_strange_api_versions(request->wire, &header)))
        return false;
    request_take_header(request, &header);
    request->listener = conn->listener;
    request->internal = conn->internal;
    return request_allowed(request);
}

enum { HEAD_SIZE = (sizeof(struct request) + 15) / 16 * 16 };

static struct request *request_new(struct shard *shard)
{
    struct request *request = spare_take(&shard->requests);
    request->shard = shard;
    arena_start(&request->arena, (uint8_t *)request + HEAD_SIZE, REQUEST_BLOCK_SIZE - HEAD_SIZE);
    return request;
}

static void request_free(struct request *request)
{
    request_release_frame(request);
    arena_free(&request->arena);
    spare_give(&request->shard->requests, request);
}

bool request_begin(struct shard *shard, struct conn *conn, struct slice frame)
{
    struct request *request = request_new(shard);
    request->origin = shard->index;
    request->conn = conn->id;
    request->frame = frame;
    request->held = frame.bytes.size;
    budget_take(shard, request->held);
    if (!request_parse(request, conn)) {
        trace_debug(shard->env->trace,
                    "connection %d: malformed header, unknown API or version; closed", conn->id);
        budget_release(shard, request->held);
        request_free(request);
        return false;
    }
    request->place = conn_take_place(shard, conn, request_kind(request));
    request_dispatch(shard, request);
    return true;
}

bool request_begin_inside(struct request *envelope, struct bytes frame)
{
    struct request *request = request_new(envelope->shard);
    struct wire_request_header header;
    request->origin = envelope->origin;
    request->envelope = envelope;
    request->listener = envelope->listener;
    wire_reader_init(&request->reader, frame);
    if (wire_request_header_read(&header, &request->wire, &request->reader) != ERR_NONE) {
        request_free(request);
        return false;
    }
    request_take_header(request, &header);
    if (!request->api || !request->api->forwarded) {
        request_free(request);
        return false;
    }
    request_dispatch(request->shard, request);
    return true;
}

void request_forget(struct request *request)
{
    struct bytes frame = request->frame.bytes;
    struct buf *copy = buf_copy(frame.data, frame.size);
    buf_unref(request->frame.buf);
    request->frame = (struct slice){.buf = copy, .bytes = {.data = copy->data, .size = frame.size}};
    arena_free(&request->arena);
    budget_take(request->shard, frame.size);
    budget_release(request->shard, request->held);
    request->held = frame.size;
    request->client_id = (struct str){0}; /* It stood in the frame, and is read again. */
}

void request_begin_again(struct request *request)
{
    struct wire_request_header header;
    uint8_t *block = (uint8_t *)request;
    memset(block + HEAD_SIZE, 0, REQUEST_BLOCK_SIZE - HEAD_SIZE);
    arena_start(&request->arena, block + HEAD_SIZE, REQUEST_BLOCK_SIZE - HEAD_SIZE);
    request->context = NULL;
    wire_reader_init(&request->reader, request->frame.bytes);
    check(wire_request_header_read(&header, &request->wire, &request->reader) == ERR_NONE);
    request_take_header(request, &header);
    request_dispatch(request->shard, request);
}

void request_release_frame(struct request *request)
{
    if (!request->frame.buf)
        return;
    request->client_id = arena_str(&request->arena, request->client_id);
    buf_unref(request->frame.buf);
    request->frame = (struct slice){0};
    request->reader = (struct wire_reader){0};
}

void request_recount(struct request *request)
{
    uint64_t held = request->arena.total + request->frame.bytes.size;
    if (request->envelope || request->origin != request->shard->index)
        return;
    budget_take(request->shard, held);
    budget_release(request->shard, request->held);
    request->held = held;
}

bool request_read(struct request *request, void *body)
{
    const struct walk_message *message = request->wire->request;
    if (request->reader.memory_left > REQUEST_ARRAYS_MAX)
        request->reader.memory_left = REQUEST_ARRAYS_MAX;
    walk_init(message->body, body);
    enum err result = walk_read(message, request->version, &request->reader, &request->arena, body);
    if (result == ERR_NONE) {
        if (request->api->tells_much || request->api->tells_each)
            request_recount(request);
        return true;
    }
    trace_debug(request->shard->env->trace, "%s v%d: malformed body; connection closed",
                request->wire->name, request->version);
    request_close(request);
    return false;
}

static void request_leave(struct shard *shard, struct letter *letter)
{
    struct request *request = (struct request *)letter;
    request->shard = shard;
    budget_release(shard, request->held);
    conn_answer(shard, request->conn, request->place, &request->reply);
    request_free(request);
}

static void request_leave_inside(struct request *request)
{
    struct request *envelope = request->envelope;
    struct envelope_response response;
    envelope_response_init(&response);
    if (request->reply.frame.head)
        response.response_data =
            (struct bytes){.data = request->reply.frame.head->data + WIRE_SIZE_PREFIX,
                           .size = request->reply.frame.head->size - WIRE_SIZE_PREFIX};
    else
        response.error_code = ERR_INVALID_REQUEST;
    request_reply(envelope, &response);
    reply_free(request->shard, &request->reply);
    request_free(request);
}

static void request_end(struct request *request)
{
    if (request->envelope)
        request_leave_inside(request);
    else if (request->origin == request->shard->index)
        request_leave(request->shard, &request->letter);
    else
        mailbox_send(request->shard, request->origin, &request->letter, request_leave);
}

void request_reply(struct request *request, const void *response)
{
    if (wire_response_frame(&request->reply.frame, request->wire->key, request->version,
                            request->correlation_id, response) != ERR_NONE)
        request->reply.close = true;
    request_end(request);
}

void request_close(struct request *request)
{
    request->reply.close = true;
    request_end(request);
}

void request_drop(struct request *request)
{
    request_end(request);
}
