/* http.c -- the HTTP port: what is answered, what is refused, and how much it may hold. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "http_fixture.h"

#define HOST "Host: node\r\n"

static struct node node;

static void start(void)
{
    node_start(&node, http_add_listener);
    node_keep_record(&node);
}

static void stop(void)
{
    node_check_record(&node);
    node_stop(&node);
}

TestSuite(http, .init = start, .fini = stop);

static bool begins(const char *answer, const char *status)
{
    char line[64];
    snprintf(line, sizeof line, "HTTP/1.1 %s\r\n", status);
    return strncmp(answer, line, strlen(line)) == 0;
}

Test(http, says_that_a_node_that_serves_is_ready)
{
    const char *answer = http_ask(&node, "GET /ready HTTP/1.1\r\n" HOST "\r\n");

    cr_assert(begins(answer, "200 OK"));
    cr_assert_str_eq(strstr(answer, "\r\n\r\n") + 4, "ready\n");
}

Test(http, says_that_a_disk_is_well_that_answers)
{
    cr_assert_str_eq(http_get(&node, "/health"), "ok\n");
}

Test(http, says_for_how_long_a_disk_has_not_answered)
{
    struct bytes batch = node_batch(&node, "never acknowledged");
    struct produce_request body = node_produce_request(&node, "kept", -1, batch);
    node.fake.syncs_wait = true;
    node_ask(&node, node_connect(&node), WIRE_PRODUCE, 9, &body);
    node_run(&node, node.config.replica_lag_time_max_ms + 100);

    const char *answer = http_ask(&node, "GET /health HTTP/1.1\r\n" HOST "\r\n");
    node.fake.syncs_wait = false;
    node_run(&node, 5000);

    cr_assert(begins(answer, "503 Service Unavailable"), "%s", answer);
    cr_assert(strstr(answer, "has not answered a sync for 3"), "%s", answer);
}

Test(http, answers_head_with_a_header_alone)
{
    const char *answer = http_ask(&node, "HEAD /health HTTP/1.1\r\n" HOST "\r\n");

    cr_assert(begins(answer, "200 OK"));
    cr_assert(strstr(answer, "Content-Length: 3\r\n"));
    cr_assert_str_eq(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
}

Test(http, answers_head_of_the_metrics_without_a_chunk)
{
    const char *answer = http_ask(&node, "HEAD /metrics HTTP/1.1\r\n" HOST "\r\n");

    cr_assert(begins(answer, "200 OK"));
    cr_assert_str_eq(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
}

Test(http, looks_at_the_path_without_its_query)
{
    cr_assert_str_eq(http_get(&node, "/health?verbose=1"), "ok\n");
}

Test(http, does_not_find_other_paths)
{
    cr_assert(begins(http_ask(&node, "GET / HTTP/1.1\r\n" HOST "\r\n"), "404 Not Found"));
    cr_assert(begins(http_ask(&node, "GET /metricsx HTTP/1.1\r\n" HOST "\r\n"), "404 Not Found"));
}

Test(http, refuses_other_methods_and_closes)
{
    conn_id conn = http_connect(&node);

    http_send(&node, conn, "POST /metrics HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello");
    node_run(&node, 1);

    const char *answer = http_take(&node, conn);
    cr_assert(begins(answer, "405 Method Not Allowed"), "%s", answer);
    cr_assert(strstr(answer, "Allow: GET, HEAD\r\n"));
    cr_assert(node_has_closed(&node, conn));
}

Test(http, keeps_the_connection_for_more_requests)
{
    conn_id conn = http_connect(&node);
    for (int i = 0; i < 3; i++) {
        http_send(&node, conn, "GET /metrics HTTP/1.1\r\n" HOST "\r\n");
        node_run(&node, 1);
        cr_assert(http_join_chunks(&node, http_take(&node, conn)));
    }

    cr_assert_not(node_has_closed(&node, conn));
}

Test(http, closes_when_it_is_asked_to)
{
    conn_id conn = http_connect(&node);

    http_send(&node, conn, "GET /health HTTP/1.1\r\n" HOST "connection: Close\r\n\r\n");
    node_run(&node, 1);

    cr_assert(strstr(http_take(&node, conn), "Connection: close\r\n"));
    cr_assert(node_has_closed(&node, conn));
}

Test(http, ends_the_metrics_of_http_1_0_with_the_connection)
{
    conn_id conn = http_connect(&node);

    http_send(&node, conn, "GET /metrics HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    node_run(&node, 1);

    const char *answer = http_take(&node, conn);
    cr_assert_not(strstr(answer, "Transfer-Encoding"));
    cr_assert_eq(http_sample(answer, "skiff_http_connections"), 1);
    cr_assert_eq(answer[strlen(answer) - 1], '\n');
    cr_assert(node_has_closed(&node, conn));
}

Test(http, answers_requests_that_come_together_one_after_the_other)
{
    conn_id conn = http_connect(&node);

    http_send(&node, conn,
              "GET /health HTTP/1.1\r\n" HOST "\r\nGET / HTTP/1.1\r\n" HOST "\r\n"
              "GET /ready HTTP/1.1\r\n" HOST "\r\nGET /he");
    node_run(&node, 1);
    const char *answer = http_take(&node, conn);
    http_send(&node, conn, "alth HTTP/1.1\r\n" HOST "\r\n");
    node_run(&node, 1);

    const char *second = strstr(answer + 1, "HTTP/1.1 404 Not Found");
    cr_assert(begins(answer, "200 OK"));
    cr_assert(second);
    cr_assert(strstr(second, "ready\n"));
    cr_assert(begins(http_take(&node, conn), "200 OK"));
}

Test(http, reads_a_request_that_comes_byte_by_byte)
{
    const char *text = "GET /health HTTP/1.1\r\n" HOST "\r\n";
    conn_id conn = http_connect(&node);
    for (size_t i = 0; text[i]; i++) {
        node_send(&node, conn, text + i, 1);
        node_run(&node, 0);
    }

    cr_assert(begins(http_take(&node, conn), "200 OK"));
}

struct bad {
    const char *text;
};

static const struct bad bads[] = {
    {"GET /health HTTP/1.1\r\n\r\n"},
    {"GET /health HTTP/1.1\r\n" HOST HOST "\r\n"},
    {"GET /health HTTP/2.0\r\n" HOST "\r\n"},
    {"GET /health\r\n" HOST "\r\n"},
    {"GET  /health HTTP/1.1\r\n" HOST "\r\n"},
    {"GET health HTTP/1.1\r\n" HOST "\r\n"},
    {"GET /hea\x01lth HTTP/1.1\r\n" HOST "\r\n"},
    {"GET /health HTTP/1.1 \r\n" HOST "\r\n"},
    {"G(T /health HTTP/1.1\r\n" HOST "\r\n"},
    {" GET /health HTTP/1.1\r\n" HOST "\r\n"},
    {"GET /health HTTP/1.1\n" HOST "\r\n"},
    {"GET /health HTTP/1.1\r\nHost : node\r\n\r\n"},
    {"GET /health HTTP/1.1\r\n" HOST " folded\r\n\r\n"},
    {"GET /health HTTP/1.1\r\n" HOST "no colon\r\n\r\n"},
    {"GET /health HTTP/1.1\r\n" HOST "a: b\rc\r\n\r\n"},
    {"GET /health HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello"},
    {"GET /health HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {"\x16\x03\x01\x02\r\n\r\n"},
    {"\r\n\r\n"},
};

Test(http, refuses_what_could_be_read_in_two_ways)
{
    for (uint32_t i = 0; i < sizeof bads / sizeof bads[0]; i++) {
        conn_id conn = http_connect(&node);
        http_send(&node, conn, bads[i].text);
        node_run(&node, 1);
        cr_assert(begins(http_take(&node, conn), "400 Bad Request"), "%s", bads[i].text);
        cr_assert(node_has_closed(&node, conn), "%s", bads[i].text);
    }
}

Test(http, refuses_a_header_that_does_not_end)
{
    char line[1024];
    conn_id conn = http_connect(&node);
    memset(line, 'x', sizeof line);
    http_send(&node, conn, "GET /health HTTP/1.1\r\n" HOST "X: ");
    for (int i = 0; i < 8; i++)
        node_send(&node, conn, line, sizeof line);
    node_run(&node, 1);

    cr_assert(begins(http_take(&node, conn), "431 Request Header Fields Too Large"));
    cr_assert(node_has_closed(&node, conn));
}

/* 300 of them stay open and say nothing. */
Test(http, stays_bounded_under_a_flood_of_connections_and_still_answers)
{
    uint32_t open = 0;
    for (int i = 0; i < 300; i++)
        http_connect(&node);
    node_run(&node, 1);
    const char *metrics = http_get(&node, "/metrics");

    for (uint32_t i = 0; i < node.fake.conn_count; i++)
        open += node.fake.conns[i].is_there;
    cr_assert_leq(open, 32 + 10);
    cr_assert_eq(http_sample(metrics, "skiff_http_connections"), 32);
}

