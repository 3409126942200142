/* retire.c -- what makes a log start later, and what becomes of its files. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "log_fixture.h"

enum { SEGMENT = 3000 }; /* Two batches of two records of 500 bytes. */

static const struct log_retention forever = {.ms = -1, .bytes = -1, .now = -1};

static void fill(struct log_fixture *f, uint32_t batches)
{
    for (uint32_t i = 0; i < batches; i++)
        cr_assert_eq(fixture_append(f, 1, 2, 500, NULL), ERR_NONE);
    log_fixture_settle(f);
    log_commit(f->log, INT64_MAX);
}

/* One record whose timestamp is `time`. */
static void append_at(struct log_fixture *f, wall_ms time)
{
    struct batch_spec spec = batch_spec(0, -1, time);
    struct batch_record record = {.value = bytes_of_str(STR("value"))};
    cr_assert_eq(fixture_append_buf(f, 1, batch_build(&spec, &record, 1), NULL), ERR_NONE);
    log_fixture_settle(f);
    log_commit(f->log, INT64_MAX);
}

static bool is_there(struct log_fixture *f, const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "t-7/%s", name);
    return memory_env_size(f->memory, path) >= 0;
}

Test(retire, moves_the_start_at_once_but_not_past_what_is_committed)
{
    struct log_fixture f;
    log_fixture_open(&f, SEGMENT);
    for (int i = 0; i < 5; i++)
        fixture_append(&f, 1, 2, 500, NULL);
    log_fixture_settle(&f);
    log_commit(f.log, 6);

    cr_assert_eq(log_retire(f.log, 3), 3);
    cr_assert_eq(log_ends(f.log)->start, 3);
    cr_assert_eq(log_retire(f.log, 2), 3);
    cr_assert_eq(log_retire(f.log, 100), 6);
    cr_assert_eq(log_ends(f.log)->end, 10);
    log_fixture_close(&f);
}

Test(retire, hides_what_lies_below_from_readers)
{
    struct log_fixture f;
    struct log_extent extent;
    struct log_time time;
    log_fixture_open(&f, SEGMENT);
    fill(&f, 4);
    log_retire(f.log, 5);

    cr_assert_eq(log_find(f.log, 4, 100, LOG_BOUND_COMMITTED, &extent), ERR_OFFSET_OUT_OF_RANGE);
    cr_assert_eq(log_find(f.log, 5, 1, LOG_BOUND_COMMITTED, &extent), ERR_NONE);
    cr_assert_eq(extent.base, 4);
    cr_assert_eq(log_find_time(f.log, 0, LOG_BOUND_COMMITTED, &time), ERR_NONE);
    cr_assert_eq(time.offset, 5);
    cr_assert_eq(log_find_max_time(f.log, LOG_BOUND_COMMITTED, &time), ERR_NONE);
    cr_assert_eq(time.offset, 5);
    log_fixture_close(&f);
}

Test(retire, unlinks_segments_once_the_mark_knows_and_the_delay_is_over)
{
    struct log_fixture f;
    log_fixture_open(&f, SEGMENT);
    fill(&f, 6);
    log_retire(f.log, 5);

    cr_assert_neq(log_unlink_retired(f.log, 1000, 500), MONO_NEVER);
    cr_assert(is_there(&f, "00000000000000000000.log"));
    cr_assert_eq(log_start_synced(f.log), 0);
    log_fixture_settle(&f);
    cr_assert_eq(log_start_synced(f.log), 5);
    cr_assert_eq(log_unlink_retired(f.log, 1499, 500), 1500);
    cr_assert(is_there(&f, "00000000000000000000.log"));

    cr_assert_eq(log_unlink_retired(f.log, 1500, 500), MONO_NEVER);
    cr_assert_not(is_there(&f, "00000000000000000000.log"));
    cr_assert_not(is_there(&f, "00000000000000000000.index"));
    cr_assert(is_there(&f, "00000000000000000004.log"));
    log_fixture_close(&f);
}

