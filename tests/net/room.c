/* room.c -- answers that a small request makes large, to peers that do not read them: what they owe
 * is bounded, others are served, and each gets its own once it reads. */
#include <criterion/criterion.h>

#include "group_fixture.h"
#include "node.h"
#include "request.h"

enum {
    BUDGET = 1 << 20,
    METADATA_SIZE = 4000,
    OFFSETS = 500, /* Of one group: 2 MB, which is more than the budget. */
    GROUP_BYTES = OFFSETS * (METADATA_SIZE + 256),
    PEERS = 20,
    STUCK = 1000, /* Bytes that a peer takes which does not read. */
};

static struct node node;
static char metadata[METADATA_SIZE];

static void tune(struct config *config)
{
    groups_tune(config);
    config->inflight_size_max = BUDGET;
}

/* What a group has committed for so many partitions of `wide`, each with much metadata. */
static void fill_some(const char *group, uint32_t count)
{
    struct client client = client_new(&node, group);
    struct offset_commit_request body = client_commit_request(&client, 0);
    struct offset_commit_response response;
    struct offset_commit_request_topic *topic = &body.topics[0];
    memset(metadata, 'm', sizeof metadata);
    topic->name = STR("wide");
    topic->partitions_count = count;
    topic->partitions = offset_commit_request_partition_new(&node.arena, count);
    for (int32_t i = 0; i < (int32_t)count; i++) {
        topic->partitions[i].index = i;
        topic->partitions[i].committed_offset = 1000 + i;
        topic->partitions[i].committed_metadata =
            (struct str){.data = metadata, .size = sizeof metadata};
    }
    node_call(&node, client.conn, WIRE_OFFSET_COMMIT, 9, &body, &response);
    cr_assert_eq(response.topics[0].partitions[count - 1].error_code, ERR_NONE);
    node.fake.conns[client.conn].peer_has_gone = true;
}

static void fill(const char *group)
{
    fill_some(group, OFFSETS);
}

static void start(void)
{
    node_start(&node, tune);
    client_find(&(struct node *){&node}[0], "g", 4);
    node_keep_record(&node);
    node_create_partitions(&node, "wide", OFFSETS);
    client_find(&node, "g", 4);
    node_run(&node, 100);
    fill("g");
    node_run(&node, 10);
    cr_assert_eq(node_inflight_size(&node), 0);
}

static void stop(void)
{
    node_check_record(&node);
    node_stop(&node);
}

TestSuite(room, .init = start, .fini = stop);

/* All that `count` groups have committed; on a connection of its own, which is returned. */
static conn_id ask_all(uint32_t count, const char *const *groups, uint32_t room)
{
    struct offset_fetch_request body;
    conn_id conn = node_connect(&node);
    offset_fetch_request_init(&body);
    body.groups_count = count;
    body.groups = offset_fetch_request_group_new(&node.arena, count);
    for (uint32_t i = 0; i < count; i++) {
        body.groups[i].group_id = str_from(groups[i]);
        body.groups[i].topics = NULL;
    }
    node.fake.conns[conn].room = room;
    node_ask(&node, conn, WIRE_OFFSET_FETCH, 9, &body);
    return conn;
}

static void ask_more(conn_id conn, const char *group)
{
    struct offset_fetch_request body;
    offset_fetch_request_init(&body);
    body.groups_count = 1;
    body.groups = offset_fetch_request_group_new(&node.arena, 1);
    body.groups[0].group_id = str_from(group);
    body.groups[0].topics = NULL;
    node_ask(&node, conn, WIRE_OFFSET_FETCH, 9, &body);
}

static conn_id ask_g(uint32_t room)
{
    static const char *const group = "g";
    return ask_all(1, &group, room);
}

