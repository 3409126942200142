/* sync.c -- group commit and marks. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "log_fixture.h"
#include "slots.h"
#include "sync_internal.h"

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

/* As many logs as a topic may have, each with a record; all of them are told to go. */
enum { GOING = 100, TICK_UNLINKS_MAX = 128 };

static void delete_many(struct log_fixture *f, struct log *logs[GOING])
{
    char dir[16];

    for (int i = 0; i < GOING; i++) {
        snprintf(dir, sizeof dir, "o-%d", i);
        logs[i] = open_other(f, i, dir);
        append_to(logs[i]);
    }
    log_fixture_settle(f);
    for (int i = 0; i < GOING; i++)
        log_delete(logs[i]);
}

static void close_many(struct log *logs[GOING])
{
    for (int i = 0; i < GOING; i++)
        log_close(logs[i]);
}

/* Each unlink may wait for the disk, and the loop with it. */
Test(sync, a_group_that_ends_lets_a_few_of_many_deletions_go_on)
{
    struct log_fixture f;
    struct log *logs[GOING];
    uint32_t most = 0, before = 0;
    log_fixture_open(&f, 0);
    delete_many(&f, logs);

    do {
        uint32_t count = f.memory->unlink_total - before;
        most = count > most ? count : most;
        before = f.memory->unlink_total;
        log_fixture_flush(&f);
    } while (log_fixture_end_sync(&f));

    cr_assert_leq(most, TICK_UNLINKS_MAX);
    log_fixture_settle(&f);
    for (int i = 0; i < GOING; i++) {
        char dir[16];
        snprintf(dir, sizeof dir, "o-%d", i);
        cr_assert_eq(memory_env_size(f.memory, dir), -1, "%s is there", dir);
    }
    close_many(logs);
    log_fixture_close(&f);
}

