/* fetch_session.c -- fetch sessions (KIP-227): what is told in them, and when they end. */
#include <criterion/criterion.h>

#include "api/state.h"
#include "node.h" /* src/net: what a shard holds. */
#include "node_fixture.h"

enum { PARTITIONS = 3 };

static struct node node;
static conn_id conn;
static struct uuid topic_id;

static void drop(const char *name)
{
    struct delete_topics_request body;
    struct delete_topics_response response;
    delete_topics_request_init(&body);
    body.topics_count = 1;
    body.topics = delete_topics_request_topic_new(&node.arena, 1);
    body.topics[0].name = str_from(name);
    node_call(&node, node_connect(&node), WIRE_DELETE_TOPICS, 6, &body, &response);
    cr_assert_eq(response.topics[0].error_code, ERR_NONE);
}

static void start_tuned(void (*tune)(struct config *config))
{
    node_start(&node, tune);
    node_keep_record(&node);
    topic_id = node_create_partitions(&node, "t", PARTITIONS);
    conn = node_connect(&node);
}

static void start(void)
{
    start_tuned(NULL);
}

static void stop(void)
{
    node_check_record(&node);
    node_stop(&node);
}

TestSuite(fetch_session, .init = start, .fini = stop);

static void produce(int32_t partition)
{
    struct produce_request body = node_produce_request(&node, "t", -1, node_batch(&node, "value"));
    struct produce_response response;
    body.topics[0].partitions[0].index = partition;
    node_call(&node, node_connect(&node), WIRE_PRODUCE, 9, &body, &response);
    cr_assert_eq(response.topics[0].partitions[0].error_code, ERR_NONE);
}

/* A Fetch of topic t that does not wait and asks for nothing yet. */
static struct fetch_request request(int32_t id, int32_t epoch)
{
    struct fetch_request body;
    fetch_request_init(&body);
    body.max_bytes = 1 << 20;
    body.min_bytes = 1;
    body.session_id = id;
    body.session_epoch = epoch;
    body.topics = fetch_request_topic_new(&node.arena, 1);
    body.topics[0].name = STR("t");
    body.topics[0].topic_id = topic_id;
    body.topics[0].partitions = fetch_request_partition_new(&node.arena, PARTITIONS);
    return body;
}

static void ask(struct fetch_request *body, int32_t partition, log_offset offset)
{
    struct fetch_request_topic *topic = &body->topics[0];
    body->topics_count = 1;
    topic->partitions[topic->partitions_count].index = partition;
    topic->partitions[topic->partitions_count].fetch_offset = offset;
    topic->partitions[topic->partitions_count++].partition_max_bytes = 1 << 20;
}

static void forget(struct fetch_request *body, int32_t partition)
{
    body->forgotten_topics_count = 1;
    body->forgotten_topics = fetch_request_forgotten_topic_new(&node.arena, 1);
    body->forgotten_topics[0].name = STR("t");
    body->forgotten_topics[0].topic_id = topic_id;
    body->forgotten_topics[0].partitions_count = 1;
    body->forgotten_topics[0].partitions = arena_copy(&node.arena, &partition, sizeof partition);
}

static struct fetch_response send_version(const struct fetch_request *body, int16_t version)
{
    struct fetch_response response;
    node_call(&node, conn, WIRE_FETCH, version, body, &response);
    return response;
}

static struct fetch_response send(const struct fetch_request *body)
{
    return send_version(body, 16);
}

static uint32_t count(const struct fetch_response *response)
{
    uint32_t partitions = 0;
    for (uint32_t i = 0; i < response->topics_count; i++)
        partitions += response->topics[i].partitions_count;
    return partitions;
}

/* The answer for a partition of topic t; NULL: there is none. */
static const struct fetch_response_partition *answer(const struct fetch_response *response,
                                                     int32_t partition)
{
    for (uint32_t i = 0; i < response->topics_count; i++)
        for (uint32_t p = 0; p < response->topics[i].partitions_count; p++)
            if (response->topics[i].partitions[p].index == partition)
                return &response->topics[i].partitions[p];
    return NULL;
}

/* A session of all partitions, each read from its start; its id. */
static int32_t begin_version(int16_t version)
{
    struct fetch_request body = request(0, 0);
    for (int32_t i = 0; i < PARTITIONS; i++)
        ask(&body, i, 0);
    struct fetch_response response = send_version(&body, version);
    cr_assert_eq(response.error_code, ERR_NONE);
    cr_assert_eq(count(&response), PARTITIONS);
    return response.session_id;
}