static void read_all(conn_id conn, uint32_t groups)
{
    struct offset_fetch_response response;
    struct wire_reader reader;
    int32_t correlation;
    struct bytes frame = node_reply(&node, conn);
    cr_assert_not_null(frame.data);
    wire_reader_init(&reader, frame);
    cr_assert_eq(
        wire_response_header_read(&correlation, wire_api_find(WIRE_OFFSET_FETCH), 9, &reader),
        ERR_NONE);
    cr_assert_eq(offset_fetch_response_read(&response, 9, &reader, &node.arena), ERR_NONE);
    cr_assert_eq(response.groups_count, groups);
    for (uint32_t i = 0; i < groups; i++) {
        cr_assert_eq(response.groups[i].error_code, ERR_NONE);
        cr_assert_eq(response.groups[i].topics[0].partitions_count, OFFSETS);
        for (uint32_t p = 0; p < OFFSETS; p++) {
            cr_assert_eq(response.groups[i].topics[0].partitions[p].committed_offset, 1000 + p);
            cr_assert_eq(response.groups[i].topics[0].partitions[p].metadata.size, METADATA_SIZE);
        }
    }
}

Test(room, of_answers_that_nobody_reads_is_bounded_and_all_are_right_in_the_end)
{
    conn_id peers[PEERS];
    for (int i = 0; i < PEERS; i++)
        peers[i] = ask_g(STUCK);
    node_run(&node, 100);
    cr_assert_gt(node_inflight_size(&node), BUDGET);
    cr_assert_lt(node_inflight_size(&node), 3 * GROUP_BYTES);

    struct client client = client_new(&node, "small");
    cr_assert_eq(client_commit(&client, 7, 9), ERR_NONE);
    cr_assert_eq(client_committed(&client, 9), 7);
    cr_assert_eq(node_fetch(&node, node_connect(&node), "kept", 0).error_code, ERR_NONE);

    for (int i = 0; i < PEERS; i++)
        node.fake.conns[peers[i]].room = UINT32_MAX;
    node_run(&node, 100);
    for (int i = 0; i < PEERS; i++)
        read_all(peers[i], 1);
    cr_assert_eq(node_inflight_size(&node), 0);
}

Test(room, is_waited_for_with_nothing_of_a_frame_that_has_gone)
{
    for (int i = 0; i < PEERS; i++)
        ask_g(STUCK);
    node_run(&node, 100);
    cr_assert_not(list_is_empty(&node.shard->waiting));
    struct letter *letter = list_entry(node.shard->waiting.next, struct letter, link);
    const struct request *request = (const struct request *)letter;
    cr_assert_null(request->client_id.data);
}

/* They come in one tick, and even in one read. */
Test(room, is_looked_for_by_each_of_many_at_once)
{
    conn_id conn = ask_g(STUCK);
    for (int i = 1; i < PEERS; i++)
        ask_more(conn, "g");
    node_run(&node, 100);
    cr_assert_lt(node_inflight_size(&node), 3 * GROUP_BYTES);

    node.fake.conns[conn].room = UINT32_MAX;
    node_run(&node, 100);
    for (int i = 0; i < PEERS; i++)
        read_all(conn, 1);
    cr_assert_eq(node_inflight_size(&node), 0);
}

static uint32_t offsets_of_next(conn_id conn)
{
    struct offset_fetch_response response;
    struct wire_reader reader;
    int32_t correlation;
    wire_reader_init(&reader, node_reply(&node, conn));
    cr_assert_eq(
        wire_response_header_read(&correlation, wire_api_find(WIRE_OFFSET_FETCH), 9, &reader),
        ERR_NONE);
    cr_assert_eq(offset_fetch_response_read(&response, 9, &reader, &node.arena), ERR_NONE);
    return response.groups[0].topics[0].partitions_count;
}

/* Each of its answers would be made at once. */
Test(room, that_is_missing_leaves_a_peer_few_open_questions)
{
    enum { FEW = 3, ASKED = 50 };
    fill_some("few", FEW);
    conn_id stuck[2];
    for (int i = 0; i < 2; i++)
        stuck[i] = ask_g(STUCK);
    node_run(&node, 10);
    uint64_t before = node_inflight_size(&node);
    conn_id conn = node_connect(&node);
    node.fake.conns[conn].room = STUCK;
    for (int i = 0; i < ASKED; i++)
        ask_more(conn, "few");
    node_run(&node, 10);
    cr_assert_lt(node_inflight_size(&node), before + CONN_OUTPUT_SPENT);

    node.fake.conns[conn].room = UINT32_MAX;
    node_run(&node, 10);
    for (int i = 0; i < ASKED; i++)
        cr_assert_eq(offsets_of_next(conn), FEW);
    node.fake.conns[stuck[0]].peer_has_gone = node.fake.conns[stuck[1]].peer_has_gone = true;
}

