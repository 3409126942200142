/* cleaner.c -- which log is compacted, when, how fast, and what is told when it cannot be. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "batch_layout.h"
#include "log_fixture.h"
#include "log_internal.h"

enum { SEGMENT_SIZE = 1200, VALUE_SIZE = 90 };

/* One batch of one record. */
static void put(struct log_fixture *f, const char *key, const char *value)
{
    char padded[VALUE_SIZE + 1];
    struct batch_spec spec = batch_spec(0, -1, f->wall);
    struct batch_record record = {
        .key = {.data = (const uint8_t *)key, .size = (uint32_t)strlen(key)}};

    snprintf(padded, sizeof padded, "%-90s", value ? value : "");
    if (value)
        record.value = (struct bytes){.data = (const uint8_t *)padded, .size = VALUE_SIZE};
    cr_assert_eq(fixture_append_buf(f, 1, batch_build(&spec, &record, 1), NULL), ERR_NONE);
}

/* Keys k0, k1, ... in turn. */
static void fill(struct log_fixture *f, uint32_t records, uint32_t keys)
{
    char key[16];

    for (uint32_t i = 0; i < records; i++) {
        snprintf(key, sizeof key, "k%u", i % keys);
        put(f, key, "v");
    }
    log_fixture_settle(f);
    (void)log_commit(f->log, log_ends(f->log)->durable);
}

static uint32_t count_records(struct log_fixture *f)
{
    const struct log_ends *ends = log_ends(f->log);
    uint32_t count = 0;

    for (log_offset at = ends->start; at < ends->written;) {
        struct buf *buf = NULL;
        struct batch_info info;
        cr_assert_eq(log_read(f->log, at, 1, LOG_BOUND_WRITTEN, &buf), ERR_NONE);
        cr_assert_eq(batch_read((struct bytes){buf->data, buf->size}, &info), ERR_NONE);
        count += (uint32_t)info.record_count;
        at = batch_end(&info);
        buf_unref(buf);
    }
    return count;
}

static struct cleaner_stats stats_of(const struct log_fixture *f)
{
    struct cleaner_stats stats;
    cleaner_read_stats(f->cleaner, f->memory->now, &stats);
    return stats;
}

static void open_filled(struct log_fixture *f, uint32_t keys_of_map, uint32_t records,
                        uint32_t keys)
{
    log_fixture_open_compacted(f, SEGMENT_SIZE, keys_of_map);
    fill(f, records, keys);
}

Test(cleaner, the_active_segment_and_what_is_not_committed_stay)
{
    struct log_fixture f;
    open_filled(&f, 100, 40, 1);
    log_offset active = log_active(f.log)->base;
    cr_assert_gt(f.log->segment_count, 3);

    log_fixture_clean(&f);

    cr_assert_eq(f.log->clean_end, active);
    cr_assert_eq(count_records(&f), 1 + (uint32_t)(log_ends(f.log)->end - active));
    log_fixture_close(&f);
}

Test(cleaner, rule_14_nothing_above_the_high_watermark_supersedes)
{
    struct log_fixture f;
    log_fixture_open_compacted(&f, SEGMENT_SIZE, 100);
    for (int i = 0; i < 40; i++)
        put(&f, "k", "v");
    log_fixture_settle(&f);
    (void)log_commit(f.log, 12);

    log_fixture_clean(&f);

    cr_assert_gt(f.log->clean_end, 0);
    cr_assert_leq(f.log->clean_end, 12);
    log_fixture_close(&f);
}

Test(cleaner, rule_14_nothing_above_the_mark_on_disk_is_touched)
{
    struct log_fixture f;
    log_fixture_open_compacted(&f, SEGMENT_SIZE, 100);
    for (int i = 0; i < 40; i++)
        put(&f, "k", "v");
    log_fixture_flush(&f);
    cr_assert(log_fixture_end_sync(&f)); /* Synced; that it is stands on no disk yet. */
    (void)log_commit(f.log, log_ends(f.log)->durable);
    cr_assert_eq(log_ends(f.log)->committed, 40);
    cr_assert_eq(sync_stored(f.sync, f.config.key), 0);

    f.memory->now += f.cleans.backoff_ms;
    for (int i = 0; i < 5; i++)
        log_fixture_clean_once(&f);
    cr_assert_eq(stats_of(&f).runs, 0);

    log_fixture_clean(&f);
    cr_assert_eq(stats_of(&f).runs, 1);
    log_fixture_close(&f);
}