Test(retire, is_not_believed_before_the_mark_is_synced)
{
    struct log_fixture f;
    log_fixture_open(&f, SEGMENT);
    fill(&f, 6);
    log_retire(f.log, 5);
    log_fixture_flush(&f);

    log_unlink_retired(f.log, 0, 0);

    cr_assert(is_there(&f, "00000000000000000000.log"));
    log_fixture_power_loss(&f, NULL);
    cr_assert_eq(log_error(f.log), ERR_NONE);
    cr_assert_eq(log_ends(f.log)->start, 0);
    log_fixture_close(&f);
}

Test(retire, lets_a_reader_go_on_in_a_file_that_is_gone)
{
    struct log_fixture f;
    struct log_extent extent;
    uint8_t bytes[BATCH_HEADER_SIZE];
    log_fixture_open(&f, SEGMENT);
    fill(&f, 6);
    log_find(f.log, 0, 1, LOG_BOUND_COMMITTED, &extent);
    env_hold(&f.memory->env, extent.file);

    log_retire(f.log, 8);
    log_fixture_settle(&f);
    cr_assert_eq(log_unlink_retired(f.log, 0, 0), MONO_NEVER);

    cr_assert_not(is_there(&f, "00000000000000000000.log"));
    cr_assert_eq(env_read(&f.memory->env, extent.file, extent.position, bytes, sizeof bytes),
                 (int64_t)sizeof bytes);
    env_close(&f.memory->env, extent.file);
    log_fixture_close(&f);
}

Test(retire, survives_a_restart_with_what_a_power_loss_left_of_the_files)
{
    struct log_fixture f;
    log_fixture_open(&f, SEGMENT);
    fill(&f, 8);
    log_retire(f.log, 12);
    log_fixture_settle(&f);
    log_fixture_stop(&f, true);
    memory_env_forget(f.memory, "t-7/00000000000000000004.log"); /* The middle one of three. */

    log_fixture_start(&f);

    cr_assert_eq(log_error(f.log), ERR_NONE, "%s", log_error_text(f.log));
    cr_assert_eq(log_ends(f.log)->start, 12);
    cr_assert_eq(log_ends(f.log)->end, 16);
    log_fixture_settle(&f);
    log_unlink_retired(f.log, 0, 0);
    cr_assert_not(is_there(&f, "00000000000000000000.log"));
    cr_assert_not(is_there(&f, "00000000000000000008.log"));
    cr_assert(is_there(&f, "00000000000000000012.log"));
    log_fixture_close(&f);
}

Test(retire, knows_producers_of_records_that_are_gone)
{
    struct log_fixture f;
    struct log_appended out;
    log_fixture_open(&f, SEGMENT);
    cr_assert_eq(fixture_append_buf(&f, 1, fixture_producer_batch(9, 0, 0, 3), NULL), ERR_NONE);
    fill(&f, 6);
    log_retire(f.log, log_ends(f.log)->end);
    cr_assert_eq(log_retain(f.log, &forever), ERR_NONE);
    log_fixture_settle(&f);
    cr_assert_eq(log_unlink_retired(f.log, 0, 0), MONO_NEVER);
    log_fixture_settle(&f);

    log_fixture_power_loss(&f, NULL);
    log_fixture_settle(&f);

    cr_assert_eq(log_last_sequence(f.log, 9, 0), 2);
    cr_assert_eq(fixture_append_buf(&f, 1, fixture_producer_batch(9, 0, 0, 3), &out), ERR_NONE);
    cr_assert(out.is_duplicate);
    log_fixture_close(&f);
}

/* Producer 9 writes three records, then come `batches` of others, from 7 and from 11 on in segments
 * of their own. */
static void fill_after_producer(struct log_fixture *f, uint32_t batches)
{
    log_fixture_open(f, SEGMENT);
    cr_assert_eq(fixture_append_buf(f, 1, fixture_producer_batch(9, 0, 0, 3), NULL), ERR_NONE);
    fill(f, batches);
}

