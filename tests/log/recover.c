/* recover.c -- what a start makes of what the last run left. */
#include <criterion/criterion.h>

#include "log_fixture.h"

static const char first_segment[] = "t-7/00000000000000000000.log";

static void fill(struct log_fixture *f, log_epoch epoch, uint32_t batches)
{
    for (uint32_t i = 0; i < batches; i++)
        cr_assert_eq(fixture_append(f, epoch, 2, 500, NULL), ERR_NONE);
    log_fixture_settle(f);
}

Test(recover, cuts_a_torn_tail_past_the_mark_at_the_first_bad_batch)
{
    struct log_fixture f;
    log_fixture_open(&f, 0);
    fill(&f, 1, 2);
    int64_t good = memory_env_size(f.memory, first_segment);
    fixture_append(&f, 1, 2, 500, NULL);
    fixture_append(&f, 1, 2, 500, NULL);
    log_fixture_flush(&f);
    log_fixture_stop(&f, false);
    memory_env_flip(f.memory, first_segment, (uint64_t)good + 200);

    log_fixture_start(&f);

    cr_assert_eq(log_error(f.log), ERR_NONE, "%s", log_error_text(f.log));
    cr_assert(memory_env_saw(f.memory, "torn_tail_cut"));
    cr_assert_eq(log_ends(f.log)->end, 4);
    cr_assert_not(log_is_ready(f.log));
    cr_assert_eq(fixture_append(&f, 2, 1, 10, NULL), ERR_BUSY);
    log_fixture_settle(&f);
    cr_assert_eq(f.ready_told, 1);
    cr_assert_eq(memory_env_size(f.memory, first_segment), good);
    cr_assert_eq(fixture_append(&f, 2, 1, 10, NULL), ERR_NONE);
    log_fixture_close(&f);
}

Test(recover, takes_a_bad_batch_below_the_mark_for_rot_and_cuts_nothing)
{
    struct log_fixture f;
    log_fixture_open(&f, 0);
    fill(&f, 1, 3);
    int64_t size = memory_env_size(f.memory, first_segment);
    log_fixture_stop(&f, false);
    memory_env_flip(f.memory, first_segment, 200);

    log_fixture_start(&f);

    cr_assert_eq(log_error(f.log), ERR_CORRUPT);
    cr_assert(memory_env_saw(f.memory, "rot_found"));
    cr_assert_eq(memory_env_size(f.memory, first_segment), size);
    cr_assert_eq(fixture_append(&f, 1, 1, 10, NULL), ERR_CORRUPT);
    log_fixture_close(&f);
}

Test(recover, takes_an_epoch_that_cannot_be_for_rot_though_no_checksum_covers_it)
{
    struct log_fixture f;
    log_fixture_open(&f, 0);
    fill(&f, 1, 3);
    log_fixture_stop(&f, false);
    memory_env_flip(f.memory, first_segment, 14);

    log_fixture_start(&f);

    cr_assert_eq(log_error(f.log), ERR_CORRUPT);
    log_fixture_close(&f);
}

Test(recover, takes_a_base_offset_that_jumps_the_mark_for_rot)
{
    struct log_fixture f;
    log_fixture_open(&f, 0);
    fill(&f, 1, 1);
    int64_t second = memory_env_size(f.memory, first_segment);
    fill(&f, 1, 2);
    log_fixture_stop(&f, false);
    memory_env_flip(f.memory, first_segment, (uint64_t)second + 6);

    log_fixture_start(&f);

    cr_assert_eq(log_error(f.log), ERR_CORRUPT);
    cr_assert_not(memory_env_saw(f.memory, "torn_tail_cut"));
    log_fixture_close(&f);
}

Test(recover, takes_an_end_below_the_mark_for_rot)
{
    struct log_fixture f;
    log_fixture_open(&f, 0);
    fill(&f, 1, 3);
    log_fixture_stop(&f, false);
    memory_env_shorten(f.memory, first_segment, 0);

    log_fixture_start(&f);

    cr_assert_eq(log_error(f.log), ERR_CORRUPT);
    log_fixture_close(&f);
}

