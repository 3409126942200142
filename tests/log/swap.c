/* swap.c -- a compaction that is cut short anywhere leaves the old segments or the new one.
 *
 * Each key of the history is written in every batch of its round, so that what is readable
 * tells at once whether a record was lost: of each key the last value must be there. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "log_fixture.h"
#include "log_internal.h"

enum { KEYS = 4, STATES_MAX = 700, SEGMENT_SIZE = 1200 };

static struct buf *round_batch(uint32_t round)
{
    struct batch_record records[KEYS];
    static const char keys[] = "abcd";
    char values[KEYS][120];
    struct batch_spec spec = batch_spec(0, -1, 1000);

    for (uint32_t i = 0; i < KEYS; i++) {
        int size = snprintf(values[i], sizeof values[i], "%c in round %u %080u", keys[i], round, 0);
        records[i] = (struct batch_record){
            .key = {.data = (const uint8_t *)keys + i, .size = 1},
            .value = {.data = (const uint8_t *)values[i], .size = (uint32_t)size}};
    }
    return batch_build(&spec, records, KEYS);
}

static void append_rounds(struct log_fixture *f, uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++)
        cr_assert_eq(fixture_append_buf(f, 1, round_batch(i), NULL), ERR_NONE);
    log_fixture_settle(f);
    (void)log_commit(f->log, log_ends(f->log)->durable);
}

/* The round that each key was last seen in, over all that the log holds. */
static void read_rounds(struct log_fixture *f, uint32_t rounds[KEYS], uint32_t *record_count)
{
    const struct log_ends *ends = log_ends(f->log);
    struct batch_walk walk;
    struct batch_record record;
    struct batch_info info;
    struct bytes batch;

    *record_count = 0;
    for (uint32_t i = 0; i < KEYS; i++)
        rounds[i] = UINT32_MAX;
    for (log_offset at = ends->start; at < ends->end;) {
        struct buf *buf = NULL;
        cr_assert_eq(log_read(f->log, at, 1, LOG_BOUND_WRITTEN, &buf), ERR_NONE);
        cr_assert_not_null(buf);
        struct bytes rest = {.data = buf->data, .size = buf->size};
        cr_assert_eq(batch_next(&rest, &info, &batch), ERR_NONE);
        cr_assert_eq(batch_walk_start(&walk, batch), ERR_NONE);
        while (batch_walk_next(&walk, &record) == ERR_NONE) {
            cr_assert_eq(record.offset % KEYS, *record.key.data - 'a');
            rounds[record.offset % KEYS] = (uint32_t)(record.offset / KEYS);
            ++*record_count;
        }
        at = batch_end(&info);
        buf_unref(buf);
    }
}

static void check_content(struct log_fixture *f, uint32_t last_round)
{
    uint32_t rounds[KEYS], count;

    cr_assert_eq(log_error(f->log), ERR_NONE, "%s", log_error_text(f->log));
    read_rounds(f, rounds, &count);
    for (uint32_t i = 0; i < KEYS; i++)
        cr_assert_eq(rounds[i], last_round);
}

static bool has_leftovers(struct log_fixture *f)
{
    struct arena arena = {0};
    const char **names;
    uint32_t count;
    bool found = false;

    cr_assert_eq(env_list(&f->memory->env, "t-7", &arena, &names, &count), ERR_NONE);
    for (uint32_t i = 0; i < count; i++)
        found = found || strstr(names[i], ".cleaned") || strstr(names[i], ".swap");
    arena_free(&arena);
    return found;
}

/* Start in one state, look, go on, lose power again. */
static void check_state(const struct log_fixture *from, const enum memory_fate *fates,
                        uint32_t last_round)
{
    struct log_fixture f = {.config = from->config, .wall = from->wall};

    f.memory = memory_env_power_loss(from->memory, fates);
    log_fixture_start(&f);
    check_content(&f, last_round);
    log_fixture_settle(&f);
    cr_assert(log_is_ready(f.log));
    cr_assert_not(has_leftovers(&f));
    append_rounds(&f, last_round + 1, 1);
    log_fixture_power_loss(&f, NULL);
    check_content(&f, last_round + 1);
    cr_assert_not(has_leftovers(&f));
    log_fixture_close(&f);
}

