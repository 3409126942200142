/* fuzz_wire.c -- any bytes, as any request or response of any version.
 *
 * The first byte chooses one of all APIs, the second one of its versions, the third whether
 * the rest is a request's body, a response's, or a whole frame with its header. What reads must
 * write; what was written must read as the same values, and write as the same bytes; and
 * nothing may take more memory than the budget of its frame. */
#include "bodies.h"
#include "wire.h"

enum { BLOCKS_SPARE = 64 * 1024 }; /* What an arena takes beyond what it was asked for. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum err read_body(const struct walk_message *message, int16_t version, struct bytes bytes,
                          struct arena *arena, void **out)
{
    struct wire_reader reader;
    wire_reader_init(&reader, bytes);
    *out = arena_alloc(arena, message->body->size);
    size_t before = arena->total;
    enum err err = walk_read(message, version, &reader, arena, *out);
    check(arena->total - before <= BLOCKS_SPARE + 2 * (uint64_t)WALK_MEMORY_FACTOR * bytes.size);
    return err;
}

/* False: it is not one. */
static bool fuzz_body(const struct walk_message *message, int16_t version, struct bytes bytes)
{
    struct arena arena = {0};
    void *body, *again;
    bool is_body = read_body(message, version, bytes, &arena, &body) == ERR_NONE;
    if (is_body) {
        struct bytes first = body_bytes(message, version, body, &arena);
        check(read_body(message, version, first, &arena, &again) == ERR_NONE);
        check(body_equal(message->body, version, body, again));
        check(bytes_equal(body_bytes(message, version, again, &arena), first));
    }
    arena_free(&arena);
    return is_body;
}

/* A request as it would be sent on, for one that was read. */
static void check_frame(const struct wire_api *api, const struct wire_request_header *header,
                        struct bytes bytes)
{
    struct arena arena = {0};
    struct wire_frame frame;
    struct wire_reader reader;
    struct wire_request_header again;
    const struct wire_api *found;
    void *body, *copy;

    check(read_body(api->request, header->api_version, bytes, &arena, &body) == ERR_NONE);
    check(wire_request_frame(&frame, header, body) == ERR_NONE);
    check(load_be32(frame.head->data) == frame.head->size - WIRE_SIZE_PREFIX);
    wire_reader_init(&reader, (struct bytes){.data = frame.head->data + WIRE_SIZE_PREFIX,
                                             .size = frame.head->size - WIRE_SIZE_PREFIX});
    check(wire_request_header_read(&again, &found, &reader) == ERR_NONE);
    check(found == api);
    check(again.api_version == header->api_version);
    check(again.correlation_id == header->correlation_id);
    check(str_equal(again.client_id, header->client_id));
    copy = arena_alloc(&arena, api->request->body->size);
    check(walk_read(api->request, header->api_version, &reader, &arena, copy) == ERR_NONE);
    check(wire_reader_left(&reader) == 0);
    check(body_equal(api->request->body, header->api_version, body, copy));
    wire_frame_free(&frame);
    arena_free(&arena);
}

static void fuzz_frame(struct bytes bytes)
{
    struct wire_request_header header;
    const struct wire_api *api;
    struct wire_reader reader;
    wire_reader_init(&reader, bytes);
    if (wire_request_header_read(&header, &api, &reader) != ERR_NONE)
        return;
    struct bytes body = {.data = reader.at, .size = wire_reader_left(&reader)};
    if (fuzz_body(api->request, header.api_version, body))
        check_frame(api, &header, body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3 || size > INT32_MAX)
        return 0;
    struct bytes bytes = {.data = data + 3, .size = (uint32_t)size - 3};
    const struct wire_api *api = &wire_apis[data[0] % WIRE_API_COUNT];
    int16_t version = (int16_t)(api->min + data[1] % (api->max - api->min + 1));
    switch (data[2] % 3) {
    case 0:
        fuzz_frame(bytes);
        return 0;
    case 1:
        fuzz_body(api->request, version, bytes);
        return 0;
    default:
        fuzz_body(api->response, version, bytes);
        return 0;
    }
}
