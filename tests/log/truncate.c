/* truncate.c -- truncation, reset and deletion. */
#include <criterion/criterion.h>

#include "log_fixture.h"

static void fill(struct log_fixture *f, log_epoch epoch, uint32_t batches)
{
    for (uint32_t i = 0; i < batches; i++)
        cr_assert_eq(fixture_append(f, epoch, 2, 500, NULL), ERR_NONE);
    log_fixture_settle(f);
}

Test(truncate, drops_records_at_once_and_is_ready_after_its_syncs)
{
    struct log_fixture f;
    bool done = true;
    log_fixture_open(&f, 0);
    fill(&f, 1, 5);

    cr_assert_eq(log_truncate(f.log, 6, false, &done), ERR_NONE);

    cr_assert_not(done);
    cr_assert_eq(log_ends(f.log)->end, 6);
    cr_assert_eq(log_ends(f.log)->durable, 6);
    cr_assert_eq(fixture_append(&f, 2, 1, 10, NULL), ERR_BUSY);
    log_fixture_settle(&f);
    cr_assert_eq(f.ready_told, 1);
    cr_assert_eq(fixture_append(&f, 2, 1, 10, NULL), ERR_NONE);
    cr_assert_eq(log_ends(f.log)->end, 7);
    cr_assert(memory_env_saw(f.memory, "truncation"));
    log_fixture_close(&f);
}

Test(truncate, inside_a_batch_ends_at_the_last_whole_one)
{
    struct log_fixture f;
    bool done;
    log_fixture_open(&f, 0);
    fill(&f, 1, 3);

    cr_assert_eq(log_truncate(f.log, 3, false, &done), ERR_NONE);

    cr_assert_eq(log_ends(f.log)->end, 2);
    log_fixture_close(&f);
}

Test(truncate, at_or_past_the_end_has_nothing_to_do)
{
    struct log_fixture f;
    bool done = false;
    log_fixture_open(&f, 0);
    fill(&f, 1, 1);

    cr_assert_eq(log_truncate(f.log, 2, false, &done), ERR_NONE);

    cr_assert(done);
    cr_assert(log_is_ready(f.log));
    log_fixture_close(&f);
}

Test(truncate, refuses_to_drop_what_is_committed)
{
    struct log_fixture f;
    bool done;
    log_fixture_open(&f, 0);
    fill(&f, 1, 3);
    log_commit(f.log, 4);

    cr_assert_eq(log_truncate(f.log, 2, false, &done), ERR_DATA_LOSS);
    cr_assert_eq(log_ends(f.log)->end, 6);

    cr_assert_eq(log_truncate(f.log, 2, true, &done), ERR_NONE);
    cr_assert_eq(log_ends(f.log)->end, 2);
    cr_assert_eq(log_ends(f.log)->committed, 2);
    log_fixture_close(&f);
}

Test(truncate, removes_later_segments_epochs_and_snapshots)
{
    struct log_fixture f;
    bool done;
    log_fixture_open(&f, 3000);
    fill(&f, 1, 3);
    fill(&f, 2, 3);
    cr_assert_geq(memory_env_size(f.memory, "t-7/00000000000000000008.log"), 0);

    log_truncate(f.log, 2, false, &done);
    log_fixture_settle(&f);

    cr_assert_eq(memory_env_size(f.memory, "t-7/00000000000000000008.log"), -1);
    cr_assert_eq(memory_env_size(f.memory, "t-7/00000000000000000004.log"), -1);
    cr_assert_eq(memory_env_size(f.memory, "t-7/00000000000000000004.snapshot"), -1);
    cr_assert_eq(log_last_epoch(f.log), 1);
    struct bytes epochs = memory_env_bytes(f.memory, "t-7/leader-epoch-checkpoint");
    cr_assert(bytes_equal(epochs, bytes_of_str(STR("0\n1\n1 0\n"))));
    log_fixture_close(&f);
}

