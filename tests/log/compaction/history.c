/* history.c -- appends, truncations, crashes and compactions in random order, and main().
 *
 *     log-compactions [--seeds N] [--seed S] [--expect CHECKER]
 *
 * Without --expect the first violation ends the run with code 11; with it, one seed must violate
 * that checker (model.c names them), and what others find proves nothing. */
#include "history.h"

#include <stdio.h>
#include <stdlib.h>

enum { STEPS = 400, BATCH_RECORDS_MAX = 6, VALUE_SIZE_MAX = 400, FATES_MAX = 4096 };

static uint64_t below(struct history *history, uint64_t limit)
{
    return rand_below(&history->rand, limit);
}

static bool chance(struct history *history, uint32_t one_in)
{
    return rand_chance(&history->rand, 1, one_in);
}

/* ---- Appending. */

struct draft {
    struct batch_record records[BATCH_RECORDS_MAX];
    char keys[BATCH_RECORDS_MAX][32];
    char values[BATCH_RECORDS_MAX][VALUE_SIZE_MAX + 32];
    struct written written[BATCH_RECORDS_MAX];
    uint32_t count;
};

static void draft_record(struct history *history, struct draft *draft, uint32_t i)
{
    struct written *written = &draft->written[i];
    char *value = draft->values[i];

    *written = (struct written){.key = (uint32_t)below(history, history->keys),
                                .serial = chance(history, 6) ? 0 : ++history->serial,
                                .timestamp = history->fixture.wall,
                                .seen = -1};
    int key_size = snprintf(draft->keys[i], sizeof draft->keys[i], "key-%u", written->key);
    draft->records[i].key =
        (struct bytes){.data = (uint8_t *)draft->keys[i], .size = (uint32_t)key_size};
    if (written->serial == 0)
        return;
    uint32_t size = (uint32_t)snprintf(value, VALUE_SIZE_MAX, "value-%u ", written->serial);
    uint32_t more = (uint32_t)below(history, VALUE_SIZE_MAX);
    memset(value + size, 'x', more);
    draft->records[i].value = (struct bytes){.data = (uint8_t *)value, .size = size + more};
}

static enum err append_draft(struct history *history, const struct draft *draft,
                             const struct batch_spec *spec, struct log_appended *out)
{
    struct batch_limits limits = {
        .size_max = 1 << 20, .zstd_allowed = true, .now = -1, .reader = history->reader};
    struct batch_form form = {.append_time = -1, .writer = history->writer};
    struct buf *buf = batch_build(spec, draft->records, draft->count);
    struct slice slice = {.buf = buf, .bytes = {.data = buf->data, .size = buf->size}};
    struct batch_refusal refusal;
    struct batch_info info;

    form.codec = chance(history, 3) ? (enum codec_type)below(history, CODEC_ZSTD + 1) : CODEC_NONE;
    for (int i = CODEC_NONE; i <= CODEC_ZSTD; i++)
        form.levels[i] = codec_level_default((enum codec_type)i);
    enum err err = batch_admit(&slice, &limits, &form, &info, &refusal);
    check(err == ERR_NONE);
    err = log_append(history->fixture.log, &slice, &info, history->epoch, out);
    buf_unref(slice.buf);
    return err;
}

static void append(struct history *history)
{
    struct draft draft = {.count = 1 + (uint32_t)below(history, BATCH_RECORDS_MAX)};
    struct batch_spec spec = batch_spec(0, -1, history->fixture.wall);
    struct producer_model *producer = NULL;
    struct log_appended appended;

    if (history->end + BATCH_RECORDS_MAX >= RECORDS_MAX)
        return;
    for (uint32_t i = 0; i < draft.count; i++)
        draft_record(history, &draft, i);
    if (chance(history, 2)) {
        uint32_t id = (uint32_t)below(history, PRODUCERS);
        producer = &history->producers[id];
        spec.producer_id = id;
        spec.producer_epoch = 0;
        spec.base_sequence = producer->next;
    }
    enum err err = append_draft(history, &draft, &spec, &appended);
    if (err == ERR_BUSY)
        return;
    if (err != ERR_NONE || appended.is_duplicate) {
        violate(history, "K7");
        return;
    }
    check(appended.base == history->end);
    memcpy(history->records + history->end, draft.written, draft.count * sizeof *draft.written);
    history->end += draft.count;
    if (producer) {
        producer->next += (int32_t)draft.count;
        producer->last = history->end - 1;
    }
}

