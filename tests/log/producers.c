/* producers.c -- one copy per sequence. */
#include <criterion/criterion.h>

#include "producers.h"

static struct batch_info batch(int64_t id, int16_t epoch, int32_t first, int32_t count,
                               log_offset base)
{
    return (struct batch_info){.base = base,
                               .producer_id = id,
                               .producer_epoch = epoch,
                               .base_sequence = first,
                               .last_offset_delta = count - 1,
                               .record_count = count,
                               .max_timestamp = base};
}

static enum err offer(struct producers *producers, struct batch_info info)
{
    struct producer_batch original;
    enum err err = producers_check(producers, &info, &original);
    if (err == ERR_NONE)
        producers_add(producers, &info);
    return err;
}

Test(producers, takes_sequences_in_order_and_refuses_gaps)
{
    struct producers *producers = producers_open(0);

    cr_assert_eq(offer(producers, batch(7, 0, 0, 3, 100)), ERR_NONE);
    cr_assert_eq(offer(producers, batch(7, 0, 3, 2, 103)), ERR_NONE);
    cr_assert_eq(offer(producers, batch(7, 0, 6, 1, 105)), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    cr_assert_eq(offer(producers, batch(7, 0, 4, 1, 105)), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    cr_assert_eq(offer(producers, batch(-1, -1, -1, 1, 105)), ERR_NONE);
    producers_close(producers);
}

Test(producers, answers_a_repeated_batch_as_a_duplicate_five_deep)
{
    struct producers *producers = producers_open(0);
    struct producer_batch original;
    for (int32_t i = 0; i < 6; i++)
        cr_assert_eq(offer(producers, batch(7, 0, 2 * i, 2, 100 + 2 * i)), ERR_NONE);

    struct batch_info oldest = batch(7, 0, 2, 2, -1);
    cr_assert_eq(producers_check(producers, &oldest, &original), ERR_DUPLICATE_SEQUENCE_NUMBER);
    cr_assert_eq(original.base, 102);
    cr_assert_eq(original.last, 103);
    cr_assert_eq(original.timestamp, 102);
    struct batch_info forgotten = batch(7, 0, 0, 2, -1);
    cr_assert_eq(producers_check(producers, &forgotten, &original),
                 ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    producers_close(producers);
}

Test(producers, a_newer_epoch_starts_at_zero_and_fences_the_older)
{
    struct producers *producers = producers_open(0);
    offer(producers, batch(7, 1, 0, 1, 0));

    cr_assert_eq(offer(producers, batch(7, 0, 1, 1, 1)), ERR_INVALID_PRODUCER_EPOCH);
    cr_assert_eq(offer(producers, batch(7, 2, 5, 1, 1)), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    cr_assert_eq(offer(producers, batch(7, 2, 0, 1, 1)), ERR_NONE);
    cr_assert_eq(offer(producers, batch(7, 1, 1, 1, 2)), ERR_INVALID_PRODUCER_EPOCH);
    producers_close(producers);
}

Test(producers, takes_any_first_sequence_of_an_unknown_producer)
{
    struct producers *producers = producers_open(0);

    cr_assert_eq(offer(producers, batch(7, 3, 41, 1, 0)), ERR_NONE);
    cr_assert_eq(offer(producers, batch(7, 3, 42, 1, 1)), ERR_NONE);
    producers_close(producers);
}

Test(producers, sequences_wrap_to_zero)
{
    struct producers *producers = producers_open(0);

    cr_assert_eq(offer(producers, batch(7, 0, INT32_MAX - 1, 3, 0)), ERR_NONE);
    cr_assert_eq(offer(producers, batch(7, 0, 1, 1, 3)), ERR_NONE);
    cr_assert_eq(offer(producers, batch(8, 0, INT32_MAX, 1, 4)), ERR_NONE);
    cr_assert_eq(offer(producers, batch(8, 0, 0, 1, 5)), ERR_NONE);
    producers_close(producers);
}

Test(producers, forgets_the_longest_silent_when_there_are_too_many)
{
    struct producers *producers = producers_open(2);
    offer(producers, batch(1, 0, 0, 1, 0));
    offer(producers, batch(2, 0, 0, 1, 1));
    offer(producers, batch(1, 0, 1, 1, 2));

    offer(producers, batch(3, 0, 0, 1, 3));

    cr_assert_eq(producers_count(producers), 2);
    cr_assert_eq(offer(producers, batch(1, 0, 9, 1, 4)), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    cr_assert_eq(offer(producers, batch(2, 0, 9, 1, 4)), ERR_NONE);
    producers_close(producers);
}

Test(producers, a_snapshot_keeps_all_that_is_known)
{
    struct producers *producers = producers_open(0);
    struct producers *copy = producers_open(0);
    struct producer_batch original;
    for (int32_t i = 0; i < 7; i++)
        offer(producers, batch(7, 2, i, 1, 100 + i));
    offer(producers, batch(9, 0, 0, 4, 200));

    struct buf *snapshot = producers_write(producers, INT64_MAX);
    cr_assert_eq(producers_read(copy, (struct bytes){snapshot->data, snapshot->size}), ERR_NONE);

    cr_assert_eq(producers_count(copy), 2);
    struct batch_info oldest = batch(7, 2, 2, 1, -1);
    cr_assert_eq(producers_check(copy, &oldest, &original), ERR_DUPLICATE_SEQUENCE_NUMBER);
    cr_assert_eq(original.base, 102);
    struct batch_info last = batch(9, 0, 0, 4, -1);
    cr_assert_eq(producers_check(copy, &last, &original), ERR_DUPLICATE_SEQUENCE_NUMBER);
    cr_assert_eq(original.base, 200);
    cr_assert_eq(offer(copy, batch(7, 2, 7, 1, 300)), ERR_NONE);
    buf_unref(snapshot);
    producers_close(producers);
    producers_close(copy);
}

Test(producers, a_snapshot_of_an_earlier_time_adds_up_to_the_same)
{
    struct producers *producers = producers_open(0);
    struct producers *copy = producers_open(0);
    struct producer_batch original;
    for (int32_t i = 0; i < 7; i++)
        offer(producers, batch(7, 2, i, 1, 100 + i));
    offer(producers, batch(9, 0, 0, 4, 200));

    struct buf *snapshot = producers_write(producers, 104);
    cr_assert_eq(producers_read(copy, (struct bytes){snapshot->data, snapshot->size}), ERR_NONE);
    cr_assert_eq(producers_last_sequence(copy, 7, 2), 3);
    cr_assert_eq(producers_last_sequence(copy, 9, 0), -1);
    struct batch_info kept = batch(7, 2, 2, 1, -1);
    cr_assert_eq(producers_check(copy, &kept, &original), ERR_DUPLICATE_SEQUENCE_NUMBER);

    for (int32_t i = 4; i < 7; i++)
        cr_assert_eq(offer(copy, batch(7, 2, i, 1, 100 + i)), ERR_NONE);
    cr_assert_eq(offer(copy, batch(9, 0, 0, 4, 200)), ERR_NONE);
    struct buf *again = producers_write(copy, INT64_MAX);
    struct buf *now = producers_write(producers, INT64_MAX);
    cr_assert(bytes_equal((struct bytes){again->data, again->size},
                          (struct bytes){now->data, now->size}));
    buf_unref(snapshot);
    buf_unref(again);
    buf_unref(now);
    producers_close(producers);
    producers_close(copy);
}

Test(producers, refuses_a_torn_snapshot)
{
    struct producers *producers = producers_open(0);
    offer(producers, batch(7, 2, 0, 1, 100));
    struct buf *snapshot = producers_write(producers, INT64_MAX);

    for (uint32_t size = 0; size < snapshot->size; size++)
        cr_assert_eq(producers_read(producers, (struct bytes){snapshot->data, size}), ERR_CORRUPT);
    cr_assert_eq(producers_count(producers), 0);
    cr_assert_eq(producers_verify((struct bytes){snapshot->data, snapshot->size}), ERR_NONE);
    buf_unref(snapshot);
    producers_close(producers);
}
