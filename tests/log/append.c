/* append.c -- offsets, refusals before them, and what a failing disk does after them. */
#include <criterion/criterion.h>

#include "log_fixture.h"

struct waiter {
    struct wait wait;
    enum err result;
    uint32_t told;
};

static void on_done(struct wait *wait, enum err result)
{
    struct waiter *waiter = list_entry(wait, struct waiter, wait);
    waiter->result = result;
    waiter->told++;
}

static struct buf *follower_batch(log_offset base, log_epoch epoch)
{
    struct buf *buf = fixture_batch(2, 50);
    batch_patch(buf->data, base, epoch);
    return buf;
}

static enum err follow(struct log_fixture *f, log_offset base, log_epoch epoch, log_epoch leader)
{
    struct buf *buf = follower_batch(base, epoch);
    struct slice slice = {.buf = buf, .bytes = {buf->data, buf->size}};
    enum err err = log_append_follower(f->log, &slice, leader);
    buf_unref(buf);
    return err;
}

Test(append, gives_offsets_and_the_epoch_in_place)
{
    struct log_fixture f;
    struct log_appended out;
    log_fixture_open(&f, 0);

    fixture_append(&f, 3, 2, 10, &out);
    cr_assert_eq(out.base, 0);
    fixture_append(&f, 3, 5, 10, &out);
    cr_assert_eq(out.base, 2);
    cr_assert_eq(out.end, 7);
    cr_assert_not(out.is_duplicate);
    cr_assert_eq(log_last_epoch(f.log), 3);
    log_fixture_close(&f);
}

Test(append, writes_all_that_gathered_in_one_write)
{
    struct log_fixture f;
    log_fixture_open(&f, 0);
    fixture_append(&f, 1, 1, 10, NULL);
    log_fixture_settle(&f);
    for (int i = 0; i < 20; i++)
        fixture_append(&f, 1, 1, 10, NULL);
    uint32_t before = f.memory->write_total;

    log_fixture_flush(&f);

    cr_assert_eq(f.memory->write_total - before, 1);
    cr_assert_eq(log_ends(f.log)->written, 21);
    log_fixture_close(&f);
}

Test(append, goes_on_after_short_writes)
{
    struct log_fixture f;
    log_fixture_open(&f, 0);
    f.memory->write_size_max = 77;
    for (int i = 0; i < 10; i++)
        fixture_append(&f, 1, 2, 100, NULL);
    log_fixture_settle(&f);

    log_fixture_power_loss(&f, NULL);

    cr_assert_eq(log_error(f.log), ERR_NONE, "%s", log_error_text(f.log));
    cr_assert_eq(log_ends(f.log)->end, 20);
    log_fixture_close(&f);
}

Test(append, a_failed_write_takes_the_log_offline_and_ends_its_waits)
{
    struct log_fixture f;
    struct waiter waiter = {0};
    log_fixture_open(&f, 0);
    fixture_append(&f, 1, 1, 10, NULL);
    log_fixture_settle(&f);
    fixture_append(&f, 1, 1, 10, NULL);
    wait_init(&waiter.wait, on_done);
    log_wait(f.log, WAIT_COMMITTED, &waiter.wait, 2, NULL, MONO_NEVER);
    f.memory->writes_before_error = 0;

    log_fixture_flush(&f);

    cr_assert_eq(waiter.told, 1);
    cr_assert_eq(waiter.result, ERR_IO);
    cr_assert_eq(log_error(f.log), ERR_IO);
    cr_assert_eq(f.offline_told, 1);
    cr_assert(memory_env_saw(f.memory, "write_failed"));
    f.memory->writes_before_error = -1;
    cr_assert_eq(fixture_append(&f, 1, 1, 10, NULL), ERR_IO);
    log_fixture_flush(&f);
    cr_assert_eq(log_ends(f.log)->durable, 1);
    log_fixture_close(&f);
}

Test(append, rule_30_a_full_disk_is_a_refusal_that_ends_by_itself)
{
    struct log_fixture f;
    log_fixture_open(&f, 0);
    fixture_append(&f, 1, 1, 10, NULL);
    log_fixture_settle(&f);
    f.memory->space = 0;
    enum err err = ERR_NONE;
    uint32_t taken = 0;
    for (; err == ERR_NONE && taken < 1000; taken++)
        err = fixture_append(&f, 1, 1, 8000, NULL);

    cr_assert_eq(err, ERR_SPACE);
    log_fixture_settle(&f);
    cr_assert_eq(log_error(f.log), ERR_NONE);
    cr_assert_eq(log_ends(f.log)->durable, taken);
    f.memory->space = 100 << 20;
    cr_assert_eq(fixture_append(&f, 1, 1, 8000, NULL), ERR_NONE);
    log_fixture_settle(&f);
    cr_assert_eq(log_ends(f.log)->durable, taken + 1);
    log_fixture_close(&f);
}

Test(append, rule_22_what_is_kept_ahead_outlives_a_full_disk)
{
    struct log_fixture f;
    log_fixture_open(&f, 0);
    f.config.reserve_ahead = 4 << 20;
    log_fixture_stop(&f, true);
    log_fixture_start(&f);
    fixture_append(&f, 1, 1, 10, NULL);
    f.memory->space = 0;
    uint32_t taken = 0;
    while (taken < 1000 && fixture_append(&f, 1, 1, 8000, NULL) == ERR_NONE)
        taken++;

    cr_assert_gt(taken, 500); /* 4 MiB of them. */
    cr_assert_lt(taken, 1000);
    f.memory->space = 100 << 20;
    cr_assert_eq(fixture_append(&f, 1, 1, 10, NULL), ERR_NONE);
    f.memory->space = 0; /* It was refilled by that append. */
    for (taken = 0; taken < 500; taken++)
        cr_assert_eq(fixture_append(&f, 1, 1, 8000, NULL), ERR_NONE);
    log_fixture_close(&f);
}

