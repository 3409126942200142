/* consumer_groups.c -- ConsumerGroupHeartbeat and ConsumerGroupDescribe, over the wire. */
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

TestSuite(consumer_groups, .init = start, .fini = stop);

/* A whole heartbeat of a member that subscribes to `kept`. */
static struct consumer_group_heartbeat_request joining(const char *member)
{
    static struct str topic = {.data = "kept", .size = 4};
    static struct consumer_group_heartbeat_request_topic nothing;
    struct consumer_group_heartbeat_request body;
    consumer_group_heartbeat_request_init(&body);
    body.group_id = STR("g");
    body.member_id = str_from(member);
    body.rebalance_timeout_ms = 10000;
    body.subscribed_topic_names_count = 1;
    body.subscribed_topic_names = &topic;
    body.topics = &nothing;
    return body;
}

static struct consumer_group_heartbeat_response beat(struct consumer_group_heartbeat_request body,
                                                     int16_t version)
{
    struct consumer_group_heartbeat_response response;
    node_call(&node, node_connect(&node), WIRE_CONSUMER_GROUP_HEARTBEAT, version, &body, &response);
    return response;
}

static struct consumer_group_describe_response describe(uint32_t count, struct str *ids,
                                                        int16_t version)
{
    struct consumer_group_describe_request body;
    struct consumer_group_describe_response response;
    consumer_group_describe_request_init(&body);
    body.group_ids_count = count;
    body.group_ids = ids;
    body.include_authorized_operations = true;
    node_call(&node, node_connect(&node), WIRE_CONSUMER_GROUP_DESCRIBE, version, &body, &response);
    return response;
}

Test(consumer_groups, a_member_joins_and_is_assigned_in_every_version)
{
    for (int16_t version = 0; version <= WIRE_CONSUMER_GROUP_HEARTBEAT_MAX; version++) {
        struct consumer_group_heartbeat_request body = joining("m");
        struct consumer_group_heartbeat_response response = beat(body, version);
        cr_assert_eq(response.error_code, ERR_NONE);
        cr_assert(str_equal(response.member_id, STR("m")));
        cr_assert_eq(response.member_epoch, 1);
        cr_assert_eq(response.heartbeat_interval_ms, 5000);
        cr_assert_eq(response.assignment->topics_count, 1);
        cr_assert_eq(response.assignment->topics[0].partitions_count, 1);
    }
}

static void alter(const char *key, const char *value)
{
    struct incremental_alter_configs_request body;
    struct incremental_alter_configs_response response;
    incremental_alter_configs_request_init(&body);
    body.resources_count = 1;
    body.resources = incremental_alter_configs_request_resource_new(&node.arena, 1);
    body.resources[0].resource_type = CONFIG_OF_GROUP;
    body.resources[0].resource_name = STR("g");
    body.resources[0].configs_count = 1;
    body.resources[0].configs = incremental_alter_configs_request_config_new(&node.arena, 1);
    body.resources[0].configs[0].name = str_from(key);
    body.resources[0].configs[0].value = str_from(value);
    node_call(&node, node_connect(&node), WIRE_INCREMENTAL_ALTER_CONFIGS, 1, &body, &response);
    cr_assert_eq(response.responses[0].error_code, ERR_NONE);
}

Test(consumer_groups, a_member_is_told_its_groups_own_heartbeat_interval_at_once)
{
    struct consumer_group_heartbeat_request body = joining("m");
    cr_assert_eq(beat(body, 1).heartbeat_interval_ms, 5000);
    alter("consumer.heartbeat.interval.ms", "9000");
    cr_assert_eq(beat(body, 1).heartbeat_interval_ms, 9000);
    body.group_id = STR("another");
    cr_assert_eq(beat(body, 1).heartbeat_interval_ms, 5000);
}

Test(consumer_groups, a_silent_member_is_fenced_after_its_groups_own_session)
{
    struct consumer_group_heartbeat_request body = joining("m");
    alter("consumer.session.timeout.ms", "60000");
    beat(body, 1);
    body.member_epoch = 1;
    node_run(&node, 55000);
    cr_assert_eq(beat(body, 1).error_code, ERR_NONE);
    node_run(&node, 61000);
    cr_assert_eq(beat(body, 1).error_code, ERR_UNKNOWN_MEMBER_ID);
}

