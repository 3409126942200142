/* property.c -- random runs against a log that keeps its word are valid; whatever is then done to
 * one acknowledged record before the final read is found. */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "checker.h"
#include "say.h"

enum {
    RUNS = 300,
    STEPS = 400,
    PARTITIONS = 3,
    WRITERS = 4,
    OPEN_MAX = 6,
    LOG_MAX = STEPS * 2,
    TEXT_SIZE = 1 << 18,
    LIVE = 8,
    FINAL = 9,
};

/* What is wrong with one record that had been acknowledged. */
enum mutation {
    INTACT,
    HOLE,       /* Nothing stands there any more. */
    CUT,        /* The log ends below it. */
    ANOTHERS,   /* Another record's value stands there. */
    FOREIGN,    /* Bytes that nobody wrote stand there. */
    REPEATED,   /* It stands at the log's end once more. */
    SWAPPED,    /* It and the one after it have changed places. */
    ELSEWHERE,  /* Its acknowledgement told the next offset. */
    SKIPPED,    /* It is there, but the live reader went over it. */
    READ_AGAIN, /* The live reader got it twice. */
    MUTATIONS,
};

struct record {
    uint32_t writer; /* 0: bytes that nobody wrote. */
    int64_t number;
    bool is_gone;
    bool is_acked;
};

struct log {
    struct record all[LOG_MAX];
    int64_t end;
};

struct pending {
    int64_t number;
    uint32_t partition;
    int64_t offset; /* -1: not appended yet. */
};

struct run {
    struct rand rand;
    int64_t time;
    struct log logs[PARTITIONS];
    int64_t next_number[WRITERS + 1];
    uint32_t open_count[WRITERS + 1];
    struct pending open[WRITERS + 1][OPEN_MAX];
    int64_t live_at[PARTITIONS];
    enum mutation mutation;
    uint32_t victim_partition;
    int64_t victim; /* -1: none yet. */
    char *text;
    size_t size;
};

static void put(struct run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct run *run, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    run->size += (size_t)vsnprintf(run->text + run->size, TEXT_SIZE - run->size, format, arguments);
    va_end(arguments);
    cr_assert_lt(run->size, TEXT_SIZE);
}

static int64_t tick(struct run *run)
{
    return run->time += (int64_t)rand_below(&run->rand, 3);
}

/* ---- A log that keeps its word. */

static void begin_write(struct run *run, uint32_t writer)
{
    if (run->open_count[writer] == OPEN_MAX)
        return;
    struct pending *write = &run->open[writer][run->open_count[writer]++];
    *write = (struct pending){.number = run->next_number[writer]++,
                              .partition = (uint32_t)rand_below(&run->rand, PARTITIONS),
                              .offset = -1};
    put(run, "w %u %lld %u %lld\n", writer, (long long)write->number, write->partition,
        (long long)tick(run));
}

/* The oldest of a writer goes into the log first. */
static void append(struct run *run, uint32_t writer)
{
    for (uint32_t i = 0; i < run->open_count[writer]; i++) {
        struct pending *write = &run->open[writer][i];
        if (write->offset >= 0)
            continue;
        struct log *log = &run->logs[write->partition];
        write->offset = log->end;
        log->all[log->end++] = (struct record){.writer = writer, .number = write->number};
        return;
    }
}

static void remove_open(struct run *run, uint32_t writer, uint32_t at)
{
    run->open_count[writer]--;
    memmove(&run->open[writer][at], &run->open[writer][at + 1],
            (run->open_count[writer] - at) * sizeof run->open[writer][0]);
}

static void end_write(struct run *run, uint32_t writer)
{
    if (!run->open_count[writer])
        return;
    uint32_t at = (uint32_t)rand_below(&run->rand, run->open_count[writer]);
    struct pending write = run->open[writer][at];
    bool is_unknown = rand_chance(&run->rand, 1, 10);
    if (is_unknown || write.offset < 0) {
        put(run, "e %u %lld %s %lld\n", writer, (long long)write.number,
            is_unknown ? "_MSG_TIMED_OUT" : "_MSG_TIMED_OUT:not-persisted", (long long)tick(run));
    } else {
        bool is_victim = run->victim < 0 && rand_chance(&run->rand, 1, 20);
        if (is_victim) {
            run->victim = write.offset;
            run->victim_partition = write.partition;
        }
        run->logs[write.partition].all[write.offset].is_acked = true;
        put(run, "a %u %lld %lld %lld\n", writer, (long long)write.number,
            (long long)(write.offset + (is_victim && run->mutation == ELSEWHERE)),
            (long long)tick(run));
    }
    remove_open(run, writer, at);
}

static void read_at(struct run *run, uint32_t reader, uint32_t partition, int64_t offset)
{
    const struct record *record = &run->logs[partition].all[offset];
    if (record->is_gone)
        return;
    if (record->writer)
        put(run, "r %u %u %lld %u %lld %lld\n", reader, partition, (long long)offset,
            record->writer, (long long)record->number, (long long)tick(run));
    else
        put(run, "x %u %u %lld %lld 00ff\n", reader, partition, (long long)offset,
            (long long)tick(run));
}

static void read_live(struct run *run)
{
    uint32_t partition = (uint32_t)rand_below(&run->rand, PARTITIONS);
    int64_t *at = &run->live_at[partition];
    if (rand_chance(&run->rand, 1, 30)) {
        *at = (int64_t)rand_below(&run->rand, (uint64_t)run->logs[partition].end + 1);
        put(run, "s %d %u %lld %lld\n", LIVE, partition, (long long)*at, (long long)tick(run));
    }
    put(run, "h %d %u %lld %lld\n", LIVE, partition, (long long)run->logs[partition].end,
        (long long)tick(run));
    for (; *at < run->logs[partition].end; (*at)++)
        read_at(run, LIVE, partition, *at);
}

