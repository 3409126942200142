/* The outbound side of a connection: order, chunks, limits, lies. */
#include "client.h"

#include <criterion/criterion.h>

/* Move everything that is due out of the client; returns its bytes. */
static uint32_t drain(struct client *client, uint8_t *into, uint32_t step)
{
    uint32_t size = 0;
    struct bytes part;
    while (client_output(client, &part, 1) > 0) {
        uint32_t some = part.size < step ? part.size : step;
        memcpy(into + size, part.data, some);
        size += some;
        client_sent(client, some);
    }
    return size;
}

static enum err feed(struct client *client, const void *bytes, uint32_t size)
{
    const uint8_t *at = bytes;
    while (size > 0) {
        uint8_t *into;
        uint32_t room;
        client_input(client, &into, &room);
        uint32_t some = room < size ? room : size;
        memcpy(into, at, some);
        enum err err = client_received(client, some);
        if (err)
            return err;
        at += some;
        size -= some;
    }
    return ERR_NONE;
}

static int32_t ask(struct client *client)
{
    struct init_producer_id_request request;
    init_producer_id_request_init(&request);
    return client_send(client, WIRE_INIT_PRODUCER_ID, 4, &request);
}

/* The frame of an answer to ask(). */
static struct wire_frame answer(int32_t correlation_id, int64_t producer_id)
{
    struct init_producer_id_response response;
    init_producer_id_response_init(&response);
    response.producer_id = producer_id;
    struct wire_frame frame;
    cr_assert_eq(wire_response_frame(&frame, WIRE_INIT_PRODUCER_ID, 4, correlation_id, &response),
                 0);
    return frame;
}

static void expect(struct client *client, int32_t correlation_id, int64_t producer_id)
{
    struct arena arena = {0};
    struct client_reply reply;
    struct init_producer_id_response response;
    cr_assert(client_take(client, &reply));
    cr_assert_eq(reply.correlation_id, correlation_id);
    cr_assert_eq(reply.api_key, WIRE_INIT_PRODUCER_ID);
    cr_assert_eq(reply.version, 4);
    cr_assert_eq(init_producer_id_response_read(&response, 4, &reply.reader, &arena), ERR_NONE);
    cr_assert_eq(response.producer_id, producer_id);
    client_reply_free(&reply);
    arena_free(&arena);
}

Test(client, sends_frames_in_order_however_they_are_cut)
{
    struct client *client;
    client_open(&client, STR("me"), 1000);
    uint8_t bytes[256];

    cr_assert_eq(ask(client), 0);
    cr_assert_eq(ask(client), 1);
    uint32_t size = drain(client, bytes, 7);

    uint32_t first = load_be32(bytes) + 4;
    cr_assert_eq(size, 2 * first);
    cr_assert_eq(load_be32(bytes + 8), 0);
    cr_assert_eq(load_be32(bytes + first + 8), 1);
    cr_assert_eq(client_inflight(client), 2);
    client_close(client);
}

Test(client, takes_replies_that_come_byte_by_byte)
{
    struct client *client;
    client_open(&client, STR("me"), 1000);
    ask(client);
    struct wire_frame frame = answer(0, 9);
    struct client_reply reply;

    for (uint32_t i = 0; i < frame.head->size; i++) {
        cr_assert_not(client_take(client, &reply));
        cr_assert_eq(feed(client, frame.head->data + i, 1), ERR_NONE);
    }

    expect(client, 0, 9);
    cr_assert_eq(client_inflight(client), 0);
    wire_frame_free(&frame);
    client_close(client);
}

Test(client, takes_several_replies_of_one_read_in_order)
{
    struct client *client;
    client_open(&client, STR("me"), 1000);
    ask(client);
    ask(client);
    struct wire_frame a = answer(0, 5), b = answer(1, 6);
    uint8_t bytes[256];
    memcpy(bytes, a.head->data, a.head->size);
    memcpy(bytes + a.head->size, b.head->data, b.head->size);

    cr_assert_eq(feed(client, bytes, a.head->size + b.head->size), ERR_NONE);

    expect(client, 0, 5);
    expect(client, 1, 6);
    wire_frame_free(&a);
    wire_frame_free(&b);
    client_close(client);
}

Test(client, lets_a_reply_outlive_it)
{
    struct client *client;
    client_open(&client, STR("me"), 1000);
    ask(client);
    struct wire_frame frame = answer(0, 9);
    struct client_reply reply;
    cr_assert_eq(feed(client, frame.head->data, frame.head->size), ERR_NONE);
    cr_assert(client_take(client, &reply));

    client_close(client);

    cr_assert_eq(reply.frame.bytes.size, frame.head->size - 4);
    cr_assert_arr_eq(reply.frame.bytes.data, frame.head->data + 4, reply.frame.bytes.size);
    client_reply_free(&reply);
    wire_frame_free(&frame);
}

Test(client, refuses_a_reply_that_nobody_asked_for)
{
    struct client *client;
    client_open(&client, STR("me"), 1000);
    struct wire_frame frame = answer(0, 9);

    cr_assert_eq(feed(client, frame.head->data, frame.head->size), ERR_CORRUPT_MESSAGE);

    wire_frame_free(&frame);
    client_close(client);
}