static void ask_to_wait(conn_id conn)
{
    struct fetch_request body;
    fetch_request_init(&body);
    body.max_wait_ms = 60000;
    body.min_bytes = 1;
    body.topics_count = 1;
    body.topics = fetch_request_topic_new(&node.arena, 1);
    body.max_bytes = 1000;
    body.topics[0].name = STR("kept");
    body.topics[0].partitions_count = 1;
    body.topics[0].partitions = fetch_request_partition_new(&node.arena, 1);
    body.topics[0].partitions[0].fetch_offset = 1; /* Its end. */
    body.topics[0].partitions[0].partition_max_bytes = 1000;
    node_ask(&node, conn, WIRE_FETCH, 12, &body);
}

Test(room, that_is_there_again_opens_what_stands_behind_questions_that_wait)
{
    conn_id stuck[2];
    for (int i = 0; i < 2; i++)
        stuck[i] = ask_g(STUCK);
    node_run(&node, 10);
    struct client client = client_new(&node, "small"), other = client_new(&node, "small");
    struct offset_commit_request body = client_commit_request(&client, 7);
    for (int i = 0; i < CONN_INFLIGHT_SPENT; i++)
        ask_to_wait(client.conn);
    node_ask(&node, client.conn, WIRE_OFFSET_COMMIT, 9, &body);
    node_run(&node, 10);
    cr_assert_eq(client_committed(&other, 9), -1);

    for (int i = 0; i < 2; i++)
        node.fake.conns[stuck[i]].room = UINT32_MAX;
    node_run(&node, 10);
    cr_assert_eq(client_committed(&other, 9), 7);
    cr_assert_eq(node_reply_count(&node, client.conn), 0);
}

Test(room, is_found_for_what_needs_more_than_there_is)
{
    static const char *const groups[] = {"g", "h", "i"};
    conn_id stuck[2], several[2];
    fill("h");
    fill("i");
    for (int i = 0; i < 2; i++) {
        stuck[i] = ask_g(STUCK);
        several[i] = ask_all(3, groups, UINT32_MAX);
    }
    node_run(&node, 100);
    for (int i = 0; i < 2; i++)
        node.fake.conns[stuck[i]].room = UINT32_MAX;
    node_run(&node, 100);
    for (int i = 0; i < 2; i++) {
        read_all(stuck[i], 1);
        read_all(several[i], 3);
    }
    cr_assert_eq(node_inflight_size(&node), 0);
}

Test(room, is_not_kept_for_ever_by_peers_that_do_not_read)
{
    conn_id stuck[3];
    for (int i = 0; i < 3; i++)
        stuck[i] = ask_g(STUCK);
    conn_id conn = ask_g(UINT32_MAX);
    node_run(&node, 5000);
    cr_assert_eq(node_reply_count(&node, conn), 0);
    cr_assert_not(node_has_closed(&node, stuck[0]));

    node_run(&node, 7000);
    cr_assert(node_has_closed(&node, stuck[0]));
    cr_assert(node_has_closed(&node, stuck[1]));
    cr_assert_not(node_has_closed(&node, stuck[2])); /* Its own ten seconds have just begun. */
    node_run(&node, 60000);
    read_all(conn, 1);
}

Test(room, is_left_alone_by_who_hangs_up_while_it_waits)
{
    conn_id stuck[2], gone[PEERS];
    for (int i = 0; i < 2; i++)
        stuck[i] = ask_g(STUCK);
    node_run(&node, 10);
    for (int i = 0; i < PEERS; i++)
        gone[i] = ask_g(STUCK);
    node_run(&node, 10);
    cr_assert_eq(node.shard->waiting_count, PEERS);
    for (int i = 0; i < PEERS; i++)
        node.fake.conns[gone[i]].peer_has_gone = true;
    for (int i = 0; i < 2; i++)
        node.fake.conns[stuck[i]].room = UINT32_MAX;
    node_run(&node, 10);
    cr_assert_eq(node.shard->waiting_count, 0);
    cr_assert_eq(node_inflight_size(&node), 0);
}

