/* fuzz_recovery.c -- any bytes, as the files that a log finds at its start.
 *
 * The first byte chooses the file that is garbage, the second says how: the whole file, or
 * from a position on; whether all was synced; whether the stop was clean. The other files
 * are whole. Whatever it is, the log opens, offline or ready; what it serves then never
 * overlaps, up to a wrong checksum; and it appends again. What was synced is served as it was
 * written, or the log says that it is offline. Only the segment that holds the mark is verified at
 * a start, so rot in an older one is for its readers to find. */
#include "log_fixture.h"

enum { BATCHES = 6, RECORDS = 2, RECORD_SIZE = 600, SEGMENT_SIZE = 5000 };

enum { OLD_SEGMENT };

enum how { HOW_WHOLE = 1, HOW_SYNCED = 2, HOW_CLEAN = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const paths[] = {
    [OLD_SEGMENT] = "t-7/00000000000000000000.log",
    "t-7/00000000000000000006.log",
    "t-7/00000000000000000000.index",
    "t-7/00000000000000000000.timeindex",
    "t-7/00000000000000000006.snapshot",
    "t-7/leader-epoch-checkpoint",
    "t-7/partition.metadata",
    "marks-0.0",
    "marks-0.1",
};

enum { PATHS = sizeof paths / sizeof *paths };

/* Put `bytes` over the file from `position` on, or make them the whole file. */
static void spoil(struct memory_env *memory, const char *path, struct bytes bytes, bool whole,
                  uint64_t position)
{
    file_id file;

    if (env_open(&memory->env, path, ENV_OPEN_CREATE, &file) != ERR_NONE)
        return;
    if (whole)
        (void)env_truncate(&memory->env, file, 0);
    if (bytes.size > 0)
        (void)env_write(&memory->env, file, whole ? 0 : position, &bytes, 1);
    env_close(&memory->env, file);
}

/* All batches as the log serves them, up to a wrong checksum: whoever reads that sees it. */
static struct bytes read_all(struct log *log, struct arena *arena)
{
    const struct log_ends *ends = log_ends(log);
    uint8_t *out = arena_alloc(arena, log_size(log) + 1);
    uint32_t size = 0, left = 0;
    for (log_offset at = ends->start; at < ends->end && left == 0;) {
        struct buf *buf = NULL;
        struct batch_info info;
        struct bytes batch;
        if (log_read(log, at, SEGMENT_SIZE, LOG_BOUND_WRITTEN, &buf) != ERR_NONE || !buf)
            break; /* It has gone offline. */
        struct bytes rest = {.data = buf->data, .size = buf->size};
        while (batch_next(&rest, &info, &batch) == ERR_NONE) {
            check(info.base >= at); /* Compaction leaves gaps. */
            memcpy(out + size, batch.data, batch.size);
            size += batch.size;
            at = batch_end(&info);
        }
        left = rest.size;
        buf_unref(buf);
    }
    return (struct bytes){.data = out, .size = size};
}

/* Ask for each offset; the answer may be an error. */
static void find_all(struct log *log)
{
    const struct log_ends *ends = log_ends(log);
    struct log_extent extent;
    struct log_time time;

    for (log_offset at = ends->start; at < ends->end && at < ends->start + 64; at++)
        (void)log_find(log, at, 2000, LOG_BOUND_WRITTEN, &extent);
    (void)log_find_time(log, 5, LOG_BOUND_WRITTEN, &time);
}

/* Open on the disk as it is; the marks themselves may be beyond repair. */
static bool start(struct log_fixture *fixture)
{
    struct sync_config config = {.path = "marks-0", .tag = 3};

    if (sync_open(&fixture->sync, &fixture->memory->env, &config) != ERR_NONE)
        return false;
    fixture->log = log_open("t-7", &fixture->config, &fixture->memory->env, fixture->sync);
    return true;
}

static void write_log(struct log_fixture *fixture, uint8_t how)
{
    for (int i = 0; i < BATCHES; i++)
        check(fixture_append(fixture, i / 3, RECORDS, RECORD_SIZE, NULL) == ERR_NONE);
    if (how & HOW_SYNCED)
        log_fixture_settle(fixture);
    log_fixture_flush(fixture);
}

static void go_on(struct log_fixture *fixture)
{
    struct log_appended appended;
    log_offset end = log_ends(fixture->log)->end;

    find_all(fixture->log);
    log_fixture_settle(fixture);
    if (!log_is_ready(fixture->log))
        return;
    if (fixture_append(fixture, 100, RECORDS, 100, &appended) != ERR_NONE) {
        check(log_error(fixture->log) != ERR_NONE);
        return;
    }
    check(appended.base == end);
    log_fixture_settle(fixture);
    check(log_ends(fixture->log)->durable == appended.end);
    find_all(fixture->log);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct log_fixture fixture;
    struct arena arena = {0};

    if (size < 4)
        return 0;
    uint8_t path = data[0] % PATHS, how = data[1];
    struct bytes garbage = {.data = data + 4, .size = (uint32_t)size - 4};
    log_fixture_open(&fixture, SEGMENT_SIZE);
    write_log(&fixture, how);
    struct bytes before = read_all(fixture.log, &arena);
    log_fixture_stop(&fixture, (how & HOW_CLEAN) != 0);
    spoil(fixture.memory, paths[path], garbage, how & HOW_WHOLE, load_be16(data + 2) % 6000);
    if (start(&fixture)) {
        bool is_synced = (how & (HOW_SYNCED | HOW_CLEAN)) != 0;
        if (path != OLD_SEGMENT) {
            struct bytes after = read_all(fixture.log, &arena);
            if (is_synced && log_error(fixture.log) == ERR_NONE) {
                check(after.size >= before.size);
                check(memcmp(after.data, before.data, before.size) == 0);
            }
        }
        go_on(&fixture);
        log_fixture_stop(&fixture, false);
    }
    memory_env_close(fixture.memory);
    arena_free(&arena);
    return 0;
}
