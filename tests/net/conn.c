/* conn.c -- frames that lie, replies in order, and peers that do not read. */
#include <criterion/criterion.h>

#include "node.h"
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

TestSuite(conn, .init = start, .fini = stop);

static conn_id send_size(uint32_t size)
{
    uint8_t head[4];
    conn_id conn = node_connect(&node);
    store_be32(head, size);
    node_send(&node, conn, head, sizeof head);
    node_run(&node, 1);
    return conn;
}

Test(conn, closes_on_a_negative_size)
{
    cr_assert(node_has_closed(&node, send_size(0xffffffff)));
}

Test(conn, closes_on_a_size_of_zero)
{
    cr_assert(node_has_closed(&node, send_size(0)));
}

Test(conn, closes_on_a_size_below_the_least_header)
{
    cr_assert(node_has_closed(&node, send_size(7)));
}

Test(conn, closes_on_a_size_over_the_limit)
{
    cr_assert(node_has_closed(&node, send_size(100 * 1024 * 1024 + 1)));
}

Test(conn, takes_no_memory_for_a_size_that_only_claims)
{
    conn_id conn = send_size(100 * 1024 * 1024);

    cr_assert_not(node_has_closed(&node, conn));
    cr_assert_lt(node_inflight_size(&node), 1 << 20);
}

Test(conn, closes_on_a_frame_that_is_not_a_request)
{
    conn_id conn = node_connect(&node);

    node_send(&node, conn, "\0\0\0\x0cGET / HTTP/1.1\r\n", 20);
    node_run(&node, 1);

    cr_assert(node_has_closed(&node, conn));
}

Test(conn, closes_on_a_client_id_that_runs_over_its_frame)
{
    conn_id conn = node_connect(&node);

    node_send(&node, conn, "\0\0\0\x0a\0\x12\0\0\0\0\0\1\x7f\xff", 14);
    node_run(&node, 1);

    cr_assert(node_has_closed(&node, conn));
}

Test(conn, answers_a_frame_that_comes_byte_by_byte)
{
    static const char frame[] = "\0\0\0\x0a\0\x12\0\0\0\0\0\x05\xff\xff";
    conn_id conn = node_connect(&node);

    for (uint32_t i = 0; i < 14; i++) {
        node_send(&node, conn, frame + i, 1);
        node_run(&node, 0);
    }

    struct bytes reply = node_reply(&node, conn);
    cr_assert_geq(reply.size, 6);
    cr_assert_eq(load_be32(reply.data), 5);
}

static void limit(const char *count)
{
    struct incremental_alter_configs_request body;
    struct incremental_alter_configs_response response;
    incremental_alter_configs_request_init(&body);
    body.resources_count = 1;
    body.resources = incremental_alter_configs_request_resource_new(&node.arena, 1);
    body.resources[0].resource_type = CONFIG_OF_BROKER;
    body.resources[0].resource_name = STR("");
    body.resources[0].configs_count = 1;
    body.resources[0].configs = incremental_alter_configs_request_config_new(&node.arena, 1);
    body.resources[0].configs[0].name = STR("max.connections");
    body.resources[0].configs[0].value = str_from(count);
    node_call(&node, node_connect(&node), WIRE_INCREMENTAL_ALTER_CONFIGS, 1, &body, &response);
    cr_assert_eq(response.responses[0].error_code, ERR_NONE);
}

Test(conn, counts_no_other_nodes_against_the_limit_of_clients)
{
    uint32_t open = node.shard->client_count + 1; /* And the one that sets the limit. */
    enum { LIMIT = 10, NODES = 20 };
    limit("10");
    for (int i = 0; i < NODES; i++)
        fake_env_connect(&node.fake, LISTENER_INTERNAL);
    conn_id last = -1;
    for (uint32_t i = open; i < LIMIT; i++)
        last = node_connect(&node);
    conn_id one_more = node_connect(&node);
    node_run(&node, 1);

    cr_assert_not(node_has_closed(&node, last));
    cr_assert(node_has_closed(&node, one_more));
    for (uint32_t i = 0; i < node.fake.conn_count; i++)
        node.fake.conns[i].peer_has_gone = true;
    node_run(&node, 1);
}