Test(append, a_full_disk_refuses_the_first_append_and_a_roll_too)
{
    struct log_fixture f;
    log_fixture_open(&f, 3000);
    f.memory->space = 0;
    cr_assert_eq(fixture_append(&f, 1, 1, 10, NULL), ERR_SPACE);
    f.memory->space = 4096;
    while (fixture_append(&f, 1, 1, 500, NULL) == ERR_NONE)
        log_fixture_settle(&f);
    cr_assert_eq(log_error(f.log), ERR_NONE);
    log_offset end = log_ends(f.log)->end;

    log_fixture_power_loss(&f, NULL);

    cr_assert_eq(log_error(f.log), ERR_NONE, "%s", log_error_text(f.log));
    cr_assert_eq(log_ends(f.log)->end, end);
    log_fixture_settle(&f);
    cr_assert_eq(fixture_append(&f, 1, 1, 500, NULL), ERR_NONE);
    log_fixture_close(&f);
}

Test(append, rule_16_a_duplicate_answers_with_the_originals_place)
{
    struct log_fixture f;
    struct log_appended out;
    log_fixture_open(&f, 0);
    fixture_append(&f, 1, 4, 10, NULL);
    fixture_append_buf(&f, 1, fixture_producer_batch(5, 0, 0, 3), NULL);
    fixture_append(&f, 1, 4, 10, NULL);

    cr_assert_eq(fixture_append_buf(&f, 1, fixture_producer_batch(5, 0, 0, 3), &out), ERR_NONE);

    cr_assert(out.is_duplicate);
    cr_assert_eq(out.base, 4);
    cr_assert_eq(out.end, 7);
    cr_assert_eq(log_ends(f.log)->end, 11);
    cr_assert(memory_env_saw(f.memory, "duplicate_batch"));
    log_fixture_close(&f);
}

Test(append, rule_19_a_follower_refuses_bad_batches)
{
    struct log_fixture f;
    log_fixture_open(&f, 0);

    cr_assert_eq(follow(&f, 0, 2, 2), ERR_NONE);
    cr_assert_eq(follow(&f, 1, 2, 2), ERR_CORRUPT); /* Overlaps. */
    cr_assert_eq(follow(&f, 2, 3, 2), ERR_CORRUPT); /* Above the fetch's epoch. */
    cr_assert_eq(follow(&f, 2, 1, 2), ERR_CORRUPT); /* Falls. */
    struct buf *buf = follower_batch(2, 2);
    buf->data[buf->size - 1] ^= 1;
    struct slice slice = {.buf = buf, .bytes = {buf->data, buf->size}};
    cr_assert_eq(log_append_follower(f.log, &slice, 2), ERR_CORRUPT);
    cr_assert_eq(log_ends(f.log)->end, 2);
    cr_assert_eq(follow(&f, 2, 2, 3), ERR_NONE);
    cr_assert_eq(log_error(f.log), ERR_NONE);
    buf_unref(buf);
    log_fixture_close(&f);
}

Test(append, a_follower_forgets_an_epoch_that_it_led_without_writing)
{
    struct log_fixture f;
    log_fixture_open(&f, 0);
    log_begin_epoch(f.log, 3);

    cr_assert_eq(follow(&f, 0, 1, 4), ERR_NONE); /* Of a leader that holds what epoch 1 wrote. */
    cr_assert_eq(log_last_epoch(f.log), 1);
    log_fixture_close(&f);
}

Test(append, a_follower_takes_whole_batches_of_a_cut_off_answer)
{
    struct log_fixture f;
    struct buf *buf = buf_new(1000);
    struct buf *one = follower_batch(0, 1), *two = follower_batch(2, 1);
    log_fixture_open(&f, 0);
    memcpy(buf->data, one->data, one->size);
    memcpy(buf->data + one->size, two->data, two->size);
    struct slice slice = {.buf = buf, .bytes = {buf->data, one->size + two->size - 3}};

    cr_assert_eq(log_append_follower(f.log, &slice, 1), ERR_NONE);

    cr_assert_eq(log_ends(f.log)->end, 2);
    log_fixture_settle(&f);
    cr_assert_eq(log_ends(f.log)->durable, 2);
    buf_unref(buf);
    buf_unref(one);
    buf_unref(two);
    log_fixture_close(&f);
}

Test(append, waits_end_when_their_watermark_passes)
{
    struct log_fixture f;
    struct waiter written = {0}, durable = {0}, committed = {0};
    log_fixture_open(&f, 0);
    fixture_append(&f, 1, 2, 10, NULL);
    wait_init(&written.wait, on_done);
    wait_init(&durable.wait, on_done);
    wait_init(&committed.wait, on_done);
    log_wait(f.log, WAIT_WRITTEN, &written.wait, 1, NULL, MONO_NEVER);
    log_wait(f.log, WAIT_DURABLE, &durable.wait, 2, NULL, MONO_NEVER);
    log_wait(f.log, WAIT_COMMITTED, &committed.wait, 2, NULL, MONO_NEVER);

    log_fixture_flush(&f);
    cr_assert_eq(written.told, 1);
    cr_assert_eq(durable.told, 0);
    log_fixture_settle(&f);
    cr_assert_eq(durable.told, 1);
    log_commit(f.log, 1);
    cr_assert_eq(committed.told, 0);
    log_commit(f.log, 2);
    cr_assert_eq(committed.told, 1);
    cr_assert_eq(committed.result, ERR_NONE);
    log_fixture_close(&f);
}
