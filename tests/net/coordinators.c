/* coordinators.c -- a coordinator that loads, and one whose decisions the disk refuses. */
#include <criterion/criterion.h>

#include "group_fixture.h"

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

TestSuite(coordinators, .init = start, .fini = stop);

enum { TIMES = 100 };

/* A third of a megabyte of records: each time that the partition is named makes one. */
static enum err commit_much(struct client *client, log_offset offset)
{
    static char note[3000];
    memset(note, 'n', sizeof note - 1);
    struct offset_commit_request body = client_commit_request(client, 0);
    struct offset_commit_response response;
    body.topics[0].partitions_count = TIMES;
    body.topics[0].partitions = offset_commit_request_partition_new(&node.arena, TIMES);
    for (int32_t i = 0; i < TIMES; i++) {
        body.topics[0].partitions[i].committed_metadata = str_from(note);
        body.topics[0].partitions[i].committed_offset = offset;
    }
    node_call(&node, client->conn, WIRE_OFFSET_COMMIT, 8, &body, &response);
    return (enum err)response.topics[0].partitions[TIMES - 1].error_code;
}

/* Until the log has no room left. */
static void commit_until_refused(struct client *client, log_offset *confirmed)
{
    for (int i = 0; i < 1000; i++) {
        enum err err = commit_much(client, *confirmed + 1);
        if (err != ERR_NONE) {
            cr_assert_eq(err, ERR_COORDINATOR_NOT_AVAILABLE);
            return;
        }
        ++*confirmed;
    }
    cr_assert_fail("the disk is full");
}

static int16_t error_at(struct bytes reply, uint32_t at)
{
    cr_assert_gt(reply.size, at + 1);
    return (int16_t)load_be16(reply.data + at);
}

Test(coordinators, g7_one_that_loads_answers_nobody_before_it_has_read_all)
{
    struct client client = client_new(&node, "g");
    for (log_offset offset = 0; offset < 20; offset++)
        cr_assert_eq(commit_much(&client, offset), ERR_NONE);
    node_power_cycle(&node);
    conn_id joiner = node_connect(&node), beater = node_connect(&node);
    client.conn = joiner;
    struct join_group_request join = client_join_request(&client);
    struct heartbeat_request heartbeat;
    heartbeat_request_init(&heartbeat);
    heartbeat.group_id = STR("g");
    heartbeat.member_id = STR("m");
    node_ask(&node, joiner, WIRE_JOIN_GROUP, 0, &join); /* Read as soon as the node serves. */
    node_ask(&node, beater, WIRE_HEARTBEAT, 0, &heartbeat);
    node_run(&node, 5000);

    /* After the correlation id. */
    cr_assert_eq(error_at(node_reply(&node, joiner), 4), ERR_COORDINATOR_LOAD_IN_PROGRESS);
    cr_assert_eq(error_at(node_reply(&node, beater), 4), ERR_NONE);
    client.conn = node_connect(&node);
    cr_assert_eq(client_committed(&client, 9), 19);
}

Test(coordinators, g7_one_whose_log_is_not_in_memory_loads_when_it_is)
{
    struct client client = client_new(&node, "g");
    cr_assert_eq(commit_much(&client, 7), ERR_NONE);
    node.fake.is_cold = true;
    node_restart(&node);
    client.conn = node_connect(&node);

    log_offset before = client_committed(&client, 9);
    node.fake.is_cold = false;
    node_run(&node, 100);

    cr_assert_eq(before, -1000 - ERR_COORDINATOR_LOAD_IN_PROGRESS);
    cr_assert_eq(client_committed(&client, 9), 7);
}

Test(coordinators, a_full_disk_loses_what_was_decided_and_nothing_that_was_confirmed)
{
    struct client client = client_new(&node, "g");
    log_offset confirmed = 1;
    cr_assert_eq(commit_much(&client, confirmed), ERR_NONE);
    node.fake.is_full = true;
    commit_until_refused(&client, &confirmed);
    cr_assert_eq(client_committed(&client, 9), -1000 - ERR_COORDINATOR_LOAD_IN_PROGRESS);
    node.fake.is_full = false;
    node_run(&node, 1000);
    cr_assert_eq(client_committed(&client, 9), confirmed);
    cr_assert_eq(client_commit(&client, 1000, 9), ERR_NONE);
    cr_assert_eq(client_committed(&client, 9), 1000);
}

