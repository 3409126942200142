/* crash.c -- every state that power loss can leave: no synced record is lost, none is invented.
 *
 * A scenario is a list of steps. After each of them the disk is asked for all states that its
 * waiting operations allow; each is recovered, compared with what was appended, settled,
 * written to, and loses power once more. */
#include <criterion/criterion.h>

#include "log_fixture.h"

enum { BATCHES_MAX = 32, STATES_OF_STEP_MAX = 800, RECORDS_OF_BATCH = 2 };

enum step_kind {
    APPEND,
    NEW_EPOCH,
    FLUSH,
    END_SYNC,
    SETTLE,
    TRUNCATE,
    RESET,
    RETIRE,
    UNLINK,
    CLEAN_RESTART,
    KILL_RESTART,
    END
};

struct step {
    enum step_kind kind;
    int32_t value; /* Offset, or size of the values. */
};

/* What was appended, in order; a truncation shortens it. */
struct history {
    struct buf *batches[BATCHES_MAX];
    uint32_t count;
    log_offset start;
};

struct run {
    struct log_fixture fixture;
    struct history now, before; /* `before`: as it was before a change that is not durable yet. */
    bool has_before;
    bool retires;
    log_offset start_least; /* A start that was known to be durable. */
    log_epoch epoch;
    int64_t serial;
    uint32_t states;
};

static void history_free(struct history *history)
{
    for (uint32_t i = 0; i < history->count; i++)
        buf_unref(history->batches[i]);
    history->count = 0;
}

static void history_copy(struct history *to, const struct history *from)
{
    history_free(to);
    *to = *from;
    for (uint32_t i = 0; i < to->count; i++)
        buf_ref(to->batches[i]);
}

static struct buf *make_batch(int64_t serial, uint32_t size)
{
    struct batch_record records[RECORDS_OF_BATCH];
    uint8_t value[4096];
    struct batch_spec spec = batch_spec(0, -1, serial);

    memset(value, (int)('a' + serial % 26), sizeof value);
    for (int i = 0; i < RECORDS_OF_BATCH; i++)
        records[i] = (struct batch_record){.value = {.data = value, .size = size}};
    spec.producer_id = 5;
    spec.producer_epoch = (int16_t)serial; /* Each a new epoch: always in sequence. */
    spec.base_sequence = 0;
    return batch_build(&spec, records, RECORDS_OF_BATCH);
}

static enum err append(struct log_fixture *fixture, log_epoch epoch, struct buf *batch)
{
    return fixture_append_buf(fixture, epoch, buf_ref(batch), NULL);
}

/* All that the log holds is what `history` has at its offset. */
static bool is_part_of(struct log_fixture *fixture, const struct history *history)
{
    const struct log_ends *ends = log_ends(fixture->log);

    for (log_offset at = ends->start; at < ends->end;) {
        uint64_t count = (uint64_t)(at - history->start) / RECORDS_OF_BATCH;
        struct buf *buf = NULL;
        cr_assert_eq(log_read(fixture->log, at, 1, LOG_BOUND_WRITTEN, &buf), ERR_NONE);
        cr_assert_not_null(buf);
        struct batch_info info;
        cr_assert_eq(batch_read((struct bytes){buf->data, buf->size}, &info), ERR_NONE);
        cr_assert_eq(log_epoch_of(fixture->log, at), info.epoch);
        bool same = count < history->count && buf->size == history->batches[count]->size &&
                    memcmp(buf->data, history->batches[count]->data, buf->size) == 0;
        buf_unref(buf);
        if (!same)
            return false;
        at += RECORDS_OF_BATCH;
    }
    return true;
}

static bool is_right_start(const struct run *run, log_offset start)
{
    if (run->has_before && start == run->before.start)
        return true;
    if (!run->retires)
        return start == run->now.start;
    return start >= run->start_least && start <= log_ends(run->fixture.log)->start;
}