Test(http, closes_a_connection_that_is_silent)
{
    conn_id conn = http_connect(&node);
    http_send(&node, conn, "GET /hea");
    node_run(&node, 29000);
    cr_assert_not(node_has_closed(&node, conn));

    node_run(&node, 2000);

    cr_assert(node_has_closed(&node, conn));
}

Test(http, waits_for_a_reader_that_does_not_read_and_then_gives_up)
{
    conn_id conn = http_connect(&node);
    node.fake.conns[conn].room = 100;
    http_send(&node, conn, "GET /metrics HTTP/1.1\r\n" HOST "\r\n");
    node_run(&node, 1000);
    cr_assert_leq(node.fake.conns[conn].out_size, 100);
    cr_assert_str_eq(http_get(&node, "/health"), "ok\n");

    node_run(&node, 31000);

    cr_assert(node_has_closed(&node, conn));
}

Test(http, gives_a_slow_reader_the_whole_answer)
{
    conn_id conn = http_connect(&node);
    char *answer = arena_alloc(&node.arena, 1 << 20);
    node.fake.conns[conn].room = 700;
    http_send(&node, conn, "GET /metrics HTTP/1.1\r\n" HOST "\r\n");
    *answer = '\0';
    for (int i = 0; i < 200; i++) {
        node_run(&node, 1);
        strncat(answer, http_take(&node, conn), 700);
    }

    const char *metrics = http_join_chunks(&node, answer);
    cr_assert_eq(http_sample(metrics, "kafka_log_log_logendoffset{topic=\"kept\",partition=\"0\"}"),
                 1);
}