/* ---- What is done to it. */

static void mutate(struct run *run)
{
    struct log *log = &run->logs[run->victim_partition];
    struct record *victim = &log->all[run->victim];
    struct record copy = *victim;
    switch (run->mutation) {
    case HOLE:
        victim->is_gone = true;
        break;
    case CUT:
        log->end = run->victim;
        break;
    case ANOTHERS:
        *victim = log->all[run->victim ? 0 : 1];
        break;
    case FOREIGN:
        victim->writer = 0;
        break;
    case REPEATED:
        log->all[log->end++] = copy;
        break;
    case SWAPPED:
        *victim = log->all[run->victim + 1];
        log->all[run->victim + 1] = copy;
        break;
    default:
        break;
    }
}

/* Of the live reader, in a pass of its own. */
static void read_wrongly(struct run *run)
{
    uint32_t partition = run->victim_partition;
    put(run, "s %d %u 0 %lld\n", LIVE, partition, (long long)tick(run));
    for (int64_t at = 0; at < run->logs[partition].end; at++) {
        if (run->mutation != SKIPPED || at != run->victim)
            read_at(run, LIVE, partition, at);
        if (run->mutation == READ_AGAIN && at == run->victim)
            read_at(run, LIVE, partition, at);
    }
}

static void read_finally(struct run *run)
{
    for (uint32_t partition = 0; partition < PARTITIONS; partition++) {
        put(run, "s %d %u 0 %lld\n", FINAL, partition, (long long)tick(run));
        for (int64_t at = 0; at < run->logs[partition].end; at++)
            read_at(run, FINAL, partition, at);
        put(run, "z %d %u %lld %lld\n", FINAL, partition, (long long)run->logs[partition].end,
            (long long)tick(run));
    }
}

/* ---- One run. */

static void play(struct run *run)
{
    put(run, "# skiff-history 1 run=c0ffee topic=orders partitions=%d\n", PARTITIONS);
    for (uint32_t i = 1; i <= WRITERS; i++)
        put(run, "c %u writer tuned w\n", i);
    put(run, "c %d reader live l\nc %d reader final f\n", LIVE, FINAL);
    for (uint32_t i = 0; i < PARTITIONS; i++)
        put(run, "s %d %u 0 %lld\n", LIVE, i, (long long)tick(run));
    for (int step = 0; step < STEPS; step++) {
        uint32_t writer = 1 + (uint32_t)rand_below(&run->rand, WRITERS);
        switch (rand_below(&run->rand, 8)) {
        case 0:
            read_live(run);
            break;
        case 1:
        case 2:
            end_write(run, writer);
            break;
        case 3:
        case 4:
        case 5:
            append(run, writer);
            break;
        default:
            begin_write(run, writer);
        }
    }
    if (run->victim >= 0 && run->mutation != INTACT) {
        mutate(run);
        read_wrongly(run);
    }
    read_finally(run);
    put(run, ". %lld\n", (long long)tick(run));
}

/* The last record has no next one to change places with. */
static bool can_mutate(const struct run *run)
{
    return run->victim >= 0 && run->victim + 1 < run->logs[run->victim_partition].end;
}

/* Whether there was a record to be changed. */
static bool run_once(uint64_t seed, enum mutation mutation, int expected)
{
    struct verdict *verdict;
    struct run *run = mem_zalloc(sizeof *run);
    rand_init(&run->rand, seed);
    run->mutation = mutation;
    run->victim = -1;
    run->text = mem_alloc(TEXT_SIZE);
    play(run);
    struct history_source source = {
        .path = "h", .text = {.data = (const uint8_t *)run->text, .size = (uint32_t)run->size}};
    bool ok = check_history(&verdict, &source, 1, (struct checker_options){0});
    cr_assert(ok, "seed %llu: %s", (unsigned long long)seed, verdict->problem);
    bool is_judged = mutation == INTACT || mutation == CUT || mutation == REPEATED
                         ? run->victim >= 0
                         : can_mutate(run);
    if (is_judged)
        cr_assert_eq(verdict_exit_code(verdict), expected, "seed %llu, mutation %d: %s%s",
                     (unsigned long long)seed, mutation, verdict->findings.shown[0].text,
                     verdict->reasons[0]);
    for (uint32_t i = 0; i < verdict->findings.count; i++)
        cr_expect_geq(verdict->findings.shown[i].line_count, 3, "seed %llu, mutation %d: %s",
                      (unsigned long long)seed, mutation, verdict->findings.shown[i].text);
    verdict_free(verdict);
    mem_free(run->text);
    mem_free(run);
    return is_judged;
}

Test(property, runs_against_a_log_that_keeps_its_word_are_valid)
{
    uint32_t judged = 0;
    for (uint64_t seed = 1; seed <= RUNS; seed++)
        judged += run_once(seed, INTACT, EXIT_DONE);

    cr_assert_gt(judged, RUNS * 9 / 10);
}

Test(property, whatever_is_done_to_one_acknowledged_record_is_found)
{
    for (int mutation = INTACT + 1; mutation < MUTATIONS; mutation++) {
        uint32_t judged = 0;
        for (uint64_t seed = 1; seed <= RUNS; seed++)
            judged += run_once(seed, (enum mutation)mutation, EXIT_VIOLATION);

        cr_assert_gt(judged, RUNS * 8 / 10, "mutation %d: %u", mutation, judged);
    }
}
