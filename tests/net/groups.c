/* groups.c -- members of a classic group, over the wire. */
#include <criterion/criterion.h>

#include "group_fixture.h"
#include "node.h"

static struct node node;

static void start(void)
{
    groups_start(&node);
}

static void stop(void)
{
    node_check_record(&node);
    node_stop(&node);
}

TestSuite(groups, .init = start, .fini = stop);

Test(groups, who_asks_before_there_are_groups_is_told_to_look_elsewhere)
{
    struct node fresh;
    node_start(&fresh, groups_tune);
    node_keep_record(&fresh);
    struct client client = client_new(&fresh, "g");
    cr_assert_eq(client_join(&client, 9).error_code, ERR_NOT_COORDINATOR);
    cr_assert_eq(client_sync(&client, NULL, 5).error_code, ERR_NOT_COORDINATOR);
    cr_assert_eq(client_heartbeat(&client, 4), ERR_NOT_COORDINATOR);
    cr_assert_eq(client_leave(&client, 5).error_code, ERR_NOT_COORDINATOR);
    cr_assert_eq(client_commit(&client, 1, 9), ERR_NOT_COORDINATOR);
    cr_assert_eq(client_committed(&client, 9), -1000 - ERR_NOT_COORDINATOR);
    cr_assert_null(image_topic_by_name(fresh.shard->image, STR("__consumer_offsets")));
    node_stop(&fresh);
}

Test(groups, a_member_joins_syncs_and_leaves_in_every_version)
{
    for (int16_t version = 0; version <= WIRE_JOIN_GROUP_MAX; version++) {
        struct client client = client_new(&node, "g");
        struct join_group_response joined = client_join(&client, version);
        cr_assert_eq(joined.error_code, version < 4 ? ERR_NONE : ERR_MEMBER_ID_REQUIRED);
        if (version >= 4)
            joined = client_join(&client, version);
        cr_assert_eq(joined.error_code, ERR_NONE);
        cr_assert_eq(joined.members_count, 1);
        cr_assert(str_equal(joined.leader, client.member_id));
        cr_assert(str_equal(joined.protocol_name, STR("range")));
        cr_assert(bytes_equal(joined.members[0].metadata, bytes_of_str(STR("subscription"))));

        struct sync_group_response synced = client_sync(&client, "mine", version < 5 ? version : 5);
        cr_assert_eq(synced.error_code, ERR_NONE);
        cr_assert(bytes_equal(synced.assignment, bytes_of_str(STR("mine"))));
        cr_assert_eq(client_heartbeat(&client, version < 4 ? version : 4), ERR_NONE);

        struct leave_group_response left = client_leave(&client, version < 5 ? version : 5);
        cr_assert_eq(left.error_code, ERR_NONE);
        cr_assert_eq(client_heartbeat(&client, 4), ERR_UNKNOWN_MEMBER_ID);
    }
}

Test(groups, strangers_are_told_so)
{
    struct client client = client_new(&node, "g");
    client.member_id = STR("nobody");
    client.generation = 3;
    cr_assert_eq(client_join(&client, 9).error_code, ERR_UNKNOWN_MEMBER_ID);
    cr_assert_eq(client_sync(&client, NULL, 5).error_code, ERR_UNKNOWN_MEMBER_ID);
    cr_assert_eq(client_heartbeat(&client, 4), ERR_UNKNOWN_MEMBER_ID);
    cr_assert_eq(client_leave(&client, 2).error_code, ERR_UNKNOWN_MEMBER_ID);
    struct leave_group_response left = client_leave(&client, 5);
    cr_assert_eq(left.error_code, ERR_NONE);
    cr_assert_eq(left.members_count, 1);
    cr_assert_eq(left.members[0].error_code, ERR_UNKNOWN_MEMBER_ID);
}

