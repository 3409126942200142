/* snapshots.c -- producer snapshots: `<offset>.snapshot` tells the state as of that offset.
 *
 * One is left at each roll, each LOG_SNAPSHOT_INTERVAL bytes and at a close, so that
 * replay is bounded; they are not synced. One that is torn fails its checksum and an older one
 * serves; one past the log's end is removed before anything is appended (rule 7).
 *
 * Only that of the segment that the log's start lies in is synced (log_keep_snapshot()), since what
 * it tells is then known from nothing else; or that of a start where the log begins anew. It stands
 * at or below what is committed, so no truncation takes it; and one that is whole is never written
 * over. */
#include "log_internal.h"

#include <stdio.h>

enum { SNAPSHOT_SIZE_MAX = 256 << 20, SNAPSHOT_NAME_SIZE = 20 + 9 };

/* The offset in a snapshot's file name; -1: it is none. */
static log_offset snapshot_offset(const char *name)
{
    log_offset offset = 0;

    if (strlen(name) != SNAPSHOT_NAME_SIZE || strcmp(name + 20, ".snapshot") != 0)
        return -1;
    for (int i = 0; i < 20; i++) {
        if (name[i] < '0' || name[i] > '9' || offset > (INT64_MAX - 9) / 10)
            return -1;
        offset = offset * 10 + (name[i] - '0');
    }
    return offset;
}

static void snapshot_path(const struct log *log, log_offset offset, char out[ENV_PATH_MAX])
{
    segment_path(log->dir, offset, ".snapshot", out);
}

static bool is_whole(struct log *log, const char *path)
{
    struct buf *snapshot;

    if (log_read_small(log->env, path, SNAPSHOT_SIZE_MAX, &snapshot) != ERR_NONE)
        return false;
    struct bytes bytes = {.data = snapshot->data, .size = snapshot->size};
    enum err err = producers_verify(bytes);
    buf_unref(snapshot);
    return err == ERR_NONE;
}

enum err log_keep_snapshot(struct log *log, log_offset offset, file_id *out)
{
    char path[ENV_PATH_MAX];

    snapshot_path(log, offset, path);
    if (is_whole(log, path))
        return env_open(log->env, path, ENV_OPEN_WRITE, out);
    enum err err = env_open(log->env, path, ENV_OPEN_CREATE, out);
    if (err != ERR_NONE)
        return err;
    struct buf *snapshot = producers_write(log->producers, offset);
    struct bytes bytes = {.data = snapshot->data, .size = snapshot->size};
    err = log_write_small(log->env, *out, bytes);
    buf_unref(snapshot);
    if (err != ERR_NONE) {
        env_close(log->env, *out);
        (void)env_unlink(log->env, path);
    }
    return err;
}

void log_write_snapshot(struct log *log)
{
    file_id file;

    if (!log->producers || log_keep_snapshot(log, log->ends.end, &file) != ERR_NONE)
        return;
    env_close(log->env, file);
    log->since_snapshot = 0;
}

/* Remove those from `first` on, up to `end`. True: there were some. */
static bool drop_snapshots(struct log *log, log_offset first, log_offset end)
{
    struct arena arena = {0};
    const char **names;
    uint32_t count = 0;
    char path[ENV_PATH_MAX];
    bool found = false;

    if (log->has_directory)
        (void)env_list(log->env, log->dir, &arena, &names, &count);
    for (uint32_t i = 0; i < count; i++) {
        log_offset offset = snapshot_offset(names[i]);
        if (offset < first || offset >= end)
            continue;
        found = true;
        log_path(log, names[i], path);
        (void)env_unlink(log->env, path);
    }
    arena_free(&arena);
    return found;
}

bool log_drop_snapshots(struct log *log, log_offset above)
{
    return drop_snapshots(log, above + 1, INT64_MAX);
}

void log_retire_snapshots(struct log *log, log_offset below)
{
    (void)drop_snapshots(log, 0, below);
}

static bool load_snapshot(struct log *log, log_offset offset)
{
    char path[ENV_PATH_MAX];
    struct buf *snapshot;

#ifdef SKIFF_MUTANT_FORGETS_RETIRED
    return false; /* The mutant knows of producers only what is left of their records. */
#endif
    snapshot_path(log, offset, path);
    if (log_read_small(log->env, path, SNAPSHOT_SIZE_MAX, &snapshot) != ERR_NONE)
        return false;
    enum err err = producers_read(log->producers,
                                  (struct bytes){.data = snapshot->data, .size = snapshot->size});
    buf_unref(snapshot);
    if (err != ERR_NONE)
        producers_clear(log->producers);
    return err == ERR_NONE;
}

static bool is_segment_base(const struct log *log, log_offset offset)
{
    return log->segment_count > 0 && log->segments[log_segment_index(log, offset)]->base == offset;
}

/* Load the newest good snapshot within the log and remove older ones between segment bases, unless
 * one of them may be all that tells of what is retired. Returns where it ends: replay starts
 * there. */
static log_offset load_newest(struct log *log)
{
    struct arena arena = {0};
    const char **names;
    uint32_t count = 0;
    char path[ENV_PATH_MAX];
    log_offset first = log->ends.start;
    log_offset loaded = -1;

    if (log->segment_count > 0)
        first = log->segments[0]->base; /* Retired ones that are still there tell more. */
    if (log->has_directory)
        (void)env_list(log->env, log->dir, &arena, &names, &count);
    for (uint32_t i = count; i-- > 0;) { /* Names sort as their offsets do. */
        log_offset offset = snapshot_offset(names[i]);
        if (offset < first || offset > log->ends.written)
            continue;
        if (loaded < 0) {
            if (load_snapshot(log, offset))
                loaded = offset;
        } else if (log->ends.start == 0 && !is_segment_base(log, offset)) {
            log_path(log, names[i], path);
            (void)env_unlink(log->env, path);
        }
    }
    arena_free(&arena);
    return loaded < 0 ? first : loaded;
}

/* Add the batches of one segment, from the one that holds `from` on. */
static enum err replay_segment(struct log *log, const struct segment *segment, log_offset from)
{
    struct placed_batch batch;
    struct scan scan;

    enum err err = segment_locate(segment, log->env, log->dir, from, &batch);
    if (err != ERR_NONE)
        return err == ERR_NOT_FOUND ? ERR_NONE : err;
    scan_start(&scan, log->env, segment, batch.position, segment->written);
    while ((err = scan_next(&scan, &batch)) == ERR_NONE) {
        producers_add(log->producers, &batch.info);
        log->since_snapshot += batch.info.size;
    }
    return err == ERR_NOT_FOUND ? ERR_NONE : err;
}

enum err log_replay_producers(struct log *log)
{
    if (!log->producers)
        return ERR_NONE;
    producers_clear(log->producers);
    log->since_snapshot = 0;
    log_offset from = load_newest(log);
    uint32_t first = log->segment_count > 0 ? log_segment_index(log, from) : 0;
    for (uint32_t i = first; i < log->segment_count; i++) {
        enum err err = replay_segment(log, log->segments[i], from);
        bool is_retired = i < log_first_live(log); /* Nobody has verified it. */
        if (err != ERR_NONE && !(err == ERR_CORRUPT && is_retired))
            return err;
    }
    return ERR_NONE;
}