Test(conn, forgets_a_peer_that_goes_in_the_middle_of_a_frame)
{
    conn_id conn = node_connect(&node);
    node_send(&node, conn, "\0\0\xff\0\0\x12\0\0\0\0", 10);
    node_run(&node, 1);

    node.fake.conns[conn].peer_has_gone = true;
    node_run(&node, 1);

    cr_assert(node_has_closed(&node, conn));
    cr_assert_eq(node_inflight_size(&node), 0);
}

/* ---- The line. */

static int32_t ask_metadata(conn_id conn)
{
    struct metadata_request body;
    metadata_request_init(&body);
    return node_ask(&node, conn, WIRE_METADATA, 1, &body);
}

static int32_t ask_produce(conn_id conn, const char *value)
{
    struct produce_request body = node_produce_request(&node, "kept", -1, node_batch(&node, value));
    return node_ask(&node, conn, WIRE_PRODUCE, 3, &body);
}

static int32_t correlation(struct bytes reply)
{
    cr_assert_not_null(reply.data);
    return (int32_t)load_be32(reply.data);
}

static enum err produce_error(conn_id conn, int32_t asked)
{
    struct wire_reader reader;
    int32_t correlation_id;
    struct produce_response response;
    const struct wire_api *wire = wire_api_find(WIRE_PRODUCE);
    wire_reader_init(&reader, node_reply(&node, conn));
    produce_response_init(&response);
    cr_assert_eq(wire_response_header_read(&correlation_id, wire, 3, &reader), ERR_NONE);
    cr_assert_eq(correlation_id, asked);
    cr_assert_eq(produce_response_read(&response, 3, &reader, &node.arena), ERR_NONE);
    return (enum err)response.topics[0].partitions[0].error_code;
}

/* Refused and then taken, two pipelined batches of one producer would be a gap in its sequences,
 * which librdkafka before 2.3 takes for a loss when the first is a retry. */
Test(conn, rule_20_reads_no_client_before_the_node_is_active)
{
    node_power_cycle(&node);
    conn_id conn = node_connect(&node);
    int32_t first = ask_produce(conn, "sent before the node is active");
    int32_t second = ask_produce(conn, "sent right after it");

    node_run(&node, 1000);

    cr_assert_eq(produce_error(conn, first), ERR_NONE);
    cr_assert_eq(produce_error(conn, second), ERR_NONE);
}

Test(conn, answers_in_the_order_of_the_requests)
{
    conn_id conn = node_connect(&node);
    node.fake.syncs_wait = true;
    int32_t slow = ask_produce(conn, "waits for the disk");
    int32_t quick = ask_metadata(conn);
    node_run(&node, 10);
    cr_assert_null(node_reply(&node, conn).data);

    node.fake.syncs_wait = false;
    node_run(&node, 10);

    cr_assert_eq(correlation(node_reply(&node, conn)), slow);
    cr_assert_eq(correlation(node_reply(&node, conn)), quick);
}

Test(conn, appends_pipelined_produces_before_the_first_is_answered)
{
    conn_id conn = node_connect(&node);
    node.fake.syncs_wait = true;
    for (uint32_t i = 0; i < 5; i++)
        ask_produce(conn, "pipelined");
    node_run(&node, 10);
    uint64_t size = node_file_size(&node, "kept-0/00000000000000000000.log");
    cr_assert_geq(size, 5 * node_batch(&node, "pipelined").size);
    cr_assert_null(node_reply(&node, conn).data);

    node.fake.syncs_wait = false;
    node_run(&node, 10);

    cr_assert_eq(node_fetch(&node, node_connect(&node), "kept", 0).high_watermark, 6);
}

Test(conn, does_not_read_from_a_peer_that_does_not_read)
{
    conn_id conn = node_connect(&node);
    node.fake.conns[conn].room = 1000;
    for (uint32_t i = 0; i < 30000; i++)
        ask_metadata(conn);
    node_run(&node, 10);
    uint32_t unread = node.fake.conns[conn].in_size;

    for (uint32_t i = 0; i < 30000; i++)
        ask_metadata(conn);
    node_run(&node, 10);

    cr_assert_gt(unread, 0);
    cr_assert_gt(node.fake.conns[conn].in_size, unread);
    cr_assert_not(node.fake.conns[conn].wants_read);
}