Test(truncate, cuts_the_indexes_too)
{
    struct log_fixture f;
    bool done;
    log_fixture_open(&f, 0);
    fill(&f, 1, 400); /* Past 64 entries: the file has some. */
    int64_t size = memory_env_size(f.memory, "t-7/00000000000000000000.index");
    cr_assert_geq(size, 64 * 8);

    log_truncate(f.log, 80, false, &done);
    log_fixture_settle(&f);

    int64_t left = memory_env_size(f.memory, "t-7/00000000000000000000.index");
    cr_assert_lt(left, 80);
    cr_assert_gt(left, 0);
    log_fixture_close(&f);
}

Test(truncate, rule_7_voids_a_sync_in_flight)
{
    struct log_fixture f;
    bool done;
    log_fixture_open(&f, 0);
    fill(&f, 1, 1);
    fixture_append(&f, 1, 4, 10, NULL);
    log_fixture_flush(&f);

    log_truncate(f.log, 2, false, &done);
    cr_assert(log_fixture_end_sync(&f));

    cr_assert_eq(log_ends(f.log)->durable, 2);
    log_fixture_settle(&f);
    cr_assert_eq(log_ends(f.log)->durable, 2);
    cr_assert(log_is_ready(f.log));
    log_fixture_close(&f);
}

Test(truncate, restores_producers_as_they_were_there)
{
    struct log_fixture f;
    struct log_appended out;
    bool done;
    log_fixture_open(&f, 0);
    fixture_append_buf(&f, 1, fixture_producer_batch(9, 0, 0, 2), NULL);
    fixture_append_buf(&f, 1, fixture_producer_batch(9, 0, 2, 2), NULL);
    log_fixture_settle(&f);

    log_truncate(f.log, 2, false, &done);
    log_fixture_settle(&f);

    cr_assert_eq(fixture_append_buf(&f, 2, fixture_producer_batch(9, 0, 2, 2), &out), ERR_NONE);
    cr_assert_not(out.is_duplicate);
    cr_assert_eq(out.base, 2);
    cr_assert_eq(fixture_append_buf(&f, 2, fixture_producer_batch(9, 0, 0, 2), &out), ERR_NONE);
    cr_assert(out.is_duplicate);
    log_fixture_close(&f);
}

Test(truncate, reset_starts_anew_elsewhere)
{
    struct log_fixture f;
    log_fixture_open(&f, 3000);
    fill(&f, 1, 5);

    cr_assert_eq(log_reset(f.log, 100), ERR_NONE);
    cr_assert_eq(fixture_append(&f, 3, 1, 10, NULL), ERR_BUSY);
    log_fixture_settle(&f);

    cr_assert_eq(f.ready_told, 1);
    cr_assert_eq(memory_env_size(f.memory, "t-7/00000000000000000000.log"), -1);
    log_fixture_stop(&f, true);
    log_fixture_start(&f);
    cr_assert_eq(log_ends(f.log)->start, 100);
    cr_assert_eq(fixture_append(&f, 3, 1, 10, NULL), ERR_NONE);
    log_fixture_settle(&f);
    cr_assert_geq(memory_env_size(f.memory, "t-7/00000000000000000100.log"), 0);
    log_fixture_power_loss(&f, NULL);
    cr_assert_eq(log_error(f.log), ERR_NONE, "%s", log_error_text(f.log));
    cr_assert_eq(log_ends(f.log)->start, 100);
    cr_assert_eq(log_ends(f.log)->end, 101);
    log_fixture_close(&f);
}

/* What a leader remembers of producer 9, which wrote [0, 3). */
static struct buf *remember(void)
{
    struct log_fixture f;
    log_fixture_open(&f, 0);
    fixture_append_buf(&f, 1, fixture_producer_batch(9, 0, 0, 3), NULL);
    struct buf *producers = log_producers_below(f.log, 100);
    log_fixture_close(&f);
    return producers;
}