/* Recover one state and live on in it. */
static void check_state(const struct run *run, const enum memory_fate *fates)
{
    struct log_fixture f = {.config = run->fixture.config};
    log_offset promised = log_ends(run->fixture.log)->durable;

    f.memory = memory_env_power_loss(run->fixture.memory, fates);
    log_fixture_start(&f);
    cr_assert_eq(log_error(f.log), ERR_NONE, "%s", log_error_text(f.log));
    cr_assert(is_right_start(run, log_ends(f.log)->start));
    cr_assert(is_part_of(&f, &run->now) || (run->has_before && is_part_of(&f, &run->before)));
    if (log_is_ready(run->fixture.log))
        cr_assert_geq(log_ends(f.log)->end, promised);
    log_fixture_settle(&f);
    cr_assert(log_is_ready(f.log));
    cr_assert_eq(log_ends(f.log)->durable, log_ends(f.log)->end);
    cr_assert_eq(log_start_synced(f.log), log_ends(f.log)->start);
    (void)log_unlink_retired(f.log, f.memory->now, 0);

    struct buf *batch = make_batch(run->serial + 1000, 100);
    cr_assert_eq(append(&f, run->epoch + 1, batch), ERR_NONE);
    log_fixture_settle(&f);
    log_offset end = log_ends(f.log)->end;
    log_fixture_power_loss(&f, NULL);
    cr_assert_eq(log_error(f.log), ERR_NONE, "%s", log_error_text(f.log));
    cr_assert_eq(log_ends(f.log)->end, end);
    cr_assert_eq(log_last_epoch(f.log), run->epoch + 1);
    buf_unref(batch);
    log_fixture_close(&f);
}

static uint64_t power(uint64_t base, uint32_t exponent)
{
    uint64_t result = 1;
    for (uint32_t i = 0; i < exponent && result < UINT64_MAX / base; i++)
        result *= base;
    return result;
}

/* All states where they are few, else a sample of them. */
static void check_states(struct run *run)
{
    enum memory_fate fates[256];
    uint32_t count = run->fixture.memory->op_count;
    uint64_t all = power(MEMORY_FATES, count);
    struct rand rand;

    cr_assert_lt(count, 256);
    rand_init(&rand, (uint64_t)run->serial);
    bool is_sample = all > STATES_OF_STEP_MAX;
    uint32_t states = is_sample ? STATES_OF_STEP_MAX : (uint32_t)all;
    for (uint32_t i = 0; i < states; i++) {
        uint64_t code = i;
        for (uint32_t k = 0; k < count; k++, code /= MEMORY_FATES)
            fates[k] = (enum memory_fate)(is_sample ? rand_below(&rand, MEMORY_FATES)
                                                    : code % MEMORY_FATES);
        check_state(run, fates);
        run->states++;
    }
}

static void cut_history(struct run *run, log_offset offset)
{
    history_copy(&run->before, &run->now);
    run->has_before = true;
    while (run->now.start + (log_offset)run->now.count * RECORDS_OF_BATCH > offset &&
           run->now.count > 0)
        buf_unref(run->now.batches[--run->now.count]);
    run->epoch++;
}

static void restart(struct run *run, bool clean)
{
    log_fixture_stop(&run->fixture, clean);
    log_fixture_start(&run->fixture);
}