Test(conn, answers_all_once_the_peer_reads_again)
{
    conn_id conn = node_connect(&node);
    node.fake.conns[conn].room = 1000;
    int32_t first = 0, last = 0;
    for (uint32_t i = 0; i < 30000; i++)
        last = ask_metadata(conn);
    first = last - 29999;
    node_run(&node, 10);

    node.fake.conns[conn].room = UINT32_MAX;
    node_run(&node, 10);

    cr_assert_eq(node_reply_count(&node, conn), 30000);
    cr_assert_eq(correlation(node_reply(&node, conn)), first);
    cr_assert_eq(node.fake.conns[conn].in_size, 0);
}

Test(conn, begins_no_more_requests_than_may_be_open)
{
    conn_id conn = node_connect(&node);
    node.fake.syncs_wait = true;
    ask_produce(conn, "waits for the disk");
    for (uint32_t i = 0; i < 5000; i++)
        ask_metadata(conn);
    node_run(&node, 10);

    node.fake.syncs_wait = false;
    node_run(&node, 10);

    cr_assert_eq(node_reply_count(&node, conn), 5001);
}

/* ---- The budget. */

static void small_budget(struct config *config)
{
    config->inflight_size_max = 1 << 20;
}

static void start_small(void)
{
    node_start(&node, small_budget);
    node_keep_record(&node);
}

TestSuite(budget, .init = start_small, .fini = stop);

/* Peers, each with half of a frame of a megabyte. */
static void send_half_frames(uint32_t count)
{
    static uint8_t half[512 * 1024];
    store_be32(half, 1024 * 1024);
    for (uint32_t i = 0; i < count; i++)
        node_send(&node, node_connect(&node), half, sizeof half);
}

Test(budget, holds_whatever_many_half_frames_claim)
{
    send_half_frames(40);

    node_run(&node, 10);

    cr_assert_lt(node_inflight_size(&node), 4 << 20);
}

Test(budget, lets_small_requests_pass_while_it_is_spent)
{
    struct metadata_request body;
    metadata_request_init(&body);
    send_half_frames(40);
    node_run(&node, 10);
    conn_id conn = node_connect(&node);
    node_ask(&node, conn, WIRE_METADATA, 1, &body);

    node_run(&node, 10);

    cr_assert_geq(node_inflight_size(&node), 1 << 20);
    cr_assert_eq(node_reply_count(&node, conn), 1);
}

Test(budget, is_not_held_for_ever_by_peers_that_fall_silent)
{
    struct bytes batch = node_large_batch(&node, 900 * 1024);
    struct produce_request body = node_produce_request(&node, "kept", -1, batch);
    send_half_frames(40);
    node_run(&node, 10);
    conn_id conn = node_connect(&node);
    node_ask(&node, conn, WIRE_PRODUCE, 3, &body);

    node_run(&node, 5 * 60 * 1000);

    cr_assert_eq(node_reply_count(&node, conn), 1);
    cr_assert_lt(node_inflight_size(&node), 1 << 20);
}

Test(budget, lets_half_read_frames_end_one_after_the_other)
{
    struct bytes batch = node_large_batch(&node, 900 * 1024);
    struct produce_request body = node_produce_request(&node, "kept", -1, batch);
    conn_id conns[8];
    for (uint32_t i = 0; i < 8; i++) {
        conns[i] = node_connect(&node);
        node_ask(&node, conns[i], WIRE_PRODUCE, 3, &body);
    }

    node_run(&node, 100);

    for (uint32_t i = 0; i < 8; i++)
        cr_assert_eq(node_reply_count(&node, conns[i]), 1);
    cr_assert_eq(node_inflight_size(&node), 0);
}

Test(budget, gives_back_what_a_closed_peer_held)
{
    static uint8_t half[512 * 1024];
    conn_id conns[8];
    store_be32(half, 1024 * 1024);
    for (uint32_t i = 0; i < 8; i++) {
        conns[i] = node_connect(&node);
        node_send(&node, conns[i], half, sizeof half);
    }
    node_run(&node, 10);

    for (uint32_t i = 0; i < 8; i++)
        node.fake.conns[conns[i]].peer_has_gone = true;
    node_run(&node, 10);

    cr_assert_eq(node_inflight_size(&node), 0);
}
