/* wire.c -- headers of requests and replies, and whole frames.
 *
 * A frame is an int32 size, a header, a body. The header is flexible where the
 * version is, but a request's client id never is, and ApiVersions is answered with
 * the old header always, since a client cannot know yet what the broker speaks.
 *
 * Source  KIP-482, KIP-511. */
#include "wire.h"

#include <string.h>

const struct wire_api *wire_api_find(int16_t key)
{
    for (uint32_t i = 0; i < WIRE_API_COUNT; i++) {
        if (wire_apis[i].key == key)
            return &wire_apis[i];
    }
    return NULL;
}

enum err wire_request_header_read(struct wire_request_header *out, const struct wire_api **api,
                                  struct wire_reader *reader)
{
    enum err err;
    *api = NULL;
    *out = (struct wire_request_header){0};
    if ((err = wire_read_int16(reader, &out->api_key)) ||
        (err = wire_read_int16(reader, &out->api_version)) ||
        (err = wire_read_int32(reader, &out->correlation_id)))
        return err;
    *api = wire_api_find(out->api_key);
    if (!*api || out->api_version < (*api)->min || out->api_version > (*api)->max)
        return ERR_UNSUPPORTED_VERSION;
    if ((err = wire_read_raw_string(reader, &out->client_id)))
        return err;
    return out->api_version >= (*api)->flexible_from ? wire_read_tags(reader) : ERR_NONE;
}

static bool reply_header_is_flexible(int16_t api_key, int16_t flexible_from, int16_t version)
{
    return api_key != WIRE_API_VERSIONS && version >= flexible_from;
}

enum err wire_response_header_read(int32_t *correlation_id, const struct wire_api *api,
                                   int16_t version, struct wire_reader *reader)
{
    enum err err = wire_read_int32(reader, correlation_id);
    if (err)
        return err;
    if (reply_header_is_flexible(api->key, api->flexible_from, version))
        return wire_read_tags(reader);
    return ERR_NONE;
}

/* A body that is written while it is measured: most are small enough. */
struct draft {
    struct walk_size size;
    uint8_t bytes[1024];
};

static void draft_body(struct draft *draft, const struct walk_message *message, int16_t version,
                       const void *body)
{
    struct wire_writer writer;
    wire_writer_init(&writer, draft->bytes, sizeof draft->bytes, NULL, 0);
    draft->size = walk_write(message, version, body, &writer);
}

/* Allocate what the header and the body take, and open a writer on it, past the size prefix. */
static enum err frame_open(struct wire_frame *out, struct wire_writer *writer, uint32_t header_size,
                           const struct walk_size *body)
{
    uint64_t size = header_size + body->total;
    if (size > INT32_MAX)
        return ERR_TOO_LARGE;
    uint32_t inlined = WIRE_SIZE_PREFIX + header_size + (uint32_t)body->inlined;
    *out = (struct wire_frame){
        .head = buf_new(inlined),
        .splices = body->splices ? mem_alloc(body->splices * sizeof(struct wire_splice)) : NULL,
        .size = size + WIRE_SIZE_PREFIX,
    };
    wire_writer_init(writer, out->head->data, inlined, out->splices, body->splices);
    wire_write_int32(writer, (int32_t)size);
    return ERR_NONE;
}

static void frame_body(struct wire_writer *writer, const struct draft *draft,
                       const struct walk_message *message, int16_t version, const void *body)
{
    if (draft->size.splices > 0 || draft->size.inlined > sizeof draft->bytes) {
        walk_write(message, version, body, writer);
        return;
    }
    memcpy(writer->data + writer->size, draft->bytes, (size_t)draft->size.inlined);
    writer->size += (uint32_t)draft->size.inlined;
}

static void frame_close(struct wire_frame *out, const struct wire_writer *writer)
{
    check(writer->size == writer->capacity); /* What was measured is what was written. */
    out->head->size = writer->size;
    out->splice_count = writer->splice_count;
}

static const struct wire_api *api_of(int16_t key, int16_t version)
{
    const struct wire_api *api = wire_api_find(key);
    check(api != NULL);
    check(version >= 0 && version <= api->max);
    return api;
}

enum err wire_request_frame(struct wire_frame *out, const struct wire_request_header *header,
                            const void *body)
{
    const struct wire_api *api = api_of(header->api_key, header->api_version);
    bool flexible = header->api_version >= api->flexible_from;
    uint32_t header_size = 2 + 2 + 4 + 2 + header->client_id.size + (flexible ? 1 : 0);

    struct draft draft;
    draft_body(&draft, api->request, header->api_version, body);
    struct wire_writer writer;
    enum err err = frame_open(out, &writer, header_size, &draft.size);
    if (err)
        return err;
    wire_write_int16(&writer, header->api_key);
    wire_write_int16(&writer, header->api_version);
    wire_write_int32(&writer, header->correlation_id);
    wire_write_string(&writer, header->client_id);
    if (flexible)
        wire_write_uvarint(&writer, 0);
    frame_body(&writer, &draft, api->request, header->api_version, body);
    frame_close(out, &writer);
    return ERR_NONE;
}

enum err wire_response_frame(struct wire_frame *out, int16_t api_key, int16_t version,
                             int32_t correlation_id, const void *body)
{
    const struct wire_api *api = api_of(api_key, version);
    bool flexible = reply_header_is_flexible(api_key, api->flexible_from, version);

    struct draft draft;
    draft_body(&draft, api->response, version, body);
    struct wire_writer writer;
    enum err err = frame_open(out, &writer, flexible ? 5 : 4, &draft.size);
    if (err)
        return err;
    wire_write_int32(&writer, correlation_id);
    if (flexible)
        wire_write_uvarint(&writer, 0);
    frame_body(&writer, &draft, api->response, version, body);
    frame_close(out, &writer);
    return ERR_NONE;
}

void wire_frame_free(struct wire_frame *frame)
{
    buf_unref(frame->head);
    mem_free(frame->splices);
    *frame = (struct wire_frame){0};
}