Test(client, refuses_a_reply_out_of_order)
{
    struct client *client;
    client_open(&client, STR("me"), 1000);
    ask(client);
    ask(client);
    struct wire_frame frame = answer(1, 9);

    cr_assert_eq(feed(client, frame.head->data, frame.head->size), ERR_CORRUPT_MESSAGE);

    wire_frame_free(&frame);
    client_close(client);
}

Test(client, refuses_sizes_that_lie)
{
    static const char *const sizes[] = {"\xff\xff\xff\xff", "\0\0\0\0", "\0\0\0\3", "\0\0\3\xe9",
                                        "\x7f\xff\xff\xff"};
    for (uint32_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct client *client;
        client_open(&client, STR("me"), 1000);
        ask(client);
        cr_assert_eq(feed(client, sizes[i], 4), ERR_CORRUPT_MESSAGE, "%u", i);
        client_close(client);
    }
}

Test(client, takes_a_large_reply_and_grows_only_as_it_comes)
{
    struct arena arena = {0};
    struct client *client;
    client_open(&client, STR("me"), 8 << 20);
    struct fetch_request request;
    fetch_request_init(&request);
    client_send(client, WIRE_FETCH, 17, &request);
    struct fetch_response response;
    fetch_response_init(&response);
    response.topics_count = 1;
    response.topics = fetch_response_topic_new(&arena, 1);
    response.topics[0].partitions_count = 1;
    response.topics[0].partitions = fetch_response_partition_new(&arena, 1);
    uint8_t *records = arena_alloc(&arena, 5000000);
    for (uint32_t i = 0; i < 5000000; i++)
        records[i] = (uint8_t)(i * 7);
    response.topics[0].partitions[0].records.memory = (struct bytes){records, 5000000};
    struct wire_frame frame;
    cr_assert_eq(wire_response_frame(&frame, WIRE_FETCH, 17, 0, &response), ERR_NONE);

    uint32_t room_max = 0;
    for (uint32_t at = 0; at < frame.head->size;) {
        uint8_t *into;
        uint32_t room;
        client_input(client, &into, &room);
        room_max = room > room_max && at < 65536 ? room : room_max;
        uint32_t some = frame.head->size - at < 1000 ? frame.head->size - at : 1000;
        some = some < room ? some : room;
        memcpy(into, frame.head->data + at, some);
        cr_assert_eq(client_received(client, some), ERR_NONE);
        at += some;
    }

    struct client_reply reply;
    struct fetch_response read;
    cr_assert_leq(room_max, 65536 * 2);
    cr_assert(client_take(client, &reply));
    cr_assert_eq(fetch_response_read(&read, 17, &reply.reader, &arena), ERR_NONE);
    struct bytes got = read.topics[0].partitions[0].records.memory;
    cr_assert_eq(got.size, 5000000);
    cr_assert_arr_eq(got.data, records, 5000000);
    client_reply_free(&reply);
    wire_frame_free(&frame);
    arena_free(&arena);
    client_close(client);
}

Test(client, waits_for_no_reply_to_produce_with_acks_0)
{
    struct client *client;
    client_open(&client, STR("me"), 1000);
    struct produce_request request;
    produce_request_init(&request);
    request.acks = 0;

    cr_assert_eq(client_send(client, WIRE_PRODUCE, 9, &request), 0);
    cr_assert_eq(client_inflight(client), 0);
    request.acks = 1;
    cr_assert_eq(client_send(client, WIRE_PRODUCE, 9, &request), 1);
    cr_assert_eq(client_inflight(client), 1);
    client_close(client);
}

Test(client, takes_no_more_than_its_limit_of_requests)
{
    struct client *client;
    client_open(&client, STR("me"), 1000);

    for (int32_t i = 0; i < CLIENT_INFLIGHT_MAX; i++)
        cr_assert_eq(ask(client), i);

    cr_assert_eq(ask(client), -1);
    client_close(client);
}

Test(client, goes_on_for_many_rounds)
{
    struct client *client;
    client_open(&client, STR("me"), 1000);
    uint8_t bytes[256];

    for (int32_t i = 0; i < 3000; i++) {
        cr_assert_eq(ask(client), i);
        cr_assert_gt(drain(client, bytes, 100), 0);
        struct wire_frame frame = answer(i, i);
        cr_assert_eq(feed(client, frame.head->data, frame.head->size), ERR_NONE);
        expect(client, i, i);
        wire_frame_free(&frame);
    }
    client_close(client);
}

Test(client, gives_a_body_that_cannot_be_read_after_a_bad_header)
{
    struct client *client;
    client_open(&client, STR("me"), 1000);
    ask(client);
    static const uint8_t bytes[] = {0, 0, 0, 5, 0, 0, 0, 0, 9}; /* Nine tags, and no byte more. */
    struct client_reply reply;
    struct arena arena = {0};
    struct init_producer_id_response response;

    cr_assert_eq(feed(client, bytes, sizeof bytes), ERR_NONE);
    cr_assert(client_take(client, &reply));

    cr_assert_eq(init_producer_id_response_read(&response, 4, &reply.reader, &arena),
                 ERR_INVALID_REQUEST);
    client_reply_free(&reply);
    arena_free(&arena);
    client_close(client);
}
