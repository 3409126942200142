/* client.c -- one connection's requests and replies, as bytes in and out.
 *
 * Replies come in the order of requests, so what waits is a ring: its head names the
 * reply that must come next. Received bytes lie in one counted buffer; complete
 * replies are slices of it. When it is full, a new one takes over the part of a
 * reply at its end, and grows only as bytes really come.
 *
 *   buffer:  | taken | complete replies | part of a reply | room |
 *            0       take               cut               size   capacity
 *
 * Source  Kafka's framing; KIP-482 (reply headers). */
#include "client.h"

enum {
    ROOM_SIZE = 64 * 1024, /* Capacity of a receive buffer to begin with. */
    ROOM_LEFT_MIN = 4096,  /* Less room than that, and the part at the end moves to a new buffer. */
    REPLY_SIZE_MIN = 4,    /* A correlation id. */
};

static_assert((CLIENT_INFLIGHT_MAX & (CLIENT_INFLIGHT_MAX - 1)) == 0, "a ring's size");

struct waiting {
    int32_t correlation_id;
    int16_t api_key;
    int16_t version;
};

struct client {
    char *client_id;
    uint32_t client_id_size;
    uint32_t reply_size_max;
    int32_t next_correlation_id;

    struct waiting ring[CLIENT_INFLIGHT_MAX];
    uint32_t waiting_first; /* Counts taken replies; modulo the ring its place. */
    uint32_t waiting_end;   /* Counts requests. */
    uint32_t checked_end;   /* Counts replies that came whole, and have the right correlation id. */

    struct buf **frames; /* To be sent, oldest first. */
    uint32_t frame_first, frame_count, frame_capacity;
    uint32_t sent; /* Bytes of the first frame that have left. */

    struct buf *room; /* NULL: nothing received, nothing to keep. */
    uint32_t take;
    uint32_t cut;
};

void client_open(struct client **out, struct str client_id, uint32_t reply_size_max)
{
    check(reply_size_max >= REPLY_SIZE_MIN);
    check(reply_size_max <= INT32_MAX - WIRE_SIZE_PREFIX);
    struct client *client = mem_zalloc(sizeof *client);
    client->client_id = mem_alloc(client_id.size + 1);
    if (client_id.size > 0)
        memcpy(client->client_id, client_id.data, client_id.size);
    client->client_id_size = client_id.size;
    client->reply_size_max = reply_size_max;
    *out = client;
}

void client_close(struct client *client)
{
    if (!client)
        return;
    for (uint32_t i = client->frame_first; i < client->frame_count; i++)
        buf_unref(client->frames[i]);
    mem_free(client->frames);
    buf_unref(client->room);
    mem_free(client->client_id);
    mem_free(client);
}

static bool is_reply_due(int16_t api_key, const void *request)
{
    return api_key != WIRE_PRODUCE || ((const struct produce_request *)request)->acks != 0;
}

static void queue_frame(struct client *client, struct buf *frame)
{
    if (client->frame_count == client->frame_capacity && client->frame_first > 0) {
        client->frame_count -= client->frame_first;
        memmove(client->frames, client->frames + client->frame_first,
                client->frame_count * sizeof(struct buf *));
        client->frame_first = 0;
    }
    mem_grow(client->frames, client->frame_count, &client->frame_capacity);
    client->frames[client->frame_count++] = frame;
}

int32_t client_send(struct client *client, int16_t api_key, int16_t version, const void *request)
{
    if (client_inflight(client) == CLIENT_INFLIGHT_MAX)
        return -1;
    struct wire_request_header header = {
        .api_key = api_key,
        .api_version = version,
        .correlation_id = client->next_correlation_id,
        .client_id = {.data = client->client_id, .size = client->client_id_size},
    };
    struct wire_frame frame;
    enum err err = wire_request_frame(&frame, &header, request);
    check(err == ERR_NONE);         /* Over 2 GiB of our own making. */
    check(frame.splice_count == 0); /* Requests have no extents. */
    queue_frame(client, frame.head);

    client->next_correlation_id = (int32_t)(((uint32_t)header.correlation_id + 1) & INT32_MAX);
    if (is_reply_due(api_key, request)) {
        client->ring[client->waiting_end++ % CLIENT_INFLIGHT_MAX] = (struct waiting){
            .correlation_id = header.correlation_id,
            .api_key = api_key,
            .version = version,
        };
    }
    return header.correlation_id;
}

uint32_t client_output(const struct client *client, struct bytes *parts, uint32_t max)
{
    uint32_t count = 0;
    uint32_t skip = client->sent;
    for (uint32_t i = client->frame_first; i < client->frame_count && count < max; i++) {
        const struct buf *frame = client->frames[i];
        parts[count++] = (struct bytes){.data = frame->data + skip, .size = frame->size - skip};
        skip = 0;
    }
    return count;
}