Test(cleaner, a_small_map_takes_several_passes)
{
    struct log_fixture f;
    open_filled(&f, 5, 200, 40);
    log_offset active = log_active(f.log)->base;

    log_fixture_clean(&f);

    cr_assert_eq(f.log->clean_end, active);
    cr_assert_geq(stats_of(&f).runs, 190 / 6);
    cr_assert_eq(count_records(&f), 40 + (uint32_t)(log_ends(f.log)->end - active));
    log_fixture_close(&f);
}

Test(cleaner, a_segment_of_which_all_stays_is_not_written)
{
    struct log_fixture f;
    open_filled(&f, 300, 200, 200);
    log_offset active = log_active(f.log)->base;

    log_fixture_clean(&f);

    cr_assert_eq(stats_of(&f).runs, 1);
    cr_assert_eq(stats_of(&f).bytes_written, 0);
    cr_assert_eq(stats_of(&f).recopy_percent, 100);
    cr_assert_eq(f.log->clean_end, active);
    cr_assert_eq(count_records(&f), 200);
    log_fixture_close(&f);
}

Test(cleaner, what_precedes_the_first_superseded_record_of_a_segment_stays)
{
    struct log_fixture f;
    open_filled(&f, 300, 200, 200);
    log_fixture_clean(&f);
    uint64_t read = stats_of(&f).bytes_read;
    put(&f, "k3", "newer"); /* Its older one stands in the midst of the first segment. */
    for (char key[] = "a"; key[0] <= 'z'; key[0]++)
        put(&f, key, "v");
    fill(&f, 1, 1); /* And k0, which stays in the active one. */

    log_fixture_clean(&f);

    cr_assert_gt(stats_of(&f).bytes_read, read);
    cr_assert_gt(stats_of(&f).bytes_written, 0);
    cr_assert_lt(stats_of(&f).bytes_written, log_size(f.log) / 4); /* One segment of many. */
    cr_assert_eq(stats_of(&f).records_dropped, 1);
    cr_assert_eq(count_records(&f), 200 + 28 - 1);
    log_fixture_close(&f);
}

Test(cleaner, goes_on_when_the_disk_has_brought_what_it_reads)
{
    struct log_fixture f;
    open_filled(&f, 50, 100, 5);

    f.memory->is_cold = true;
    for (int i = 0; i < 20; i++)
        log_fixture_clean_once(&f);
    uint64_t asked = f.memory->loads;
    f.memory->is_cold = false;
    enum err error = log_error(f.log);
    uint32_t before = count_records(&f);
    log_fixture_clean(&f);

    cr_assert_gt(asked, 0);
    cr_assert_eq(error, ERR_NONE);
    cr_assert_eq(before, 100);
    cr_assert_lt(count_records(&f), 30);
    log_fixture_close(&f);
}

Test(cleaner, small_segments_become_one)
{
    struct log_fixture f;
    open_filled(&f, 100, 60, 1);
    log_fixture_clean(&f);
    uint32_t segments = f.log->segment_count;
    fill(&f, 40, 1);

    log_fixture_clean(&f);

    cr_assert_gt(segments, 5);
    cr_assert_lt(f.log->segment_count, segments);
    log_fixture_close(&f);
}

Test(cleaner, waits_for_the_dirty_ratio)
{
    struct log_fixture f;
    open_filled(&f, 100, 60, 50);
    f.config.compaction.dirty_ratio_min = 500000;
    log_fixture_stop(&f, true);
    log_fixture_start(&f);
    (void)log_commit(f.log, log_ends(f.log)->durable);
    log_fixture_clean(&f); /* All of it is dirty. */
    cr_assert_eq(stats_of(&f).runs, 1);
    log_offset clean_end = f.log->clean_end;

    fill(&f, 20, 50);
    log_fixture_clean(&f);
    cr_assert_eq(f.log->clean_end, clean_end);
    cr_assert_gt(stats_of(&f).dirty_percent_max, 10);
    cr_assert_lt(stats_of(&f).dirty_percent_max, 50);

    fill(&f, 60, 50);
    log_fixture_clean(&f);
    cr_assert_gt(f.log->clean_end, clean_end);
    log_fixture_close(&f);
}

