/* swap.c -- one segment takes the place of others that hold what it holds, and more.
 *
 * Each step below is synced before the next one begins, so that power loss leaves the old
 * segments or the new one, whole. Once begun, a swap is the log's own: it goes on with each of the
 * log's groups that has synced the directory, whatever becomes of the compaction that began it.
 *
 *   <base>.log.cleaned and its indexes are written and synced     a start removes them
 *   .log.cleaned -> .log.swap, the directory is synced            from here on a start goes on
 *   the others are unlinked, .index.cleaned -> .index, synced
 *   .log.swap -> .log                                             with any later sync
 *
 * A start that finds .log.swap syncs the directory again before the others go: who was killed may
 * not have come to it.
 *
 * The new segment begins where the first of the others does, and ends where the last one does.
 * Readers that hold extents of the old files read on in them. */
#include "log_internal.h"

static const char *const index_kinds[] = {".index", ".timeindex"};

static enum err rename_segment_file(const struct log *log, log_offset base, const char *from_kind,
                                    const char *to_kind)
{
    char from[ENV_PATH_MAX], to[ENV_PATH_MAX];

    segment_path(log->dir, base, from_kind, from);
    segment_path(log->dir, base, to_kind, to);
    return env_rename(log->env, from, to);
}

/* The next group syncs the directory. */
static void want_directory(struct log *log)
{
    log->is_directory_dirty = true;
    sync_want_group(log->sync, &log->member);
}

uint32_t log_swap_first(const struct log *log, log_offset base, log_offset end, uint32_t *count)
{
    uint32_t first = 0;

    *count = 0;
    while (first < log->segment_count && log->segments[first]->base < base)
        first++;
    while (first + *count < log->segment_count && log->segments[first + *count]->base < end)
        ++*count;
    return first;
}

void log_put_segment(struct log *log, uint32_t first, uint32_t count, struct segment *segment)
{
    check(first + count <= log->segment_count);
    if (count == 0)
        mem_grow(log->segments, log->segment_count, &log->segment_capacity);
    memmove(log->segments + first + 1, log->segments + first + count,
            (log->segment_count - first - count) * sizeof *log->segments);
    log->segments[first] = segment;
    log->segment_count = log->segment_count + 1 - count;
    log->read_count = 0;
}

/* That it has begun is durable: it stands in the log from now on. */
static void replace(struct log *log)
{
    struct segment *segment = log->swap.segment;
    uint32_t count, first = log_swap_first(log, segment->base, log->swap.end, &count);

    check(count > 0);
    check(log->segments[first]->base == segment->base);
    for (uint32_t i = first; i < first + count; i++) {
        if (i > first)
            segment_unlink(log->env, log->dir, log->segments[i]);
        segment_free(log->env, log->segments[i]);
    }
    for (size_t i = 0; i < sizeof index_kinds / sizeof *index_kinds; i++) {
        char from[ENV_PATH_MAX], to[ENV_PATH_MAX];
        segment_file_path(segment, log->dir, index_kinds[i], from);
        segment_path(log->dir, segment->base, index_kinds[i], to);
        if (env_rename(log->env, from, to) != ERR_NONE)
            (void)env_unlink(log->env, to); /* The old one is of other bytes. */
    }
    segment->suffix = NULL;
    log_put_segment(log, first, count, segment);
    log->swap.is_replaced = true;
    env_mark(log->env, "segments_compacted");
    log_probe(log, (struct probe){
                       .kind = PROBE_LOG_COMPACT, .offset = segment->base, .value = log->swap.end});
    want_directory(log);
}

enum err log_swap_begin(struct log *log, struct segment *segment, log_offset end)
{
    check(!log->swap.segment);
    enum err err = rename_segment_file(log, segment->base, ".log.cleaned", ".log.swap");
    if (err != ERR_NONE)
        return err;
    log->swap = (struct log_swap){.segment = segment, .end = end};
    want_directory(log);
#ifdef SKIFF_MUTANT_SWAPS_UNSYNCED
    replace(log); /* The mutant removes the old files at once. */
#endif
    return ERR_NONE;
}