Test(groups, nobody_is_a_member_of_the_empty_id)
{
    struct client nameless = client_new(&node, "");
    cr_assert_eq(client_join(&nameless, 9).error_code, ERR_INVALID_GROUP_ID);
    cr_assert_eq(client_heartbeat(&nameless, 4), ERR_INVALID_GROUP_ID);
}

Test(groups, an_id_may_be_as_long_as_any_string)
{
    static char name[32768];
    memset(name, 'x', sizeof name - 1);
    struct client client = client_new(&node, name);
    client_enter(&client);
    cr_assert_eq(client_heartbeat(&client, 4), ERR_NONE);
    cr_assert_eq(client_commit(&client, 7, 9), ERR_NONE);
    cr_assert_eq(client_committed(&client, 9), 7);
}

static enum err join_error(struct join_group_request *body)
{
    struct join_group_response response;
    node_call(&node, node_connect(&node), WIRE_JOIN_GROUP, 9, body, &response);
    return (enum err)response.error_code;
}

Test(groups, timeouts_outside_the_limits_are_refused)
{
    static const int32_t timeouts[] = {INT32_MIN, -1, 0, 5999, 1800001, INT32_MAX};
    struct client client = client_new(&node, "g");
    struct join_group_request body = client_join_request(&client);
    for (int i = 0; i < 6; i++) {
        body.session_timeout_ms = timeouts[i];
        cr_assert_eq(join_error(&body), ERR_INVALID_SESSION_TIMEOUT);
    }
}

Test(groups, a_member_needs_a_protocol_and_not_a_million)
{
    struct client client = client_new(&node, "g");
    struct join_group_request body = client_join_request(&client);
    body.protocols_count = 0;
    cr_assert_eq(join_error(&body), ERR_INCONSISTENT_GROUP_PROTOCOL);
    body.protocols_count = 100000;
    body.protocols = join_group_request_protocol_new(&node.arena, 100000);
    cr_assert_eq(join_error(&body), ERR_INCONSISTENT_GROUP_PROTOCOL);
    cr_assert_eq(node_inflight_size(&node), 0);
}

Test(groups, metadata_that_no_record_can_hold_is_refused)
{
    struct client client = client_new(&node, "g");
    client.instance_id = STR("static: without a second round trip");
    struct join_group_request body = client_join_request(&client);
    body.protocols[0].metadata =
        (struct bytes){.data = arena_alloc(&node.arena, 8 << 20), .size = 8 << 20};
    cr_assert_eq(join_error(&body), ERR_GROUP_MAX_SIZE_REACHED);
}

Test(groups, odd_rebalance_timeouts_harm_nobody)
{
    static const int32_t timeouts[] = {INT32_MIN, -1, 0, INT32_MAX};
    for (int i = 0; i < 4; i++) {
        struct client client = client_new(&node, "g");
        client.instance_id = STR("static");
        struct join_group_request body = client_join_request(&client);
        body.rebalance_timeout_ms = timeouts[i];
        cr_assert_eq(join_error(&body), ERR_NONE);
        node_run(&node, 1000);
    }
}

Test(groups, a_second_member_waits_for_the_first_to_come_back)
{
    struct client first = client_new(&node, "g"), second = client_new(&node, "g");
    struct join_group_response response;
    client_enter(&first);
    client_join(&second, 9);
    struct join_group_request body = client_join_request(&second);
    node_ask(&node, second.conn, WIRE_JOIN_GROUP, 9, &body);
    node_run(&node, 50);
    cr_assert_eq(node_reply_count(&node, second.conn), 0);
    cr_assert_eq(client_heartbeat(&first, 4), ERR_REBALANCE_IN_PROGRESS);

    response = client_join(&first, 9);
    node_run(&node, 50);

    cr_assert_eq(response.error_code, ERR_NONE);
    cr_assert_eq(response.members_count, 2);
    cr_assert_eq(node_reply_count(&node, second.conn), 1);
}

