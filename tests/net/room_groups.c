/* room_groups.c -- what a leader of a group is told of its members, and a member of its
 * assignment: who asks for it again and again and does not read takes no more memory than there
 * is, and a group goes on while its leader waits for room. */
#include <criterion/criterion.h>

#include "group_fixture.h"
#include "node.h"
#include "request.h"

enum {
    BUDGET = 1 << 20,
    MEMBERS = 4, /* Beside the leader, who is told of all of them: 800 KB. */
    METADATA_SIZE = 200 * 1024,
    ASSIGNMENT_SIZE = 800 * 1024,
    ANSWER_SIZE = 900 * 1024, /* At most. */
    TIMES = 30,
    STUCK_PEERS = 3,
    STUCK = 1000, /* Bytes that a peer takes which does not read. */
    JOIN_VERSION = 3,
    SYNC_VERSION = 3,
};

static struct node node;
static struct client leader, members[MEMBERS];
static char metadata[METADATA_SIZE], assignment[ASSIGNMENT_SIZE + 1];

static void tune(struct config *config)
{
    groups_tune(config);
    config->inflight_size_max = BUDGET;
}

static void ask_to_join(struct client *client, conn_id conn, bool is_large)
{
    struct join_group_request body = client_join_request(client);
    if (is_large)
        body.protocols[0].metadata =
            bytes_of_str((struct str){.data = metadata, .size = sizeof metadata});
    node_ask(&node, conn, WIRE_JOIN_GROUP, JOIN_VERSION, &body);
}

static void ask_to_sync(struct client *client, conn_id conn)
{
    struct sync_group_request body;
    sync_group_request_init(&body);
    body.group_id = str_from(client->group);
    body.generation_id = client->generation;
    body.member_id = client->member_id;
    node_ask(&node, conn, WIRE_SYNC_GROUP, SYNC_VERSION, &body);
}

static struct wire_reader reply_reader(conn_id conn, int16_t key, int16_t version)
{
    struct wire_reader reader;
    int32_t correlation;
    struct bytes frame = node_reply(&node, conn);
    cr_assert_not_null(frame.data);
    wire_reader_init(&reader, frame);
    cr_assert_eq(wire_response_header_read(&correlation, wire_api_find(key), version, &reader),
                 ERR_NONE);
    return reader;
}

static struct join_group_response read_join(conn_id conn)
{
    struct join_group_response response;
    struct wire_reader reader = reply_reader(conn, WIRE_JOIN_GROUP, JOIN_VERSION);
    cr_assert_eq(join_group_response_read(&response, JOIN_VERSION, &reader, &node.arena), ERR_NONE);
    return response;
}

static void take_join(struct client *client)
{
    struct join_group_response response = read_join(client->conn);
    cr_assert_eq(response.error_code, ERR_NONE);
    client->member_id = response.member_id;
    client->generation = response.generation_id;
}

static void expect_all_members(conn_id conn)
{
    struct join_group_response response = read_join(conn);
    cr_assert_eq(response.error_code, ERR_NONE);
    cr_assert_eq(response.members_count, MEMBERS + 1);
    cr_assert_eq(response.members[MEMBERS].metadata.size, METADATA_SIZE);
}

static void expect_assignment(conn_id conn)
{
    struct sync_group_response response;
    struct wire_reader reader = reply_reader(conn, WIRE_SYNC_GROUP, SYNC_VERSION);
    cr_assert_eq(sync_group_response_read(&response, SYNC_VERSION, &reader, &node.arena), ERR_NONE);
    cr_assert_eq(response.error_code, ERR_NONE);
    cr_assert_eq(response.assignment.size, ASSIGNMENT_SIZE);
}

static conn_id connect_stuck(void)
{
    conn_id conn = node_connect(&node);
    node.fake.conns[conn].room = STUCK;
    return conn;
}

static void unstick(conn_id conn)
{
    node.fake.conns[conn].room = UINT32_MAX;
}

/* The members ask to join; all but the leader are back then. */
static void members_ask(void)
{
    for (int i = 0; i < MEMBERS; i++) {
        ask_to_join(&members[i], members[i].conn, true);
        node_run(&node, 5);
    }
}

static void start(void)
{
    node_start(&node, tune);
    client_find(&node, "g", 4);
    node_keep_record(&node);
    client_find(&node, "g", 4);
    node_run(&node, 100);
    memset(metadata, 'm', sizeof metadata);
    memset(assignment, 'a', ASSIGNMENT_SIZE);
    leader = client_new(&node, "g");
    ask_to_join(&leader, leader.conn, false);
    node_run(&node, 10);
    take_join(&leader);
    for (int i = 0; i < MEMBERS; i++)
        members[i] = client_new(&node, "g");
    members_ask();
}

/* The leader is the last who comes back, and is told of all. */
static void form(void)
{
    ask_to_join(&leader, leader.conn, false);
    node_run(&node, 10);
    take_join(&leader);
    for (int i = 0; i < MEMBERS; i++)
        take_join(&members[i]);
    cr_assert_eq(node_inflight_size(&node), 0);
}

