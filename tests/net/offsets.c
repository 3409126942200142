/* offsets.c -- OffsetCommit, OffsetFetch, OffsetDelete, over the wire. */
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

TestSuite(offsets, .init = start, .fini = stop);

Test(offsets, what_is_committed_is_fetched_in_every_version)
{
    struct client client = client_new(&node, "g");
    cr_assert_eq(client_committed(&client, 9), -1);
    for (int16_t version = 0; version <= WIRE_OFFSET_COMMIT_MAX; version++)
        cr_assert_eq(client_commit(&client, 100 + version, version), ERR_NONE);
    for (int16_t version = 0; version <= WIRE_OFFSET_FETCH_MAX; version++)
        cr_assert_eq(client_committed(&client, version), 110);
}

Test(offsets, g5_a_commit_is_confirmed_when_it_is_synced)
{
    struct client client = client_new(&node, "g");
    struct offset_commit_request body = client_commit_request(&client, 7);
    node.fake.syncs_wait = true;
    node_ask(&node, client.conn, WIRE_OFFSET_COMMIT, 9, &body);
    node_run(&node, 100);
    cr_assert_eq(node_reply_count(&node, client.conn), 0);

    node.fake.syncs_wait = false;
    node_run(&node, 100);

    cr_assert_eq(node_reply_count(&node, client.conn), 1);
}

/* G4: it might be lost, and then the offset would have gone back. */
Test(offsets, g4_what_is_not_confirmed_is_not_told)
{
    struct client writer = client_new(&node, "g"), reader = client_new(&node, "g");
    struct offset_commit_request body = client_commit_request(&writer, 7);
    cr_assert_eq(client_commit(&writer, 5, 9), ERR_NONE);
    node.fake.syncs_wait = true;
    node_ask(&node, writer.conn, WIRE_OFFSET_COMMIT, 9, &body);
    node_run(&node, 10);
    struct offset_fetch_request fetch;
    struct offset_fetch_request_group group;
    offset_fetch_request_init(&fetch);
    offset_fetch_request_group_init(&group);
    group.group_id = STR("g");
    fetch.groups_count = 1;
    fetch.groups = &group;
    node_ask(&node, reader.conn, WIRE_OFFSET_FETCH, 9, &fetch);
    node_run(&node, 100);
    cr_assert_eq(node_reply_count(&node, reader.conn), 0);

    node.fake.syncs_wait = false;
    node_run(&node, 100);

    cr_assert_eq(node_reply_count(&node, reader.conn), 1);
    writer.conn = node_connect(&node);
    cr_assert_eq(client_committed(&writer, 9), 7);
}

Test(offsets, a_commit_that_the_disk_does_not_confirm_is_told_in_time)
{
    struct client client = client_new(&node, "g");
    node.fake.syncs_wait = true;
    cr_assert_eq(client_commit(&client, 7, 9), ERR_COORDINATOR_NOT_AVAILABLE);
    node.fake.syncs_wait = false;
}

Test(offsets, survive_a_restart)
{
    struct client client = client_new(&node, "g");
    cr_assert_eq(client_commit(&client, 41, 9), ERR_NONE);
    cr_assert_eq(client_commit(&client, 42, 9), ERR_NONE);
    node_restart(&node);
    client.conn = node_connect(&node);
    cr_assert_eq(client_committed(&client, 9), 42);
}

Test(offsets, g3_a_member_commits_in_its_generation_alone)
{
    struct client client = client_new(&node, "g"), stranger = client_new(&node, "g");
    client_enter(&client);
    cr_assert_eq(client_commit(&client, 1, 9), ERR_NONE);
    client.generation++;
    cr_assert_eq(client_commit(&client, 2, 9), ERR_ILLEGAL_GENERATION);
    cr_assert_eq(client_commit(&stranger, 3, 9), ERR_UNKNOWN_MEMBER_ID);
    cr_assert_eq(client_committed(&client, 9), 1);
}

Test(offsets, a_generation_of_a_group_that_is_not_there_has_two_names)
{
    struct client client = client_new(&node, "g");
    client.generation = 4;
    client.member_id = STR("m");
    cr_assert_eq(client_commit(&client, 1, 8), ERR_ILLEGAL_GENERATION);
    cr_assert_eq(client_commit(&client, 1, 9), ERR_GROUP_ID_NOT_FOUND);
}