static bool knows_producer(struct log_fixture *f)
{
    return log_last_sequence(f->log, 9, 0) == 2;
}

Test(truncate, begins_anew_with_what_another_replica_remembers)
{
    struct buf *producers = remember();
    for (uint32_t groups = 0; groups < 8; groups++) {
        struct log_fixture f;
        log_fixture_open(&f, 0);
        if (groups % 2)
            fill(&f, 1, 3);

        cr_assert_eq(log_begin_anew(f.log, 100, (struct bytes){producers->data, producers->size}),
                     ERR_NONE);
        for (uint32_t i = 0; i < groups; i++) {
            log_fixture_flush(&f);
            log_fixture_end_sync(&f);
        }
        log_fixture_power_loss(&f, NULL);

        cr_assert_eq(log_error(f.log), ERR_NONE, "%s", log_error_text(f.log));
        cr_assert(log_ends(f.log)->start < 100 || knows_producer(&f), "after %u groups", groups);
        cr_assert(log_ends(f.log)->start == 100 || groups < 7);
        log_fixture_close(&f);
    }
    buf_unref(producers);
}

Test(truncate, what_a_replica_was_told_when_it_began_anew_stays)
{
    struct log_fixture f;
    struct log_appended out;
    struct buf *producers = remember();
    log_fixture_open(&f, 0);
    log_begin_anew(f.log, 100, (struct bytes){producers->data, producers->size});
    log_fixture_settle(&f);
    cr_assert(log_is_ready(f.log));
    for (int i = 0; i < 3; i++) {
        cr_assert(knows_producer(&f));
        cr_assert_eq(fixture_append(&f, 3, 1, 10, NULL), ERR_NONE);
        log_fixture_settle(&f);
        log_fixture_power_loss(&f, NULL);
        log_fixture_settle(&f);
        cr_assert_eq(log_ends(f.log)->end, 101 + i);
        log_fixture_stop(&f, true); /* Leaves a snapshot, and takes older ones for spare. */
        log_fixture_start(&f);
        log_fixture_settle(&f);
    }
    cr_assert_eq(fixture_append_buf(&f, 3, fixture_producer_batch(9, 0, 0, 3), &out), ERR_NONE);
    cr_assert(out.is_duplicate);
    cr_assert_eq(out.base, 0);
    buf_unref(producers);
    log_fixture_close(&f);
}

Test(truncate, begins_anew_once_the_disk_has_room_for_what_it_was_told)
{
    struct log_fixture f;
    struct buf *producers = remember();
    log_fixture_open(&f, 0);
    f.memory->space = 0;
    log_begin_anew(f.log, 100, (struct bytes){producers->data, producers->size});
    for (int i = 0; i < 10; i++) {
        log_fixture_flush(&f);
        log_fixture_end_sync(&f);
    }
    cr_assert_not(log_is_ready(f.log));
    cr_assert_eq(log_error(f.log), ERR_NONE);

    f.memory->space = -1;
    log_fixture_settle(&f);

    cr_assert(log_is_ready(f.log));
    log_fixture_power_loss(&f, NULL);
    cr_assert_eq(log_ends(f.log)->start, 100);
    cr_assert(knows_producer(&f));
    buf_unref(producers);
    log_fixture_close(&f);
}

Test(truncate, begins_anew_with_nothing_that_is_torn)
{
    struct log_fixture f;
    struct buf *producers = remember();
    log_fixture_open(&f, 0);
    fill(&f, 1, 3);

    cr_assert_eq(log_begin_anew(f.log, 100, (struct bytes){producers->data, producers->size - 1}),
                 ERR_CORRUPT);
    cr_assert_eq(log_begin_anew(f.log, 100, (struct bytes){0}), ERR_CORRUPT);

    cr_assert(log_is_ready(f.log));
    cr_assert_eq(log_ends(f.log)->end, 6);
    buf_unref(producers);
    log_fixture_close(&f);
}

