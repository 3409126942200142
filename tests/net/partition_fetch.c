/* partition_fetch.c -- what a leader tells who fetches from it. */
#include <criterion/criterion.h>

#include "node_fixture.h"

static void tune_two_in_sync(struct config *config)
{
    config->min_insync_default = 2;
}

static struct fetch_response_partition ask_as_follower(struct node *node, struct follower *follower,
                                                       struct uuid topic_id, log_offset offset)
{
    struct fetch_request body = node_follower_fetch(node, follower, topic_id, offset);
    struct fetch_response response;
    node_call(node, follower->conn, WIRE_FETCH, 16, &body, &response);
    cr_assert_eq(response.topics[0].partitions[0].error_code, ERR_NONE);
    return response.topics[0].partitions[0];
}

/* KIP-207 in Fetch: its followers may know of more that is committed than it does itself. */
Test(partition_fetch, tells_no_high_watermark_before_the_start_of_the_leaders_epoch)
{
    struct node node;
    struct follower follower;
    struct produce_response produced;
    node_start(&node, tune_two_in_sync);
    node_add_follower(&node, &follower);
    struct uuid topic_id = node_create_replicated(&node, "t", 1);
    struct produce_request produce =
        node_produce_request(&node, "t", 1, node_batch(&node, "acknowledged"));
    node_call(&node, node_connect(&node), WIRE_PRODUCE, 9, &produce, &produced);
    cr_assert_eq(produced.topics[0].partitions[0].error_code, ERR_NONE);
    ask_as_follower(&node, &follower, topic_id, 1);
    struct fetch_response_partition before = node_fetch(&node, node_connect(&node), "t", 0);

    node_restart(&node); /* The follower is fenced meanwhile, and too few are in sync. */
    struct fetch_response_partition unknown = node_fetch(&node, node_connect(&node), "t", 0);
    follower.conn = fake_env_connect(&node.fake, LISTENER_INTERNAL);
    node_unfence_follower(&node, &follower);
    ask_as_follower(&node, &follower, topic_id, 1);
    node_run(&node, 10);
    struct fetch_response_partition after = node_fetch(&node, node_connect(&node), "t", 0);

    cr_assert_eq(before.high_watermark, 1);
    cr_assert_eq(unknown.error_code, ERR_NONE);
    cr_assert_eq(unknown.high_watermark, -1);
    cr_assert_eq(unknown.last_stable_offset, -1);
    cr_assert_eq(after.high_watermark, 1);
    cr_assert_gt(after.records.memory.size, 0);
    node_stop(&node);
}
