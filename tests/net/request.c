/* request.c -- which requests are let in, and which close their connection. */
#include <criterion/criterion.h>

#include "node_fixture.h"

static struct node node;

static void start(void)
{
    node_start(&node, NULL);
    node_keep_record(&node);
}

static void stop(void)
{
    node_check_record(&node);
    node_stop(&node);
}

TestSuite(request, .init = start, .fini = stop);

static bool is_closed_by(int16_t key, int16_t version, const void *body, uint32_t size)
{
    uint8_t frame[128] = {0};
    conn_id conn = node_connect(&node);
    store_be32(frame, 10 + size);
    store_be16(frame + 4, (uint16_t)key);
    store_be16(frame + 6, (uint16_t)version);
    store_be16(frame + 12, 0xffff);
    memcpy(frame + 14, body, size);
    node_send(&node, conn, frame, 14 + size);
    node_run(&node, 5000);
    cr_assert_null(node_reply(&node, conn).data);
    return node_has_closed(&node, conn);
}

Test(request, closes_on_an_unknown_api)
{
    cr_assert(is_closed_by(999, 0, "", 0));
}

Test(request, closes_on_a_negative_api)
{
    cr_assert(is_closed_by(-1, 0, "", 0));
}

Test(request, closes_on_an_api_that_is_not_advertised)
{
    static const char end_txn[] = "\0\1t\0\0\0\0\0\0\0\1\0\1\1";
    cr_assert(is_closed_by(26, 0, end_txn, sizeof end_txn - 1));
}

Test(request, closes_on_an_api_between_nodes_from_a_client)
{
    cr_assert(is_closed_by(WIRE_VOTE, 2, "\0\0\0\0\0\0", 6));
}

Test(request, closes_on_a_version_too_new)
{
    cr_assert(is_closed_by(WIRE_METADATA, 14, "\0\0\0\0", 4));
}

Test(request, closes_on_a_negative_version)
{
    cr_assert(is_closed_by(WIRE_METADATA, -1, "\0\0\0\0", 4));
}

Test(request, closes_on_a_count_that_lies)
{
    cr_assert(is_closed_by(WIRE_METADATA, 1, "\x7f\xff\xff\xff", 4));
}

Test(request, closes_on_a_count_below_null)
{
    cr_assert(is_closed_by(WIRE_METADATA, 1, "\xff\xff\xff\xfe", 4));
}

Test(request, closes_on_a_name_that_runs_over_the_frame)
{
    cr_assert(is_closed_by(WIRE_METADATA, 1, "\0\0\0\1\x7f\xffkept", 10));
}

/* Kafka reads U+FFFD there, and refuses the topic. */
Test(request, answers_a_name_and_a_client_id_that_are_not_utf8)
{
    static const char frame[] = "\0\0\0\x18\0\3\0\1\0\0\0\7\0\6M\xfcller\0\0\0\1\0\2\xc3\x28";
    conn_id conn = node_connect(&node);
    node_send(&node, conn, frame, sizeof frame - 1);
    node_run(&node, 5000);
    cr_assert_not_null(node_reply(&node, conn).data);
    cr_assert_not(node_has_closed(&node, conn));
}

Test(request, closes_on_records_that_run_over_the_frame)
{
    static const char body[] =
        "\xff\xff\xff\xff\0\0\1\0\0\0\0\1\0\4kept\0\0\0\1\0\0\0\0\x7f\xff\xff\xff";
    cr_assert(is_closed_by(WIRE_PRODUCE, 3, body, sizeof body - 1));
}

/* Three bytes each on the wire, many times that in memory. */
Test(request, closes_on_more_elements_than_its_memory_may_hold)
{
    enum { NAMES = 900000, HEAD = 18 };
    uint8_t *frame = mem_zalloc(HEAD + 3 * NAMES);
    conn_id conn = node_connect(&node);
    store_be32(frame, HEAD - 4 + 3 * NAMES);
    store_be16(frame + 4, WIRE_METADATA);
    store_be16(frame + 6, 1);
    store_be16(frame + 12, 0xffff);
    store_be32(frame + 14, NAMES);
    for (uint32_t i = 0; i < NAMES; i++)
        memcpy(frame + HEAD + 3 * i, "\0\1a", 3);

    node_send(&node, conn, frame, HEAD + 3 * NAMES);
    mem_free(frame);
    node_run(&node, 10);

    cr_assert(node_has_closed(&node, conn));
    cr_assert_eq(node_inflight_size(&node), 0);
}

/* It would wait with each of them, for as long as it says, and every append would look at each. */
Test(request, closes_on_a_fetch_of_more_partitions_than_there_are)
{
    enum { TIMES = 50000 };
    struct fetch_request body;
    conn_id conn = node_connect(&node);
    fetch_request_init(&body);
    body.max_wait_ms = 100000;
    body.min_bytes = INT32_MAX;
    body.topics_count = 1;
    body.topics = fetch_request_topic_new(&node.arena, 1);
    body.topics[0].name = STR("kept");
    body.topics[0].partitions_count = TIMES;
    body.topics[0].partitions = fetch_request_partition_new(&node.arena, TIMES);

    node_ask(&node, conn, WIRE_FETCH, 6, &body);
    node_run(&node, 10);

    cr_assert(node_has_closed(&node, conn));
    cr_assert_eq(node_inflight_size(&node), 0);
}