Test(http, forgets_an_answer_whose_reader_has_gone)
{
    conn_id conn = http_connect(&node);
    node.fake.conns[conn].room = 100;
    http_send(&node, conn, "GET /metrics HTTP/1.1\r\n" HOST "\r\n");
    node_run(&node, 10);
    for (int i = 0; i < 40; i++)
        http_connect(&node);
    node_run(&node, 10);

    cr_assert(node_has_closed(&node, conn));
    cr_assert_str_eq(http_get(&node, "/health"), "ok\n");
}

Test(http_unready, says_why_a_node_without_a_session_is_not_ready)
{
    node_start(&node, http_add_listener);
    conn_id conn = http_connect(&node);
    node.config.heartbeat_interval_ms = 1 << 20;
    node_run(&node, node.config.session_timeout_ms + 1000);

    http_send(&node, conn, "GET /ready HTTP/1.1\r\n" HOST "\r\n");
    node_run(&node, 1);
    const char *answer = http_take(&node, conn);

    cr_assert(begins(answer, "503 Service Unavailable"), "%s", answer);
    cr_assert(strstr(answer, "broker.session.timeout.ms"), "%s", answer);
    node_stop(&node);
}

Test(http_unready, says_that_a_node_that_stops_is_not_ready)
{
    node_start(&node, http_add_listener);
    conn_id conn = http_connect(&node);
    http_send(&node, conn, "GET /ready HTTP/1.1\r\n" HOST "\r\n");

    shard_deliver(node.shard, &(struct env_event){.kind = ENV_STOP, .conn = -1});
    node_run(&node, 1);

    const char *answer = http_take(&node, conn);
    cr_assert(begins(answer, "503 Service Unavailable"), "%s", answer);
    cr_assert(strstr(answer, "stopping"), "%s", answer);
    node_stop(&node);
}