static int32_t begin(void)
{
    int32_t id = begin_version(16);
    cr_assert_gt(id, 0);
    return id;
}

Test(fetch_session, tells_what_is_new_and_nothing_else)
{
    int32_t id = begin();
    struct fetch_request second = request(id, 1), third = request(id, 2);

    struct fetch_response idle = send(&second);
    produce(1);
    struct fetch_response news = send(&third);

    cr_assert_eq(idle.error_code, ERR_NONE);
    cr_assert_eq(idle.session_id, id);
    cr_assert_eq(count(&idle), 0);
    cr_assert_eq(news.session_id, id);
    cr_assert_eq(count(&news), 1);
    cr_assert(uuid_equal(news.topics[0].topic_id, topic_id));
    cr_assert_eq(answer(&news, 1)->high_watermark, 1);
    cr_assert_gt(answer(&news, 1)->records.memory.size, 0);
}

Test(fetch_session, reads_on_from_the_offset_that_was_mentioned_last)
{
    int32_t id = begin();
    produce(1);
    struct fetch_request again = request(id, 1), on = request(id, 3), idle = request(id, 4);
    send(&again);
    again.session_epoch = 2;
    struct fetch_response repeated = send(&again); /* It did not say that it has it. */
    ask(&on, 1, 1);
    struct fetch_response moved = send(&on);
    struct fetch_response rests = send(&idle);
    produce(1);
    idle.session_epoch = 5;
    struct fetch_response next = send(&idle);

    cr_assert_gt(answer(&repeated, 1)->records.memory.size, 0);
    cr_assert_eq(count(&moved), 0);
    cr_assert_eq(count(&rests), 0);
    cr_assert_eq(count(&next), 1);
    cr_assert_eq(load_be64(answer(&next, 1)->records.memory.data), 1);
}

Test(fetch_session, tells_a_high_watermark_that_moved_though_it_has_no_records)
{
    struct fetch_request body = request(0, 0);
    ask(&body, 0, 0);
    produce(0);
    ask(&body, 1, 0);
    int32_t id = send(&body).session_id;
    struct fetch_request past = request(id, 1), idle = request(id, 2);
    ask(&past, 0, 1);
    send(&past);
    produce(0);
    idle.max_bytes = 0; /* No room, but for the first. */
    struct fetch_response first = send(&idle);
    cr_assert_eq(count(&first), 1);
    cr_assert_eq(answer(&first, 0)->high_watermark, 2);
}

Test(fetch_session, serves_next_time_what_had_no_room)
{
    int32_t id = begin();
    for (int32_t i = 0; i < PARTITIONS; i++)
        produce(i);
    bool served[PARTITIONS] = {false};
    for (int32_t epoch = 1; epoch <= PARTITIONS; epoch++) {
        struct fetch_request body = request(id, epoch);
        body.max_bytes = 1;
        struct fetch_response response = send(&body);
        uint32_t with_records = 0;
        for (int32_t i = 0; i < PARTITIONS; i++) {
            const struct fetch_response_partition *found = answer(&response, i);
            bool has_records = found && found->records.memory.size > 0;
            served[i] |= has_records;
            with_records += has_records;
        }
        cr_assert_eq(with_records, 1);
    }
    for (int32_t i = 0; i < PARTITIONS; i++)
        cr_assert(served[i]);
}

Test(fetch_session, tells_no_more_of_what_is_forgotten)
{
    int32_t id = begin();
    struct fetch_request body = request(id, 1);
    forget(&body, 1);
    produce(1);
    produce(2);
    struct fetch_response response = send(&body);
    cr_assert_eq(count(&response), 1);
    cr_assert_not_null(answer(&response, 2));
}

Test(fetch_session, answers_at_once_when_all_is_forgotten)
{
    struct fetch_request body = request(0, 0);
    ask(&body, 0, 0);
    struct fetch_request empty = request(send(&body).session_id, 1);
    forget(&empty, 0);
    empty.max_wait_ms = 100000;
    mono_ms before = node.fake.now;
    struct fetch_response response = send(&empty);
    cr_assert_eq(response.error_code, ERR_NONE);
    cr_assert_eq(count(&response), 0);
    cr_assert_lt(node.fake.now - before, 1000);
}

Test(fetch_session, takes_in_what_is_added)
{
    struct fetch_request body = request(0, 0);
    ask(&body, 0, 0);
    int32_t id = send(&body).session_id;
    struct fetch_request more = request(id, 1), idle = request(id, 2);
    ask(&more, 2, 0);
    struct fetch_response added = send(&more);
    produce(2);
    struct fetch_response news = send(&idle);
    cr_assert_eq(count(&added), 1);
    cr_assert_eq(answer(&added, 2)->high_watermark, 0);
    cr_assert_eq(count(&news), 1);
    cr_assert_gt(answer(&news, 2)->records.memory.size, 0);
}