static void take_step(struct run *run, const struct step *step)
{
    struct log_fixture *f = &run->fixture;
    struct buf *batch;
    bool done;

    switch (step->kind) {
    case APPEND:
        batch = make_batch(run->serial++, (uint32_t)step->value);
        cr_assert_eq(append(f, run->epoch, batch), ERR_NONE);
        run->now.batches[run->now.count++] = batch;
        break;
    case NEW_EPOCH:
        run->epoch++;
        break;
    case FLUSH:
        log_fixture_flush(f);
        break;
    case END_SYNC:
        (void)log_fixture_end_sync(f);
        break;
    case SETTLE:
        log_fixture_settle(f);
        break;
    case TRUNCATE:
        cut_history(run, step->value);
        cr_assert_eq(log_truncate(f->log, step->value, true, &done), ERR_NONE);
        break;
    case RESET:
        cut_history(run, 0);
        run->now.start = step->value;
        cr_assert_eq(log_reset(f->log, step->value), ERR_NONE);
        break;
    case RETIRE:
        log_commit(f->log, INT64_MAX);
        cr_assert_eq(log_retire(f->log, step->value), step->value);
        run->retires = true;
        break;
    case UNLINK:
        (void)log_unlink_retired(f->log, f->memory->now, 0);
        break;
    case CLEAN_RESTART:
    case KILL_RESTART:
        restart(run, step->kind == CLEAN_RESTART);
        break;
    case END:
        break;
    }
    if (log_is_ready(f->log))
        run->has_before = false;
    if (log_start_synced(f->log) > run->start_least)
        run->start_least = log_start_synced(f->log);
}

static uint32_t run_steps(const struct step *steps, uint32_t segment_size)
{
    struct run run = {.epoch = 1};

    log_fixture_open(&run.fixture, segment_size);
    for (; steps->kind != END; steps++) {
        take_step(&run, steps);
        check_states(&run);
    }
    history_free(&run.now);
    history_free(&run.before);
    log_fixture_close(&run.fixture);
    return run.states;
}

Test(crash, appends_keep_what_was_synced)
{
    static const struct step steps[] = {
        {FLUSH, 0},  {END_SYNC, 0},     {APPEND, 100}, {FLUSH, 0},    {APPEND, 700}, {END_SYNC, 0},
        {FLUSH, 0},  {END_SYNC, 0},     {APPEND, 700}, {APPEND, 100}, {FLUSH, 0},    {END_SYNC, 0},
        {SETTLE, 0}, {KILL_RESTART, 0}, {SETTLE, 0},   {APPEND, 50},  {FLUSH, 0},    {END, 0}};
    cr_assert_gt(run_steps(steps, 0), 1000);
}

Test(crash, epochs_are_known_whatever_became_of_their_file)
{
    static const struct step steps[] = {
        {APPEND, 100}, {SETTLE, 0},   {NEW_EPOCH, 0}, {APPEND, 100},  {FLUSH, 0},    {END_SYNC, 0},
        {APPEND, 100}, {FLUSH, 0},    {END_SYNC, 0},  {FLUSH, 0},     {END_SYNC, 0}, {NEW_EPOCH, 0},
        {APPEND, 100}, {APPEND, 100}, {FLUSH, 0},     {NEW_EPOCH, 0}, {APPEND, 100}, {END_SYNC, 0},
        {FLUSH, 0},    {END_SYNC, 0}, {SETTLE, 0},    {END, 0}};
    cr_assert_gt(run_steps(steps, 400), 500);
}

Test(crash, a_kill_before_the_sync_and_power_loss_after_it)
{
    static const struct step steps[] = {{APPEND, 100},     {SETTLE, 0}, {APPEND, 100}, {FLUSH, 0},
                                        {KILL_RESTART, 0}, {FLUSH, 0},  {END_SYNC, 0}, {FLUSH, 0},
                                        {END_SYNC, 0},     {END, 0}};
    cr_assert_gt(run_steps(steps, 0), 200);
}

Test(crash, rolls_keep_what_was_synced)
{
    static const struct step steps[] = {
        {APPEND, 500},      {SETTLE, 0}, {APPEND, 500}, {APPEND, 500}, {FLUSH, 0}, {END_SYNC, 0},
        {APPEND, 500},      {FLUSH, 0},  {APPEND, 500}, {END_SYNC, 0}, {FLUSH, 0}, {END_SYNC, 0},
        {CLEAN_RESTART, 0}, {SETTLE, 0}, {APPEND, 500}, {FLUSH, 0},    {END, 0}};
    cr_assert_gt(run_steps(steps, 1500), 1000);
}