Test(cleaner, records_older_than_the_greatest_lag_are_compacted_whatever_the_ratio)
{
    struct log_fixture f;
    log_fixture_open_compacted(&f, SEGMENT_SIZE, 100);
    f.config.compaction.dirty_ratio_min = 1000000;
    f.config.compaction.lag_max_ms = 60000;
    log_fixture_stop(&f, true);
    log_fixture_start(&f);
    fill(&f, 40, 1);

    f.wall += 60000;
    log_fixture_clean(&f);
    cr_assert_eq(stats_of(&f).runs, 0);

    f.wall += 1;
    log_fixture_clean(&f);
    cr_assert_eq(stats_of(&f).runs, 1);
    log_fixture_close(&f);
}

Test(cleaner, records_younger_than_the_least_lag_stay)
{
    struct log_fixture f;
    log_fixture_open_compacted(&f, SEGMENT_SIZE, 100);
    f.config.compaction.lag_min_ms = 1000;
    log_fixture_stop(&f, true);
    log_fixture_start(&f);
    fill(&f, 20, 1);
    log_offset young = log_ends(f.log)->end;
    f.wall += 800;
    fill(&f, 40, 1);

    f.wall += 300;
    log_fixture_clean(&f);

    cr_assert_gt(f.log->clean_end, 0);
    cr_assert_leq(f.log->clean_end, young);
    f.wall += 1000;
    log_fixture_clean(&f);
    cr_assert_gt(f.log->clean_end, young);
    log_fixture_close(&f);
}

Test(cleaner, does_nothing_while_the_time_is_not_known)
{
    struct log_fixture f;
    open_filled(&f, 100, 40, 1);
    f.wall = -1;

    log_fixture_clean(&f);

    cr_assert_eq(stats_of(&f).runs, 0);
    log_fixture_close(&f);
}

Test(cleaner, remembers_over_a_restart_what_is_clean)
{
    struct log_fixture f;
    open_filled(&f, 100, 40, 1);
    log_fixture_clean(&f);
    log_offset clean_end = f.log->clean_end;
    cr_assert_gt(clean_end, 0);

    log_fixture_stop(&f, false);
    log_fixture_start(&f);
    cr_assert_eq(f.log->clean_end, clean_end);

    log_fixture_settle(&f);
    log_fixture_power_loss(&f, NULL);
    cr_assert_eq(f.log->clean_end, clean_end);
    log_fixture_close(&f);
}

Test(cleaner, a_truncation_lowers_what_is_clean)
{
    struct log_fixture f;
    open_filled(&f, 100, 40, 1);
    bool done;
    log_fixture_clean(&f);

    cr_assert_eq(log_truncate(f.log, 5, true, &done), ERR_NONE);
    log_fixture_settle(&f);

    cr_assert_leq(f.log->clean_end, log_ends(f.log)->end);
    log_fixture_clean(&f);
    log_fixture_stop(&f, false);
    log_fixture_start(&f);
    cr_assert_leq(f.log->clean_end, log_ends(f.log)->end);
    log_fixture_close(&f);
}

Test(cleaner, rule_14_nothing_begins_at_a_start_that_a_crash_takes_back)
{
    struct log_fixture f;
    open_filled(&f, 100, 40, 1);
    cr_assert_eq(log_retire(f.log, 15), 15);

    f.memory->now += f.cleans.backoff_ms;
    for (int i = 0; i < 5; i++)
        log_fixture_clean_once(&f);
    cr_assert_eq(stats_of(&f).runs, 0);
    cr_assert_not(stats_of(&f).is_running);

    log_fixture_clean(&f);
    cr_assert_eq(stats_of(&f).runs, 1);
    log_fixture_close(&f);
}

Test(cleaner, rule_14_nothing_is_clean_by_a_start_that_a_crash_takes_back)
{
    struct log_fixture f;
    log_offset retired = 0;
    open_filled(&f, 100, 200, 1);
    f.memory->now += f.cleans.backoff_ms;
    for (int i = 0; i < 10 && !stats_of(&f).is_running; i++)
        log_fixture_clean_once(&f);
    cr_assert(stats_of(&f).is_running);
    for (int i = 0; i < 1000; i++) { /* A swap's groups sync the start too: so it moves on. */
        if (!f.log->swap.segment)
            retired = log_retire(f.log, retired + 1);
        log_fixture_clean_once(&f);
        if (!stats_of(&f).is_running)
            break;
        log_fixture_flush(&f);
        log_fixture_end_sync(&f);
    }
    cr_assert_eq(stats_of(&f).runs, 1);
    for (int i = 0; i < 5; i++) {
        log_fixture_clean_once(&f);
        log_fixture_end_sync(&f);
    }

    log_fixture_stop(&f, false);
    log_fixture_start(&f);

    cr_assert_lt(log_ends(f.log)->start, retired);
    cr_assert_eq(f.log->clean_end, log_ends(f.log)->start);
    log_fixture_close(&f);
}

