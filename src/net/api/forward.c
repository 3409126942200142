/* forward.c -- a request for the controller, sent on inside an Envelope.
 *
 * The answer is read and written anew rather than passed on as bytes: correlation
 * id and header are this connection's. While no controller is known the request waits for the next
 * one, for longer than an election takes: not every client asks again.
 *
 * Source  KIP-590. */
#include "api.h"
#include "controller_link.h"
#include "state.h"

enum { CONTROLLER_WAIT_MS = 5000 };

struct forwarding {
    struct request *request;
    struct image_watch watch; /* Until there is a controller. */
    void (*refused)(struct request *request, enum err err);
    void (*answered)(struct request *request, void *response);
};

static enum err answer_read(struct request *request, struct bytes data, void *response)
{
    struct wire_reader reader;
    int32_t correlation_id;
    wire_reader_init(&reader, data);
    enum err result =
        wire_response_header_read(&correlation_id, request->wire, request->version, &reader);
    if (result != ERR_NONE)
        return result;
    /* Strings point into the reply, which goes with this call: keep a copy. */
    uint32_t size = wire_reader_left(&reader);
    struct bytes body = {.data = arena_copy(&request->arena, reader.at, size ? size : 1),
                         .size = size};
    wire_reader_init(&reader, body);
    return walk_read(request->wire->response, request->version, &reader, &request->arena, response);
}

static void forward_done(struct shard *shard, void *context, enum err result,
                         struct client_reply *reply)
{
    struct forwarding *forwarding = context;
    struct request *request = forwarding->request;
    struct arena arena = {0};
    struct envelope_response body;
    (void)shard;
    envelope_response_init(&body);
    void *response = arena_alloc(&request->arena, request->wire->response->body->size);
    if (result == ERR_NONE)
        result = envelope_response_read(&body, reply->version, &reply->reader, &arena);
    if (result == ERR_NONE)
        result = (enum err)body.error_code;
    if (result == ERR_NONE)
        result = answer_read(request, body.response_data, response);
    arena_free(&arena);
    request_recount(request);
    if (result != ERR_NONE)
        forwarding->refused(request, result > ERR_NONE ? result : ERR_REQUEST_TIMED_OUT);
    else if (forwarding->answered)
        forwarding->answered(request, response);
    else
        request_reply(request, response);
}

static bool send_on(struct image_watch *watch, bool late)
{
    struct forwarding *forwarding = watch->context;
    struct shard *shard = watch->shard;
    struct request *request = forwarding->request;
    struct envelope_request body;
    envelope_request_init(&body);
    body.request_data = request->frame.bytes;
    body.client_host_address = bytes_of_str(STR(""));
    enum err result =
        controller_call(shard, WIRE_ENVELOPE, &body, shard->config->request_timeout_ms + 5000,
                        forward_done, forwarding);
    if (result == ERR_UNREACHABLE && !late)
        return false;
    if (result != ERR_NONE)
        forwarding->refused(request, ERR_NOT_CONTROLLER);
    else {
        request_release_frame(request);
        request_recount(request);
    }
    return true;
}

void forward(struct shard *shard, struct request *request,
             void (*refused)(struct request *request, enum err err),
             void (*answered)(struct request *request, void *response))
{
    struct forwarding *forwarding = arena_alloc(&request->arena, sizeof *forwarding);
    *forwarding = (struct forwarding){.request = request, .refused = refused, .answered = answered};
    forwarding->watch.look = send_on;
    forwarding->watch.context = forwarding;
    image_watch_start(shard, &forwarding->watch, shard->now + CONTROLLER_WAIT_MS);
}

struct str forward_refusal(enum err err, bool only_validates)
{
    if (err == ERR_UNCONFIRMED)
        return STR("The controller lost its office before this was confirmed. It may still "
                   "happen.");
    if (err == ERR_NOT_CONTROLLER)
        return STR("No controller is known at the moment: there may be no quorum. Nothing is "
                   "changed.");
    if (err == ERR_REQUEST_TIMED_OUT && only_validates)
        return STR("It was not validated in time. Nothing is changed.");
    if (err == ERR_REQUEST_TIMED_OUT)
        return STR("It was not confirmed in time, and may still happen.");
    return (struct str){0};
}