Test(sync, a_record_does_not_wait_behind_deletions)
{
    struct log_fixture f;
    struct log *logs[GOING];
    log_fixture_open(&f, 0);
    delete_many(&f, logs);
    log_fixture_flush(&f);

    fixture_append(&f, 1, 1, 10, NULL);
    log_fixture_flush(&f);
    log_fixture_end_sync(&f);
    log_fixture_flush(&f);
    log_fixture_end_sync(&f);

    cr_assert_eq(log_ends(f.log)->durable, 1);
    cr_assert_geq(memory_env_size(f.memory, "o-99"), 0);
    close_many(logs);
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

static void append_and_sync(struct log_fixture *f, mono_ms after)
{
    f->memory->now += after;
    fixture_append(f, 1, 1, 10, NULL);
    log_fixture_flush(f);
    log_fixture_end_sync(f);
}

/* Else each record would wait for two syncs, one after the other. */
Test(sync, marks_join_one_group_of_many)
{
    enum { GROUPS = 10, APART_MS = SYNC_MARKS_DELAY_MS / GROUPS };
    struct log_fixture f;
    log_fixture_open(&f, 0);
    log_fixture_settle(&f);
    append_and_sync(&f, SYNC_MARKS_DELAY_MS); /* Its marks are due that much later. */
    append_and_sync(&f, 0);                   /* With the names of the first one's files. */
    uint32_t syncs = f.memory->sync_total, files = f.memory->sync_files_total;

    for (int i = 1; i < GROUPS; i++)
        append_and_sync(&f, APART_MS);
    cr_assert_eq(f.memory->sync_total - syncs, GROUPS - 1);
    cr_assert_eq(f.memory->sync_files_total - files, GROUPS - 1);
    cr_assert_eq(log_ends(f.log)->durable, GROUPS + 1);

    append_and_sync(&f, APART_MS);
    cr_assert_gt(f.memory->sync_files_total - files, GROUPS, "no marks have left");
    log_fixture_close(&f);
}

Test(sync, marks_leave_by_themselves_within_their_delay)
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

Test(sync, marks_may_be_dropped_while_they_are_told)
{
    struct log_fixture f;
    char dir[16];
    struct partition_key key;
    uint32_t cursor = 0, count = 0;
    log_fixture_open(&f, 0);
    for (int i = 0; i < 40; i++) {
        snprintf(dir, sizeof dir, "o-%d", i);
        struct log *other = open_other(&f, i, dir);
        append_to(other);
        log_fixture_settle(&f);
        log_close(other);
    }

    for (; sync_next_mark(f.sync, &cursor, &key); count++)
        sync_drop_mark(f.sync, key);
    log_fixture_settle(&f);
    cursor = 0;

    cr_assert_eq(count, 40);
    cr_assert_not(sync_next_mark(f.sync, &cursor, &key));
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

/* What a start after a power loss finds to be committed: of five records four were, and perhaps
 * the log was cut to two then, and has grown again. */
static log_offset committed_at_the_next_start(enum log_class class, bool is_cut)
{
    struct log_fixture f;
    bool done;
    log_fixture_open(&f, 0);
    log_fixture_stop(&f, true);
    f.config.durability = class;
    log_fixture_start(&f);
    for (int i = 0; i < 5; i++)
        cr_assert_eq(fixture_append(&f, 1, 1, 10, NULL), ERR_NONE);
    log_fixture_settle(&f);
    log_commit(f.log, 4);
    log_fixture_settle(&f);
    if (is_cut) {
        cr_assert_eq(log_truncate(f.log, 2, true, &done), ERR_NONE);
        log_fixture_settle(&f);
        cr_assert_eq(fixture_append(&f, 2, 9, 10, NULL), ERR_NONE);
        log_fixture_settle(&f);
    }

    log_fixture_power_loss(&f, NULL);
    log_fixture_settle(&f);
    log_offset before = log_ends(f.log)->committed, found = log_commit_marked(f.log);

    cr_assert_eq(before, 0);
    cr_assert_eq(log_ends(f.log)->committed, found);
    log_fixture_close(&f);
    return found;
}

Test(sync, marks_tell_the_next_start_what_was_committed)
{
    cr_assert_eq(committed_at_the_next_start(LOG_CLASS_SYNCED, false), 4);
}

Test(sync, marks_forget_of_what_was_committed_what_an_unclean_election_took)
{
    cr_assert_eq(committed_at_the_next_start(LOG_CLASS_SYNCED, true), 2);
}

Test(sync, nothing_is_taken_for_committed_that_a_power_loss_may_have_taken)
{
    cr_assert_eq(committed_at_the_next_start(LOG_CLASS_PAGE_CACHE, false), 0);
}

Test(sync, a_commit_alone_makes_the_marks_leave_within_their_delay_and_only_once)
{
    struct log_fixture f;
    log_fixture_open(&f, 0);
    fixture_append(&f, 1, 1, 10, NULL);
    log_fixture_settle(&f);
    uint32_t before = f.memory->sync_total;

    log_commit(f.log, 1);
    mono_ms due = sync_deadline(f.sync);
    log_fixture_flush(&f);
    uint32_t at_once = f.memory->sync_total;
    log_fixture_settle(&f);
    log_commit(f.log, 1);

    cr_assert_leq(due, f.memory->now + SYNC_MARKS_DELAY_MS);
    cr_assert_eq(at_once, before);
    cr_assert_eq(f.memory->sync_total, before + 1);
    cr_assert_eq(sync_deadline(f.sync), MONO_NEVER);
    log_fixture_close(&f);
}

/* Of the first of the two, which knew nothing of committed. */
/* Marks as a run of an older version has left them: `size` bytes each, all of it synced. */
static void leave_old_marks(struct log_fixture *f, uint8_t version, uint32_t size)
{
    struct slots *slots;
    struct slots_config config = {.path = "marks-0", .kind = 0x4d41524b, .reserve = 64 << 10};
    uint8_t payload[8 + 48] = {0, version, [7] = 1};
    log_fixture_open(f, 0);
    fixture_append(f, 1, 3, 10, NULL);
    log_fixture_settle(f);
    log_commit(f->log, 3);
    log_fixture_stop(f, true);
    memcpy(payload + 8, fixture_key.topic_id.bytes, 16);
    store_be32(payload + 24, (uint32_t)fixture_key.index);
    store_be32(payload + 28, 1);
    store_be64(payload + 40, 3);
    store_be64(payload + 48, 2);
    cr_assert_eq(slots_open(&slots, &f->memory->env, &config), ERR_NONE);
    for (int i = 0; i < 2; i++) { /* The value that is found is synced first. */
        file_id files[SLOTS_SYNC_FILES_MAX];
        if (i == 1)
            cr_assert_eq(slots_write(slots, (struct bytes){payload, 8 + size}), ERR_NONE);
        slots_sync_files(slots, files);
        cr_assert_eq(slots_on_synced(slots, ERR_NONE), ERR_NONE);
    }
    slots_close(slots);
}

Test(sync, reads_marks_of_version_1_which_know_nothing_to_be_committed)
{
    struct log_fixture f;
    leave_old_marks(&f, 1, 40);

    log_fixture_start(&f);

    cr_assert_eq(f.memory->last_probe[PROBE_LOG_OPEN].other, 3);
    cr_assert_eq(log_commit_marked(f.log), 0);
    log_fixture_close(&f);
}

Test(sync, reads_marks_of_version_2_which_know_nothing_to_be_clean)
{
    struct log_fixture f;
    leave_old_marks(&f, 2, 48);

    log_fixture_start(&f);

    cr_assert_eq(f.memory->last_probe[PROBE_LOG_OPEN].other, 3);
    cr_assert_eq(log_commit_marked(f.log), 2);
    cr_assert_eq(sync_mark(f.sync, fixture_key)->clean, 0);
    log_fixture_close(&f);
}