/* What was clean is forgotten with it: a key below was mapped by nobody, and its tombstone would go
 * first. */
static void check_nothing_is_clean(struct log_fixture *f)
{
    fill(f, 60, 1);
    log_fixture_stop(f, false);
    log_fixture_start(f);

    cr_assert_gt(log_ends(f->log)->end, 40);
    cr_assert_eq(f->log->clean_end, log_ends(f->log)->start);
    log_fixture_close(f);
}

Test(cleaner, a_topic_made_anew_is_not_clean_up_to_where_the_old_one_was)
{
    struct log_fixture f;
    open_filled(&f, 100, 40, 1);
    log_fixture_clean(&f);
    cr_assert_gt(f.log->clean_end, 0);

    log_delete(f.log);
    log_fixture_settle(&f);
    log_fixture_stop(&f, true);
    f.config.key.topic_id.bytes[0]++;
    log_fixture_start(&f);

    check_nothing_is_clean(&f);
}

Test(cleaner, a_replica_that_comes_back_is_not_clean_up_to_where_it_was)
{
    struct log_fixture f;
    open_filled(&f, 100, 40, 1);
    log_fixture_clean(&f);

    log_delete(f.log);
    log_fixture_settle(&f);
    log_fixture_stop(&f, true);
    log_fixture_start(&f);

    check_nothing_is_clean(&f);
}

Test(cleaner, a_log_that_begins_anew_is_not_clean_up_to_where_it_was)
{
    struct log_fixture f;
    open_filled(&f, 100, 40, 1);
    log_fixture_clean(&f);

    cr_assert_eq(log_reset(f.log, 0), ERR_NONE);
    log_fixture_settle(&f);

    check_nothing_is_clean(&f);
}

Test(cleaner, a_crash_does_not_take_back_that_a_truncation_lowers_what_is_clean)
{
    struct log_fixture f;
    open_filled(&f, 100, 40, 1);
    bool done;
    log_fixture_clean(&f);
    cr_assert_eq(log_truncate(f.log, 0, true, &done), ERR_NONE);
    log_fixture_settle(&f);

    check_nothing_is_clean(&f);
}

/* One segment goes at the front, for good. */
static void unlink_one(struct log_fixture *f)
{
    log_offset second = f->log->segments[1]->base;

    if (f->log->swap.segment || second > log_ends(f->log)->committed / 2)
        return;
    cr_assert_eq(log_retire(f->log, second), second);
    log_fixture_settle(f);
    if (f->log->swap.segment)
        return;
    (void)log_unlink_retired(f->log, f->memory->now, 0);
}

/* Compact; from the tick `first` on segments go at the front, `count` of them. */
static void clean_while_segments_go(struct log_fixture *f, uint32_t first, uint32_t count)
{
    bool has_begun = false;

    f->memory->now += f->cleans.backoff_ms;
    for (uint32_t i = 0; i < 1000 && (!has_begun || stats_of(f).is_running); i++) {
        if (i >= first && i < first + count)
            unlink_one(f);
        log_fixture_clean_once(f);
        log_fixture_settle(f);
        has_begun |= stats_of(f).is_running;
    }
}

Test(cleaner, segments_that_go_at_the_front_do_not_end_a_compaction)
{
    for (uint32_t first = 0; first < 80; first += 3) {
        struct log_fixture f;
        open_filled(&f, 100, 300, 40);
        log_offset active = log_active(f.log)->base;

        clean_while_segments_go(&f, first, 12);

        cr_assert_eq(stats_of(&f).runs, 1, "from tick %u on", first);
        cr_assert_eq(f.log->clean_end, active);
        cr_assert_eq(count_records(&f), 40 + (uint32_t)(log_ends(f.log)->end - active));
        cr_assert_eq(log_error(f.log), ERR_NONE);
        log_fixture_close(&f);
    }
}