/* The first byte that a checksum covers, in each segment of groups. */
static void rot_groups(void)
{
    for (uint32_t i = 0; i < node.fake.inode_count; i++) {
        struct fake_inode *inode = node.fake.inodes[i];
        const char *end = strrchr(inode->path, '.');
        if (strstr(inode->path, "__consumer_offsets-") && end && strcmp(end, ".log") == 0 &&
            inode->size > 30)
            inode->data[30] ^= 1;
    }
}

Test(coordinators, one_that_meets_rot_while_it_loads_gives_its_partition_up)
{
    struct client client = client_new(&node, "g");
    log_offset confirmed = 1;
    cr_assert_eq(commit_much(&client, confirmed), ERR_NONE);
    node.fake.is_full = true;
    commit_until_refused(&client, &confirmed);

    rot_groups();
    node.fake.is_full = false;
    node_run(&node, 1000);

    cr_assert_eq(client_committed(&client, 9), -1000 - ERR_NOT_COORDINATOR);
}

Test(coordinators, a_join_that_waits_hears_of_a_coordinator_that_leaves)
{
    struct client first = client_new(&node, "g"), second = client_new(&node, "g");
    client_enter(&first);
    client_join(&second, 9);
    struct join_group_request body = client_join_request(&second);
    node_ask(&node, second.conn, WIRE_JOIN_GROUP, 0, &body);
    node_run(&node, 50);
    cr_assert_eq(node_reply_count(&node, second.conn), 0);
    log_offset confirmed = 1;
    cr_assert_eq(commit_much(&first, confirmed), ERR_NONE);
    node.fake.is_full = true;
    commit_until_refused(&first, &confirmed);
    node_run(&node, 10);
    cr_assert_eq(error_at(node_reply(&node, second.conn), 4), ERR_NOT_COORDINATOR);
    node.fake.is_full = false;
    node_run(&node, 1000);
}

/* As in Kafka nobody forbids it. */
Test(coordinators, groups_end_with_their_topic_and_may_begin_anew)
{
    struct client first = client_new(&node, "g"), second = client_new(&node, "g");
    struct delete_topics_request body;
    struct delete_topics_response response;
    struct str names[] = {STR("__consumer_offsets")};
    client_enter(&first);
    cr_assert_eq(client_commit(&first, 5, 9), ERR_NONE);
    client_join(&second, 9);
    struct join_group_request join = client_join_request(&second);
    node_ask(&node, second.conn, WIRE_JOIN_GROUP, 0, &join);
    delete_topics_request_init(&body);
    body.topic_names_count = 1;
    body.topic_names = names;
    node_call(&node, node_connect(&node), WIRE_DELETE_TOPICS, 5, &body, &response);
    cr_assert_eq(response.topics[0].error_code, ERR_NONE);
    node_run(&node, 100);
    cr_assert_eq(error_at(node_reply(&node, second.conn), 4), ERR_NOT_COORDINATOR);
    cr_assert_eq(client_heartbeat(&first, 4), ERR_NOT_COORDINATOR);

    node_run(&node, 1000); /* The first creation is not under way any more. */
    cr_assert_eq(client_find(&node, "g", 4).coordinators[0].error_code, ERR_NONE);
    node_run(&node, 1000);
    cr_assert_eq(client_heartbeat(&first, 4), ERR_UNKNOWN_MEMBER_ID);
    cr_assert_eq(client_committed(&first, 9), -1);
    second = client_new(&node, "g"); /* Who has an id of the old group is nobody here. */
    client_enter(&second);
    cr_assert_eq(client_commit(&second, 1, 9), ERR_NONE);
}