Test(recover, takes_a_missing_file_for_rot)
{
    struct log_fixture f;
    log_fixture_open(&f, 3000);
    fill(&f, 1, 6);
    log_fixture_stop(&f, false);
    memory_env_forget(f.memory, "t-7/00000000000000000004.log");

    log_fixture_start(&f);

    cr_assert_eq(log_error(f.log), ERR_CORRUPT, "%s", log_error_text(f.log));
    log_fixture_close(&f);
}

Test(recover, takes_a_missing_directory_for_rot)
{
    struct log_fixture f;
    log_fixture_open(&f, 0);
    fill(&f, 1, 1);
    log_fixture_stop(&f, false);
    memory_env_forget(f.memory, "t-7");

    log_fixture_start(&f);

    cr_assert_eq(log_error(f.log), ERR_CORRUPT);
    log_fixture_close(&f);
}

Test(recover, lets_a_rotten_log_be_reset_and_refilled)
{
    struct log_fixture f;
    log_fixture_open(&f, 0);
    fill(&f, 1, 3);
    log_fixture_stop(&f, false);
    memory_env_flip(f.memory, first_segment, 200);
    log_fixture_start(&f);

    cr_assert_eq(log_reset(f.log, 0), ERR_NONE);
    log_fixture_settle(&f);
    fill(&f, 2, 2);
    log_fixture_power_loss(&f, NULL);

    cr_assert_eq(log_error(f.log), ERR_NONE, "%s", log_error_text(f.log));
    cr_assert_eq(log_ends(f.log)->end, 4);
    log_fixture_close(&f);
}

/* Base offsets stand outside the checksums: without its mark what rotted can look sound. */
Test(recover, believes_nothing_rotten_when_power_fails_amid_its_reset)
{
    for (uint32_t groups = 0; groups < 5; groups++) {
        struct log_fixture f;
        log_fixture_open(&f, 0);
        fill(&f, 1, 3);
        log_fixture_stop(&f, false);
        memory_env_flip(f.memory, first_segment, 7); /* The lowest byte of a base offset. */
        log_fixture_start(&f);
        cr_assert_eq(log_error(f.log), ERR_CORRUPT);

        cr_assert_eq(log_reset(f.log, 0), ERR_NONE);
        for (uint32_t i = 0; i < groups; i++) {
            log_fixture_flush(&f);
            log_fixture_end_sync(&f);
        }
        log_fixture_power_loss(&f, NULL);

        cr_assert(log_error(f.log) == ERR_CORRUPT || log_ends(f.log)->end == 0);
        log_fixture_close(&f);
    }
}

/* Seed 991 of log-compactions: the mark of a reset promises no record, so its directory may have
 * been made by an append that nobody synced. */
Test(recover, rule_8_syncs_an_identity_that_no_mark_promises)
{
    struct log_fixture f;
    log_fixture_open(&f, 0);
    cr_assert_eq(log_reset(f.log, 0), ERR_NONE);
    log_fixture_settle(&f);
    fixture_append(&f, 1, 2, 500, NULL);
    log_fixture_stop(&f, false);
    log_fixture_start(&f);
    log_fixture_settle(&f);
    fill(&f, 1, 2);

    log_fixture_power_loss(&f, NULL);

    cr_assert_eq(log_error(f.log), ERR_NONE, "%s", log_error_text(f.log));
    cr_assert_geq(log_ends(f.log)->end, 4);
    log_fixture_close(&f);
}