static struct offset_commit_response_topic commit_topic(struct str name, struct uuid id,
                                                        struct str metadata, int16_t version)
{
    struct client client = client_new(&node, "g");
    struct offset_commit_request body = client_commit_request(&client, 3);
    struct offset_commit_response response;
    body.topics[0].name = name;
    body.topics[0].topic_id = id;
    body.topics[0].partitions[0].committed_metadata = metadata;
    node_call(&node, client.conn, WIRE_OFFSET_COMMIT, version, &body, &response);
    return response.topics[0];
}

Test(offsets, unknown_topics_are_refused_by_name_and_by_id)
{
    struct uuid id = {.bytes = {9}};
    struct offset_commit_response_topic by_name = commit_topic(STR("nobody"), id, STR(""), 9);
    struct offset_commit_response_topic by_id = commit_topic(STR(""), id, STR(""), 10);
    cr_assert(str_equal(by_name.name, STR("nobody")));
    cr_assert_eq(by_name.partitions[0].error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION);
    cr_assert(uuid_equal(by_id.topic_id, id));
    cr_assert_eq(by_id.partitions[0].error_code, ERR_UNKNOWN_TOPIC_ID);
}

static struct offset_fetch_response fetch_all(int16_t version)
{
    struct offset_fetch_request body;
    struct offset_fetch_request_group groups[2];
    struct offset_fetch_response response;
    offset_fetch_request_init(&body);
    for (int i = 0; i < 2; i++)
        offset_fetch_request_group_init(&groups[i]);
    body.group_id = groups[0].group_id = groups[1].group_id = STR("g");
    body.topics = NULL;
    groups[0].topics = groups[1].topics = NULL;
    body.groups_count = 2;
    body.groups = groups;
    node_call(&node, node_connect(&node), WIRE_OFFSET_FETCH, version, &body, &response);
    return response;
}

static struct offset_commit_response commit_here_and(int32_t index, int32_t generation,
                                                     int16_t version)
{
    struct client client = client_new(&node, "g");
    struct offset_commit_request body = client_commit_request(&client, 3);
    struct offset_commit_response response;
    struct offset_commit_request_partition *two =
        offset_commit_request_partition_new(&node.arena, 2);
    two[0] = two[1] = body.topics[0].partitions[0];
    two[0].index = index;
    body.generation_id = generation;
    body.topics[0].partitions = two;
    body.topics[0].partitions_count = 2;
    node_call(&node, client.conn, WIRE_OFFSET_COMMIT, version, &body, &response);
    cr_assert_eq(response.topics[0].partitions[0].index, index);
    return response;
}

Test(offsets, of_partitions_that_are_not_there_are_refused)
{
    static const int32_t indexes[] = {1, -1, INT32_MIN, INT32_MAX};
    for (int i = 0; i < 8; i++) {
        struct offset_commit_response response =
            commit_here_and(indexes[i % 4], -1, i < 4 ? 9 : 10);
        cr_assert_eq(response.topics[0].partitions[0].error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION);
        cr_assert_eq(response.topics[0].partitions[1].error_code, ERR_NONE);
    }
    cr_assert_eq(fetch_all(9).groups[0].topics[0].partitions_count, 1);
}

Test(offsets, of_partitions_that_are_not_there_are_refused_whatever_the_group_says)
{
    struct offset_commit_response response = commit_here_and(1, 7, 9);
    cr_assert_eq(response.topics[0].partitions[0].error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION);
    cr_assert_eq(response.topics[0].partitions[1].error_code, ERR_GROUP_ID_NOT_FOUND);
}

Test(offsets, too_much_metadata_is_refused)
{
    static char text[5000];
    memset(text, 'm', sizeof text - 1);
    struct offset_commit_response_topic topic =
        commit_topic(STR("kept"), (struct uuid){{0}}, str_from(text), 9);
    cr_assert_eq(topic.partitions[0].error_code, ERR_OFFSET_METADATA_TOO_LARGE);
}