Test(crash, rule_7_truncations_never_mix_old_and_new_records)
{
    static const struct step steps[] = {
        {APPEND, 300}, {APPEND, 300}, {APPEND, 300}, {SETTLE, 0},   {APPEND, 300}, {FLUSH, 0},
        {TRUNCATE, 4}, {END_SYNC, 0}, {FLUSH, 0},    {END_SYNC, 0}, {FLUSH, 0},    {END_SYNC, 0},
        {FLUSH, 0},    {END_SYNC, 0}, {SETTLE, 0},   {APPEND, 300}, {APPEND, 300}, {FLUSH, 0},
        {END_SYNC, 0}, {SETTLE, 0},   {END, 0}};
    cr_assert_gt(run_steps(steps, 0), 500);
}

/* The file is short already when the next process reads it, and not for good. */
Test(crash, rule_7_a_truncation_that_a_kill_has_cut_short_is_made_durable_first)
{
    static const struct step steps[] = {
        {APPEND, 300},  {APPEND, 300}, {APPEND, 300}, {APPEND, 300},     {SETTLE, 0}, {TRUNCATE, 4},
        {FLUSH, 0},     {END_SYNC, 0}, {FLUSH, 0},    {KILL_RESTART, 0}, {FLUSH, 0},  {END_SYNC, 0},
        {NEW_EPOCH, 0}, {APPEND, 300}, {APPEND, 300}, {FLUSH, 0},        {END, 0}};
    cr_assert_gt(run_steps(steps, 0), 100);
}

Test(crash, truncations_across_segments_too)
{
    static const struct step steps[] = {
        {APPEND, 500}, {APPEND, 500}, {APPEND, 500}, {SETTLE, 0},   {TRUNCATE, 2}, {FLUSH, 0},
        {END_SYNC, 0}, {FLUSH, 0},    {END_SYNC, 0}, {FLUSH, 0},    {END_SYNC, 0}, {SETTLE, 0},
        {APPEND, 500}, {APPEND, 500}, {FLUSH, 0},    {END_SYNC, 0}, {SETTLE, 0},   {END, 0}};
    cr_assert_gt(run_steps(steps, 1500), 500);
}

Test(crash, resets_leave_the_old_or_the_new_log)
{
    static const struct step steps[] = {{APPEND, 500}, {APPEND, 500}, {SETTLE, 0}, {RESET, 100},
                                        {FLUSH, 0},    {END_SYNC, 0}, {FLUSH, 0},  {END_SYNC, 0},
                                        {SETTLE, 0},   {APPEND, 100}, {FLUSH, 0},  {END_SYNC, 0},
                                        {SETTLE, 0},   {END, 0}};
    cr_assert_gt(run_steps(steps, 1500), 300);
}

/* A file that is gone before the mark says so would be rot, and a start that is told before it is
 * durable would go back. */
Test(crash, a_start_that_moves_is_the_old_one_or_the_new_one)
{
    static const struct step steps[] = {
        {APPEND, 500}, {APPEND, 500}, {APPEND, 500}, {APPEND, 500}, {SETTLE, 0}, {RETIRE, 4},
        {UNLINK, 0},   {FLUSH, 0},    {UNLINK, 0},   {END_SYNC, 0}, {UNLINK, 0}, {FLUSH, 0},
        {END_SYNC, 0}, {RETIRE, 7},   {FLUSH, 0},    {END_SYNC, 0}, {UNLINK, 0}, {APPEND, 500},
        {FLUSH, 0},    {END_SYNC, 0}, {SETTLE, 0},   {END, 0}};
    cr_assert_gt(run_steps(steps, 1500), 1000);
}

