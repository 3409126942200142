/* list_offsets.c -- ListOffsets: timestamps that are none (KIP-79, 207, 405, 734, 1005, 1023). */
#include <criterion/criterion.h>

#include "batch.h"
#include "node_fixture.h"

static struct node node;

enum { NEWEST = 11 };

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

TestSuite(list_offsets, .init = start, .fini = stop);

static struct list_offsets_response_partition ask(int16_t version, int32_t index, log_epoch epoch,
                                                  int64_t timestamp)
{
    struct list_offsets_request body;
    struct list_offsets_response response;
    list_offsets_request_init(&body);
    body.replica_id = -1;
    body.topics_count = 1;
    body.topics = list_offsets_request_topic_new(&node.arena, 1);
    body.topics[0].name = STR("kept");
    body.topics[0].partitions_count = 1;
    body.topics[0].partitions = list_offsets_request_partition_new(&node.arena, 1);
    body.topics[0].partitions[0].index = index;
    body.topics[0].partitions[0].current_leader_epoch = epoch;
    body.topics[0].partitions[0].timestamp = timestamp;
    body.topics[0].partitions[0].max_num_offsets = 1;
    node_call(&node, node_connect(&node), WIRE_LIST_OFFSETS, version, &body, &response);
    cr_assert_eq(response.topics_count, 1);
    cr_assert_eq(response.topics[0].partitions_count, 1);
    return response.topics[0].partitions[0];
}

static void produce_at(wall_ms time)
{
    struct batch_spec spec = batch_spec(0, -1, time);
    struct batch_record record = {.value = bytes_of_str(STR("timed"))};
    struct buf *batch = batch_build(&spec, &record, 1);
    struct bytes bytes = {.data = arena_copy(&node.arena, batch->data, batch->size),
                          .size = batch->size};
    buf_unref(batch);
    cr_assert_eq(node_produce(&node, node_connect(&node), "kept", bytes).error_code, ERR_NONE);
}

Test(list_offsets, the_ends_are_told_in_every_version)
{
    produce_at(1700000000005);
    for (int16_t version = 1; version <= NEWEST; version++) {
        cr_assert_eq(ask(version, 0, -1, -1).offset, 2, "v%d", version);
        cr_assert_eq(ask(version, 0, -1, -2).offset, 0, "v%d", version);
    }
    cr_assert_eq(ask(0, 0, -1, -1).old_style_offsets_count, 1);
    cr_assert_eq(ask(0, 0, -1, -1).old_style_offsets[0], 2);
    cr_assert_eq(ask(0, 0, -1, -2).old_style_offsets[0], 0);
}

Test(list_offsets, the_newest_time_is_told_with_its_offset)
{
    produce_at(1700000000009);
    produce_at(1700000000005);
    struct list_offsets_response_partition told = ask(7, 0, -1, -3);
    cr_assert_eq(told.error_code, ERR_NONE);
    cr_assert_eq(told.offset, 1);
    cr_assert_eq(told.timestamp, 1700000000009);
}

Test(list_offsets, all_is_local_and_nothing_is_tiered)
{
    cr_assert_eq(ask(8, 0, -1, -4).offset, 0);
    cr_assert_eq(ask(9, 0, -1, -5).error_code, ERR_NONE);
    cr_assert_eq(ask(9, 0, -1, -5).offset, -1);
    cr_assert_eq(ask(NEWEST, 0, -1, -6).error_code, ERR_NONE);
    cr_assert_eq(ask(NEWEST, 0, -1, -6).offset, -1);
}

Test(list_offsets, versions_that_are_older_than_a_meaning_do_not_know_it)
{
    static const int16_t since[] = {7, 8, 9, 11}; /* -3, -4, -5, -6 */
    for (int i = 0; i < 4; i++)
        cr_assert_eq(ask((int16_t)(since[i] - 1), 0, -1, -3 - i).error_code,
                     ERR_UNSUPPORTED_VERSION, "%d", -3 - i);
    cr_assert_eq(ask(NEWEST, 0, -1, -7).error_code, ERR_UNSUPPORTED_VERSION);
    cr_assert_eq(ask(NEWEST, 0, -1, INT64_MIN).error_code, ERR_UNSUPPORTED_VERSION);
}

Test(list_offsets, epochs_are_checked_from_version_4_on)
{
    cr_assert_eq(ask(4, 0, 1000, -1).error_code, ERR_UNKNOWN_LEADER_EPOCH);
    cr_assert_eq(ask(3, 0, 1000, -1).error_code, ERR_NONE);
}

Test(list_offsets, a_partition_that_is_not_there_is_an_error)
{
    cr_assert_eq(ask(7, -1, -1, -1).error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION);
    cr_assert_eq(ask(7, INT32_MAX, -1, -1).error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION);
}