/* Each of 100,000 records would hold the group's id. */
Test(offsets, a_commit_that_makes_too_large_a_batch_is_refused)
{
    static char name[500];
    memset(name, 'x', sizeof name - 1);
    struct client client = client_new(&node, name);
    struct offset_commit_request body = client_commit_request(&client, 3);
    struct offset_commit_response response;
    body.topics[0].partitions_count = 100000;
    body.topics[0].partitions = offset_commit_request_partition_new(&node.arena, 100000);
    for (int32_t i = 0; i < 100000; i++)
        body.topics[0].partitions[i].index = 0;
    node_call(&node, client.conn, WIRE_OFFSET_COMMIT, 9, &body, &response);
    cr_assert_eq(response.topics[0].partitions_count, 100000);
    cr_assert_eq(response.topics[0].partitions[99999].error_code, ERR_INVALID_COMMIT_OFFSET_SIZE);
}

Test(offsets, all_of_a_group_are_fetched_and_once_if_it_is_named_twice)
{
    struct client client = client_new(&node, "g");
    cr_assert_eq(client_commit(&client, 12, 9), ERR_NONE);
    struct offset_fetch_response old = fetch_all(7), named = fetch_all(9), by_id = fetch_all(10);
    cr_assert_eq(old.topics_count, 1);
    cr_assert_eq(old.topics[0].partitions[0].committed_offset, 12);
    cr_assert_eq(named.groups_count, 1);
    cr_assert(str_equal(named.groups[0].topics[0].name, STR("kept")));
    cr_assert_eq(named.groups[0].topics[0].partitions[0].committed_offset, 12);
    cr_assert(str_equal(named.groups[0].topics[0].partitions[0].metadata, STR("note")));
    cr_assert_eq(by_id.groups[0].topics_count, 1);
    cr_assert_not(uuid_is_zero(by_id.groups[0].topics[0].topic_id));
}

/* As Kafka reads it: U+FFFD for what is not UTF-8. */
Test(offsets, metadata_of_any_bytes_is_kept_as_text)
{
    struct offset_commit_response_topic topic =
        commit_topic(STR("kept"), (struct uuid){{0}}, STR("\xff\1 M\xfcller"), 9);
    cr_assert_eq(topic.partitions[0].error_code, ERR_NONE);
    struct offset_fetch_response told = fetch_all(9);
    cr_assert(str_equal(told.groups[0].topics[0].partitions[0].metadata,
                        STR("\xef\xbf\xbd\1 M\xef\xbf\xbdller")));
}

/* Each would come with its metadata. */
Test(offsets, of_a_partition_that_is_named_often_are_told_once)
{
    enum { TIMES = 100000 };
    struct client client = client_new(&node, "g");
    struct offset_fetch_request body;
    struct offset_fetch_response response;
    cr_assert_eq(client_commit(&client, 12, 9), ERR_NONE);
    offset_fetch_request_init(&body);
    body.group_id = STR("g");
    body.topics_count = 2;
    body.topics = offset_fetch_request_topic_new(&node.arena, 2);
    for (int i = 0; i < 2; i++) {
        body.topics[i].name = STR("kept");
        body.topics[i].partitions_count = TIMES;
        body.topics[i].partitions = arena_alloc(&node.arena, TIMES * sizeof(int32_t));
    }
    body.topics[1].partitions[TIMES - 1] = 1;
    node_call(&node, client.conn, WIRE_OFFSET_FETCH, 7, &body, &response);
    cr_assert_eq(response.topics_count, 2);
    cr_assert_eq(response.topics[0].partitions_count, 1);
    cr_assert_eq(response.topics[0].partitions[0].committed_offset, 12);
    cr_assert_eq(response.topics[1].partitions_count, 1);
    cr_assert_eq(response.topics[1].partitions[0].index, 1);
}

Test(offsets, odd_numbers_harm_nobody)
{
    static const log_offset offsets[] = {-1, -2, INT64_MIN, INT64_MAX};
    struct client client = client_new(&node, "g");
    for (int i = 0; i < 4; i++) {
        struct offset_commit_request body = client_commit_request(&client, offsets[i]);
        struct offset_commit_response response;
        body.retention_time_ms = offsets[i];
        body.topics[0].partitions[0].committed_leader_epoch = INT32_MIN;
        node_call(&node, client.conn, WIRE_OFFSET_COMMIT, 4, &body, &response);
        node_call(&node, client.conn, WIRE_OFFSET_COMMIT, 9, &body, &response);
        cr_assert_eq(response.topics[0].partitions[0].error_code, ERR_NONE);
    }
    node_restart(&node);
    client.conn = node_connect(&node);
    cr_assert_eq(client_committed(&client, 9), INT64_MAX);
}