Test(fetch_session, wakes_when_one_of_its_partitions_has_records)
{
    struct fetch_request body = request(begin(), 1);
    body.max_wait_ms = 10000;
    node_ask(&node, conn, WIRE_FETCH, 16, &body);
    node_run(&node, 100);
    cr_assert_eq(node_reply_count(&node, conn), 0);
    produce(2);
    node_run(&node, 1);
    cr_assert_eq(node_reply_count(&node, conn), 1);
}

Test(fetch_session, ends_the_wait_of_a_fetch_when_the_next_one_comes)
{
    int32_t id = begin();
    struct fetch_request parked = request(id, 1), next = request(id, 2);
    parked.max_wait_ms = 10000;
    node_ask(&node, conn, WIRE_FETCH, 16, &parked);
    node_run(&node, 100);
    node_ask(&node, conn, WIRE_FETCH, 16, &next);
    node_run(&node, 1);
    cr_assert_eq(node_reply_count(&node, conn), 2);
}

/* Even where it waits for the disk, which nothing but the end of the question ends. */
Test(fetch_session, ends_the_wait_for_the_disk_when_the_next_one_comes)
{
    int32_t id = begin();
    produce(1);
    struct fetch_request parked = request(id, 1), next = request(id, 2);
    node.fake.is_cold = true;
    node_ask(&node, conn, WIRE_FETCH, 16, &parked);
    node_run(&node, 10);
    uint32_t before = node_reply_count(&node, conn);
    node_ask(&node, conn, WIRE_FETCH, 16, &next);
    node_run(&node, 10);
    uint32_t after = node_reply_count(&node, conn);
    fake_env_load(&node.fake);
    node_run(&node, 0);
    cr_assert_eq(after, before + 1);
    cr_assert_eq(node_reply_count(&node, conn), before + 2);
}

/* ---- Ids and epochs. */

Test(fetch_session, refuses_an_unknown_id_and_a_wrong_epoch)
{
    int32_t id = begin();
    struct fetch_request body = request(id + 1, 1);
    cr_assert_eq(send(&body).error_code, ERR_FETCH_SESSION_ID_NOT_FOUND);
    body = request(0, 1);
    cr_assert_eq(send(&body).error_code, ERR_FETCH_SESSION_ID_NOT_FOUND);
    body = request(id, 2);
    cr_assert_eq(send(&body).error_code, ERR_INVALID_FETCH_SESSION_EPOCH);
    body = request(id, INT32_MIN);
    cr_assert_eq(send(&body).error_code, ERR_INVALID_FETCH_SESSION_EPOCH);
    body = request(id, 1);
    cr_assert_eq(send(&body).error_code, ERR_NONE);
    cr_assert_eq(send(&body).error_code, ERR_INVALID_FETCH_SESSION_EPOCH);
}

Test(fetch_session, refuses_names_among_ids_and_ids_among_names)
{
    struct fetch_request body = request(begin(), 1);
    cr_assert_eq(send_version(&body, 12).error_code, ERR_FETCH_SESSION_TOPIC_ID_ERROR);
    body = request(begin_version(7), 1);
    cr_assert_eq(send_version(&body, 13).error_code, ERR_FETCH_SESSION_TOPIC_ID_ERROR);
}

Test(fetch_session, is_begun_anew_or_closed_by_a_full_fetch)
{
    int32_t id = begin();
    struct fetch_request body = request(id, 0);
    ask(&body, 0, 0);
    int32_t next = send(&body).session_id;
    struct fetch_request on = request(id, 1);
    cr_assert_gt(next, 0);
    cr_assert_neq(next, id);
    cr_assert_eq(send(&on).error_code, ERR_FETCH_SESSION_ID_NOT_FOUND);
    body = request(next, -1);
    ask(&body, 0, 0);
    struct fetch_response closed = send(&body);
    cr_assert_eq(closed.session_id, 0);
    cr_assert_eq(count(&closed), 1);
    on = request(next, 1);
    cr_assert_eq(send(&on).error_code, ERR_FETCH_SESSION_ID_NOT_FOUND);
}

Test(fetch_session, belongs_to_its_connection)
{
    struct fetch_request body = request(begin(), 1);
    conn = node_connect(&node);
    cr_assert_eq(send(&body).error_code, ERR_FETCH_SESSION_ID_NOT_FOUND);
}

