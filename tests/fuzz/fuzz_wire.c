/* fuzz_wire.c -- any bytes, as any request or response of any version.
 *
 * The first three bytes choose the message; the rest is its body, or a whole frame
 * with its header. What reads must write, read again as the same bytes, and never
 * have taken more memory than the budget of the frame. */
#include <stdlib.h>

#include "wire.h"

enum { BLOCKS_SPARE = 64 * 1024 }; /* What an arena takes beyond what it was asked for. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static struct bytes write_body(const struct walk_message *message, int16_t version,
                               const void *body, struct arena *arena)
{
    struct walk_size size = walk_measure(message, version, body);
    expect(size.total == size.inlined);
    struct bytes out = {.data = arena_alloc(arena, size.inlined + 1),
                        .size = (uint32_t)size.inlined};
    struct wire_writer writer;
    wire_writer_init(&writer, (void *)(uintptr_t)out.data, out.size, NULL, 0);
    walk_write(message, version, body, &writer);
    expect(writer.size == out.size);
    return out;
}

static enum err read_body(const struct walk_message *message, int16_t version, struct bytes bytes,
                          struct arena *arena, void **out)
{
    struct wire_reader reader;
    wire_reader_init(&reader, bytes);
    *out = arena_alloc(arena, message->body->size);
    size_t before = arena->total;
    enum err err = walk_read(message, version, &reader, arena, *out);
    expect(arena->total - before <= BLOCKS_SPARE + 2 * (uint64_t)WALK_MEMORY_FACTOR * bytes.size);
    return err;
}

/* Once read and written, a body is in its shortest form: that must be a fixed point. */
static void fuzz_body(const struct walk_message *message, int16_t version, struct bytes bytes)
{
    struct arena arena = {0};
    void *body, *again;
    if (read_body(message, version, bytes, &arena, &body) == ERR_NONE) {
        struct bytes first = write_body(message, version, body, &arena);
        expect(read_body(message, version, first, &arena, &again) == ERR_NONE);
        struct bytes second = write_body(message, version, again, &arena);
        expect(bytes_equal(first, second));
    }
    arena_free(&arena);
}

static void fuzz_frame(struct bytes bytes)
{
    struct wire_request_header header;
    const struct wire_api *api;
    struct wire_reader reader;
    wire_reader_init(&reader, bytes);
    if (wire_request_header_read(&header, &api, &reader) == ERR_NONE)
        fuzz_body(api->request, header.api_version,
                  (struct bytes){reader.at, wire_reader_left(&reader)});
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