void client_sent(struct client *client, uint32_t size)
{
    client->sent += size;
    while (client->frame_first < client->frame_count) {
        struct buf *frame = client->frames[client->frame_first];
        if (client->sent < frame->size)
            return;
        client->sent -= frame->size;
        buf_unref(frame);
        client->frame_first++;
    }
    check(client->sent == 0); /* No more left than there was. */
    client->frame_first = 0;
    client->frame_count = 0;
}

/* Whole size of the reply at `cut`, its prefix included; 0: the prefix is not there yet. */
static uint64_t next_reply_size(const struct client *client)
{
    if (client->room->size - client->cut < WIRE_SIZE_PREFIX)
        return 0;
    return (uint64_t)load_be32(client->room->data + client->cut) + WIRE_SIZE_PREFIX;
}

/* Move what is not taken into a new buffer that has room for more, but for no more than
 * twice what came. */
static void move_room(struct client *client)
{
    struct buf *old = client->room;
    uint32_t kept = old->size - client->take;
    uint64_t capacity = ROOM_SIZE;
    uint64_t wanted = next_reply_size(client) + client->cut - client->take;
    if (wanted > capacity)
        capacity = wanted < 2 * (uint64_t)kept ? wanted : 2 * (uint64_t)kept;
    if (capacity < (uint64_t)kept + ROOM_LEFT_MIN)
        capacity = (uint64_t)kept + ROOM_LEFT_MIN;
    if (capacity < ROOM_SIZE)
        capacity = ROOM_SIZE;
    check(capacity <= UINT32_MAX);

    client->room = buf_new((uint32_t)capacity);
    memcpy(client->room->data, old->data + client->take, kept);
    client->room->size = kept;
    client->cut -= client->take;
    client->take = 0;
    buf_unref(old);
}

void client_input(struct client *client, uint8_t **into, uint32_t *size)
{
    if (!client->room)
        client->room = buf_new(ROOM_SIZE);
    check(client->take == client->cut); /* All complete replies were taken. */
    const struct buf *room = client->room;
    uint32_t left = room->capacity - room->size;
    uint64_t needed = next_reply_size(client);
    bool fits = needed > 0 && needed <= room->capacity - client->cut;
    if (left == 0 || (left < ROOM_LEFT_MIN && !fits))
        move_room(client);
    *into = client->room->data + client->room->size;
    *size = client->room->capacity - client->room->size;
}

/* Is the next whole reply the one that is due? */
static enum err check_reply(const struct client *client)
{
    if (client->checked_end == client->waiting_end)
        return ERR_CORRUPT_MESSAGE;
    const struct waiting *due = &client->ring[client->checked_end % CLIENT_INFLIGHT_MAX];
    int32_t came = (int32_t)load_be32(client->room->data + client->cut + WIRE_SIZE_PREFIX);
    return came == due->correlation_id ? ERR_NONE : ERR_CORRUPT_MESSAGE;
}

enum err client_received(struct client *client, uint32_t size)
{
    check(client->room != NULL);
    check(size <= client->room->capacity - client->room->size);
    client->room->size += size;

    uint64_t reply;
    while ((reply = next_reply_size(client)) > 0) {
        uint64_t body = reply - WIRE_SIZE_PREFIX;
        if (body < REPLY_SIZE_MIN || body > client->reply_size_max)
            return ERR_CORRUPT_MESSAGE;
        if (client->room->size - client->cut < reply)
            return ERR_NONE;
        enum err err = check_reply(client);
        if (err)
            return err;
        client->checked_end++;
        client->cut += (uint32_t)reply;
    }
    return ERR_NONE;
}

bool client_take(struct client *client, struct client_reply *out)
{
    if (client->waiting_first == client->checked_end)
        return false;
    const struct waiting *due = &client->ring[client->waiting_first++ % CLIENT_INFLIGHT_MAX];
    const uint8_t *frame = client->room->data + client->take + WIRE_SIZE_PREFIX;
    uint32_t size = load_be32(client->room->data + client->take);
    client->take += WIRE_SIZE_PREFIX + size;
    check(client->take <= client->cut);

    *out = (struct client_reply){
        .correlation_id = due->correlation_id,
        .api_key = due->api_key,
        .version = due->version,
        .frame = {.buf = buf_ref(client->room), .bytes = {.data = frame, .size = size}},
    };
    wire_reader_init(&out->reader, out->frame.bytes);
    int32_t correlation_id;
    const struct wire_api *api = wire_api_find(due->api_key);
    if (wire_response_header_read(&correlation_id, api, due->version, &out->reader))
        out->reader.end = out->reader.at;     /* A bad header: the body's reader finds nothing. */
    if (client->take == client->room->size) { /* Nothing is kept for an idle connection. */
        buf_unref(client->room);
        client->room = NULL;
        client->take = 0;
        client->cut = 0;
    }
    return true;
}

void client_reply_free(struct client_reply *reply)
{
    buf_unref(reply->frame.buf);
    reply->frame.buf = NULL;
}

uint32_t client_inflight(const struct client *client)
{
    return client->waiting_end - client->waiting_first;
}