Test(room, is_waited_for_until_the_node_stops)
{
    for (int i = 0; i < PEERS; i++)
        ask_g(STUCK);
    node_run(&node, 10);
    cr_assert_gt(node.shard->waiting_count, 0);
    node_restart(&node);
}

static uint32_t answers(int16_t key, int16_t version, const void *body)
{
    conn_id conn = node_connect(&node);
    node_ask(&node, conn, key, version, body);
    node_run(&node, 10);
    return node_reply_count(&node, conn);
}

/* How many of the questions that may have long answers get one now. */
static uint32_t long_answers(void)
{
    struct list_config_resources_request resources;
    struct describe_configs_request configs;
    struct describe_log_dirs_request dirs;
    struct describe_topic_partitions_request topics;
    list_config_resources_request_init(&resources);
    describe_configs_request_init(&configs);
    describe_log_dirs_request_init(&dirs);
    dirs.topics = NULL;
    describe_topic_partitions_request_init(&topics);
    return answers(WIRE_LIST_CONFIG_RESOURCES, 1, &resources) +
           answers(WIRE_DESCRIBE_CONFIGS, 4, &configs) + answers(WIRE_DESCRIBE_LOG_DIRS, 4, &dirs) +
           answers(WIRE_DESCRIBE_TOPIC_PARTITIONS, 0, &topics);
}

/* All topics, or `kept` alone. */
static uint32_t metadata_answers(bool is_all)
{
    struct metadata_request body;
    metadata_request_init(&body);
    body.topics_count = is_all ? 0 : 1;
    body.topics = is_all ? NULL : metadata_request_topic_new(&node.arena, 1);
    if (!is_all)
        body.topics[0].name = STR("kept");
    return answers(WIRE_METADATA, 9, &body);
}

Test(room, is_waited_for_by_every_question_with_a_long_answer)
{
    for (int i = 0; i < 40; i++)
        cr_assert_eq(node_create_topic(&node, arena_format(&node.arena, "topic%d", i)), ERR_NONE);
    cr_assert_eq(long_answers(), 4);
    cr_assert_eq(metadata_answers(true), 1);
    for (int i = 0; i < 2; i++)
        ask_g(STUCK); /* The second one may exceed the budget, and nobody else then. */
    node_run(&node, 10);

    cr_assert_eq(long_answers(), 0);
    cr_assert_eq(metadata_answers(true), 0);
    cr_assert_eq(metadata_answers(false), 1);

    node_run(&node, 60000);
    cr_assert_eq(long_answers(), 4);
    cr_assert_eq(metadata_answers(true), 1);
}

/* Of DeleteTopics and ListOffsets with `count` names. */
static uint32_t answers_of_as_many(uint32_t count)
{
    struct delete_topics_request topics;
    struct list_offsets_request offsets;
    delete_topics_request_init(&topics);
    list_offsets_request_init(&offsets);
    topics.timeout_ms = 1000;
    topics.topic_names_count = count;
    topics.topic_names = arena_array(&node.arena, struct str, count);
    offsets.topics_count = count;
    offsets.topics = list_offsets_request_topic_new(&node.arena, count);
    for (uint32_t i = 0; i < count; i++) {
        topics.topic_names[i] = STR("none");
        offsets.topics[i].name = STR("none");
    }
    return answers(WIRE_DELETE_TOPICS, 5, &topics) + answers(WIRE_LIST_OFFSETS, 7, &offsets);
}

Test(room, is_waited_for_by_questions_that_are_long_themselves)
{
    enum { MANY = 5000 };
    cr_assert_eq(answers_of_as_many(MANY), 2);
    for (int i = 0; i < 2; i++)
        ask_g(STUCK);
    node_run(&node, 10);

    cr_assert_eq(answers_of_as_many(MANY), 0);
    cr_assert_eq(answers_of_as_many(10), 2);

    node_run(&node, 60000);
    cr_assert_eq(answers_of_as_many(MANY), 2);
}
