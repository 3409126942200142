/* fuzz_recovery.c -- any bytes, as the files that a log finds at its start.
 *
 * The first byte chooses the file that is garbage; the other files are whole. Whatever it
 * is, the log opens, offline or ready, and what it then says can be read. */
#include <stdlib.h>

#include "log_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const paths[] = {
    "t-7/00000000000000000000.log",
    "t-7/00000000000000000008.log",
    "t-7/00000000000000000000.index",
    "t-7/00000000000000000000.timeindex",
    "t-7/00000000000000000008.snapshot",
    "t-7/leader-epoch-checkpoint",
    "t-7/partition.metadata",
    "marks-0.0",
    "marks-0.1",
};

enum { PATHS = sizeof paths / sizeof *paths };

/* Put `bytes` over the file from `position` on; an odd choice makes them the whole file. */
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

static void read_all(struct log_fixture *fixture)
{
    const struct log_ends *ends = log_ends(fixture->log);
    struct log_extent extent;
    struct log_time time;

    for (log_offset at = ends->start; at < ends->end && at < ends->start + 64; at++)
        if (log_find(fixture->log, at, 2000, LOG_BOUND_WRITTEN, &extent) != ERR_NONE)
            return;
    (void)log_find_time(fixture->log, 5, LOG_BOUND_WRITTEN, &time);
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct log_fixture fixture;

    if (size < 4)
        return 0;
    log_fixture_open(&fixture, 5000);
    for (int i = 0; i < 6; i++)
        (void)fixture_append(&fixture, i / 3, 2, 600, NULL);
    if (data[1] & 2)
        log_fixture_settle(&fixture);
    log_fixture_flush(&fixture);
    log_fixture_stop(&fixture, (data[1] & 4) != 0);
    spoil(fixture.memory, paths[data[0] % PATHS],
          (struct bytes){.data = data + 4, .size = (uint32_t)size - 4}, data[1] & 1,
          load_be16(data + 2) % 6000);
    if (start(&fixture)) {
        read_all(&fixture);
        log_fixture_settle(&fixture);
        if (log_is_ready(fixture.log) && fixture_append(&fixture, 100, 2, 100, NULL) == ERR_NONE)
            log_fixture_settle(&fixture);
        log_fixture_stop(&fixture, false);
    }
    memory_env_close(fixture.memory);
    return 0;
}