/* ---- Losing. */

/* The log has lost its tail, or not: so has the model. Of a producer whose last batch went, or is
 * retired, nobody knows where it stands now but the log. */
static void shorten(struct history *history)
{
    const struct log *log = history->fixture.log;

    history->end = log_ends(log)->end;
    for (uint32_t i = 0; i < PRODUCERS; i++) {
        struct producer_model *producer = &history->producers[i];
        int32_t last = log_last_sequence(log, i, 0);
        if (producer->last >= log_ends(log)->start && producer->last < history->end) {
            if (last + 1 != producer->next)
                violate(history, "K7");
            continue;
        }
        producer->next = last + 1;
        producer->last = -1;
    }
}

static void learn_committed(struct history *history)
{
    log_offset committed = log_commit(history->fixture.log, history->committed);
    if (log_is_ready(history->fixture.log) && committed < history->committed)
        violate(history, "K8");
}

static void come_back(struct history *history, log_offset promised)
{
    struct log *log = history->fixture.log;

    history->was_running = false;
    if (log_error(log) != ERR_NONE) {
        if (getenv("LOG_TEST_TRACE"))
            fprintf(stderr, "%s\n", log_error_text(log));
        violate(history, "K8");
        return;
    }
    log_fixture_settle(&history->fixture);
    if (!log_is_ready(log) || log_ends(log)->end < promised) {
        violate(history, "K8");
        return;
    }
    shorten(history);
    learn_committed(history);
    history->epoch++;
    history->losses++;
}

static void lose_power(struct history *history)
{
    static enum memory_fate fates[FATES_MAX];
    struct log *log = history->fixture.log;
    log_offset promised = log_is_ready(log) ? log_ends(log)->durable : 0;
    uint32_t count = history->fixture.memory->op_count, style = (uint32_t)below(history, 4);

    check(count <= FATES_MAX);
    for (uint32_t i = 0; i < count; i++)
        fates[i] = style == 0   ? MEMORY_LOST
                   : style == 1 ? MEMORY_KEPT
                                : (enum memory_fate)below(history, MEMORY_FATES);
    log_fixture_power_loss(&history->fixture, fates);
    come_back(history, promised);
}

static void restart(struct history *history)
{
    log_offset promised = log_is_ready(history->fixture.log)
                              ? log_ends(history->fixture.log)->durable
                              : history->committed;

    log_fixture_stop(&history->fixture, chance(history, 2));
    log_fixture_start(&history->fixture);
    come_back(history, promised);
}

static void truncate(struct history *history)
{
    log_offset room = history->end - history->committed;
    bool done = false;

    if (room <= 0)
        return;
    log_offset to = history->committed + (log_offset)below(history, (uint64_t)room + 1);
    if (log_truncate(history->fixture.log, to, false, &done) != ERR_NONE)
        return;
    history->truncations++;
    if (chance(history, 2))
        log_fixture_settle(&history->fixture);
    if (log_is_ready(history->fixture.log))
        shorten(history);
    else
        lose_power(history);
    history->epoch++;
}

/* ---- Compacting. */

static void note_run(struct history *history)
{
    struct cleaner_stats stats;

    cleaner_read_stats(history->fixture.cleaner, history->fixture.memory->now, &stats);
    if (stats.map_size > history->fixture.cleans.map_size)
        violate(history, "K6");
    if (stats.uncleanable > 0)
        violate(history, "K8");
    if (!stats.is_running || history->was_running) {
        history->was_running = stats.is_running;
        return;
    }
    history->was_running = true;
    for (log_offset i = 0; i < history->committed; i++)
        if (history->records[i].serial == 0 && history->records[i].seen < 0)
            history->records[i].seen = history->fixture.wall;
}

static void clean_some(struct history *history)
{
    for (uint64_t ticks = 1 + below(history, 12); ticks > 0; ticks--) {
        log_fixture_clean_once(&history->fixture);
        note_run(history);
        if (chance(history, 30)) {
            lose_power(history);
            return;
        }
        if (chance(history, 2))
            (void)log_fixture_end_sync(&history->fixture);
        if (chance(history, 3))
            log_fixture_flush(&history->fixture);
    }
    history->fixture.memory->now += (mono_ms)below(history, 500);
}