Test(truncate, rule_21_delete_drops_the_mark_before_the_files)
{
    struct log_fixture f;
    log_fixture_open(&f, 0);
    fill(&f, 1, 2);

    log_delete(f.log);
    log_fixture_flush(&f);
    cr_assert_geq(memory_env_size(f.memory, "t-7/00000000000000000000.log"), 0);
    log_fixture_settle(&f);

    cr_assert_eq(f.deleted_told, 1);
    cr_assert_eq(memory_env_size(f.memory, "t-7"), -1);
    log_fixture_power_loss(&f, NULL);
    cr_assert_eq(log_error(f.log), ERR_NONE, "%s", log_error_text(f.log));
    cr_assert_eq(log_ends(f.log)->end, 0);
    log_fixture_close(&f);
}

Test(truncate, delete_removes_a_long_log_in_steps)
{
    enum { SEGMENTS = 40, STEP_UNLINKS_MAX = 32 };
    struct log_fixture f;
    uint32_t before = 0;
    log_fixture_open(&f, 1500);
    fill(&f, 1, SEGMENTS);
    log_delete(f.log);

    do {
        cr_assert_leq(f.memory->unlink_total - before, STEP_UNLINKS_MAX);
        before = f.memory->unlink_total;
        log_fixture_flush(&f);
    } while (log_fixture_end_sync(&f));

    cr_assert_gt(f.memory->unlink_total, SEGMENTS);
    cr_assert_eq(f.deleted_told, 1);
    cr_assert_eq(memory_env_size(f.memory, "t-7"), -1);
    log_fixture_close(&f);
}

Test(truncate, a_long_rotten_log_keeps_its_mark_until_all_of_it_is_gone)
{
    struct log_fixture f;
    uint32_t steps = 0;
    log_fixture_open(&f, 1500);
    fill(&f, 1, 40);
    log_fixture_stop(&f, true);
    memory_env_flip(f.memory, "t-7/00000000000000000078.log", 200);
    log_fixture_start(&f);
    cr_assert_eq(log_error(f.log), ERR_CORRUPT);

    cr_assert_eq(log_reset(f.log, 6), ERR_NONE);
    for (; memory_env_size(f.memory, "t-7/00000000000000000078.log") >= 0; steps++) {
        log_fixture_flush(&f);
        log_fixture_end_sync(&f);
    }
    log_fixture_power_loss(&f, NULL);

    cr_assert_gt(steps, 1);
    cr_assert_eq(log_error(f.log), ERR_CORRUPT);
    log_fixture_close(&f);
}

Test(truncate, the_same_directory_serves_again_after_a_deletion)
{
    struct log_fixture f;
    log_fixture_open(&f, 0);
    fill(&f, 1, 2);
    log_delete(f.log);
    log_fixture_settle(&f);
    log_fixture_stop(&f, true);

    f.config.key.topic_id.bytes[0] = 77;
    log_fixture_start(&f);
    fill(&f, 5, 1);
    log_fixture_power_loss(&f, NULL);

    cr_assert_eq(log_error(f.log), ERR_NONE, "%s", log_error_text(f.log));
    cr_assert_eq(log_ends(f.log)->end, 2);
    cr_assert_eq(log_last_epoch(f.log), 5);
    log_fixture_close(&f);
}

Test(truncate, rule_18_delete_leaves_the_directory_of_a_log_that_came_after)
{
    struct log_fixture f;
    log_fixture_open(&f, 0);
    struct log *old = f.log;
    f.config.key.topic_id.bytes[0] = 77;
    f.log = log_open("t-7", &f.config, &f.memory->env, f.sync);
    fill(&f, 5, 1); /* The old log had no record, and so no directory. */

    log_delete(old);
    log_fixture_settle(&f);

    cr_assert_eq(f.deleted_told, 1);
    cr_assert_geq(memory_env_size(f.memory, "t-7/00000000000000000000.log"), 0);
    log_close(old);
    log_fixture_close(&f);
}