Test(cleaner, a_compaction_that_lapses_is_no_run)
{
    struct log_fixture f;
    bool done;
    open_filled(&f, 100, 300, 40);
    f.memory->now += f.cleans.backoff_ms;
    while (!stats_of(&f).is_running)
        log_fixture_clean_once(&f);
    f.memory->now += 5000;

    cr_assert_eq(log_truncate(f.log, 290, true, &done), ERR_NONE);
    log_fixture_settle(&f);
    log_fixture_clean_once(&f);

    cr_assert_not(stats_of(&f).is_running);
    cr_assert_geq(stats_of(&f).idle_ms, 5000);
    log_fixture_close(&f);
}

Test(cleaner, keeps_to_its_rate)
{
    struct log_fixture f;
    open_filled(&f, 100, 200, 1);
    uint64_t size = log_size(f.log), moved = 0;
    log_fixture_stop(&f, true);
    f.cleans.rate_max = 1000;
    log_fixture_start(&f);
    (void)log_commit(f.log, log_ends(f.log)->durable);
    log_fixture_settle(&f);
    mono_ms began = f.memory->now;

    while (stats_of(&f).runs == 0 && f.memory->now - began < 1000000) {
        mono_ms due = cleaner_deadline(f.cleaner);
        f.memory->now = due > f.memory->now && due != MONO_NEVER ? due : f.memory->now + 1;
        log_fixture_clean_once(&f);
        log_fixture_settle(&f);
    }

    moved = stats_of(&f).bytes_read + stats_of(&f).bytes_written;
    cr_assert_gt(moved, size);
    cr_assert_eq(stats_of(&f).runs, 1);
    /* One tick's work is ahead of the rate at most. */
    cr_assert_geq(f.memory->now - began + 5000, (mono_ms)moved);
    log_fixture_close(&f);
}

Test(cleaner, a_shorter_rest_ends_the_one_under_way)
{
    struct log_fixture f;
    open_filled(&f, 100, 1, 1);
    while (cleaner_deadline(f.cleaner) <= f.memory->now) {
        log_fixture_clean_once(&f);
        log_fixture_settle(&f);
    }
    mono_ms rest = cleaner_deadline(f.cleaner) - f.memory->now;
    cr_assert_gt(rest, 10);

    cleaner_configure(f.cleaner, INT64_MAX, (int32_t)rest + 1000);
    cr_assert_eq(cleaner_deadline(f.cleaner), f.memory->now + rest);
    cleaner_configure(f.cleaner, INT64_MAX, 10);
    cr_assert_eq(cleaner_deadline(f.cleaner), f.memory->now + 10);
    log_fixture_close(&f);
}

Test(cleaner, a_full_disk_puts_it_off)
{
    struct log_fixture f;
    open_filled(&f, 100, 40, 1);
    log_offset active = log_active(f.log)->base;
    f.memory->space = 0;

    log_fixture_clean(&f);
    cr_assert_eq(stats_of(&f).runs, 0);
    cr_assert_eq(stats_of(&f).uncleanable, 0);
    cr_assert_eq(log_error(f.log), ERR_NONE);

    f.memory->space = -1;
    log_fixture_clean(&f);
    cr_assert_eq(stats_of(&f).runs, 1);
    cr_assert_eq(f.log->clean_end, active);
    log_fixture_close(&f);
}

Test(cleaner, a_write_that_fails_makes_the_log_uncleanable_and_nothing_worse)
{
    struct log_fixture f;
    open_filled(&f, 100, 40, 1);
    f.memory->now += f.cleans.backoff_ms;
    f.memory->writes_before_error = 0;
    for (int i = 0; i < 50; i++)
        log_fixture_clean_once(&f);
    f.memory->writes_before_error = -1;

    cr_assert_eq(stats_of(&f).uncleanable, 1);
    cr_assert_not_null(cleaner_error_text(f.log));
    cr_assert_eq(cleaner_next_uncleanable(f.cleaner, NULL), f.log);
    cr_assert_null(cleaner_next_uncleanable(f.cleaner, f.log));
    cr_assert_eq(log_error(f.log), ERR_NONE);
    log_fixture_clean(&f);
    cr_assert_eq(stats_of(&f).runs, 0);
    cr_assert_gt(stats_of(&f).uncleanable_size, 0);
    cr_assert_eq(count_records(&f), 40);
    log_fixture_close(&f);
}