Test(crash, a_log_of_which_all_is_retired_goes_on_where_it_was)
{
    static const struct step steps[] = {{APPEND, 500}, {NEW_EPOCH, 0}, {APPEND, 500}, {SETTLE, 0},
                                        {RETIRE, 4},   {FLUSH, 0},     {END_SYNC, 0}, {UNLINK, 0},
                                        {SETTLE, 0},   {APPEND, 500},  {END_SYNC, 0}, {FLUSH, 0},
                                        {END_SYNC, 0}, {UNLINK, 0},    {SETTLE, 0},   {END, 0}};
    cr_assert_gt(run_steps(steps, 600), 200);
}

Test(crash, a_kill_before_the_start_was_synced_and_power_loss_after_it)
{
    static const struct step steps[] = {
        {APPEND, 500}, {APPEND, 500}, {APPEND, 500},     {SETTLE, 0}, {RETIRE, 4}, {FLUSH, 0},
        {UNLINK, 0},   {UNLINK, 0},   {KILL_RESTART, 0}, {UNLINK, 0}, {FLUSH, 0},  {UNLINK, 0},
        {END_SYNC, 0}, {UNLINK, 0},   {SETTLE, 0},       {UNLINK, 0}, {END, 0}};
    cr_assert_gt(run_steps(steps, 600), 200);
}

/* In each state, a log of the next topic in this directory finds nothing of the old one. */
static void check_successor(const struct log_fixture *deleted, const enum memory_fate *fates)
{
    struct log_fixture f = {.config = deleted->config};
    f.config.key.topic_id.bytes[0] ^= 0x55;
    f.memory = memory_env_power_loss(deleted->memory, fates);

    log_fixture_start(&f);
    if (log_error(f.log) == ERR_EXISTS) { /* It still says whose it is: it can be deleted. */
        log_delete(f.log);
        log_fixture_settle(&f);
        cr_assert_eq(f.deleted_told, 1);
        log_fixture_stop(&f, true);
        log_fixture_start(&f);
    }
    cr_assert_eq(log_error(f.log), ERR_NONE, "%s", log_error_text(f.log));
    cr_assert_eq(log_ends(f.log)->end, 0);
    log_fixture_settle(&f);
    cr_assert_eq(fixture_append(&f, 9, 1, 10, NULL), ERR_NONE);
    log_fixture_settle(&f);
    log_fixture_power_loss(&f, NULL);
    cr_assert_eq(log_ends(f.log)->end, 1);
    cr_assert_eq(log_last_epoch(f.log), 9);
    log_fixture_close(&f);
}

static uint32_t check_successors(const struct log_fixture *deleted)
{
    enum memory_fate fates[64];
    uint32_t count = deleted->memory->op_count, states = 0;

    struct rand rand;

    cr_assert_leq(count, 64);
    rand_init(&rand, count);
    bool is_sample = count > 10;
    for (uint64_t i = 0; i < (is_sample ? 2000 : 1u << count); i++, states++) {
        uint64_t code = is_sample ? rand_u64(&rand) : i;
        for (uint32_t k = 0; k < count; k++)
            fates[k] = code >> k & 1 ? MEMORY_KEPT : MEMORY_LOST;
        check_successor(deleted, fates);
    }
    return states;
}

static void check_each_step_of_deletion(uint32_t segments, uint32_t states_min)
{
    struct log_fixture f;
    uint32_t states = 0;
    log_fixture_open(&f, 1500);
    for (uint32_t i = 0; i < segments; i++)
        fixture_append(&f, 1, 2, 500, NULL);
    log_fixture_settle(&f);

    log_delete(f.log);
    while (f.deleted_told == 0) {
        log_fixture_flush(&f);
        states += check_successors(&f);
        if (log_fixture_end_sync(&f))
            states += check_successors(&f);
    }
    cr_assert_gt(states, states_min);
    log_fixture_close(&f);
}

Test(crash, rule_18_the_next_topic_of_a_name_takes_over_nothing)
{
    check_each_step_of_deletion(3, 100);
}

Test(crash, rule_18_nor_from_a_log_that_went_in_steps)
{
    check_each_step_of_deletion(10, 2000);
}