Test(recover, rule_9_accepts_gaps_of_offsets_within_a_segment)
{
    struct log_fixture f;
    log_fixture_open(&f, 0);
    struct buf *first = fixture_batch(2, 10);
    struct buf *second = fixture_batch(2, 10);
    batch_patch(first->data, 3, 1);
    batch_patch(second->data, 40, 1);
    struct slice one = {.buf = first, .bytes = {first->data, first->size}};
    struct slice two = {.buf = second, .bytes = {second->data, second->size}};
    cr_assert_eq(log_append_follower(f.log, &one, 1), ERR_NONE);
    cr_assert_eq(log_append_follower(f.log, &two, 1), ERR_NONE);
    log_fixture_flush(&f);
    buf_unref(first);
    buf_unref(second);

    log_fixture_stop(&f, false);
    log_fixture_start(&f);

    cr_assert_eq(log_ends(f.log)->end, 42);
    cr_assert_not(memory_env_saw(f.memory, "torn_tail_cut"));
    log_fixture_close(&f);
}

Test(recover, rule_9_accepts_a_gap_that_begins_at_the_mark)
{
    struct log_fixture f;
    log_fixture_open(&f, 0);
    fill(&f, 1, 2);
    struct buf *buf = fixture_batch(2, 10);
    batch_patch(buf->data, 40, 1);
    struct slice slice = {.buf = buf, .bytes = {buf->data, buf->size}};
    cr_assert_eq(log_append_follower(f.log, &slice, 1), ERR_NONE);
    log_fixture_flush(&f);
    buf_unref(buf);

    log_fixture_stop(&f, false);
    log_fixture_start(&f);

    cr_assert_eq(log_ends(f.log)->end, 42);
    cr_assert_eq(f.memory->last_probe[PROBE_LOG_OPEN].other, 4);
    log_fixture_close(&f);
}

Test(recover, rule_9_cuts_where_a_segment_is_not_named_by_the_end_before_it)
{
    struct log_fixture f;
    log_fixture_open(&f, 3000);
    fill(&f, 1, 1);
    for (int i = 0; i < 5; i++)
        fixture_append(&f, 1, 2, 500, NULL);
    log_fixture_flush(&f);
    log_fixture_stop(&f, false);
    memory_env_forget(f.memory, "t-7/00000000000000000004.log");

    log_fixture_start(&f);
    log_fixture_settle(&f);

    cr_assert_eq(log_error(f.log), ERR_NONE, "%s", log_error_text(f.log));
    cr_assert_eq(log_ends(f.log)->end, 4);
    cr_assert_eq(memory_env_size(f.memory, "t-7/00000000000000000008.log"), -1);
    log_fixture_close(&f);
}

/* An empty segment file, as a roll leaves that was refused for want of space. */
static void leave_empty_segment(struct log_fixture *f, const char *path)
{
    file_id file;
    cr_assert_eq(env_open(&f->memory->env, path, ENV_OPEN_CREATE, &file), ERR_NONE);
    env_close(&f->memory->env, file);
}

Test(recover, ignores_empty_segments_that_a_refused_roll_left)
{
    struct log_fixture f;
    log_fixture_open(&f, 0);
    fill(&f, 1, 3);
    log_fixture_stop(&f, false);
    leave_empty_segment(&f, "t-7/00000000000000000004.log");

    log_fixture_start(&f);

    cr_assert_eq(log_error(f.log), ERR_NONE, "%s", log_error_text(f.log));
    cr_assert_eq(log_ends(f.log)->end, 6);
    log_fixture_settle(&f);
    cr_assert_eq(memory_env_size(f.memory, "t-7/00000000000000000004.log"), -1);
    log_fixture_close(&f);
}

Test(recover, ignores_an_empty_segment_between_others_past_the_mark)
{
    struct log_fixture f;
    log_fixture_open(&f, 1500);
    for (int i = 0; i < 3; i++)
        fixture_append(&f, 1, 2, 500, NULL);
    log_fixture_flush(&f);
    log_fixture_stop(&f, false);
    leave_empty_segment(&f, "t-7/00000000000000000003.log");

    log_fixture_start(&f);

    cr_assert_eq(log_error(f.log), ERR_NONE, "%s", log_error_text(f.log));
    cr_assert_eq(log_ends(f.log)->end, 6);
    log_fixture_close(&f);
}

