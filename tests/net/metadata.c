/* metadata.c -- Metadata: what a partition's error says in each version. */
#include <criterion/criterion.h>

#include "node_fixture.h"

static struct node node;
static struct follower follower; /* It has no listener for clients. */

static void start(void)
{
    node_start(&node, NULL);
    node_keep_record(&node);
    node_add_follower(&node, &follower);
}

static void stop(void)
{
    node_check_record(&node);
    node_stop(&node);
}

TestSuite(metadata, .init = start, .fini = stop);

static struct metadata_response_partition ask(int16_t version, const char *topic)
{
    struct metadata_request body;
    struct metadata_response response;
    metadata_request_init(&body);
    body.topics_count = 1;
    body.topics = metadata_request_topic_new(&node.arena, 1);
    body.topics[0].name = str_from(topic);
    node_call(&node, node_connect(&node), WIRE_METADATA, version, &body, &response);
    cr_assert_eq(response.topics_count, 1);
    cr_assert_eq(response.topics[0].error_code, ERR_NONE);
    cr_assert_eq(response.topics[0].partitions_count, 1);
    return response.topics[0].partitions[0];
}

Test(metadata, a_leader_that_clients_cannot_reach_is_none)
{
    node_create_assigned(&node, "t", 1, (node_id[]){2, 1});
    for (int16_t version = 0; version <= 13; version++) {
        struct metadata_response_partition told = ask(version, "t");
        cr_assert_eq(told.error_code,
                     version >= 6 ? ERR_LISTENER_NOT_FOUND : ERR_LEADER_NOT_AVAILABLE, "v%d",
                     version);
        cr_assert_eq(told.leader_id, -1, "v%d", version);
    }
}

Test(metadata, version_0_names_replicas_that_clients_can_reach_and_says_so)
{
    node_create_replicated(&node, "t", 1);
    struct metadata_response_partition told = ask(0, "t");
    cr_assert_eq(told.error_code, ERR_REPLICA_NOT_AVAILABLE);
    cr_assert_eq(told.leader_id, 1);
    cr_assert_eq(told.replica_nodes_count, 1);
    cr_assert_eq(told.replica_nodes[0], 1);
    cr_assert_eq(told.isr_nodes_count, 1);
    cr_assert_eq(told.isr_nodes[0], 1);
    for (int16_t version = 1; version <= 13; version++) {
        told = ask(version, "t");
        cr_assert_eq(told.error_code, ERR_NONE, "v%d", version);
        cr_assert_eq(told.replica_nodes_count, 2, "v%d", version);
    }
    cr_assert_eq(ask(0, "kept").error_code, ERR_NONE);
}
