/* produce.c -- what is refused, with which error, and what lives on. */
#include <criterion/criterion.h>

#include "batch.h"
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
    node_restart(&node);
    node_check_record(&node);
    node_stop(&node);
}

TestSuite(produce, .init = start, .fini = stop);

/* Offsets in a batch of format 2. */
enum {
    AT_LENGTH = 8,
    AT_MAGIC = 16,
    AT_CRC = 17,
    AT_ATTRIBUTES = 21,
    AT_LAST_DELTA = 23,
    AT_COUNT = 57
};

static uint8_t *copy_of_batch(struct bytes *batch)
{
    *batch = node_batch(&node, "a value");
    return (uint8_t *)(uintptr_t)batch->data; /* In the arena of the test. */
}

static void seal(uint8_t *batch, uint32_t size)
{
    store_be32(batch + AT_CRC, crc32c(0, batch + AT_ATTRIBUTES, size - AT_ATTRIBUTES));
}

/* The error, and that nothing was appended. */
static enum err refusal(struct bytes records)
{
    struct produce_response_partition answer =
        node_produce(&node, node_connect(&node), "kept", records);
    log_offset end = node_fetch(&node, node_connect(&node), "kept", 0).high_watermark;
    cr_assert_eq(answer.base_offset, -1);
    cr_assert_eq(answer.log_start_offset, -1);
    cr_assert_eq(end, 1);
    return (enum err)answer.error_code;
}

Test(produce, refuses_a_wrong_checksum)
{
    struct bytes batch;
    copy_of_batch(&batch)[AT_CRC] ^= 1;
    cr_assert_eq(refusal(batch), ERR_CORRUPT_MESSAGE);
}

Test(produce, refuses_a_flipped_bit_of_a_value)
{
    struct bytes batch;
    copy_of_batch(&batch);
    *(uint8_t *)(uintptr_t)(batch.data + batch.size - 2) ^= 4;
    cr_assert_eq(refusal(batch), ERR_CORRUPT_MESSAGE);
}

Test(produce, refuses_an_old_magic)
{
    struct bytes batch;
    copy_of_batch(&batch)[AT_MAGIC] = 1;
    cr_assert_eq(refusal(batch), ERR_INVALID_RECORD);
}

Test(produce, refuses_a_magic_that_nobody_knows)
{
    struct bytes batch;
    copy_of_batch(&batch)[AT_MAGIC] = 3;
    cr_assert_eq(refusal(batch), ERR_INVALID_RECORD);
}

Test(produce, refuses_a_record_count_that_lies)
{
    struct bytes batch;
    uint8_t *bytes = copy_of_batch(&batch);
    store_be32(bytes + AT_COUNT, 1000000);
    store_be32(bytes + AT_LAST_DELTA, 999999);
    seal(bytes, batch.size);
    cr_assert_eq(refusal(batch), ERR_INVALID_RECORD);
}

Test(produce, refuses_a_count_of_zero)
{
    struct bytes batch;
    uint8_t *bytes = copy_of_batch(&batch);
    store_be32(bytes + AT_COUNT, 0);
    seal(bytes, batch.size);
    cr_assert_eq(refusal(batch), ERR_INVALID_RECORD);
}

Test(produce, refuses_a_negative_count)
{
    struct bytes batch;
    uint8_t *bytes = copy_of_batch(&batch);
    store_be32(bytes + AT_COUNT, 0xffffffff);
    seal(bytes, batch.size);
    cr_assert_eq(refusal(batch), ERR_INVALID_RECORD);
}

Test(produce, refuses_a_control_batch_of_a_client)
{
    struct bytes batch;
    uint8_t *bytes = copy_of_batch(&batch);
    store_be16(bytes + AT_ATTRIBUTES, BATCH_CONTROL);
    seal(bytes, batch.size);
    cr_assert_eq(refusal(batch), ERR_INVALID_RECORD);
}

Test(produce, refuses_two_batches_in_one)
{
    struct bytes one = node_batch(&node, "a value");
    uint8_t *two = arena_alloc(&node.arena, 2 * one.size);
    memcpy(two, one.data, one.size);
    memcpy(two + one.size, one.data, one.size);
    cr_assert_eq(refusal((struct bytes){.data = two, .size = 2 * one.size}), ERR_INVALID_RECORD);
}

Test(produce, refuses_records_that_are_null)
{
    cr_assert_eq(refusal((struct bytes){0}), ERR_INVALID_RECORD);
}

Test(produce, refuses_records_that_are_empty)
{
    cr_assert_eq(refusal((struct bytes){.data = (const uint8_t *)"", .size = 0}),
                 ERR_INVALID_RECORD);
}

Test(produce, refuses_a_batch_that_is_cut_short)
{
    struct bytes batch = node_batch(&node, "a value");
    batch.size -= 3;
    cr_assert_neq(refusal(batch), ERR_NONE);
}

Test(produce, refuses_a_length_that_lies)
{
    struct bytes batch;
    store_be32(copy_of_batch(&batch) + AT_LENGTH, 0x7fffffff);
    cr_assert_neq(refusal(batch), ERR_NONE);
}