Test(offsets, of_a_partition_that_is_named_twice_are_the_last)
{
    struct client client = client_new(&node, "g");
    struct offset_commit_request body = client_commit_request(&client, 5);
    struct offset_commit_response response;
    struct offset_commit_request_partition *twice =
        offset_commit_request_partition_new(&node.arena, 2);
    twice[0] = twice[1] = body.topics[0].partitions[0];
    twice[1].committed_offset = 9;
    body.topics[0].partitions = twice;
    body.topics[0].partitions_count = 2;
    node_call(&node, client.conn, WIRE_OFFSET_COMMIT, 9, &body, &response);
    cr_assert_eq(response.topics[0].partitions_count, 2);
    cr_assert_eq(client_committed(&client, 9), 9);
}

static void delete_topic(const char *name)
{
    struct delete_topics_request body;
    struct delete_topics_response response;
    struct str names[] = {str_from(name)};
    delete_topics_request_init(&body);
    body.topic_names_count = 1;
    body.topic_names = names;
    node_call(&node, node_connect(&node), WIRE_DELETE_TOPICS, 5, &body, &response);
    cr_assert_eq(response.topics[0].error_code, ERR_NONE);
}

Test(offsets, rule_85_of_a_deleted_topic_are_forgotten)
{
    struct client client = client_new(&node, "g");
    cr_assert_eq(client_commit(&client, 12, 9), ERR_NONE);
    delete_topic("kept");
    node_run(&node, 100);
    cr_assert_eq(fetch_all(9).groups[0].topics_count, 0);
    node_restart(&node);
    cr_assert_eq(fetch_all(9).groups[0].topics_count, 0);
    node_keep_record(&node);
    client.conn = node_connect(&node);
    cr_assert_eq(client_committed(&client, 9), -1);
}

/* Its coordinator has heard of it, and has not written down that anything is forgotten. */
static void delete_and_die(const char *name)
{
    struct delete_topics_request body;
    struct str names[] = {str_from(name)};
    delete_topics_request_init(&body);
    body.topic_names_count = 1;
    body.topic_names = names;
    node_ask(&node, node_connect(&node), WIRE_DELETE_TOPICS, 5, &body);
    node_run(&node, 0);
    for (int i = 0; i < 100 && image_topic_by_name(node.shard->image, names[0]); i++)
        node_run(&node, 1);
    cr_assert_null(image_topic_by_name(node.shard->image, names[0]));
    node_power_cycle(&node);
}

Test(offsets, rule_85_of_a_deleted_topic_are_not_a_new_ones_after_a_coordinators_death)
{
    struct client client = client_new(&node, "g");
    cr_assert_eq(client_commit(&client, 12, 9), ERR_NONE);
    delete_and_die("kept");
    node_run(&node, 5000);
    node_keep_record(&node);
    cr_assert_eq(fetch_all(7).topics_count, 0);
    cr_assert_eq(fetch_all(9).groups[0].topics_count, 0);
    cr_assert_eq(fetch_all(10).groups[0].topics_count, 0);
    client.conn = node_connect(&node);
    cr_assert_eq(client_committed(&client, 9), -1);
    cr_assert_eq(client_commit(&client, 3, 9), ERR_NONE);
    node_restart(&node);
    cr_assert_eq(fetch_all(7).topics[0].partitions[0].committed_offset, 3);
}

