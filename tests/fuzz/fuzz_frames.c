/* fuzz_frames.c -- any bytes, in any pieces, on a connection of a whole node.
 *
 * The first byte holds options, the second says how many sizes of pieces follow; then come
 * these sizes, each a byte, taken in turn (255: whatever is left); the rest is what the
 * peer sends. Each input has a node of its own over a machine in memory, so a finding
 * replays alone.
 *
 * What must happen is worked out here from the same bytes, frame by frame: which one is
 * answered, which may stay silent, at which the connection must end. Replies must come in
 * that order, be readable to their last byte, and be all there; the connection must be open
 * where nothing ends it; memory must stay in proportion; and in the end nothing may be
 * held, and the record that was acknowledged before must be there, after a restart too.
 *
 * Source  conn.h; KIP-511 for ApiVersions, which never ends a connection by its version. */
#include <sanitizer/allocator_interface.h>

#include "node.h"
#include "node_fixture.h"
#include "request.h"

enum option {
    OPTION_INTERNAL = 1,    /* The listener between nodes. */
    OPTION_TIGHT = 2,       /* A budget that a few kilobytes spend, and frames of 8 KiB at most. */
    OPTION_RESTART = 4,     /* Look for the record after a restart, too. */
    OPTION_SLOW_READER = 8, /* The peer reads its replies only in the end. */
    OPTION_SLOW_DISK = 16,  /* Syncs end only in the end. */
    OPTION_SPENT_BUDGET = 32, /* Others hold half-read frames. */
};

enum {
    TIGHT_BUDGET = 4 * 1024,
    TIGHT_FRAME = 8 * 1024,
    SLOW_ROOM = 100,     /* Bytes of replies that wait to be read. */
    PATIENCE_MS = 2500,  /* In which what does not ask to wait longer is answered. */
    SPENDERS = 3,        /* Peers with half a frame. */
    PARTITIONS_MAX = 64, /* Of one CreateTopics here: more are slow, not wrong. */
    FRAMES_MAX = 2000,   /* Of one input. */
    MEMORY_SPARE = 6 << 20,
    MEMORY_FACTOR = 256, /* Bytes for each byte that was sent. */
};

enum fate {
    FATE_ANSWER,
    FATE_SILENT, /* No answer, or the end: acks=0. */
    FATE_LATE,   /* Asks to wait for long, and so do all behind it. */
    FATE_EITHER, /* A node may be refused by hanging up. */
    FATE_END,    /* The connection closes here. */
};

struct expected {
    enum fate fate;
    int32_t correlation_id;
    const struct wire_api *api;
    int16_t reply_version;
};

struct stream {
    struct bytes bytes;
    bool internal;
    int32_t frame_size_max;
    struct expected frames[FRAMES_MAX];
    uint32_t frame_count;
    bool must_end, may_end, may_wait, is_heavy;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- What must happen. */

static bool is_heavy(const struct create_topics_request *body)
{
    int64_t total = 0;
    for (uint32_t i = 0; i < body->topics_count; i++)
        total += body->topics[i].num_partitions + (int64_t)body->topics[i].assignments_count;
    return total > PARTITIONS_MAX;
}

static enum fate fate_of_body(struct stream *stream, const struct wire_api *api, int16_t version,
                              struct wire_reader *reader)
{
    struct arena arena = {0};
    void *body = arena_alloc(&arena, api->request->body->size);
    enum fate fate = FATE_ANSWER;

