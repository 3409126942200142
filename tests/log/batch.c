/* batch.c -- what a client's batch is refused for, and what a broker stamps. */
#include <criterion/criterion.h>

#include "batch.h"
#include "batch_layout.h"

static const struct batch_limits any = {.size_max = 1 << 20, .zstd_allowed = true, .now = -1};

static struct buf *good_batch(void)
{
    struct batch_spec spec = batch_spec(0, -1, 5000);
    struct batch_record records[3] = {
        {.key = bytes_of_str(STR("k")), .value = bytes_of_str(STR("one"))},
        {.value = bytes_of_str(STR("two"))},
        {.key = bytes_of_str(STR("")), .value = {0}},
    };
    return batch_build(&spec, records, 3);
}

static void renew_crc(struct buf *buf)
{
    store_be32(buf->data + BATCH_CRC_AT,
               crc32c(0, buf->data + BATCH_ATTRIBUTES_AT, buf->size - BATCH_ATTRIBUTES_AT));
}

static enum err judge(const struct buf *buf, const struct batch_limits *limits)
{
    struct batch_info info;
    const char *reason = NULL;
    enum err err = batch_check((struct bytes){buf->data, buf->size}, limits, &info, &reason);
    cr_assert_not_null(reason);
    if (err != ERR_NONE)
        cr_assert_gt(strlen(reason), 0);
    return err;
}