/* For good: the directory is synced with the next records. */
static void unlink_all_retired(struct log_fixture *f)
{
    cr_assert_eq(log_unlink_retired(f->log, 0, 0), MONO_NEVER);
    cr_assert_eq(fixture_append(f, 1, 2, 500, NULL), ERR_NONE);
    log_fixture_settle(f);
}

static void assert_producer_is_known(struct log_fixture *f)
{
    struct log_appended out;
    log_fixture_settle(f);
    cr_assert_eq(log_last_sequence(f->log, 9, 0), 2);
    cr_assert_eq(fixture_append_buf(f, 1, fixture_producer_batch(9, 0, 0, 3), &out), ERR_NONE);
    cr_assert(out.is_duplicate);
}

Test(retire, knows_producers_of_records_that_are_gone_after_a_truncation)
{
    struct log_fixture f;
    bool done;
    fill_after_producer(&f, 5);
    memory_env_forget(f.memory, "t-7/00000000000000000011.snapshot"); /* The disk was full then. */
    cr_assert_eq(fixture_append(&f, 1, 2, 500, NULL), ERR_NONE);
    log_fixture_settle(&f);

    cr_assert_eq(log_retire(f.log, 11), 11);
    log_fixture_settle(&f);
    unlink_all_retired(&f);
    cr_assert_eq(log_truncate(f.log, 13, false, &done), ERR_NONE);
    cr_assert_not(done);
    assert_producer_is_known(&f);

    log_fixture_power_loss(&f, NULL);
    assert_producer_is_known(&f);
    log_fixture_close(&f);
}

Test(retire, knows_producers_of_records_that_are_gone_though_their_snapshot_was_torn)
{
    struct log_fixture f;
    fill_after_producer(&f, 6);
    log_fixture_power_loss(&f, NULL); /* Its name was durable, its bytes were not. */
    cr_assert_eq(memory_env_size(f.memory, "t-7/00000000000000000011.snapshot"), 0);
    log_fixture_settle(&f);
    log_commit(f.log, INT64_MAX);

    cr_assert_eq(log_retire(f.log, 11), 11);
    log_fixture_settle(&f);
    unlink_all_retired(&f);
    log_fixture_power_loss(&f, NULL);

    cr_assert_eq(log_ends(f.log)->start, 11);
    assert_producer_is_known(&f);
    log_fixture_close(&f);
}

Test(retire, keeps_segments_whose_producers_a_full_disk_has_no_room_for)
{
    struct log_fixture f;
    fill_after_producer(&f, 6);
    memory_env_forget(f.memory, "t-7/00000000000000000011.snapshot");
    f.memory->space = 0;

    cr_assert_eq(log_retire(f.log, 11), 11);
    log_fixture_settle(&f);
    cr_assert_neq(log_unlink_retired(f.log, 0, 0), MONO_NEVER);
    cr_assert_eq(log_start_synced(f.log), 11);
    cr_assert_not(is_there(&f, "00000000000000000000.log"));
    cr_assert(is_there(&f, "00000000000000000007.log"));
    log_fixture_power_loss(&f, NULL);
    assert_producer_is_known(&f);

    cr_assert_eq(log_retain(f.log, &forever), ERR_NONE); /* There is room. */
    log_fixture_settle(&f);
    unlink_all_retired(&f);
    cr_assert_not(is_there(&f, "00000000000000000007.log"));
    log_fixture_power_loss(&f, NULL);
    assert_producer_is_known(&f);
    log_fixture_close(&f);
}