Test(produce, refuses_a_batch_over_the_limit)
{
    cr_assert_eq(refusal(node_large_batch(&node, 1100000)), ERR_MESSAGE_TOO_LARGE);
}

static struct produce_response call(const struct produce_request *body, int16_t version)
{
    struct produce_response response;
    node_call(&node, node_connect(&node), WIRE_PRODUCE, version, body, &response);
    return response;
}

Test(produce, refuses_acks_of_2)
{
    struct produce_request body =
        node_produce_request(&node, "kept", 2, node_batch(&node, "a value"));

    struct produce_response response = call(&body, 9);

    cr_assert_eq(response.topics[0].partitions[0].error_code, ERR_INVALID_REQUIRED_ACKS);
}

Test(produce, tells_of_an_unknown_topic)
{
    struct produce_request body =
        node_produce_request(&node, "nobody", -1, node_batch(&node, "a value"));

    struct produce_response response = call(&body, 9);

    cr_assert_eq(response.topics[0].partitions[0].error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION);
}

Test(produce, tells_of_an_unknown_partition)
{
    struct produce_request body =
        node_produce_request(&node, "kept", -1, node_batch(&node, "a value"));
    body.topics[0].partitions[0].index = 7;

    struct produce_response response = call(&body, 9);

    cr_assert_eq(response.topics[0].partitions[0].error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION);
}

Test(produce, tells_of_a_topic_id_of_zero)
{
    struct produce_request body =
        node_produce_request(&node, "kept", -1, node_batch(&node, "a value"));

    struct produce_response response = call(&body, 13);

    cr_assert_eq(response.topics[0].partitions[0].error_code, ERR_UNKNOWN_TOPIC_ID);
}

/* One answer for two batches would be a lie about one of them. */
Test(produce, refuses_both_when_a_partition_is_named_twice)
{
    struct produce_request body =
        node_produce_request(&node, "kept", -1, node_batch(&node, "a value"));
    body.topics[0].partitions_count = 2;
    body.topics[0].partitions = produce_request_partition_new(&node.arena, 2);
    body.topics[0].partitions[0].records = node_batch(&node, "one");
    body.topics[0].partitions[1].records = node_batch(&node, "two");

    struct produce_response response = call(&body, 9);

    cr_assert_eq(response.topics[0].partitions[0].error_code, ERR_INVALID_REQUEST);
    cr_assert_eq(response.topics[0].partitions[1].error_code, ERR_INVALID_REQUEST);
    cr_assert_eq(node_fetch(&node, node_connect(&node), "kept", 0).high_watermark, 1);
}

Test(produce, answers_nothing_to_acks_of_0_and_appends)
{
    struct produce_request body =
        node_produce_request(&node, "kept", 0, node_batch(&node, "a value"));
    conn_id conn = node_connect(&node);

    node_ask(&node, conn, WIRE_PRODUCE, 9, &body);
    node_run(&node, 100);

    cr_assert_eq(node_reply_count(&node, conn), 0);
    cr_assert_not(node_has_closed(&node, conn));
    cr_assert_eq(node_fetch(&node, conn, "kept", 0).high_watermark, 2);
}

Test(produce, closes_when_acks_of_0_can_not_be_appended)
{
    struct produce_request body =
        node_produce_request(&node, "nobody", 0, node_batch(&node, "a value"));
    conn_id conn = node_connect(&node);

    node_ask(&node, conn, WIRE_PRODUCE, 9, &body);
    node_run(&node, 100);

    cr_assert(node_has_closed(&node, conn));
}

Test(produce, acknowledges_only_what_the_disk_has_synced)
{
    struct produce_request body =
        node_produce_request(&node, "kept", 1, node_batch(&node, "a value"));
    conn_id conn = node_connect(&node);
    node.fake.syncs_wait = true;
    node_ask(&node, conn, WIRE_PRODUCE, 9, &body);
    node_run(&node, 100);
    cr_assert_eq(node_reply_count(&node, conn), 0);

    node.fake.syncs_wait = false;
    node_run(&node, 100);

    cr_assert_eq(node_reply_count(&node, conn), 1);
}

Test(produce, tells_when_the_disk_does_not_answer_in_time)
{
    struct produce_request body =
        node_produce_request(&node, "kept", -1, node_batch(&node, "a value"));
    struct produce_response response;
    node.fake.syncs_wait = true;
    body.timeout_ms = 500;

    node_call(&node, node_connect(&node), WIRE_PRODUCE, 9, &body, &response);
    node.fake.syncs_wait = false;

    cr_assert_eq(response.topics[0].partitions[0].error_code, ERR_REQUEST_TIMED_OUT);
}

/* ---- Idempotence. */

static struct bytes sequenced(int16_t epoch, int32_t sequence)
{
    struct batch_spec spec = batch_spec(0, -1, 1700000000000);
    struct batch_record record = {.value = bytes_of_str(STR("sequenced"))};
    spec.producer_id = 77;
    spec.producer_epoch = epoch;
    spec.base_sequence = sequence;
    struct buf *batch = batch_build(&spec, &record, 1);
    struct bytes bytes = {.data = arena_copy(&node.arena, batch->data, batch->size),
                          .size = batch->size};
    buf_unref(batch);
    return bytes;
}