Test(cleaner, rot_that_it_meets_takes_the_log_offline_unchanged)
{
    struct log_fixture f;
    open_filled(&f, 100, 40, 1);
    char path[64];
    snprintf(path, sizeof path, "t-7/%020d.log", 0);
    int64_t size = memory_env_size(f.memory, path);
    memory_env_flip(f.memory, path, 200);

    log_fixture_clean(&f);

    cr_assert_eq(log_error(f.log), ERR_CORRUPT);
    cr_assert(memory_env_saw(f.memory, "rot_found"));
    cr_assert_eq(memory_env_size(f.memory, path), size);
    cr_assert_eq(stats_of(&f).runs, 0);
    log_fixture_close(&f);
}

/* One batch whose checksum is right, and whose record is not. */
static void put_malformed(struct log_fixture *f)
{
    static const uint8_t nonsense[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    struct buf *sound = fixture_batch(1, 50);
    struct buf *buf = buf_copy(sound->data, BATCH_HEADER_SIZE + 20);
    struct batch_info info;
    buf_unref(sound);
    cr_assert_eq(batch_read((struct bytes){buf->data, buf->size}, &info), ERR_NONE);
    memcpy(buf->data + BATCH_HEADER_SIZE, nonsense, sizeof nonsense);
    info.size = buf->size;
    info.base = log_ends(f->log)->end;
    info.epoch = 1;
    batch_write_header(buf->data, &info);
    batch_seal(buf->data, buf->size);
    struct slice slice = {.buf = buf, .bytes = {buf->data, buf->size}};
    cr_assert_eq(log_append_follower(f->log, &slice, 1), ERR_NONE);
    buf_unref(buf);
}

Test(cleaner, a_batch_that_is_malformed_inside_makes_the_log_uncleanable)
{
    struct log_fixture f;
    open_filled(&f, 100, 1, 1);
    put_malformed(&f);
    fill(&f, 40, 1);

    log_fixture_clean(&f);

    cr_assert_eq(stats_of(&f).uncleanable, 1);
    cr_assert_eq(log_error(f.log), ERR_NONE);
    log_fixture_close(&f);
}

Test(cleaner, takes_a_log_up_again_when_its_start_has_passed_the_malformed_segment)
{
    struct log_fixture f;
    open_filled(&f, 100, 1, 1);
    put_malformed(&f);
    fill(&f, 60, 1);
    log_fixture_clean(&f);
    cr_assert_eq(stats_of(&f).uncleanable, 1);

    log_offset second = f.log->segments[1]->base;
    cr_assert_eq(log_retire(f.log, second - 1), second - 1);
    log_fixture_clean(&f);
    cr_assert_eq(stats_of(&f).uncleanable, 1); /* The segment is still read from its beginning. */
    cr_assert_eq(log_retire(f.log, second), second);
    log_fixture_clean(&f);

    cr_assert_eq(stats_of(&f).uncleanable, 0);
    cr_assert_null(cleaner_error_text(f.log));
    cr_assert_gt(stats_of(&f).records_dropped, 0);
    log_fixture_close(&f);
}

Test(cleaner, takes_a_log_up_again_when_the_malformed_batch_was_cut_away)
{
    struct log_fixture f;
    bool done;
    open_filled(&f, 100, 5, 1);
    put_malformed(&f);
    fill(&f, 60, 1);
    log_fixture_clean(&f);
    cr_assert_eq(stats_of(&f).uncleanable, 1);

    cr_assert_eq(log_truncate(f.log, 5, true, &done), ERR_NONE);
    log_fixture_settle(&f);
    fill(&f, 60, 1);
    log_fixture_clean(&f);

    cr_assert_eq(stats_of(&f).uncleanable, 0);
    cr_assert_gt(stats_of(&f).records_dropped, 0);
    log_fixture_close(&f);
}

Test(cleaner, a_log_that_goes_amid_its_compaction_ends_it)
{
    struct log_fixture f;
    open_filled(&f, 100, 200, 3);
    bool done;
    f.memory->now += f.cleans.backoff_ms;
    while (stats_of(&f).bytes_written == 0)
        log_fixture_clean_once(&f);

    cr_assert_eq(log_truncate(f.log, 20, true, &done), ERR_NONE);
    log_fixture_clean(&f);

    cr_assert(log_is_ready(f.log));
    cr_assert_eq(stats_of(&f).uncleanable, 0);
    cr_assert_eq(count_records(&f) <= 20, true);
    log_fixture_close(&f);
}