static uint32_t check_states(const struct log_fixture *f, uint32_t last_round, uint64_t seed)
{
    enum memory_fate fates[512];
    uint32_t count = f->memory->op_count;
    uint64_t all = 1;
    struct rand rand;

    cr_assert_lt(count, 512);
    rand_init(&rand, seed);
    for (uint32_t i = 0; i < count && all <= STATES_MAX; i++)
        all *= MEMORY_FATES;
    bool is_sample = all > STATES_MAX;
    uint32_t states = is_sample ? STATES_MAX : (uint32_t)all;
    for (uint32_t i = 0; i < states; i++) {
        uint64_t code = i;
        for (uint32_t k = 0; k < count; k++, code /= MEMORY_FATES)
            fates[k] = (enum memory_fate)(is_sample ? rand_below(&rand, MEMORY_FATES)
                                                    : code % MEMORY_FATES);
        check_state(f, fates, last_round);
    }
    return states;
}

Test(swap, power_loss_anywhere_leaves_every_last_value, .timeout = 300)
{
    struct log_fixture f;
    uint32_t states = 0, last = 9;

    log_fixture_open_compacted(&f, SEGMENT_SIZE, 100);
    append_rounds(&f, 0, last + 1);
    cr_assert_gt(f.log->segment_count, 4);
    uint64_t size = log_size(f.log);
    f.memory->now += f.cleans.backoff_ms;
    while (log_fixture_is_cleaning(&f)) {
        log_fixture_clean_once(&f);
        states += check_states(&f, last, states + 1);
        log_fixture_flush(&f);
        if (log_fixture_end_sync(&f))
            states += check_states(&f, last, states + 1);
    }

    cr_assert_gt(states, 2000);
    cr_assert_lt(log_size(f.log), size / 2);
    check_content(&f, last);
    log_fixture_close(&f);
}

/* Ticks until the swap stands at `phase`: 1 begun, 2 replaced. */
static void reach_swap(struct log_fixture *f, int phase)
{
    f->memory->now += f->cleans.backoff_ms;
    for (int i = 0; i < 10000; i++) {
        log_fixture_clean_once(f);
        if (f->log->swap.segment && (phase == 1 || f->log->swap.is_replaced))
            return;
        log_fixture_flush(f);
        (void)log_fixture_end_sync(f);
    }
    cr_assert_fail("no swap began");
}

Test(swap, a_kill_in_the_midst_of_it_is_made_good_at_the_next_start)
{
    for (int phase = 1; phase <= 2; phase++) {
        struct log_fixture f;
        log_fixture_open_compacted(&f, SEGMENT_SIZE, 100);
        append_rounds(&f, 0, 10);
        reach_swap(&f, phase);
        cr_assert(has_leftovers(&f));

        log_fixture_stop(&f, false);
        log_fixture_start(&f);
        check_content(&f, 9);
        log_fixture_settle(&f);

        cr_assert(log_is_ready(f.log));
        cr_assert_not(has_leftovers(&f));
        check_content(&f, 9);
        log_fixture_close(&f);
    }
}

/* What a start resumes may be lost again. */
Test(swap, power_loss_after_a_kill_in_the_midst_of_it_leaves_every_last_value, .timeout = 300)
{
    uint32_t states = 0;

    for (int phase = 1; phase <= 2; phase++) {
        struct log_fixture f;
        log_fixture_open_compacted(&f, SEGMENT_SIZE, 100);
        append_rounds(&f, 0, 10);
        reach_swap(&f, phase);
        log_fixture_stop(&f, false);
        log_fixture_start(&f);
        do {
            states += check_states(&f, 9, states + 1);
            log_fixture_flush(&f);
            states += check_states(&f, 9, states + 1);
        } while (log_fixture_end_sync(&f));
        log_fixture_close(&f);
    }
    cr_assert_gt(states, 500);
}