static struct produce_response_partition produce_sequenced(int16_t epoch, int32_t sequence)
{
    return node_produce(&node, node_connect(&node), "kept", sequenced(epoch, sequence));
}

Test(produce, answers_a_repeated_sequence_with_the_original_offset)
{
    cr_assert_eq(produce_sequenced(0, 0).base_offset, 1);
    cr_assert_eq(produce_sequenced(0, 1).base_offset, 2);

    struct produce_response_partition again = produce_sequenced(0, 0);

    cr_assert_eq(again.error_code, ERR_NONE);
    cr_assert_eq(again.base_offset, 1);
    cr_assert_eq(node_fetch(&node, node_connect(&node), "kept", 0).high_watermark, 3);
}

Test(produce, knows_repeated_sequences_after_a_restart)
{
    cr_assert_eq(produce_sequenced(0, 0).base_offset, 1);
    node_restart(&node);

    struct produce_response_partition again = produce_sequenced(0, 0);

    cr_assert_eq(again.error_code, ERR_NONE);
    cr_assert_eq(again.base_offset, 1);
}

Test(produce, refuses_a_gap_in_the_sequence)
{
    cr_assert_eq(produce_sequenced(0, 0).error_code, ERR_NONE);
    cr_assert_eq(produce_sequenced(0, 2).error_code, ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
}

/* The disk hangs for so long that the leader takes nothing more, and comes back. */
static void stall_around(int32_t refused)
{
    struct produce_request body = node_produce_request(&node, "kept", 0, sequenced(0, 1));
    node.fake.syncs_wait = true;
    node_ask(&node, node_connect(&node), WIRE_PRODUCE, 9, &body);
    node_run(&node, 5000);
    cr_assert_eq(produce_sequenced(0, refused).error_code, ERR_NOT_LEADER_OR_FOLLOWER);
    node.fake.syncs_wait = false;
    node_run(&node, 500);
}

/* What is missing may be in the inbox of the leader before, which stands still. */
Test(produce, a_gap_is_none_yet_at_a_new_leader)
{
    cr_assert_eq(produce_sequenced(0, 0).error_code, ERR_NONE);
    node_restart(&node);

    struct produce_response_partition early = produce_sequenced(0, 2);
    cr_assert_eq(early.error_code, ERR_NOT_LEADER_OR_FOLLOWER);
    cr_assert(str_equal(early.error_message, STR("an earlier batch of this producer is missing")));
    cr_assert_eq(produce_sequenced(0, 1).error_code, ERR_NONE);
    cr_assert_eq(produce_sequenced(0, 2).error_code, ERR_NONE);

    node_run(&node, 60000);
    cr_assert_eq(produce_sequenced(0, 4).error_code, ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
}

/* Older than all that is remembered: no leader's inbox makes it right. */
Test(produce, what_begins_within_the_log_is_out_of_order_at_a_new_leader_too)
{
    for (int32_t sequence = 0; sequence < 7; sequence++)
        cr_assert_eq(produce_sequenced(0, sequence).error_code, ERR_NONE);
    node_restart(&node);

    cr_assert_eq(produce_sequenced(0, 0).error_code, ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    cr_assert_eq(produce_sequenced(0, 8).error_code, ERR_NOT_LEADER_OR_FOLLOWER);
}

Test(produce, who_follows_a_refused_batch_hears_the_same)
{
    cr_assert_eq(produce_sequenced(0, 0).error_code, ERR_NONE);
    stall_around(2);

    cr_assert_eq(produce_sequenced(0, 3).error_code, ERR_NOT_LEADER_OR_FOLLOWER);
    cr_assert_eq(produce_sequenced(0, 2).error_code, ERR_NONE);
    cr_assert_eq(produce_sequenced(0, 3).error_code, ERR_NONE);
}

Test(produce, a_refused_batch_that_was_given_up_is_a_gap_in_the_end)
{
    cr_assert_eq(produce_sequenced(0, 0).error_code, ERR_NONE);
    stall_around(2);
    node_run(&node, 60000);

    cr_assert_eq(produce_sequenced(0, 3).error_code, ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
}

/* It came late, to a node that had it, or where another leader's copy of it has come since. */
Test(produce, a_refused_batch_that_is_in_the_log_holds_up_nobody)
{
    cr_assert_eq(produce_sequenced(0, 0).error_code, ERR_NONE);
    stall_around(0);

    cr_assert_eq(produce_sequenced(0, 2).error_code, ERR_NONE);
}

Test(produce, refuses_an_old_producer_epoch)
{
    cr_assert_eq(produce_sequenced(3, 0).error_code, ERR_NONE);
    cr_assert_eq(produce_sequenced(2, 0).error_code, ERR_INVALID_PRODUCER_EPOCH);
}

Test(produce, refuses_a_new_producer_epoch_that_does_not_begin_at_0)
{
    cr_assert_eq(produce_sequenced(0, 0).error_code, ERR_NONE);
    cr_assert_eq(produce_sequenced(1, 5).error_code, ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
}
