/* partition_fetch.c -- what a leader tells who fetches from it. */
#include <criterion/criterion.h>

#include "batch.h"
#include "node.h"
#include "node_fixture.h"
#include "partition.h"
#include "sync.h"

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
    node_call(&node, node_connect(&node), WIRE_PRODUCE, 9, &produce, &produced); /* It has not. */

    node_restart(&node); /* The follower is fenced meanwhile, and too few are in sync. */
    struct fetch_response_partition unknown = node_fetch(&node, node_connect(&node), "t", 0);
    follower.conn = fake_env_connect(&node.fake, LISTENER_INTERNAL);
    node_unfence_follower(&node, &follower);
    ask_as_follower(&node, &follower, topic_id, 2);
    node_run(&node, 10);
    struct fetch_response_partition after = node_fetch(&node, node_connect(&node), "t", 0);

    cr_assert_eq(before.high_watermark, 1);
    cr_assert_eq(unknown.error_code, ERR_NONE);
    cr_assert_eq(unknown.high_watermark, -1);
    cr_assert_eq(unknown.last_stable_offset, -1);
    cr_assert_eq(after.high_watermark, 2);
    cr_assert_gt(after.records.memory.size, 0);
    node_stop(&node);
}

/* One record of the idempotent producer 77. */
static struct bytes producer_batch(struct node *node)
{
    struct batch_spec spec = batch_spec(0, -1, 1000);
    struct batch_record record = {.value = bytes_of_str(STR("value"))};
    spec.producer_id = 77;
    spec.producer_epoch = 0;
    spec.base_sequence = 0;
    struct buf *batch = batch_build(&spec, &record, 1);
    struct bytes bytes = {.data = arena_copy(&node->arena, batch->data, batch->size),
                          .size = batch->size};
    buf_unref(batch);
    return bytes;
}

static void delete_first_record(struct node *node, const char *topic)
{
    struct delete_records_request body;
    delete_records_request_init(&body);
    body.timeout_ms = 1000;
    body.topics_count = 1;
    body.topics = delete_records_request_topic_new(&node->arena, 1);
    body.topics[0].name = str_from(topic);
    body.topics[0].partitions_count = 1;
    body.topics[0].partitions = delete_records_request_partition_new(&node->arena, 1);
    body.topics[0].partitions[0].offset = 1;
    node_ask(node, node_connect(node), WIRE_DELETE_RECORDS, 2, &body);
    node_run(node, 10); /* It waits for the follower. */
}

Test(partition_fetch, tells_a_follower_below_its_start_what_producers_did_there)
{
    struct node node;
    struct follower follower;
    struct produce_response produced;
    struct fetch_response response;
    node_start(&node, tune_two_in_sync);
    node_add_follower(&node, &follower);
    struct uuid topic_id = node_create_replicated(&node, "t", 1);
    struct produce_request produce = node_produce_request(&node, "t", 1, producer_batch(&node));
    node_call(&node, node_connect(&node), WIRE_PRODUCE, 9, &produce, &produced);
    cr_assert_eq(produced.topics[0].partitions[0].error_code, ERR_NONE);
    ask_as_follower(&node, &follower, topic_id, 1);
    delete_first_record(&node, "t");

    struct fetch_request body = node_follower_fetch(&node, &follower, topic_id, 0);
    node_call(&node, follower.conn, WIRE_FETCH, 16, &body, &response);
    struct fetch_response_partition told = response.topics[0].partitions[0];
    cr_assert_eq(told.error_code, ERR_OFFSET_OUT_OF_RANGE);
    cr_assert_eq(told.log_start_offset, 1);
    cr_assert_geq(told.records.memory.size, 18);
    cr_assert_eq(load_be32(told.records.memory.data + 6), 1);
    cr_assert_eq(load_be64(told.records.memory.data + 10), 77);

    struct fetch_response_partition consumed = node_fetch(&node, node_connect(&node), "t", 0);
    cr_assert_eq(consumed.error_code, ERR_OFFSET_OUT_OF_RANGE);
    cr_assert_eq(consumed.records.memory.size, 0);
    node_stop(&node);
}

/* Kafka has its replication-offset-checkpoint for this. */
Test(partition_fetch, serves_what_was_committed_before_a_restart_while_too_few_are_in_sync)
{
    struct node node;
    struct follower follower;
    struct produce_response produced;
    node_start(&node, tune_two_in_sync);
    node_add_follower(&node, &follower);
    struct uuid topic_id = node_create_replicated(&node, "t", 1);
    struct produce_request produce = node_produce_request(&node, "t", 1, node_batch(&node, "v"));
    node_call(&node, node_connect(&node), WIRE_PRODUCE, 9, &produce, &produced);
    ask_as_follower(&node, &follower, topic_id, 1);
    node_run(&node, SYNC_MARKS_DELAY_MS);

    node_restart(&node); /* The follower does not come back. */
    struct fetch_response_partition alone = node_fetch(&node, node_connect(&node), "t", 0);
    produce.acks = -1;
    node_call(&node, node_connect(&node), WIRE_PRODUCE, 9, &produce, &produced);

    cr_assert_eq(alone.error_code, ERR_NONE);
    cr_assert_eq(alone.high_watermark, 1);
    cr_assert_gt(alone.records.memory.size, 0);
    cr_assert_eq(produced.topics[0].partitions[0].error_code, ERR_NOT_ENOUGH_REPLICAS);
    node_stop(&node);
}