Test(swap, readers_go_on_in_the_files_that_they_were_given)
{
    struct log_fixture f;
    struct log_extent before, after;
    struct batch_info info;
    uint8_t old[SEGMENT_SIZE], again[SEGMENT_SIZE];
    log_fixture_open_compacted(&f, SEGMENT_SIZE, 100);
    append_rounds(&f, 0, 10);
    cr_assert_eq(log_find(f.log, 0, 400, LOG_BOUND_COMMITTED, &before), ERR_NONE);
    cr_assert_leq(before.size, sizeof old);
    cr_assert_eq(env_read(&f.memory->env, before.file, before.position, old, before.size),
                 before.size);
    env_hold(&f.memory->env, before.file);

    log_fixture_clean(&f);

    cr_assert_eq(env_read(&f.memory->env, before.file, before.position, again, before.size),
                 before.size);
    cr_assert_eq(memcmp(old, again, before.size), 0);
    env_close(&f.memory->env, before.file);
    cr_assert_eq(log_find(f.log, 0, 400, LOG_BOUND_COMMITTED, &after), ERR_NONE);
    cr_assert_neq(after.file, before.file);
    cr_assert_leq(after.size, sizeof again);
    cr_assert_eq(env_read(&f.memory->env, after.file, after.position, again, after.size),
                 after.size);
    cr_assert_eq(batch_read((struct bytes){.data = again, .size = after.size}, &info), ERR_NONE);
    cr_assert_eq(info.record_count, 0); /* What stood there is superseded. */
    log_fixture_close(&f);
}

/* Seed 2299: a replica that had copied the log believed that an epoch reached further than it did,
 * led, and took a diverged follower's end for its own. */
Test(swap, tells_who_copies_the_log_where_an_epoch_began)
{
    enum { FIRST = 4, COUNT = 15 };
    struct log_fixture f;
    struct batch_info info;
    struct buf *buf = NULL;
    log_fixture_open_compacted(&f, SEGMENT_SIZE, 100);
    append_rounds(&f, 0, FIRST);
    for (uint32_t i = FIRST; i < COUNT; i++)
        cr_assert_eq(fixture_append_buf(&f, 2, round_batch(i), NULL), ERR_NONE);
    log_fixture_settle(&f);
    (void)log_commit(f.log, log_ends(f.log)->durable);

    log_fixture_clean(&f);

    cr_assert_eq(log_read(f.log, KEYS * FIRST, 1, LOG_BOUND_WRITTEN, &buf), ERR_NONE);
    cr_assert_eq(batch_read((struct bytes){.data = buf->data, .size = buf->size}, &info), ERR_NONE);
    cr_assert_eq(info.base, KEYS * FIRST);
    cr_assert_eq(info.epoch, 2);
    cr_assert_eq(info.record_count, 0);
    buf_unref(buf);
    log_fixture_close(&f);
}

Test(swap, a_truncation_below_its_end_waits_for_it)
{
    struct log_fixture f;
    bool done;
    log_fixture_open_compacted(&f, SEGMENT_SIZE, 100);
    append_rounds(&f, 0, 10);
    reach_swap(&f, 2);
    log_offset end = f.log->swap.end;

    cr_assert_eq(log_truncate(f.log, end - 1, true, &done), ERR_BUSY);
    cr_assert_eq(log_truncate(f.log, log_ends(f.log)->end - 1, true, &done), ERR_NONE);
    log_fixture_clean(&f);
    cr_assert_null(f.log->swap.segment);
    cr_assert_eq(log_truncate(f.log, end - 1, true, &done), ERR_NONE);
    log_fixture_settle(&f);

    cr_assert(log_is_ready(f.log));
    cr_assert_leq(f.log->clean_end, log_ends(f.log)->end);
    log_fixture_stop(&f, false);
    log_fixture_start(&f);
    cr_assert_eq(log_error(f.log), ERR_NONE, "%s", log_error_text(f.log));
    log_fixture_close(&f);
}

Test(swap, a_reset_or_a_deletion_forgets_it)
{
    for (int phase = 1; phase <= 2; phase++) {
        struct log_fixture f;
        log_fixture_open_compacted(&f, SEGMENT_SIZE, 100);
        append_rounds(&f, 0, 10);
        reach_swap(&f, phase);

        cr_assert_eq(log_reset(f.log, 70), ERR_NONE);
        log_fixture_clean(&f);

        cr_assert(log_is_ready(f.log));
        cr_assert_not(has_leftovers(&f));
        log_fixture_power_loss(&f, NULL);
        cr_assert_eq(log_ends(f.log)->start, 70);
        log_fixture_settle(&f);
        log_delete(f.log);
        log_fixture_clean(&f);
        cr_assert_eq(f.deleted_told, 1);
        log_fixture_close(&f);
    }
}