/* Change one header field of a good batch, give it its checksum again, and judge it. */
static enum err judge_changed(uint32_t at, uint32_t size, uint64_t value)
{
    struct buf *buf = good_batch();
    for (uint32_t i = 0; i < size; i++)
        buf->data[at + i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    renew_crc(buf);
    enum err err = judge(buf, &any);
    buf_unref(buf);
    return err;
}

Test(batch, takes_what_it_built)
{
    struct buf *buf = good_batch();
    struct batch_info info;
    const char *reason;

    cr_assert_eq(batch_check((struct bytes){buf->data, buf->size}, &any, &info, &reason), ERR_NONE);

    cr_assert_eq(info.record_count, 3);
    cr_assert_eq(info.size, buf->size);
    cr_assert_eq(info.producer_id, -1);
    cr_assert_eq(info.max_timestamp, 5000);
    buf_unref(buf);
}

Test(batch, reads_records_back_with_their_nulls)
{
    struct buf *buf = good_batch();
    struct batch_walk walk;
    struct batch_record record;
    batch_patch(buf->data, 70, 4);

    cr_assert_eq(batch_walk_start(&walk, (struct bytes){buf->data, buf->size}), ERR_NONE);
    cr_assert_eq(batch_walk_next(&walk, &record), ERR_NONE);
    cr_assert(bytes_equal(record.value, bytes_of_str(STR("one"))));
    cr_assert_eq(record.offset, 70);
    cr_assert_eq(batch_walk_next(&walk, &record), ERR_NONE);
    cr_assert_null(record.key.data);
    cr_assert_eq(batch_walk_next(&walk, &record), ERR_NONE);
    cr_assert_null(record.value.data);
    cr_assert_not_null(record.key.data);
    cr_assert_eq(record.key.size, 0);
    cr_assert_eq(record.timestamp, 5000);
    cr_assert_eq(batch_walk_next(&walk, &record), ERR_NOT_FOUND);
    buf_unref(buf);
}

Test(batch, refuses_each_wrong_header_field)
{
    cr_assert_eq(judge_changed(BATCH_MAGIC_AT, 1, 1), ERR_INVALID_RECORD);
    cr_assert_eq(judge_changed(BATCH_LENGTH_AT, 4, 0), ERR_CORRUPT_MESSAGE);
    cr_assert_eq(judge_changed(BATCH_LENGTH_AT, 4, 0xffffffff), ERR_CORRUPT_MESSAGE);
    cr_assert_eq(judge_changed(BATCH_LENGTH_AT, 4, 0x7fffffff), ERR_CORRUPT_MESSAGE);
    cr_assert_eq(judge_changed(BATCH_COUNT_AT, 4, 0), ERR_INVALID_RECORD);
    cr_assert_eq(judge_changed(BATCH_COUNT_AT, 4, 4), ERR_INVALID_RECORD);
    cr_assert_eq(judge_changed(BATCH_COUNT_AT, 4, 0xffffffff), ERR_INVALID_RECORD);
    cr_assert_eq(judge_changed(BATCH_LAST_DELTA_AT, 4, 7), ERR_INVALID_RECORD);
    cr_assert_eq(judge_changed(BATCH_ATTRIBUTES_AT, 2, BATCH_CONTROL), ERR_INVALID_RECORD);
    cr_assert_eq(judge_changed(BATCH_ATTRIBUTES_AT, 2, 6), ERR_INVALID_RECORD);
    cr_assert_eq(judge_changed(BATCH_ATTRIBUTES_AT, 2, 0x80), ERR_INVALID_RECORD);
    cr_assert_eq(judge_changed(BATCH_ATTRIBUTES_AT, 2, BATCH_TRANSACTIONAL),
                 ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
    cr_assert_eq(judge_changed(BATCH_ATTRIBUTES_AT, 2, BATCH_LOG_APPEND_TIME),
                 ERR_INVALID_TIMESTAMP);
    cr_assert_eq(judge_changed(BATCH_PRODUCER_ID_AT, 8, 5), ERR_INVALID_RECORD);
}

Test(batch, refuses_a_wrong_checksum)
{
    struct buf *buf = good_batch();
    buf->data[buf->size - 1] ^= 1;

    cr_assert_eq(judge(buf, &any), ERR_CORRUPT_MESSAGE);
    buf_unref(buf);
}

Test(batch, refuses_none_two_and_half_a_batch)
{
    struct buf *one = good_batch();
    struct buf *two = buf_new(2 * one->size);
    struct buf *empty = buf_new(1);
    memcpy(two->data, one->data, one->size);
    memcpy(two->data + one->size, one->data, one->size);
    two->size = 2 * one->size;

    cr_assert_eq(judge(empty, &any), ERR_INVALID_RECORD);
    cr_assert_eq(judge(two, &any), ERR_INVALID_RECORD);
    for (uint32_t size = 1; size < one->size; size++) {
        two->size = size;
        cr_assert_eq(judge(two, &any), ERR_CORRUPT_MESSAGE);
    }
    buf_unref(one);
    buf_unref(two);
    buf_unref(empty);
}

Test(batch, refuses_what_is_over_the_size_limit)
{
    struct buf *buf = good_batch();
    struct batch_limits limits = any;

    limits.size_max = buf->size;
    cr_assert_eq(judge(buf, &limits), ERR_NONE);
    limits.size_max = buf->size - 1;
    cr_assert_eq(judge(buf, &limits), ERR_MESSAGE_TOO_LARGE);
    buf_unref(buf);
}

Test(batch, refuses_malformed_records)
{
    uint32_t refused = 0;

    for (uint32_t at = BATCH_HEADER_SIZE;; at++) {
        struct buf *buf = good_batch();
        if (at == buf->size) {
            buf_unref(buf);
            break;
        }
        buf->data[at] = 0x7f;
        renew_crc(buf);
        enum err err = judge(buf, &any);
        cr_assert(err == ERR_NONE || err == ERR_INVALID_RECORD);
        refused += err != ERR_NONE;
        buf_unref(buf);
    }
    cr_assert_gt(refused, 10);
}

Test(batch, judges_timestamps_by_the_topics_range)
{
    struct buf *buf = good_batch();
    struct batch_limits limits = any;

    limits.now = 6000;
    limits.timestamp_before_max_ms = 1000;
    limits.timestamp_after_max_ms = 0;
    cr_assert_eq(judge(buf, &limits), ERR_NONE);
    limits.timestamp_before_max_ms = 999;
    cr_assert_eq(judge(buf, &limits), ERR_INVALID_TIMESTAMP);
    limits.now = 4000;
    cr_assert_eq(judge(buf, &limits), ERR_INVALID_TIMESTAMP);
    limits.timestamp_after_max_ms = 1000;
    cr_assert_eq(judge(buf, &limits), ERR_NONE);
    buf_unref(buf);
}

Test(batch, takes_compressed_records_as_they_came)
{
    struct buf *buf = good_batch();
    struct batch_limits limits = any;
    struct batch_walk walk;

    store_be16(buf->data + BATCH_ATTRIBUTES_AT, BATCH_ZSTD);
    renew_crc(buf);
    cr_assert_eq(judge(buf, &limits), ERR_NONE);
    limits.zstd_allowed = false;
    cr_assert_eq(judge(buf, &limits), ERR_UNSUPPORTED_COMPRESSION_TYPE);
    cr_assert_eq(batch_walk_start(&walk, (struct bytes){buf->data, buf->size}),
                 ERR_UNSUPPORTED_COMPRESSION_TYPE);
    buf_unref(buf);
}

Test(batch, stamps_do_not_touch_the_checksum)
{
    struct buf *buf = good_batch();
    struct batch_info info;
    uint32_t crc = load_be32(buf->data + BATCH_CRC_AT);

    batch_patch(buf->data, 1234, 9);

    cr_assert_eq(judge(buf, &any), ERR_NONE);
    cr_assert_eq(batch_read((struct bytes){buf->data, buf->size}, &info), ERR_NONE);
    cr_assert_eq(info.base, 1234);
    cr_assert_eq(info.epoch, 9);
    cr_assert_eq(info.crc, crc);
    buf_unref(buf);
}

Test(batch, append_time_renews_the_checksum)
{
    struct buf *buf = good_batch();
    struct bytes rest = {buf->data, buf->size};
    struct bytes batch;
    struct batch_info info;

    batch_stamp_append_time(buf->data, buf->size, 777);

    cr_assert_eq(batch_next(&rest, &info, &batch), ERR_NONE);
    cr_assert_eq(info.max_timestamp, 777);
    cr_assert_eq(rest.size, 0);
    cr_assert_eq(batch_next(&rest, &info, &batch), ERR_NOT_FOUND);
    buf_unref(buf);
}

Test(batch, next_stops_at_a_partial_batch)
{
    struct buf *buf = good_batch();
    struct bytes rest = {buf->data, buf->size - 1};
    struct bytes batch;
    struct batch_info info;

    cr_assert_eq(batch_next(&rest, &info, &batch), ERR_AGAIN);
    cr_assert_eq(rest.size, buf->size - 1);
    buf_unref(buf);
}

Test(batch, control_batches_carry_their_type)
{
    struct batch_spec spec = batch_spec(8, 2, 1);
    struct buf *buf =
        batch_build_control(&spec, BATCH_CONTROL_LEADER_CHANGE, bytes_of_str(STR("value")));
    struct batch_walk walk;
    struct batch_record record;

    cr_assert_eq(batch_walk_start(&walk, (struct bytes){buf->data, buf->size}), ERR_NONE);
    cr_assert(batch_is_control(&walk.info));
    cr_assert_eq(batch_walk_next(&walk, &record), ERR_NONE);
    cr_assert_eq(record.key.size, 4);
    cr_assert_eq(load_be16(record.key.data + 2), BATCH_CONTROL_LEADER_CHANGE);
    cr_assert_eq(judge(buf, &any), ERR_INVALID_RECORD);
    buf_unref(buf);
}
