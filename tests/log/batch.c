/* batch.c -- batches that are built, walked, stamped and taken off a run of bytes. */
#include <criterion/criterion.h>

#include "batch.h"
#include "batch_layout.h"

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

Test(batch, stamps_do_not_touch_the_checksum)
{
    struct buf *buf = good_batch();
    struct batch_info info;
    uint32_t crc = load_be32(buf->data + BATCH_CRC_AT);

    batch_patch(buf->data, 1234, 9);

    cr_assert_eq(batch_read((struct bytes){buf->data, buf->size}, &info), ERR_NONE);
    cr_assert_eq(info.base, 1234);
    cr_assert_eq(info.epoch, 9);
    cr_assert_eq(info.crc, crc);
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
    buf_unref(buf);
}
