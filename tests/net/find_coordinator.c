/* find_coordinator.c -- who coordinates, and the topic that the first question makes. */
#include <criterion/criterion.h>

#include "group_fixture.h"
#include "node.h"

static struct node node;

static void start(void)
{
    node_start(&node, groups_tune);
    node_keep_record(&node);
}

static void stop(void)
{
    node_check_record(&node);
    node_stop(&node);
}

TestSuite(find_coordinator, .init = start, .fini = stop);

static const struct image_topic *offsets_topic(void)
{
    return image_topic_by_name(node.shard->image, STR("__consumer_offsets"));
}

Test(find_coordinator, makes_the_topic_and_names_a_node_in_every_version)
{
    cr_assert_null(offsets_topic());
    for (int16_t version = 0; version <= WIRE_FIND_COORDINATOR_MAX; version++) {
        struct find_coordinator_response found = client_find(&node, "g", version);
        bool is_old = version < 4;
        cr_assert_eq(is_old ? found.error_code : found.coordinators[0].error_code, ERR_NONE);
        cr_assert_eq(is_old ? found.node_id : found.coordinators[0].node_id, 1);
        cr_assert_eq(is_old ? found.port : found.coordinators[0].port, 1);
        cr_assert(str_equal(is_old ? found.host : found.coordinators[0].host, STR("node")));
    }
}

Test(find_coordinator, the_topic_is_internal_compacted_and_as_large_as_configured)
{
    struct metadata_request body;
    struct metadata_response response;
    client_find(&node, "g", 4);
    const struct image_topic *topic = offsets_topic();

    metadata_request_init(&body);
    body.topics = NULL;
    node_call(&node, node_connect(&node), WIRE_METADATA, 12, &body, &response);

    cr_assert_eq(topic->partition_count, 4);
    cr_assert(str_equal(image_topic_config(topic, STR("cleanup.policy")), STR("compact")));
    cr_assert(str_equal(image_topic_config(topic, STR("compression.type")), STR("producer")));
    cr_assert(str_equal(image_topic_config(topic, STR("segment.bytes")), STR("104857600")));
    cr_assert_eq(response.topics_count, 2);
    cr_assert(str_equal(response.topics[0].name, STR("__consumer_offsets")));
    cr_assert(response.topics[0].is_internal);
    cr_assert_not(response.topics[1].is_internal);
}

Test(find_coordinator, answers_several_keys_in_their_order)
{
    struct find_coordinator_request body;
    struct find_coordinator_response response;
    struct str keys[] = {STR("one"), STR("two"), STR("one")};
    find_coordinator_request_init(&body);
    body.coordinator_keys_count = 3;
    body.coordinator_keys = keys;
    node_call(&node, node_connect(&node), WIRE_FIND_COORDINATOR, 6, &body, &response);
    cr_assert_eq(response.coordinators_count, 3);
    cr_assert(str_equal(response.coordinators[1].key, STR("two")));
    cr_assert_eq(response.coordinators[2].error_code, ERR_NONE);
}

static int16_t error_of_type(int8_t type, int16_t version)
{
    struct find_coordinator_request body;
    struct find_coordinator_response response;
    find_coordinator_request_init(&body);
    body.key = STR("t");
    body.key_type = type;
    node_call(&node, node_connect(&node), WIRE_FIND_COORDINATOR, version, &body, &response);
    return response.error_code;
}

Test(find_coordinator, refuses_transactions_and_kinds_that_nobody_knows)
{
    cr_assert_eq(error_of_type(1, 3), ERR_INVALID_REQUEST);
    cr_assert_eq(error_of_type(2, 3), ERR_INVALID_REQUEST);
    cr_assert_eq(error_of_type(99, 3), ERR_INVALID_REQUEST);
    cr_assert_null(offsets_topic());
}

Test(find_coordinator, finds_that_of_the_longest_and_of_the_empty_id)
{
    static char name[32768];
    memset(name, 'x', sizeof name - 1);
    client_find(&node, "any", 3); /* Makes the topic. */
    cr_assert_eq(client_find(&node, name, 3).error_code, ERR_NONE);
    cr_assert_eq(client_find(&node, "", 3).error_code, ERR_NONE);
}

Test(find_coordinator, more_keys_than_anybody_has_end_the_connection)
{
    enum { KEYS = 60000 };
    struct find_coordinator_request body;
    conn_id conn = node_connect(&node);
    find_coordinator_request_init(&body);
    body.coordinator_keys_count = KEYS;
    body.coordinator_keys = arena_alloc(&node.arena, KEYS * sizeof *body.coordinator_keys);
    for (int i = 0; i < KEYS; i++)
        body.coordinator_keys[i] = STR("g");
    node_ask(&node, conn, WIRE_FIND_COORDINATOR, 6, &body);
    node_run(&node, 100);
    cr_assert(node_has_closed(&node, conn));
}

Test(find_coordinator, clients_do_not_write_to_the_topic)
{
    client_find(&node, "g", 4);
    struct produce_response_partition answer =
        node_produce(&node, node_connect(&node), "__consumer_offsets", node_batch(&node, "forged"));
    cr_assert_eq(answer.error_code, ERR_INVALID_TOPIC_EXCEPTION);
    cr_assert_eq(answer.base_offset, -1);
}
