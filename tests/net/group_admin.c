/* group_admin.c -- DescribeGroups, ListGroups, DeleteGroups, over the wire. */
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

TestSuite(group_admin, .init = start, .fini = stop);

static struct describe_groups_response describe(uint32_t count, struct str *ids, int16_t version)
{
    struct describe_groups_request body;
    struct describe_groups_response response;
    describe_groups_request_init(&body);
    body.groups_count = count;
    body.groups = ids;
    body.include_authorized_operations = version >= 3;
    node_call(&node, node_connect(&node), WIRE_DESCRIBE_GROUPS, version, &body, &response);
    return response;
}

Test(group_admin, a_stable_group_is_described_in_every_version)
{
    struct client client = client_new(&node, "g");
    struct str ids[] = {STR("g"), STR("g")};
    client_enter(&client);
    for (int16_t version = 0; version <= WIRE_DESCRIBE_GROUPS_MAX; version++) {
        struct describe_groups_response response = describe(2, ids, version);
        cr_assert_eq(response.groups_count, 1);
        const struct describe_groups_response_group *group = &response.groups[0];
        cr_assert_eq(group->error_code, ERR_NONE);
        cr_assert(str_equal(group->group_state, STR("Stable")));
        cr_assert(str_equal(group->protocol_type, STR("consumer")));
        cr_assert(str_equal(group->protocol_data, STR("range")));
        cr_assert_eq(group->members_count, 1);
        cr_assert(str_equal(group->members[0].member_id, client.member_id));
        cr_assert(str_equal(group->members[0].client_id, STR("test")));
        cr_assert(str_equal(group->members[0].client_host, STR("/192.0.2.7")));
        cr_assert(bytes_equal(group->members[0].member_assignment, bytes_of_str(STR("all of it"))));
        cr_assert_eq(group->authorized_operations, version < 3 ? INT32_MIN : 0xd48);
    }
}

Test(group_admin, what_is_not_there_is_dead)
{
    struct str id = STR("nobody");
    struct describe_groups_response old = describe(1, &id, 5), new = describe(1, &id, 6);
    cr_assert_eq(old.groups[0].error_code, ERR_NONE);
    cr_assert(str_equal(old.groups[0].group_state, STR("Dead")));
    cr_assert_eq(new.groups[0].error_code, ERR_GROUP_ID_NOT_FOUND);
    cr_assert(str_equal(new.groups[0].group_state, STR("Dead")));
}

static struct list_groups_response list(const char *state, const char *type, int16_t version)
{
    struct list_groups_request body;
    struct list_groups_response response;
    struct str wanted_state = str_from(state), wanted_type = str_from(type);
    list_groups_request_init(&body);
    body.states_filter_count = state != NULL;
    body.states_filter = &wanted_state;
    body.types_filter_count = type != NULL;
    body.types_filter = &wanted_type;
    node_call(&node, node_connect(&node), WIRE_LIST_GROUPS, version, &body, &response);
    return response;
}

Test(group_admin, groups_of_all_coordinators_are_listed)
{
    struct client client = client_new(&node, "g"), simple = client_new(&node, "a");
    cr_assert_eq(list(NULL, NULL, 5).groups_count, 0);
    client_enter(&client);
    cr_assert_eq(client_commit(&simple, 1, 9), ERR_NONE);
    for (int16_t version = 0; version <= WIRE_LIST_GROUPS_MAX; version++) {
        cr_assert_eq(list(NULL, NULL, version).error_code, ERR_NONE);
        cr_assert_eq(list(NULL, NULL, version).groups_count, 2);
    }
    struct list_groups_response stable = list("stable", "classic", 5);
    cr_assert_eq(stable.groups_count, 1);
    cr_assert(str_equal(stable.groups[0].group_id, STR("g")));
    cr_assert(str_equal(stable.groups[0].protocol_type, STR("consumer")));
    cr_assert(str_equal(stable.groups[0].group_type, STR("classic")));
    cr_assert_eq(list("no such state", NULL, 5).groups_count, 0);
}

static struct delete_groups_response delete_groups(uint32_t count, struct str *ids, int16_t version)
{
    struct delete_groups_request body;
    struct delete_groups_response response;
    delete_groups_request_init(&body);
    body.groups_count = count;
    body.groups = ids;
    node_call(&node, node_connect(&node), WIRE_DELETE_GROUPS, version, &body, &response);
    return response;
}

