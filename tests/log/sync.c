/* sync.c -- group commit and marks. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "log_fixture.h"

static struct log *open_other(struct log_fixture *f, partition_id index, const char *dir)
{
    struct log_config config = {.key = {.topic_id = {.bytes = {42}}, .index = index}};
    return log_open(dir, &config, &f->memory->env, f->sync);
}

static void append_to(struct log *log)
{
    struct batch_limits limits = {.size_max = 1 << 20, .now = -1};
    struct buf *buf = fixture_batch(1, 10);
    struct slice slice = {.buf = buf, .bytes = {buf->data, buf->size}};
    struct batch_info info;
    struct log_appended out;
    struct batch_refusal refusal;

    cr_assert_eq(batch_check(slice.bytes, &limits, &info, &refusal), ERR_NONE);
    cr_assert_eq(log_append(log, &slice, &info, 1, &out), ERR_NONE);
    buf_unref(buf);
}

Test(sync, one_sync_serves_every_append_that_waited)
{
    struct log_fixture f;
    struct log *others[20];
    char dir[16];
    log_fixture_open(&f, 0);
    log_fixture_settle(&f);
    for (int i = 0; i < 20; i++) {
        snprintf(dir, sizeof dir, "o-%d", i);
        others[i] = open_other(&f, i, dir);
        append_to(others[i]);
    }
    uint32_t before = f.memory->sync_total;

    log_fixture_flush(&f);
    log_fixture_end_sync(&f);

    cr_assert_eq(f.memory->sync_total - before, 1);
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(log_ends(others[i])->durable, 1);
        log_close(others[i]);
    }
    log_fixture_close(&f);
}

Test(sync, the_next_group_gathers_while_one_is_under_way)
{
    struct log_fixture f;
    log_fixture_open(&f, 0);
    fixture_append(&f, 1, 1, 10, NULL);
    log_fixture_flush(&f);
    uint32_t first = f.memory->sync_total;
    for (int i = 0; i < 5; i++) {
        fixture_append(&f, 1, 1, 10, NULL);
        log_fixture_flush(&f);
    }
    cr_assert_eq(f.memory->sync_total, first);

    log_fixture_end_sync(&f);
    cr_assert_eq(log_ends(f.log)->durable, 1);
    log_fixture_flush(&f);
    log_fixture_end_sync(&f);

    cr_assert_eq(f.memory->sync_total, first + 1);
    cr_assert_eq(log_ends(f.log)->durable, 6);
    log_fixture_close(&f);
}

Test(sync, marks_leave_by_themselves_within_a_second)
{
    struct log_fixture f;
    log_fixture_open(&f, 0);
    log_fixture_settle(&f);
    fixture_append(&f, 1, 1, 10, NULL);
    f.memory->now = 5000;
    log_fixture_flush(&f);
    while (log_ends(f.log)->durable < 1) {
        log_fixture_end_sync(&f);
        log_fixture_flush(&f);
    }

    mono_ms due = sync_deadline(f.sync);
    cr_assert_leq(due, 5000 + SYNC_MARKS_DELAY_MS);
    f.memory->now = due;
    log_fixture_flush(&f);
    cr_assert(log_fixture_end_sync(&f));
    cr_assert(sync_is_idle(f.sync));
    cr_assert_eq(sync_deadline(f.sync), MONO_NEVER);
    log_fixture_power_loss(&f, NULL);
    cr_assert_eq(f.memory->last_probe[PROBE_LOG_OPEN].other, 1);
    log_fixture_close(&f);
}

Test(sync, an_idle_one_asks_for_nothing)
{
    struct log_fixture f;
    log_fixture_open(&f, 0);
    log_fixture_settle(&f);
    uint32_t before = f.memory->sync_total;

    f.memory->now += 100000;
    log_fixture_flush(&f);

    cr_assert_eq(f.memory->sync_total, before);
    cr_assert_eq(sync_deadline(f.sync), MONO_NEVER);
    log_fixture_close(&f);
}

Test(sync, a_failed_group_takes_its_logs_offline_and_no_other)
{
    struct log_fixture f;
    log_fixture_open(&f, 0);
    struct log *other = open_other(&f, 1, "o-1");
    append_to(other);
    log_fixture_settle(&f);
    fixture_append(&f, 1, 1, 10, NULL);
    log_fixture_flush(&f);
    f.memory->fails_sync = true;

    log_fixture_end_sync(&f);

    cr_assert_eq(log_error(f.log), ERR_IO);
    cr_assert_eq(log_ends(f.log)->durable, 0);
    cr_assert_eq(log_error(other), ERR_NONE);
    cr_assert(memory_env_saw(f.memory, "sync_failed"));
    append_to(other);
    log_fixture_settle(&f);
    cr_assert_eq(log_ends(other)->durable, 2);
    log_close(other);
    log_fixture_close(&f);
}

Test(sync, more_dirty_segments_than_a_group_holds_take_several)
{
    struct log_fixture f;
    log_fixture_open(&f, 1000);
    for (int i = 0; i < 60; i++)
        fixture_append(&f, 1, 1, 800, NULL);

    log_fixture_settle(&f);

    cr_assert_eq(log_ends(f.log)->durable, 60);
    log_fixture_power_loss(&f, NULL);
    cr_assert_eq(log_error(f.log), ERR_NONE, "%s", log_error_text(f.log));
    cr_assert_eq(log_ends(f.log)->end, 60);
    log_fixture_close(&f);
}

Test(sync, ignores_tickets_of_others)
{
    struct log_fixture f;
    log_fixture_open(&f, 0);
    fixture_append(&f, 1, 1, 10, NULL);
    log_fixture_flush(&f);

    cr_assert_not(sync_on_synced(f.sync, 1, ERR_NONE, 0));
    cr_assert_eq(log_ends(f.log)->durable, 0);
    cr_assert(log_fixture_end_sync(&f));
    log_fixture_close(&f);
}

Test(sync, marks_grow_with_their_logs_and_are_found_again)
{
    struct log_fixture f;
    char dir[16];
    struct partition_key key;
    uint32_t cursor = 0, count = 0;
    log_fixture_open(&f, 0);
    for (int i = 0; i < 300; i++) {
        snprintf(dir, sizeof dir, "o-%d", i);
        struct log *other = open_other(&f, i, dir);
        append_to(other);
        log_fixture_settle(&f);
        log_close(other);
    }

    log_fixture_power_loss(&f, NULL);

    while (sync_next_mark(f.sync, &cursor, &key))
        count++;
    cr_assert_eq(count, 300);
    sync_drop_mark(f.sync, (struct partition_key){.topic_id = {.bytes = {42}}, .index = 4});
    log_fixture_settle(&f);
    log_fixture_power_loss(&f, NULL);
    for (cursor = 0, count = 0; sync_next_mark(f.sync, &cursor, &key); count++)
        ;
    cr_assert_eq(count, 299);
    log_fixture_close(&f);
}

Test(sync, tells_how_many_batches_and_logs_a_sync_served_and_how_long_it_took)
{
    struct log_fixture f;
    struct sync_stats before, under_way, after;
    log_fixture_open(&f, 0);
    log_fixture_settle(&f);
    sync_read_stats(f.sync, &before);
    fixture_append(&f, 1, 1, 10, NULL);
    fixture_append(&f, 1, 1, 10, NULL);

    log_fixture_flush(&f);
    f.memory->now += 7;
    sync_read_stats(f.sync, &under_way);
    log_fixture_end_sync(&f);
    sync_read_stats(f.sync, &after);

    cr_assert_eq(before.in_flight_us, -1);
    cr_assert_eq(under_way.in_flight_us, 7000);
    cr_assert_eq(after.in_flight_us, -1);
    cr_assert_eq(after.batches - before.batches, 2);
    cr_assert_eq(after.bytes - before.bytes, log_size(f.log));
    cr_assert_eq(after.logs - before.logs, 1);
    cr_assert_eq(durations_count(&after.time) - durations_count(&before.time), 1);
    cr_assert_eq(after.time.sum_us - before.time.sum_us, 7000);
    log_fixture_close(&f);
}