Test(retire, keeps_the_epoch_of_the_last_record_that_is_gone)
{
    struct log_fixture f;
    uint32_t count;
    log_fixture_open(&f, 0);
    for (log_epoch epoch = 1; epoch <= 4; epoch++)
        fixture_append(&f, epoch, 2, 10, NULL);
    log_fixture_settle(&f);
    log_commit(f.log, INT64_MAX);

    log_retire(f.log, 4);

    const struct log_epoch_start *epochs = log_epochs(f.log, &count);
    cr_assert_eq(count, 3);
    cr_assert_eq(epochs[0].epoch, 2);
    cr_assert_eq(log_find_epoch_end(f.log, 2).end, 4);
    cr_assert_eq(log_find_epoch_end(f.log, 1).epoch, 1); /* It ended where the known begins. */
    cr_assert_eq(log_find_epoch_end(f.log, 1).end, 2);
    log_fixture_close(&f);
}

Test(retire, starts_in_the_page_cache_class_where_it_said_after_a_kill)
{
    struct log_fixture f;
    log_fixture_open(&f, 0);
    log_fixture_stop(&f, true);
    f.config.durability = LOG_CLASS_PAGE_CACHE;
    log_fixture_start(&f);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(fixture_append(&f, i, 2, 100, NULL), ERR_NONE);
    log_fixture_flush(&f);
    log_commit(f.log, INT64_MAX);
    cr_assert_eq(log_retire(f.log, 5), 5);
    for (int i = 0; i < 3 && log_fixture_end_sync(&f); i++)
        log_fixture_flush(&f);

    log_fixture_stop(&f, false);
    log_fixture_start(&f);

    cr_assert_eq(log_error(f.log), ERR_NONE, "%s", log_error_text(f.log));
    cr_assert_eq(log_ends(f.log)->start, 5);
    cr_assert_eq(log_ends(f.log)->end, 8);
    log_fixture_close(&f);
}

/* KAFKA-6975: a replica whose leader's log starts within a batch. */
Test(retire, a_log_that_starts_within_a_batch_takes_that_batch_whole)
{
    struct log_fixture f;
    struct log_extent extent;
    struct buf *batch = fixture_batch(4, 10);
    struct slice slice = {.buf = batch, .bytes = {.data = batch->data, .size = batch->size}};
    batch_patch(batch->data, 98, 3);
    log_fixture_open(&f, 0);
    log_reset(f.log, 100);
    log_fixture_settle(&f);

    cr_assert_eq(log_append_follower(f.log, &slice, 3), ERR_NONE);
    log_fixture_settle(&f);

    cr_assert_eq(log_ends(f.log)->start, 100);
    cr_assert_eq(log_ends(f.log)->end, 102);
    log_fixture_power_loss(&f, NULL);
    cr_assert_eq(log_error(f.log), ERR_NONE, "%s", log_error_text(f.log));
    cr_assert_eq(log_ends(f.log)->start, 100);
    cr_assert_eq(log_ends(f.log)->end, 102);
    cr_assert_eq(log_find(f.log, 100, 1, LOG_BOUND_WRITTEN, &extent), ERR_NONE);
    cr_assert_eq(extent.base, 98);
    cr_assert_eq(log_append_follower(f.log, &slice, 3), ERR_BUSY);
    log_fixture_settle(&f);
    cr_assert_eq(log_append_follower(f.log, &slice, 3), ERR_CORRUPT);
    buf_unref(batch);
    log_fixture_close(&f);
}

/* ---- Retention. */

Test(retire, by_size_keeps_at_least_what_it_must)
{
    struct log_fixture f;
    struct log_retention retention = forever;
    log_fixture_open(&f, SEGMENT);
    fill(&f, 9);
    uint64_t size = log_size(f.log), segment = 0;
    segment = (uint64_t)memory_env_size(f.memory, "t-7/00000000000000000000.log");

    retention.bytes = (int64_t)(size - 2 * segment + 1);
    log_retain(f.log, &retention);
    cr_assert_eq(log_ends(f.log)->start, 4);
    cr_assert_eq(log_size(f.log), size - segment);

    retention.bytes--;
    log_retain(f.log, &retention);
    cr_assert_eq(log_ends(f.log)->start, 8);
    log_fixture_close(&f);
}