static void tune_small_budget(struct config *config)
{
    groups_tune(config);
    config->inflight_size_max = 300 * 1024;
}

/* Members with much metadata wait for each other: what is held of them must not keep the last one
 * from being read. */
Test(groups, joins_that_wait_do_not_use_up_the_memory_of_requests)
{
    enum { MEMBERS = 6, METADATA_SIZE = 100 * 1024 };
    struct node small;
    node_start(&small, tune_small_budget);
    node_keep_record(&small);
    client_find(&small, "g", 4);
    node_run(&small, 100);
    struct client first = client_new(&small, "g");
    client_enter(&first);
    for (int i = 0; i < MEMBERS; i++) {
        struct client client = client_new(&small, "g");
        struct join_group_request body = client_join_request(&client);
        body.protocols[0].metadata =
            (struct bytes){.data = arena_alloc(&small.arena, METADATA_SIZE), .size = METADATA_SIZE};
        node_ask(&small, client.conn, WIRE_JOIN_GROUP, 3, &body); /* Let in at once. */
        node_run(&small, 10);
        cr_assert_eq(node_reply_count(&small, client.conn), 0);
    }
    node_check_record(&small);
    cr_assert_lt(node_inflight_size(&small), METADATA_SIZE);
    cr_assert_eq(client_join(&first, 9).members_count, MEMBERS + 1);
    node_stop(&small);
}

Test(groups, a_member_that_falls_silent_is_dropped)
{
    struct client client = client_new(&node, "g");
    client_enter(&client);
    node_run(&node, 9000);
    cr_assert_eq(client_heartbeat(&client, 4), ERR_NONE);
    node_run(&node, 10500);
    cr_assert_eq(client_heartbeat(&client, 4), ERR_UNKNOWN_MEMBER_ID);
}

Test(groups, a_client_that_hangs_up_while_it_waits_harms_nobody)
{
    struct client first = client_new(&node, "g"), second = client_new(&node, "g");
    client_enter(&first);
    client_join(&second, 9);
    struct join_group_request body = client_join_request(&second);
    node_ask(&node, second.conn, WIRE_JOIN_GROUP, 9, &body);
    node_run(&node, 50);
    node.fake.conns[second.conn].peer_has_gone = true;
    node_run(&node, 50);
    cr_assert_eq(client_join(&first, 9).error_code, ERR_NONE);
    cr_assert_eq(node_inflight_size(&node), 0);
}

Test(groups, what_waits_ends_with_the_node)
{
    struct client first = client_new(&node, "g"), second = client_new(&node, "g");
    client_enter(&first);
    client_join(&second, 9);
    struct join_group_request body = client_join_request(&second);
    node_ask(&node, second.conn, WIRE_JOIN_GROUP, 9, &body);
    node_run(&node, 50);
    node_restart(&node);
    cr_assert_not(node.fake.has_failed);
}

Test(groups, a_generation_lives_through_a_restart)
{
    struct client client = client_new(&node, "g");
    client_enter(&client);
    node_restart(&node);
    client.conn = node_connect(&node);
    cr_assert_eq(client_heartbeat(&client, 4), ERR_NONE);
    struct sync_group_response synced = client_sync(&client, NULL, 5);
    cr_assert_eq(synced.error_code, ERR_NONE);
    cr_assert(bytes_equal(synced.assignment, bytes_of_str(STR("all of it"))));
}

Test(groups, a_static_member_gets_its_place_again)
{
    struct client client = client_new(&node, "g"), again;
    client.instance_id = STR("me");
    client_enter(&client);
    again = client_new(&node, "g");
    again.instance_id = STR("me");
    struct join_group_response joined = client_join(&again, 9);
    cr_assert_eq(joined.error_code, ERR_NONE);
    cr_assert_eq(joined.generation_id, client.generation);
    cr_assert_eq(client_commit(&client, 1, 9), ERR_FENCED_INSTANCE_ID);
}