/* ---- What is not in memory. */

static int32_t ask_for(struct node *node, conn_id conn, int32_t wait_ms, int32_t min_bytes)
{
    struct fetch_request body;
    fetch_request_init(&body);
    body.max_bytes = 1 << 20;
    body.min_bytes = min_bytes;
    body.max_wait_ms = wait_ms;
    body.topics_count = 1;
    body.topics = fetch_request_topic_new(&node->arena, 1);
    body.topics[0].name = STR("t");
    body.topics[0].partitions_count = 1;
    body.topics[0].partitions = fetch_request_partition_new(&node->arena, 1);
    body.topics[0].partitions[0].partition_max_bytes = 1 << 20;
    return node_ask(node, conn, WIRE_FETCH, 12, &body);
}

static void start_with_two_topics(struct node *node)
{
    node_start(node, NULL);
    cr_assert_eq(node_create_topic(node, "t"), ERR_NONE);
    cr_assert_eq(node_create_topic(node, "other"), ERR_NONE);
    cr_assert_eq(node_produce(node, node_connect(node), "t", node_batch(node, "v")).error_code,
                 ERR_NONE);
}

Test(partition_fetch, waits_for_the_disk_alone_while_others_go_on)
{
    struct node node;
    start_with_two_topics(&node);
    node.fake.is_cold = true;
    conn_id conn = node_connect(&node);

    ask_for(&node, conn, 10000, 1);
    node_run(&node, 100);
    uint32_t replies_before = node_reply_count(&node, conn);
    struct produce_response_partition beside =
        node_produce(&node, node_connect(&node), "other", node_batch(&node, "v"));
    uint64_t asked = node.fake.loads;
    fake_env_load(&node.fake);
    node_run(&node, 0);

    cr_assert_eq(replies_before, 0);
    cr_assert_eq(beside.error_code, ERR_NONE);
    cr_assert_eq(asked, 1);
    cr_assert_eq(node_reply_count(&node, conn), 1);
    cr_assert_gt(node_reply(&node, conn).size, 100);
    node_stop(&node);
}

/* An answer without records is the end of the log to who asked. */
static void assert_waits_for_the_disk(int32_t wait_ms, int32_t min_bytes)
{
    struct node node;
    start_with_two_topics(&node);
    node.fake.is_cold = true;
    conn_id conn = node_connect(&node);

    ask_for(&node, conn, wait_ms, min_bytes);
    node_run(&node, wait_ms + 10000);
    uint32_t replies_before = node_reply_count(&node, conn);
    fake_env_load(&node.fake);
    node_run(&node, 0);

    cr_assert_eq(replies_before, 0);
    cr_assert_eq(node_reply_count(&node, conn), 1);
    cr_assert_gt(node_reply(&node, conn).size, 100);
    node_stop(&node);
}

Test(partition_fetch, of_a_consumer_waits_for_the_disk_beyond_its_own_time)
{
    assert_waits_for_the_disk(200, 1);
    assert_waits_for_the_disk(0, 1);
    assert_waits_for_the_disk(0, 0);
    assert_waits_for_the_disk(10000, 0);
}

Test(partition_fetch, of_a_follower_does_not_wait_for_the_disk_beyond_its_own_time)
{
    struct node node;
    struct follower follower;
    struct produce_response produced;
    struct fetch_response response;
    node_start(&node, NULL);
    node_add_follower(&node, &follower);
    struct uuid topic_id = node_create_replicated(&node, "t", 1);
    struct produce_request produce = node_produce_request(&node, "t", 1, node_batch(&node, "v"));
    node_call(&node, node_connect(&node), WIRE_PRODUCE, 9, &produce, &produced);
    cr_assert_eq(produced.topics[0].partitions[0].error_code, ERR_NONE);
    node.fake.is_cold = true;
    struct fetch_request body = node_follower_fetch(&node, &follower, topic_id, 0);
    node_call(&node, follower.conn, WIRE_FETCH, 16, &body, &response);
    cr_assert_eq(response.topics[0].partitions[0].error_code, ERR_NONE);
    cr_assert_eq(response.topics[0].partitions[0].records.memory.size, 0);
    node_stop(&node);
}

Test(partition_fetch, that_waits_for_the_disk_ends_with_its_connection)
{
    struct node node;
    start_with_two_topics(&node);
    node.fake.is_cold = true;
    conn_id conn = node_connect(&node);
    ask_for(&node, conn, 10000, 1);
    node_run(&node, 1);

    node.fake.conns[conn].peer_has_gone = true;
    node_run(&node, 1);
    bool waits_on = !list_is_empty(&node.shard->partitions->parked);
    fake_env_load(&node.fake);
    node_run(&node, 0);

    cr_assert_not(waits_on);
    cr_assert(node_has_closed(&node, conn));
    cr_assert_eq(node_inflight_size(&node), 0);
    node_stop(&node);
}