static void clean_all(struct history *history)
{
    history->fixture.memory->now += history->fixture.cleans.backoff_ms;
    do {
        log_fixture_clean_once(&history->fixture);
        note_run(history);
        log_fixture_settle(&history->fixture);
    } while (log_fixture_is_cleaning(&history->fixture));
}

/* For a while it is not compacted: what a compaction has begun goes on, or ends. */
static void let_go(struct history *history)
{
    struct log_fixture *f = &history->fixture;

    cleaner_remove(f->cleaner, f->log);
    note_run(history);
    for (uint64_t i = below(history, 4); i > 0; i--) {
        log_fixture_flush(f);
        (void)log_fixture_end_sync(f);
    }
    cleaner_add(f->cleaner, f->log);
}

/* No mark of the start is synced, and often none will be. */
static void clean_at_new_start(struct history *history)
{
    struct log_fixture *f = &history->fixture;

    f->memory->now += f->cleans.backoff_ms;
    for (int i = 0; i < 50; i++) {
        log_fixture_clean_once(f);
        note_run(history);
        (void)log_fixture_end_sync(f);
    }
    if (chance(history, 2))
        restart(history);
}

/* Records go from the start, as retention has them go, and amid compactions. */
static void retire(struct history *history)
{
    struct log_fixture *f = &history->fixture;
    log_offset start = log_ends(f->log)->start;

    if (!log_is_ready(f->log) || history->committed <= start)
        return;
    (void)log_retire(
        f->log, start + (log_offset)below(history, (uint64_t)(history->committed - start)) / 2);
    if (chance(history, 2)) {
        clean_at_new_start(history);
        return;
    }
    log_fixture_settle(f);
    (void)log_unlink_retired(f->log, f->memory->now, 0);
    if (chance(history, 2))
        log_fixture_settle(f);
}

/* A replica that drops what it has, or a topic that is deleted and made anew: of what was there
 * before nothing is known any more. */
static void begin_anew(struct history *history)
{
    struct log_fixture *f = &history->fixture;

    if (!log_is_ready(f->log))
        return;
    if (chance(history, 2)) {
        check(log_reset(f->log, 0) == ERR_NONE);
        log_fixture_settle(f);
    } else {
        log_delete(f->log);
        log_fixture_settle(f);
        log_fixture_stop(f, chance(history, 2));
        f->config.key.topic_id.bytes[15]++;
        log_fixture_start(f);
    }
    history->was_running = false;
    history->end = history->committed = 0;
    for (uint32_t i = 0; i < PRODUCERS; i++)
        history->producers[i] = (struct producer_model){.last = -1};
}

static void commit(struct history *history)
{
    const struct log_ends *ends = log_ends(history->fixture.log);
    log_offset room = ends->durable - history->committed;

    if (room > 0)
        history->committed += (log_offset)below(history, (uint64_t)room + 1);
    (void)log_commit(history->fixture.log, history->committed);
}

/* ---- Histories. */

static void step(struct history *history)
{
    uint64_t kind = below(history, 100);

    if (kind < 40)
        append(history);
    else if (kind < 50)
        log_fixture_flush(&history->fixture);
    else if (kind < 60)
        (void)log_fixture_end_sync(&history->fixture);
    else if (kind < 72)
        commit(history);
    else if (kind < 76)
        history->fixture.wall += (wall_ms)below(history, 3000);
    else if (kind < 90)
        clean_some(history);
    else if (kind < 91)
        clean_all(history);
    else if (kind < 92)
        let_go(history);
    else if (kind < 93)
        log_fixture_settle(&history->fixture);
    else if (kind < 94 && history->retires)
        retire(history);
    else if (kind < 96)
        truncate(history);
    else if (kind < 98)
        lose_power(history);
    else if (chance(history, 10))
        begin_anew(history);
    else
        restart(history);
}