    if (walk_read(api->request, version, reader, &arena, body) != ERR_NONE)
        fate = FATE_END;
    else if (api->key == WIRE_PRODUCE && ((struct produce_request *)body)->acks == 0)
        fate = FATE_SILENT;
    else if (api->key == WIRE_FETCH &&
             ((struct fetch_request *)body)->max_wait_ms > PATIENCE_MS / 4)
        fate = FATE_LATE;
    else if (api->key == WIRE_CREATE_TOPICS)
        stream->is_heavy |= is_heavy(body);
    if (stream->internal && fate == FATE_ANSWER && (api->internal || api->key == WIRE_FETCH))
        fate = FATE_EITHER;
    arena_free(&arena);
    return fate;
}

static struct expected expect_of_frame(struct stream *stream, struct bytes frame)
{
    struct expected expected = {.fate = FATE_END};
    struct wire_request_header header;
    struct wire_reader reader;
    int16_t key = (int16_t)load_be16(frame.data);
    int16_t version = (int16_t)load_be16(frame.data + 2);
    const struct wire_api *api = wire_api_find(key);

    if (!api || (api->internal && !stream->internal))
        return expected;
    expected.api = api;
    expected.correlation_id = (int32_t)load_be32(frame.data + 4);
    expected.reply_version = version;
    if (version < api->min || version > api->max) {
        expected.reply_version = 0;
        expected.fate = key == WIRE_API_VERSIONS ? FATE_ANSWER : FATE_END;
        return expected;
    }
    wire_reader_init(&reader, frame);
    if (reader.memory_left > REQUEST_ARRAYS_MAX)
        reader.memory_left = REQUEST_ARRAYS_MAX;
    if (wire_request_header_read(&header, &api, &reader) == ERR_NONE)
        expected.fate = fate_of_body(stream, api, version, &reader);
    return expected;
}

/* Cut the frames as the protocol says. */
static void foresee(struct stream *stream)
{
    struct bytes rest = stream->bytes;
    while (rest.size >= 4 && stream->frame_count < FRAMES_MAX && !stream->must_end) {
        int32_t size = (int32_t)load_be32(rest.data);
        if (size < 8 || size > stream->frame_size_max) {
            stream->must_end = true;
            return;
        }
        if (rest.size - 4 < (uint32_t)size)
            return;
        struct expected *expected = &stream->frames[stream->frame_count++];
        *expected =
            expect_of_frame(stream, (struct bytes){.data = rest.data + 4, .size = (uint32_t)size});
        stream->must_end = expected->fate == FATE_END;
        stream->may_end |= expected->fate == FATE_SILENT || expected->fate == FATE_EITHER;
        stream->may_wait |= expected->fate == FATE_LATE || expected->fate == FATE_EITHER;
        rest.data += 4 + (uint32_t)size;
        rest.size -= 4 + (uint32_t)size;
    }
}

/* ---- What happens. */

static void check_memory(const struct node *node, size_t before, uint32_t sent)
{
    size_t now = __sanitizer_get_current_allocated_bytes();
    check(now <= before + MEMORY_SPARE + (size_t)MEMORY_FACTOR * sent);
    check(node_inflight_size(node) <=
          (uint64_t)node->config.inflight_size_max + 3 * (uint64_t)node->config.request_size_max);
}

/* The peer's bytes, in pieces. */
static void send_all(struct node *node, conn_id conn, struct bytes sizes, struct bytes bytes)
{
    size_t before = __sanitizer_get_current_allocated_bytes();
    uint32_t sent = 0;
    for (uint32_t i = 0; sent < bytes.size && !node_has_closed(node, conn); i++) {
        uint32_t left = bytes.size - sent;
        uint32_t size = sizes.size ? 1U + sizes.data[i % sizes.size] : left;
        size = size > UINT8_MAX || size > left ? left : size;
        node_send(node, conn, bytes.data + sent, size);
        node_run(node, 0);
        sent += size;
        check_memory(node, before, sent);
    }
}

static void check_readable(const struct expected *expected, struct bytes reply)
{
    struct arena arena = {0};
    struct wire_reader reader;
    int32_t correlation_id;
    void *body = arena_alloc(&arena, expected->api->response->body->size);

    wire_reader_init(&reader, reply);
    check(wire_response_header_read(&correlation_id, expected->api, expected->reply_version,
                                    &reader) == ERR_NONE);
    check(walk_read(expected->api->response, expected->reply_version, &reader, &arena, body) ==
          ERR_NONE);
    check(wire_reader_left(&reader) == 0);
    arena_free(&arena);
}

static void check_replies(struct node *node, conn_id conn, const struct stream *stream)
{
    uint32_t at = 0;
    bool has_closed = node_has_closed(node, conn);
    for (struct bytes reply; (reply = node_reply(node, conn)).data; at++) {
        int32_t correlation_id = (int32_t)load_be32(reply.data);
        while (at < stream->frame_count && stream->frames[at].fate == FATE_SILENT)
            at++;
        check(at < stream->frame_count);
        check(stream->frames[at].fate != FATE_END);
        check(stream->frames[at].correlation_id == correlation_id);
        check_readable(&stream->frames[at], reply);
    }
    check(!has_closed || stream->must_end || stream->may_end);
    check(has_closed || !stream->must_end || stream->may_wait);
    while (at < stream->frame_count && stream->frames[at].fate == FATE_SILENT)
        at++;
    check(at == stream->frame_count || has_closed || stream->may_wait);
}

/* Peers that begin frames and then only wait. */
static void spend_budget(struct node *node, conn_id *conns)
{
    static uint8_t half[TIGHT_BUDGET];
    store_be32(half, sizeof half + 100);
    for (uint32_t i = 0; i < SPENDERS; i++) {
        conns[i] = node_connect(node);
        node_send(node, conns[i], half, sizeof half);
    }
    node_run(node, 0);
}

static void hang_up(struct node *node, conn_id conn)
{
    node->fake.conns[conn].peer_has_gone = true;
}

static void tighten(struct config *config)
{
    config->inflight_size_max = TIGHT_BUDGET;
    config->request_size_max = TIGHT_FRAME;
}

static void play(struct node *node, uint8_t options, struct bytes sizes, struct stream *stream)
{
    conn_id spenders[SPENDERS];
    uint32_t listener = stream->internal ? LISTENER_INTERNAL : LISTENER_CLIENT;
    uint32_t conn_count = node->shard->conn_count;

    if (options & OPTION_SPENT_BUDGET)
        spend_budget(node, spenders);
    conn_id conn = fake_env_connect(&node->fake, listener);
    node->fake.conns[conn].room = options & OPTION_SLOW_READER ? SLOW_ROOM : UINT32_MAX;
    node->fake.syncs_wait = (options & OPTION_SLOW_DISK) != 0;
    send_all(node, conn, sizes, stream->bytes);
    node->fake.conns[conn].room = UINT32_MAX;
    node->fake.syncs_wait = false;
    node_run(node, PATIENCE_MS);
    check_replies(node, conn, stream);

    hang_up(node, conn);
    for (uint32_t i = 0; i < SPENDERS && options & OPTION_SPENT_BUDGET; i++)
        hang_up(node, spenders[i]);
    node_run(node, 10);
    check(node_has_closed(node, conn));
    check(node_inflight_size(node) == 0);
    check(stream->internal || node->shard->conn_count <= conn_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct node node;
    static struct stream stream;

    if (size < 2 || size > 1 << 20 || size < 2 + (size_t)(data[1] % 8))
        return 0;
    struct bytes sizes = {.data = data + 2, .size = data[1] % 8};
    uint32_t head = 2 + sizes.size;
    node_start(&node, data[0] & OPTION_TIGHT ? tighten : NULL);
    node_keep_record(&node);
    stream = (struct stream){.bytes = {.data = data + head, .size = (uint32_t)size - head},
                             .internal = (data[0] & OPTION_INTERNAL) != 0,
                             .frame_size_max = node.config.request_size_max};
    foresee(&stream);
    if (!stream.is_heavy && stream.frame_count < FRAMES_MAX) {
        play(&node, data[0], sizes, &stream);
        check(!node.fake.has_failed);
        if (data[0] & OPTION_RESTART)
            node_restart(&node);
        if (!stream.internal)
            node_check_record(&node);
    }
    node_stop(&node);
    return 0;
}