Test(retire, never_what_is_not_committed)
{
    struct log_fixture f;
    struct log_retention retention = {.ms = 0, .bytes = 0, .now = 1000000};
    log_fixture_open(&f, SEGMENT);
    for (int i = 0; i < 9; i++)
        fixture_append(&f, 1, 2, 500, NULL);
    log_fixture_settle(&f);
    log_commit(f.log, 7);

    log_retain(f.log, &retention);

    cr_assert_eq(log_ends(f.log)->start, 4);
    log_fixture_close(&f);
}

Test(retire, by_age_goes_by_the_newest_record_of_each_segment)
{
    struct log_fixture f;
    struct log_retention retention = {.ms = 1000, .bytes = -1, .now = 2500};
    log_fixture_open(&f, 0);
    f.config.segment_size = 120;
    log_fixture_stop(&f, true);
    log_fixture_start(&f);
    append_at(&f, 1000);
    append_at(&f, 1400);
    append_at(&f, 1600); /* Not old enough: nothing after it goes either. */
    append_at(&f, 1100);

    log_retain(f.log, &retention);
    cr_assert_eq(log_ends(f.log)->start, 2);

    retention.now = 2601;
    log_retain(f.log, &retention);
    cr_assert_eq(log_ends(f.log)->start, 4);
    log_fixture_close(&f);
}

Test(retire, by_age_nothing_goes_while_nobody_knows_the_time)
{
    struct log_fixture f;
    struct log_retention retention = {.ms = 0, .bytes = -1, .now = -1};
    log_fixture_open(&f, 0);
    append_at(&f, 1000);

    log_retain(f.log, &retention);
    cr_assert_eq(log_ends(f.log)->start, 0);
    log_fixture_close(&f);
}

Test(retire, a_record_of_the_future_stays_and_one_without_a_time_counts_from_when_it_was_seen)
{
    struct log_fixture f;
    struct log_retention retention = {.ms = 1000, .bytes = -1, .now = 5000};
    log_fixture_open(&f, 0);
    append_at(&f, -1);
    log_retain(f.log, &retention);
    cr_assert_eq(log_ends(f.log)->start, 0);
    retention.now = 6001;
    log_retain(f.log, &retention);
    cr_assert_eq(log_ends(f.log)->start, 1);

    append_at(&f, INT64_C(4000000000000));
    log_retain(f.log, &retention);
    cr_assert_eq(log_ends(f.log)->start, 1);
    log_fixture_close(&f);
}

Test(retire, an_active_segment_of_which_nothing_remains_is_rolled)
{
    struct log_fixture f;
    struct log_retention retention = {.ms = 1000, .bytes = -1, .now = 9000};
    log_fixture_open(&f, 0);
    append_at(&f, 1000);

    log_retain(f.log, &retention);
    log_fixture_settle(&f);
    log_unlink_retired(f.log, 0, 0);

    cr_assert_eq(log_ends(f.log)->start, 1);
    cr_assert_not(is_there(&f, "00000000000000000000.log"));
    cr_assert(is_there(&f, "00000000000000000001.log"));
    cr_assert_eq(log_size(f.log), 0);
    append_at(&f, 9000);
    cr_assert_eq(log_ends(f.log)->end, 2);
    log_fixture_close(&f);
}

Test(retire, segments_roll_by_the_time_of_their_records)
{
    struct log_fixture f;
    log_fixture_open(&f, 0);
    log_fixture_stop(&f, true);
    f.config.segment_ms = 1000;
    log_fixture_start(&f);
    append_at(&f, 5000);
    append_at(&f, 6000);
    cr_assert_not(is_there(&f, "00000000000000000001.log"));

    log_fixture_stop(&f, true);
    log_fixture_start(&f); /* The time of the first batch is found again. */
    log_fixture_settle(&f);
    append_at(&f, 6001);

    cr_assert(is_there(&f, "00000000000000000002.log"));
    append_at(&f, 100); /* A clock that goes back rolls nothing. */
    cr_assert_not(is_there(&f, "00000000000000000003.log"));
    log_fixture_close(&f);
}