/* A log whose cleaner lets go of it, as by a change of cleanup.policy, once a swap has begun. */
static void open_let_go(struct log_fixture *f, int phase)
{
    log_fixture_open_compacted(f, SEGMENT_SIZE, 100);
    append_rounds(f, 0, 10);
    reach_swap(f, phase);
    cleaner_remove(f->cleaner, f->log);
}

Test(swap, goes_to_its_end_when_its_log_is_not_compacted_any_more)
{
    for (int phase = 1; phase <= 2; phase++) {
        struct log_fixture f;
        open_let_go(&f, phase);

        log_fixture_settle(&f);

        cr_assert_null(f.log->swap.segment);
        cr_assert_not(has_leftovers(&f));
        check_content(&f, 9);
        log_fixture_close(&f);
    }
}

Test(swap, leaves_no_record_to_the_next_start_that_was_readable_before_it)
{
    for (int phase = 1; phase <= 2; phase++) {
        struct log_fixture f;
        uint32_t rounds[KEYS], before, after;
        open_let_go(&f, phase);
        log_fixture_settle(&f);
        read_rounds(&f, rounds, &before);

        log_fixture_power_loss(&f, NULL);

        read_rounds(&f, rounds, &after);
        cr_assert_eq(after, before);
        log_fixture_close(&f);
    }
}

Test(swap, holds_up_no_truncation_when_its_log_is_not_compacted_any_more)
{
    for (int phase = 1; phase <= 2; phase++) {
        struct log_fixture f;
        bool done;
        open_let_go(&f, phase);
        log_fixture_settle(&f);

        cr_assert_eq(log_truncate(f.log, 2, true, &done), ERR_NONE);
        log_fixture_settle(&f);

        cr_assert(log_is_ready(f.log));
        log_fixture_close(&f);
    }
}

Test(swap, holds_up_no_retirement_when_its_log_is_not_compacted_any_more)
{
    for (int phase = 1; phase <= 2; phase++) {
        struct log_fixture f;
        open_let_go(&f, phase);
        log_fixture_settle(&f);

        (void)log_retire(f.log, log_ends(f.log)->committed);
        log_fixture_settle(&f);
        for (int i = 0; i < 10; i++)
            (void)log_unlink_retired(f.log, f.memory->now, 0);

        cr_assert_eq(f.log->segment_count, 1);
        log_fixture_close(&f);
    }
}

Test(swap, holds_up_no_compaction_when_its_log_is_compacted_again)
{
    for (int phase = 1; phase <= 2; phase++) {
        struct log_fixture f;
        struct cleaner_stats stats;
        open_let_go(&f, phase);
        cleaner_add(f.cleaner, f.log);
        log_fixture_clean(&f);
        append_rounds(&f, 10, 10);

        log_fixture_clean(&f);

        cleaner_read_stats(f.cleaner, f.memory->now, &stats);
        cr_assert_geq(stats.runs, 1);
        cr_assert_gt(f.log->clean_end, 10 * KEYS);
        check_content(&f, 19);
        log_fixture_close(&f);
    }
}

Test(swap, power_loss_after_its_log_was_let_go_leaves_every_last_value, .timeout = 300)
{
    for (int phase = 1; phase <= 2; phase++) {
        struct log_fixture f;
        uint32_t states = 0;
        open_let_go(&f, phase);

        do {
            states += check_states(&f, 9, states + 1);
            log_fixture_flush(&f);
            states += check_states(&f, 9, states + 1);
        } while (log_fixture_end_sync(&f));

        cr_assert_gt(states, 10);
        log_fixture_close(&f);
    }
}

Test(swap, a_sync_of_it_that_fails_takes_the_log_offline_and_loses_nothing)
{
    for (int phase = 1; phase <= 2; phase++) {
        struct log_fixture f;
        log_fixture_open_compacted(&f, SEGMENT_SIZE, 100);
        append_rounds(&f, 0, 10);
        reach_swap(&f, phase);
        f.memory->fails_sync = true;
        log_fixture_flush(&f);
        cr_assert(log_fixture_end_sync(&f));
        cr_assert_eq(log_error(f.log), ERR_IO);

        log_fixture_power_loss(&f, NULL);

        check_content(&f, 9);
        log_fixture_close(&f);
    }
}