Test(fetch_session, is_there_by_names_too)
{
    int32_t id = begin_version(7);
    cr_assert_gt(id, 0);
    produce(0);
    struct fetch_request body = request(id, 1);
    forget(&body, 1);
    struct fetch_response response = send_version(&body, 7);
    cr_assert_eq(response.session_id, id);
    cr_assert_eq(count(&response), 1);
    cr_assert(str_equal(response.topics[0].name, STR("t")));
    cr_assert_gt(answer(&response, 0)->records.memory.size, 0);
}

Test(fetch_session, is_not_there_before_version_7)
{
    struct fetch_request body = request(0, 0);
    ask(&body, 0, 0);
    cr_assert_eq(send_version(&body, 6).session_id, 0);
}

/* ---- Partitions that are not there. */

Test(fetch_session, is_not_begun_with_a_partition_that_is_unknown)
{
    struct fetch_request body = request(0, 0);
    ask(&body, 0, 0);
    ask(&body, 7, 0);
    struct fetch_response response = send(&body);
    cr_assert_eq(response.session_id, 0);
    cr_assert_eq(count(&response), 2);
    cr_assert_eq(answer(&response, 7)->error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION);
}

Test(fetch_session, ends_with_the_answer_to_a_partition_that_is_unknown)
{
    int32_t id = begin();
    struct fetch_request body = request(id, 1), next = request(id, 2);
    ask(&body, 7, 0);
    struct fetch_response response = send(&body);
    cr_assert_eq(response.error_code, ERR_NONE);
    cr_assert_eq(response.session_id, 0);
    cr_assert_eq(answer(&response, 7)->error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION);
    cr_assert_eq(send(&next).error_code, ERR_FETCH_SESSION_ID_NOT_FOUND);
}

Test(fetch_session, tells_of_a_deleted_topic_until_it_is_forgotten)
{
    int32_t id = begin();
    drop("t");
    for (int32_t epoch = 1; epoch <= 2; epoch++) {
        struct fetch_request body = request(id, epoch);
        struct fetch_response response = send(&body);
        cr_assert_eq(response.session_id, id);
        cr_assert_eq(count(&response), PARTITIONS);
        cr_assert_eq(answer(&response, 0)->error_code, ERR_UNKNOWN_TOPIC_ID);
    }
    struct fetch_request body = request(id, 3);
    forget(&body, 0);
    struct fetch_response response = send(&body);
    cr_assert_eq(count(&response), PARTITIONS - 1);
}

Test(fetch_session, of_names_ends_when_a_topic_is_deleted)
{
    struct fetch_request body = request(begin_version(12), 1);
    drop("t");
    node_create_partitions(&node, "t", PARTITIONS);
    struct fetch_response response = send_version(&body, 12);
    cr_assert_eq(response.error_code, ERR_NONE);
    cr_assert_eq(response.session_id, 0);
    cr_assert_eq(count(&response), 0);
}

/* ---- Room. */

static void tune_one_slot(struct config *config)
{
    config->fetch_sessions_max = 1;
    config->connections_max_idle_ms = -1;
}

static void restart_tuned(void (*tune)(struct config *config))
{
    node_stop(&node);
    start_tuned(tune);
}

Test(fetch_session, is_refused_without_a_slot_until_one_is_free)
{
    restart_tuned(tune_one_slot);
    conn_id first = conn;
    begin();
    conn = node_connect(&node);
    cr_assert_eq(begin_version(16), 0);
    node.fake.conns[first].peer_has_gone = true;
    node_run(&node, 10);
    cr_assert_gt(begin_version(16), 0);
}

Test(fetch_session, makes_room_when_it_is_not_used_for_two_minutes)
{
    restart_tuned(tune_one_slot);
    conn_id first = conn;
    struct fetch_request body = request(begin(), 1);
    node_run(&node, 119 * 1000);
    conn = node_connect(&node);
    cr_assert_eq(begin_version(16), 0);
    node_run(&node, 2 * 1000);
    cr_assert_gt(begin_version(16), 0);
    conn = first;
    cr_assert_eq(send(&body).error_code, ERR_FETCH_SESSION_ID_NOT_FOUND);
}

static void tune_no_slots(struct config *config)
{
    config->fetch_sessions_max = 0;
}