static void alter_broker(const char *key, const char *value)
{
    struct incremental_alter_configs_request body;
    struct incremental_alter_configs_response response;
    incremental_alter_configs_request_init(&body);
    body.resources_count = 1;
    body.resources = incremental_alter_configs_request_resource_new(&node.arena, 1);
    body.resources[0].resource_type = CONFIG_OF_BROKER;
    body.resources[0].configs_count = 1;
    body.resources[0].configs = incremental_alter_configs_request_config_new(&node.arena, 1);
    body.resources[0].configs[0].name = str_from(key);
    body.resources[0].configs[0].value = str_from(value);
    node_call(&node, node_connect(&node), WIRE_INCREMENTAL_ALTER_CONFIGS, 1, &body, &response);
    cr_assert_eq(response.responses[0].error_code, ERR_NONE);
}

Test(offsets, expire_by_an_interval_that_is_felt_at_once)
{
    struct client client = client_new(&node, "g");
    alter_broker("offsets.retention.minutes", "1");
    cr_assert_eq(client_commit(&client, 12, 9), ERR_NONE);
    node_run(&node, 65000);
    log_offset before = client_committed(&client, 9);
    alter_broker("offsets.retention.check.interval.ms", "1000");
    node_run(&node, 1000);

    cr_assert_eq(before, 12);
    cr_assert_eq(client_committed(&client, 9), -1);
}

static struct offset_delete_response delete_kept(const char *group)
{
    struct offset_delete_request body;
    struct offset_delete_request_topic topic;
    struct offset_delete_request_partition partition;
    struct offset_delete_response response;
    offset_delete_request_init(&body);
    offset_delete_request_topic_init(&topic);
    offset_delete_request_partition_init(&partition);
    topic.name = STR("kept");
    topic.partitions_count = 1;
    topic.partitions = &partition;
    body.group_id = str_from(group);
    body.topics_count = 1;
    body.topics = &topic;
    node_call(&node, node_connect(&node), WIRE_OFFSET_DELETE, 0, &body, &response);
    return response;
}

Test(offsets, are_deleted)
{
    struct client client = client_new(&node, "g");
    cr_assert_eq(client_commit(&client, 12, 9), ERR_NONE);
    struct offset_delete_response response = delete_kept("g");
    cr_assert_eq(response.error_code, ERR_NONE);
    cr_assert_eq(response.topics[0].partitions[0].error_code, ERR_NONE);
    cr_assert_eq(client_committed(&client, 9), -1);
    cr_assert_eq(delete_kept("nobody").error_code, ERR_GROUP_ID_NOT_FOUND);
}

Test(offsets, of_a_topic_that_members_may_read_are_not_deleted)
{
    struct client client = client_new(&node, "g");
    client_enter(&client);
    cr_assert_eq(client_commit(&client, 12, 9), ERR_NONE);
    struct offset_delete_response response = delete_kept("g");
    cr_assert_eq(response.error_code, ERR_NONE);
    cr_assert_eq(response.topics[0].partitions[0].error_code, ERR_GROUP_SUBSCRIBED_TO_TOPIC);
}

Test(offsets, of_what_is_not_there_are_not_deleted)
{
    struct client client = client_new(&node, "g");
    struct offset_delete_request body;
    struct offset_delete_response response;
    cr_assert_eq(client_commit(&client, 12, 9), ERR_NONE);
    offset_delete_request_init(&body);
    body.group_id = STR("g");
    body.topics_count = 2;
    body.topics = offset_delete_request_topic_new(&node.arena, 2);
    body.topics[0].name = STR("nobody");
    body.topics[1].name = STR("kept");
    for (int i = 0; i < 2; i++) {
        body.topics[i].partitions_count = 3;
        body.topics[i].partitions = offset_delete_request_partition_new(&node.arena, 3);
        body.topics[i].partitions[0].index = INT32_MIN;
        body.topics[i].partitions[2].index = 1;
    }
    node_call(&node, client.conn, WIRE_OFFSET_DELETE, 0, &body, &response);
    cr_assert_eq(response.error_code, ERR_NONE);
    cr_assert_eq(response.topics_count, 2);
    cr_assert_eq(response.topics[0].partitions[1].error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION);
    cr_assert_eq(response.topics[1].partitions[0].error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION);
    cr_assert_eq(response.topics[1].partitions[1].error_code, ERR_NONE);
    cr_assert_eq(response.topics[1].partitions[2].error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION);
    cr_assert_eq(response.topics[1].partitions[2].index, 1);
    cr_assert_eq(client_committed(&client, 9), -1);
}