static void forget_others(struct log *log, bool unlinks)
{
    for (uint32_t i = 0; i < log->swap.other_count; i++) {
        if (unlinks)
            segment_unlink(log->env, log->dir, log->swap.others[i]);
        segment_free(log->env, log->swap.others[i]);
    }
    mem_free(log->swap.others);
    log->swap.others = NULL;
    log->swap.other_count = log->swap.other_capacity = 0;
}

/* That the others' files are gone is durable. */
static void finish(struct log *log)
{
    enum err err = rename_segment_file(log, log->swap.segment->base, ".log.swap", ".log");

    log->swap = (struct log_swap){0};
    if (err != ERR_NONE)
        log_go_offline(log, err, "A compacted segment cannot get its name: %s.", err_name(err));
    else
        want_directory(log);
}

void log_swap_go_on(struct log *log)
{
    if (!log->swap.segment) /* A reset has forgotten it. */
        return;
#ifdef SKIFF_MUTANT_SWAP_LET_GO
    if (!log->cleaner && log->state == LOG_READY)
        return; /* The mutant needs who compacts, to end what was begun. */
#endif
    if (log->swap.other_count > 0) {
        forget_others(log, true);
        want_directory(log);
    } else if (log->swap.is_replaced) {
        finish(log);
    } else {
        replace(log);
    }
}

void log_swap_cancel(struct log *log)
{
    if (log->swap.segment && !log->swap.is_replaced)
        segment_free(log->env, log->swap.segment);
    forget_others(log, false);
    log->swap = (struct log_swap){0};
}

void log_swap_drop_file(struct log *log, log_offset base)
{
    char path[ENV_PATH_MAX];

    segment_path(log->dir, base, ".log.swap", path);
    (void)env_unlink(log->env, path);
}

void log_swap_drop(struct log *log)
{
    log_swap_drop_file(log, log->swap.segment->base);
    forget_others(log, true);
    log->swap = (struct log_swap){0};
}

bool log_swap_is_below(const struct log *log, log_offset offset)
{
    return !log->swap.segment || log->swap.end <= offset;
}

/* What a start finds. */

static bool has_end(const char *name, const char *end)
{
    size_t size = strlen(name), more = strlen(end);
    return size > more && strcmp(name + size - more, end) == 0;
}

bool log_swap_clean_up(struct log *log, const char *name)
{
    char path[ENV_PATH_MAX];

    if (!has_end(name, ".cleaned"))
        return false;
    log_path(log, name, path);
    (void)env_unlink(log->env, path);
    return true;
}

/* The end of the last batch of a whole file. */
static enum err find_end(const struct log *log, const struct segment *segment, log_offset *out)
{
    struct placed_batch batch;
    struct scan scan;
    enum err err;

    *out = segment->base;
    scan_start(&scan, log->env, segment, 0, segment->written);
    while ((err = scan_next(&scan, &batch)) == ERR_NONE)
        *out = batch_end(&batch.info);
    return err == ERR_NOT_FOUND ? ERR_NONE : err;
}

enum err log_swap_resume(struct log *log, struct segment *segment)
{
    char path[ENV_PATH_MAX];
    uint32_t count;
    log_offset end;

    enum err err = log->swap.segment ? ERR_CORRUPT : find_end(log, segment, &end);
    if (err != ERR_NONE)
        return err;
    uint32_t first = log_swap_first(log, segment->base, end, &count);
    for (uint32_t i = first; i < first + count; i++) {
        struct segment *old = log->segments[i];
        if (old->base == segment->base) { /* Its name is taken over; its indexes are not. */
            for (size_t k = 0; k < sizeof index_kinds / sizeof *index_kinds; k++) {
                segment_path(log->dir, old->base, index_kinds[k], path);
                (void)env_unlink(log->env, path);
            }
            segment_free(log->env, old);
            continue;
        }
        mem_grow(log->swap.others, log->swap.other_count, &log->swap.other_capacity);
        log->swap.others[log->swap.other_count++] = old;
    }
    log_put_segment(log, first, count, segment);
    log->swap.segment = segment;
    log->swap.end = end;
    log->swap.is_replaced = true;
    env_mark(log->env, "swap_resumed");
    return ERR_NONE;
}