Test(fetch_session, ends_when_all_of_them_have_too_many_partitions)
{
    enum { TOO_MANY = 1 << 20 };
    struct fetch_request body = request(begin(), 1), next = request(body.session_id, 2);
    node.shard->api->session_parts += TOO_MANY; /* As if others had them. */
    produce(0);
    struct fetch_response last = send(&body);
    cr_assert_eq(last.error_code, ERR_NONE);
    cr_assert_eq(last.session_id, 0);
    cr_assert_gt(answer(&last, 0)->records.memory.size, 0);
    cr_assert_eq(send(&next).error_code, ERR_FETCH_SESSION_ID_NOT_FOUND);
    cr_assert_eq(node.shard->api->session_parts, TOO_MANY);
    cr_assert_eq(begin_version(16), 0);
}

Test(fetch_session, of_a_replica_needs_no_slot)
{
    struct follower follower;
    struct fetch_response response;
    restart_tuned(tune_no_slots);
    node_add_follower(&node, &follower);
    struct uuid id = node_create_replicated(&node, "r", 1);
    struct fetch_request body = node_follower_fetch(&node, &follower, id, 0);
    body.session_epoch = 0;
    node_call(&node, follower.conn, WIRE_FETCH, 16, &body, &response);
    cr_assert_eq(begin_version(16), 0);
    cr_assert_gt(response.session_id, 0);
}

Test(fetch_session, keeps_nothing_when_its_connection_has_ended)
{
    begin();
    cr_assert_eq(node.shard->api->session_parts, PARTITIONS);
    node.fake.conns[conn].peer_has_gone = true;
    node_run(&node, 10);
    cr_assert_eq(node.shard->api->session_count, 0);
    cr_assert_eq(node.shard->api->session_parts, 0);
    cr_assert_eq(node.shard->api->sessions.count, 0);
}

/* ---- What nobody means. */

Test(fetch_session, holds_a_partition_that_is_named_twice_once)
{
    struct fetch_request body = request(0, 0), next = request(0, 1);
    ask(&body, 0, 7);
    ask(&body, 0, 0);
    next.session_id = send(&body).session_id;
    cr_assert_gt(next.session_id, 0);
    cr_assert_eq(node.shard->api->session_parts, 1);
    produce(0);
    struct fetch_response news = send(&next);
    cr_assert_eq(count(&news), 1);
    cr_assert_gt(answer(&news, 0)->records.memory.size, 0);
}

Test(fetch_session, forgets_what_it_never_had)
{
    static const int32_t strangers[] = {7, -1, INT32_MIN, INT32_MAX};
    int32_t id = begin();
    for (int32_t i = 0; i < 4; i++) {
        struct fetch_request body = request(id, i + 1);
        forget(&body, strangers[i]);
        cr_assert_eq(send(&body).error_code, ERR_NONE);
    }
    struct fetch_request unknown = request(id, 5);
    forget(&unknown, 0);
    unknown.forgotten_topics[0].topic_id = (struct uuid){.bytes = {9}};
    cr_assert_eq(send(&unknown).error_code, ERR_NONE);
    cr_assert_eq(node.shard->api->session_parts, PARTITIONS);
}

Test(fetch_session, asks_and_forgets_at_once_what_stays)
{
    struct fetch_request body = request(begin(), 1), next = request(body.session_id, 2);
    produce(0);
    ask(&body, 0, 0);
    forget(&body, 0);
    send(&body);
    cr_assert_eq(node.shard->api->session_parts, PARTITIONS);
    cr_assert_eq(send(&next).error_code, ERR_NONE);
}

Test(fetch_session, takes_numbers_that_nobody_means)
{
    static const int32_t odd[] = {INT32_MIN, -1, 0, INT32_MAX};
    int32_t id = begin();
    for (int32_t i = 0; i < 4; i++) {
        struct fetch_request body = request(id, i + 1);
        ask(&body, 0, i % 2 == 0 ? INT64_MIN : INT64_MAX);
        body.topics[0].partitions[0].partition_max_bytes = odd[i];
        body.topics[0].partitions[0].current_leader_epoch = odd[i];
        body.topics[0].partitions[0].last_fetched_epoch = odd[i];
        body.topics[0].partitions[0].log_start_offset = odd[i];
        body.min_bytes = body.max_bytes = odd[i];
        body.max_wait_ms = odd[i];
        struct fetch_response response = send(&body);
        cr_assert_eq(response.error_code, ERR_NONE);
        cr_assert_neq(answer(&response, 0)->error_code, ERR_NONE);
    }
    struct fetch_request body = request(id, 5);
    ask(&body, 0, 0);
    struct fetch_response response = send(&body);
    cr_assert_eq(answer(&response, 0)->error_code, ERR_NONE);
}