/* A group of one, whose assignment is large. */
static struct client assigned(void)
{
    struct client client = client_new(&node, "h");
    ask_to_join(&client, client.conn, false);
    node_run(&node, 10);
    take_join(&client);
    cr_assert_eq(client_sync(&client, assignment, SYNC_VERSION).error_code, ERR_NONE);
    return client;
}

static void stop(void)
{
    node_check_record(&node);
    node_stop(&node);
}

TestSuite(room_groups, .init = start, .fini = stop);

Test(room_groups, is_looked_for_by_each_of_many_joins_of_a_leader)
{
    form();
    conn_id conn = connect_stuck();
    for (int i = 0; i < TIMES; i++)
        ask_to_join(&leader, conn, false);
    node_run(&node, 100);
    cr_assert_lt(node_inflight_size(&node), BUDGET + 2 * ANSWER_SIZE);

    unstick(conn);
    node_run(&node, 100);
    for (int i = 0; i < TIMES; i++)
        expect_all_members(conn);
    cr_assert_eq(node_inflight_size(&node), 0);
}

Test(room_groups, is_looked_for_by_each_of_many_syncs)
{
    struct client client = assigned();
    conn_id conn = connect_stuck();
    for (int i = 0; i < TIMES; i++)
        ask_to_sync(&client, conn);
    node_run(&node, 100);
    cr_assert_lt(node_inflight_size(&node), BUDGET + 2 * ANSWER_SIZE);

    unstick(conn);
    node_run(&node, 100);
    for (int i = 0; i < TIMES; i++)
        expect_assignment(conn);
    cr_assert_eq(node_inflight_size(&node), 0);
}

/* Peers that do not read: the last one may exceed the budget, and nobody else then. */
static void spend(struct client *client, conn_id stuck[STUCK_PEERS])
{
    for (int i = 0; i < STUCK_PEERS; i++) {
        stuck[i] = connect_stuck();
        ask_to_sync(client, stuck[i]);
        node_run(&node, 5);
    }
    cr_assert(node.shard->exceeding);
}

Test(room_groups, is_waited_for_by_a_leader_alone_of_those_who_hear_of_a_generation)
{
    conn_id stuck[STUCK_PEERS];
    struct client other = assigned();
    spend(&other, stuck);

    ask_to_join(&leader, leader.conn, false);
    node_run(&node, 10);

    for (int i = 0; i < MEMBERS; i++)
        take_join(&members[i]);
    cr_assert_eq(node_reply_count(&node, leader.conn), 0);
    cr_assert_eq(client_heartbeat(&members[0], 3), ERR_NONE);

    for (int i = 0; i < STUCK_PEERS; i++)
        unstick(stuck[i]);
    node_run(&node, 10);
    expect_all_members(leader.conn);
}

Test(room_groups, that_is_missing_when_others_end_a_leaders_wait_lets_it_ask_again)
{
    conn_id stuck[STUCK_PEERS];
    struct client other = assigned();
    form();
    struct client newcomer = client_new(&node, "g");
    ask_to_join(&newcomer, newcomer.conn, false);
    node_run(&node, 5);
    ask_to_join(&leader, leader.conn, false);
    for (int i = 1; i < MEMBERS; i++)
        ask_to_join(&members[i], members[i].conn, true);
    node_run(&node, 5);
    spend(&other, stuck);
    struct join_group_request body = client_join_request(&members[0]);
    node_ask(&node, members[0].conn, WIRE_JOIN_GROUP, JOIN_VERSION, &body);
    node_run(&node, 10);

    cr_assert_eq(read_join(leader.conn).error_code, ERR_REBALANCE_IN_PROGRESS);
    take_join(&members[0]);
    ask_to_join(&leader, leader.conn, false);
    node_run(&node, 10);
    cr_assert_eq(node_reply_count(&node, leader.conn), 0);
    for (int i = 0; i < STUCK_PEERS; i++)
        unstick(stuck[i]);
    node_run(&node, 10);
    struct join_group_response response = read_join(leader.conn);
    cr_assert_eq(response.error_code, ERR_NONE);
    cr_assert_eq(response.generation_id, members[0].generation);
    cr_assert_eq(response.members_count, MEMBERS + 2);
}

/* It may exceed the budget, and waits for its members then. */
Test(room_groups, is_left_to_others_by_a_join_that_waits_for_its_group)
{
    conn_id stuck[STUCK_PEERS];
    form();
    struct client other = assigned(), newcomer = client_new(&node, "g");
    spend(&other, stuck);
    ask_to_join(&leader, leader.conn, false); /* It waits for room. */
    conn_id late = node_connect(&node);
    ask_to_sync(&other, late);
    node_run(&node, 5);
    ask_to_join(&newcomer, newcomer.conn, false); /* And now for its group. */
    node_run(&node, 5);
    unstick(stuck[STUCK_PEERS - 1]);
    node_run(&node, 10);

    cr_assert_eq(node_reply_count(&node, leader.conn), 0);
    expect_assignment(late);
    cr_assert_not(node.shard->exceeding);
}