Test(group_admin, groups_without_members_are_deleted_in_every_version)
{
    struct client member = client_new(&node, "busy"), simple = client_new(&node, "idle");
    struct str ids[] = {STR("busy"), STR("idle"), STR("nobody"), STR("idle")};
    client_enter(&member);
    for (int16_t version = 0; version <= WIRE_DELETE_GROUPS_MAX; version++) {
        cr_assert_eq(client_commit(&simple, 1, 9), ERR_NONE);
        struct delete_groups_response response = delete_groups(4, ids, version);
        cr_assert_eq(response.results_count, 3);
        cr_assert_eq(response.results[0].error_code, ERR_NON_EMPTY_GROUP);
        cr_assert_eq(response.results[1].error_code, ERR_NONE);
        cr_assert_eq(response.results[2].error_code, ERR_GROUP_ID_NOT_FOUND);
        cr_assert_eq(client_committed(&simple, 9), -1);
    }
}

/* Consumers without a group once used it. */
Test(group_admin, the_empty_id_has_offsets_and_no_members)
{
    struct client nameless = client_new(&node, "");
    struct str id = STR("");
    cr_assert_eq(client_commit(&nameless, 5, 9), ERR_NONE);
    for (int16_t version = 0; version <= WIRE_OFFSET_FETCH_MAX; version++)
        cr_assert_eq(client_committed(&nameless, version), 5);
    cr_assert(str_equal(describe(1, &id, 6).groups[0].group_state, STR("Empty")));
    cr_assert_eq(list(NULL, NULL, 5).groups_count, 1);

    node_restart(&node);
    nameless = client_new(&node, "");
    cr_assert_eq(client_committed(&nameless, 9), 5);
    cr_assert_eq(delete_groups(1, &id, 2).results[0].error_code, ERR_NONE);
    cr_assert_eq(client_committed(&nameless, 9), -1);
}

Test(group_admin, a_deleted_group_stays_deleted)
{
    struct client client = client_new(&node, "idle");
    struct str id = STR("idle");
    cr_assert_eq(client_commit(&client, 1, 9), ERR_NONE);
    cr_assert_eq(delete_groups(1, &id, 3).results[0].error_code, ERR_NONE);
    node_restart(&node);
    cr_assert_eq(list(NULL, NULL, 5).groups_count, 0);
}

enum { TOO_MANY = 60000 };

static struct str *ids_of_many(void)
{
    struct str *ids = arena_alloc(&node.arena, TOO_MANY * sizeof *ids);
    for (int i = 0; i < TOO_MANY; i++)
        ids[i] = str_from(arena_format(&node.arena, "%d", i));
    return ids;
}

static void check_closes(int16_t key, int16_t version, const void *body)
{
    conn_id conn = node_connect(&node);
    node_ask(&node, conn, key, version, body);
    node_run(&node, 100);
    cr_assert(node_has_closed(&node, conn));
}

Test(group_admin, more_groups_than_anybody_has_end_the_connection)
{
    struct describe_groups_request describe_body;
    struct consumer_group_describe_request consumers_body;
    struct delete_groups_request delete_body;
    struct offset_fetch_request fetch_body;
    struct str *ids = ids_of_many();
    describe_groups_request_init(&describe_body);
    consumer_group_describe_request_init(&consumers_body);
    delete_groups_request_init(&delete_body);
    offset_fetch_request_init(&fetch_body);
    describe_body.groups_count = consumers_body.group_ids_count = TOO_MANY;
    delete_body.groups_count = fetch_body.groups_count = TOO_MANY;
    describe_body.groups = consumers_body.group_ids = delete_body.groups = ids;
    fetch_body.groups = offset_fetch_request_group_new(&node.arena, TOO_MANY);
    for (int i = 0; i < TOO_MANY; i++)
        fetch_body.groups[i].group_id = ids[i];

    check_closes(WIRE_DESCRIBE_GROUPS, 5, &describe_body);
    check_closes(WIRE_CONSUMER_GROUP_DESCRIBE, 1, &consumers_body);
    check_closes(WIRE_DELETE_GROUPS, 2, &delete_body);
    check_closes(WIRE_OFFSET_FETCH, 9, &fetch_body);
}

/* The same one a hundred thousand times is one. */
Test(group_admin, a_group_that_is_named_very_often_is_answered_once)
{
    enum { TIMES = 100000 };
    struct str *ids = arena_alloc(&node.arena, TIMES * sizeof *ids);
    for (int i = 0; i < TIMES; i++)
        ids[i] = STR("g");
    cr_assert_eq(describe(TIMES, ids, 5).groups_count, 1);
    cr_assert_eq(delete_groups(TIMES, ids, 2).results_count, 1);
}