Test(recover, learns_epochs_again_when_their_file_is_gone)
{
    struct log_fixture f;
    log_fixture_open(&f, 3000);
    fill(&f, 3, 3);
    fill(&f, 5, 3);
    log_fixture_stop(&f, true);
    memory_env_forget(f.memory, "t-7/leader-epoch-checkpoint");

    log_fixture_start(&f);

    cr_assert_eq(log_error(f.log), ERR_NONE, "%s", log_error_text(f.log));
    cr_assert_eq(log_epoch_of(f.log, 5), 3);
    cr_assert_eq(log_epoch_of(f.log, 6), 5);
    cr_assert_eq(log_find_epoch_end(f.log, 3).end, 6);
    log_fixture_close(&f);
}

Test(recover, builds_missing_indexes_again)
{
    struct log_fixture f;
    struct log_extent extent;
    log_fixture_open(&f, 9000);
    fill(&f, 1, 20);
    log_fixture_stop(&f, true);
    memory_env_forget(f.memory, "t-7/00000000000000000000.index");
    memory_env_forget(f.memory, "t-7/00000000000000000000.timeindex");

    log_fixture_start(&f);

    cr_assert_gt(memory_env_size(f.memory, "t-7/00000000000000000000.index"), 0);
    cr_assert_eq(log_find(f.log, 9, 100, LOG_BOUND_WRITTEN, &extent), ERR_NONE);
    cr_assert_eq(extent.base, 8);
    log_fixture_close(&f);
}

Test(recover, a_stale_producer_snapshot_past_the_end_is_removed)
{
    struct log_fixture f;
    struct log_appended out;
    log_fixture_open(&f, 0);
    fixture_append_buf(&f, 1, fixture_producer_batch(9, 0, 0, 2), NULL);
    log_fixture_settle(&f);
    int64_t good = memory_env_size(f.memory, first_segment);
    fixture_append_buf(&f, 1, fixture_producer_batch(9, 0, 2, 2), NULL);
    log_fixture_flush(&f);
    log_close(f.log); /* Leaves 4.snapshot; then its record is lost with power. */
    f.memory->is_dead = true;
    sync_close(f.sync);
    f.memory->is_dead = false;
    memory_env_drop_syncs(f.memory);
    memory_env_shorten(f.memory, first_segment, (uint64_t)good);

    log_fixture_start(&f);
    log_fixture_settle(&f);

    cr_assert_eq(memory_env_size(f.memory, "t-7/00000000000000000004.snapshot"), -1);
    cr_assert_eq(fixture_append_buf(&f, 1, fixture_producer_batch(9, 0, 2, 2), &out), ERR_NONE);
    cr_assert_not(out.is_duplicate);
    log_fixture_close(&f);
}

Test(recover, knows_five_batches_of_a_producer_after_a_restart)
{
    struct log_fixture f;
    struct log_appended out;
    log_fixture_open(&f, 0);
    for (int32_t i = 0; i < 7; i++)
        fixture_append_buf(&f, 1, fixture_producer_batch(9, 0, i, 1), NULL);

    log_fixture_stop(&f, true);
    log_fixture_start(&f);
    log_fixture_settle(&f);

    cr_assert_eq(fixture_append_buf(&f, 1, fixture_producer_batch(9, 0, 2, 1), &out), ERR_NONE);
    cr_assert(out.is_duplicate);
    cr_assert_eq(out.base, 2);
    cr_assert_eq(fixture_append_buf(&f, 1, fixture_producer_batch(9, 0, 1, 1), &out),
                 ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    cr_assert_eq(fixture_append_buf(&f, 1, fixture_producer_batch(9, 0, 7, 1), &out), ERR_NONE);
    log_fixture_close(&f);
}
