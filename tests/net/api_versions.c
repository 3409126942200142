/* api_versions.c -- ApiVersions answers whatever it is asked. */
#include <criterion/criterion.h>

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

TestSuite(api_versions, .init = start, .fini = stop);

static struct bytes ask_raw(int16_t version, const char *body, uint32_t size)
{
    uint8_t frame[64] = {0};
    conn_id conn = node_connect(&node);
    store_be32(frame, 10 + size);
    store_be16(frame + 4, WIRE_API_VERSIONS);
    store_be16(frame + 6, (uint16_t)version);
    store_be32(frame + 8, 7);
    store_be16(frame + 12, 0xffff);
    memcpy(frame + 14, body, size);
    node_send(&node, conn, frame, 14 + size);
    node_run(&node, 1);
    cr_assert_not(node_has_closed(&node, conn));
    return node_reply(&node, conn);
}

/* Correlation id, error, one key with its range, nothing of later versions. */
static void expect_version_0_with_error_35(struct bytes reply)
{
    static const uint8_t expected[] = {0, 0, 0, 7, 0, 35, 0, 0, 0, 1, 0, 18, 0, 0, 0, 5};
    cr_assert(bytes_equal(reply, (struct bytes){.data = expected, .size = sizeof expected}));
}

Test(api_versions, answers_a_version_too_new_in_the_shape_of_version_0)
{
    expect_version_0_with_error_35(ask_raw(99, "\xff\xff\xff", 3));
}

Test(api_versions, answers_a_negative_version_in_the_shape_of_version_0)
{
    expect_version_0_with_error_35(ask_raw(-1, "", 0));
}

static struct api_versions_response ask(int16_t version, struct str cluster_id, int32_t meant_for)
{
    struct api_versions_request body;
    struct api_versions_response response;
    api_versions_request_init(&body);
    body.client_software_name = STR("a-client");
    body.client_software_version = STR("1.0");
    body.cluster_id = cluster_id;
    body.node_id = meant_for;
    node_call(&node, node_connect(&node), WIRE_API_VERSIONS, version, &body, &response);
    return response;
}

Test(api_versions, advertises_groups_from_version_0_and_nothing_that_nodes_say_to_each_other)
{
    struct api_versions_response response = ask(4, (struct str){0}, -1);

    cr_assert_eq(response.error_code, ERR_NONE);
    uint32_t group_apis = 0;
    for (uint32_t i = 0; i < response.api_keys_count; i++) {
        int16_t key = response.api_keys[i].api_key;
        bool is_group_api = key >= WIRE_OFFSET_COMMIT && key <= WIRE_LIST_GROUPS;
        group_apis += is_group_api;
        cr_assert(!is_group_api || response.api_keys[i].min_version == 0, "key %d", key);
        cr_assert_not(wire_api_find(key)->internal, "key %d", key);
    }
    cr_assert_eq(group_apis, 9);
}

Test(api_versions, advertises_produce_from_version_0_for_old_clients)
{
    struct api_versions_response response = ask(0, (struct str){0}, -1);

    cr_assert_eq(response.api_keys[0].api_key, WIRE_PRODUCE);
    cr_assert_eq(response.api_keys[0].min_version, 0);
    cr_assert_eq(response.api_keys[0].max_version, 13);
}

Test(api_versions, refuses_a_client_name_with_a_space)
{
    struct api_versions_request body;
    struct api_versions_response response;
    api_versions_request_init(&body);
    body.client_software_name = STR("a client");
    body.client_software_version = STR("1.0");

    node_call(&node, node_connect(&node), WIRE_API_VERSIONS, 3, &body, &response);

    cr_assert_eq(response.error_code, ERR_INVALID_REQUEST);
}

Test(api_versions, tells_a_client_of_another_cluster_to_start_over)
{
    cr_assert_eq(ask(5, STR("another"), -1).error_code, ERR_REBOOTSTRAP_REQUIRED);
}

Test(api_versions, tells_a_client_of_another_node_to_start_over)
{
    cr_assert_eq(ask(5, (struct str){0}, 2).error_code, ERR_REBOOTSTRAP_REQUIRED);
    cr_assert_eq(ask(5, (struct str){0}, 1).error_code, ERR_NONE);
}