Test(consumer_groups, nothing_new_is_a_null_assignment)
{
    struct consumer_group_heartbeat_request body = joining("m");
    beat(body, 1);
    body.member_epoch = 1;
    body.rebalance_timeout_ms = -1;
    body.subscribed_topic_names = NULL;
    body.subscribed_topic_names_count = 0;
    body.topics = NULL;
    struct consumer_group_heartbeat_response response = beat(body, 1);
    cr_assert_eq(response.error_code, ERR_NONE);
    cr_assert_null(response.assignment);
}

Test(consumer_groups, an_old_client_is_given_an_id)
{
    struct consumer_group_heartbeat_request body = joining("");
    cr_assert_eq(beat(body, 1).error_code, ERR_INVALID_REQUEST);
    struct consumer_group_heartbeat_response response = beat(body, 0);
    cr_assert_eq(response.error_code, ERR_NONE);
    cr_assert_eq(response.member_id.size, 22);
}

Test(consumer_groups, each_refusal_has_kafkas_code_and_a_sentence)
{
    struct consumer_group_heartbeat_request body = joining("m");
    struct consumer_group_heartbeat_response response;
    body.server_assignor = STR("mine");
    response = beat(body, 1);
    cr_assert_eq(response.error_code, ERR_UNSUPPORTED_ASSIGNOR);
    cr_assert_gt(response.error_message.size, 0);
    body = joining("m");
    body.subscribed_topic_regex = STR("(a)\\1");
    cr_assert_eq(beat(body, 1).error_code, ERR_INVALID_REGULAR_EXPRESSION);
    body = joining("m");
    body.member_epoch = 3;
    cr_assert_eq(beat(body, 1).error_code, ERR_GROUP_ID_NOT_FOUND);
    beat(joining("m"), 1);
    cr_assert_eq(beat(body, 1).error_code, ERR_FENCED_MEMBER_EPOCH);
    body.member_id = STR("n");
    cr_assert_eq(beat(body, 1).error_code, ERR_UNKNOWN_MEMBER_ID);
    body = joining("m");
    body.group_id = STR("");
    cr_assert_eq(beat(body, 1).error_code, ERR_INVALID_REQUEST);
}

Test(consumer_groups, an_expression_stands_for_topics_that_are_there)
{
    struct consumer_group_heartbeat_request body = joining("m");
    body.subscribed_topic_names = NULL;
    body.subscribed_topic_names_count = 0;
    body.subscribed_topic_regex = STR("k.*t");
    struct consumer_group_heartbeat_response response = beat(body, 1);
    cr_assert_eq(response.error_code, ERR_NONE);
    cr_assert_eq(response.assignment->topics_count, 1);
}

Test(consumer_groups, are_described_in_every_version)
{
    struct str ids[] = {STR("g"), STR("nobody"), STR("g")};
    beat(joining("m"), 1);
    for (int16_t version = 0; version <= WIRE_CONSUMER_GROUP_DESCRIBE_MAX; version++) {
        struct consumer_group_describe_response response = describe(3, ids, version);
        cr_assert_eq(response.groups_count, 2);
        const struct consumer_group_describe_response_group *group = &response.groups[0];
        cr_assert_eq(group->error_code, ERR_NONE);
        cr_assert(str_equal(group->group_state, STR("Stable")));
        cr_assert(str_equal(group->assignor_name, STR("uniform")));
        cr_assert_eq(group->group_epoch, 1);
        cr_assert_eq(group->assignment_epoch, 1);
        cr_assert_eq(group->members_count, 1);
        cr_assert(str_equal(group->members[0].client_host, STR("/192.0.2.7")));
        cr_assert(str_equal(group->members[0].assignment.topics[0].name, STR("kept")));
        cr_assert(str_equal(group->members[0].subscribed_topic_names[0], STR("kept")));
        cr_assert_eq(group->members[0].member_type, version < 1 ? -1 : 1);
        cr_assert_eq(group->authorized_operations, 0xd48);
        cr_assert_eq(response.groups[1].error_code, ERR_GROUP_ID_NOT_FOUND);
    }
}

Test(consumer_groups, a_member_commits_and_fetches_in_its_epoch)
{
    struct client client = client_new(&node, "g");
    beat(joining("m"), 1);
    client.member_id = STR("m");
    client.generation = 1;
    cr_assert_eq(client_commit(&client, 5, 9), ERR_NONE);
    cr_assert_eq(client_commit(&client, 5, 8), ERR_UNSUPPORTED_VERSION);
    client.generation = 2;
    cr_assert_eq(client_commit(&client, 5, 9), ERR_STALE_MEMBER_EPOCH);
    cr_assert_eq(client_committed(&client, 8), 5);
}