/* So much that another segment is active: without any that is dirty no tombstone is looked at. */
static void append_segment(struct history *history)
{
    const struct log *log = history->fixture.log;
    log_offset active = log->segment_count > 0 ? log_active(log)->base : -1;

    for (int i = 0; i < 20 || (i < 1000 && log_active(log)->base == active); i++)
        append(history);
}

/* All is committed and compacted; once more when every tombstone has had its time. */
static void heal(struct history *history)
{
    log_offset clean_end = 0;

    clean_all(history); /* A look that was under way when the log was let go passes it by. */
    for (int round = 0; round < 2; round++) {
        append_segment(history);
        log_fixture_settle(&history->fixture);
        history->committed = log_ends(history->fixture.log)->durable;
        (void)log_commit(history->fixture.log, history->committed);
        clean_all(history);
        if (round == 0)
            clean_end = history->fixture.log->clean_end;
        history->fixture.wall += RETENTION_MS + 1;
    }
    if (clean_end == 0)
        violate(history, "K9");
    if (!history->violated)
        model_check_clean(history, clean_end);
}

static void open_history(struct history *history, uint64_t seed)
{
    memset(history, 0, sizeof *history);
    rand_init(&history->rand, seed);
    history->reader = codec_reader_open();
    history->writer = codec_writer_open();
    history->keys = 3 + (uint32_t)below(history, KEYS_MAX - 3);
    history->epoch = 1;
    history->retires = chance(history, 2);
    for (uint32_t i = 0; i < PRODUCERS; i++)
        history->producers[i].last = -1;
    uint32_t segment_size = 1500 + (uint32_t)below(history, 6000);
    /* One key more than nothing, up to more than there are: one pass or many. */
    log_fixture_open_compacted(&history->fixture, segment_size,
                               1 + (uint32_t)below(history, KEYS_MAX + 10));
    history->fixture.config.compaction.delete_retention_ms = RETENTION_MS;
}

static void run(struct history *history, uint64_t seed)
{
    struct cleaner_stats stats;

    open_history(history, seed);
    for (int i = 0; i < STEPS && !history->violated; i++) {
        step(history);
        if (!history->violated && log_is_ready(history->fixture.log) && chance(history, 10))
            model_check(history);
    }
    if (!history->violated)
        heal(history);
    cleaner_read_stats(history->fixture.cleaner, history->fixture.memory->now, &stats);
    history->runs = stats.runs;
    history->dropped = stats.records_dropped;
    log_fixture_close(&history->fixture);
    codec_reader_close(history->reader);
    codec_writer_close(history->writer);
}

static int judge(const char *found, const char *expected, uint64_t seed, uint64_t seeds)
{
    if (!expected && !found)
        return 0;
    if (!found) {
        printf("no violation of %s in %llu histories\n", expected, (unsigned long long)seeds);
        return 1;
    }
    printf("seed %llu violates %s\n", (unsigned long long)seed, found);
    if (!expected)
        return 11;
    return 0;
}

int main(int count, char **words)
{
    uint64_t seeds = 200, first = 1, runs = 0, dropped = 0, losses = 0, truncations = 0;
    const char *expected = NULL, *found = NULL;
    struct history *history = mem_alloc(sizeof *history);
    uint64_t seed;

    for (int i = 1; i + 1 < count; i += 2) {
        if (strcmp(words[i], "--seeds") == 0)
            seeds = strtoull(words[i + 1], NULL, 10);
        else if (strcmp(words[i], "--seed") == 0)
            first = strtoull(words[i + 1], NULL, 10), seeds = 1;
        else if (strcmp(words[i], "--expect") == 0)
            expected = words[i + 1];
    }
    for (seed = first; seed < first + seeds && !found; seed++) {
        run(history, seed);
        found = history->violated;
        if (expected && found && strcmp(found, expected) != 0)
            found = NULL;
        runs += history->runs;
        dropped += history->dropped;
        losses += history->losses;
        truncations += history->truncations;
    }
    printf("%llu histories: %llu compactions since the last start of each, %llu records gone, "
           "%llu restarts, %llu truncations\n",
           (unsigned long long)(seed - first), (unsigned long long)runs,
           (unsigned long long)dropped, (unsigned long long)losses,
           (unsigned long long)truncations);
    mem_free(history);
    return judge(found, expected, seed - 1, seeds);
}
