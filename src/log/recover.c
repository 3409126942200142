/* recover.c -- opens what the last run left, and tells a torn tail from rot.
 *
 * The mark is the sole evidence. Below it everything was synced: a bad batch, a missing
 * file or an end below it is rot; the log goes offline and nothing is cut. Past it
 * unsynced pages land in any order, so the log is cut at the first bad batch. Bad (rule
 * 9): a header, a size or a checksum that is wrong, a base offset below the next, a
 * falling epoch, a segment whose name is not the end of the one before.
 *
 * Checksums are verified from RECOVER_VERIFY_SIZE before the mark to the end, so the
 * work is bounded by that and the unsynced tail; older segments are looked at only
 * where they end. What is kept past the mark is written again (rule 8): pages that a
 * failed sync left behind look clean and are not durable. */
#include "recover.h"

#include <stdio.h>

enum {
    RECOVER_VERIFY_SIZE = 4 << 20,
    SEGMENT_NAME_DIGITS = 20,
    EPOCH_FILE_SIZE_MAX = 64 << 20,
};

/* The offset in the name of a file of `kind`; -1: it is none. */
static log_offset segment_offset(const char *name, const char *kind)
{
    log_offset offset = 0;

    if (strlen(name) < SEGMENT_NAME_DIGITS || strcmp(name + SEGMENT_NAME_DIGITS, kind) != 0)
        return -1;
    for (int i = 0; i < SEGMENT_NAME_DIGITS; i++) {
        if (name[i] < '0' || name[i] > '9' || offset > (INT64_MAX - 9) / 10)
            return -1;
        offset = offset * 10 + (name[i] - '0');
    }
    return offset;
}

static void rot(struct recovery *recovery, const char *what, log_offset at)
{
    struct log *log = recovery->log;

    env_mark(log->env, "rot_found");
    log_go_offline(log, ERR_CORRUPT, "%s at offset %lld, below the synced mark %lld.", what,
                   (long long)at, (long long)recovery->mark.durable);
}

static enum err open_segment(struct log *log, log_offset base, const char *kind,
                             struct segment **out)
{
    struct segment *segment = segment_new(base);
    char path[ENV_PATH_MAX];

    segment_path(log->dir, base, kind, path);
    enum err err = env_open(log->env, path, ENV_OPEN_WRITE, &segment->file);
    int64_t size = err == ERR_NONE ? env_size(log->env, segment->file) : err;
    if (size < 0) {
        segment_free(log->env, segment);
        return (enum err)size;
    }
    segment->size = segment->written = segment->reserved = (uint64_t)size;
    *out = segment;
    return ERR_NONE;
}

/* Open segments from their names, which are sorted. */
static enum err open_names(struct log *log, const char **names, uint32_t count)
{
    struct segment *segment;
    enum err err = ERR_NONE;

    for (uint32_t i = 0; err == ERR_NONE && i < count; i++) {
        log_offset base = segment_offset(names[i], ".log");
        if (base < 0)
            continue;
        err = open_segment(log, base, ".log", &segment);
        if (err == ERR_NONE)
            log_add_segment(log, segment);
    }
    return err;
}

/* Remove what a compaction had not finished, and go on with the swap that it had begun. */
static enum err resume_swap(struct recovery *recovery, const char **names, uint32_t count)
{
    struct log *log = recovery->log;
    struct segment *segment;

    for (uint32_t i = 0; i < count; i++) {
        log_offset base = segment_offset(names[i], ".log.swap");
        if (log_swap_clean_up(log, names[i]) || base < 0)
            continue;
        enum err err = open_segment(log, base, ".log.swap", &segment);
        if (err != ERR_NONE)
            return err;
        if (log->lacks_identity) { /* Nobody's, like the rest. */
            log_swap_drop_file(log, base);
            segment_free(log->env, segment);
            continue;
        }
        err = log_swap_resume(log, segment);
        if (err != ERR_NONE) {
            segment_free(log->env, segment);
            return err;
        }
        recovery->must_cut = true;
    }
    return ERR_NONE;
}

/* An empty segment that is not the last, or starts below the mark, is what a refused roll
 * left, or a power loss: its name is not the end of the one before. */
static void doom_empty_segments(struct recovery *recovery)
{
    struct log *log = recovery->log;
    uint32_t kept = 0;

    for (uint32_t i = 0; i < log->segment_count; i++) {
        struct segment *segment = log->segments[i];
        bool may_be_active = i + 1 == log->segment_count && segment->base >= recovery->mark.durable;
        if (segment->size > 0 || may_be_active) {
            log->segments[kept++] = segment;
            continue;
        }
        mem_grow(log->doomed, log->doomed_count, &log->doomed_capacity);
        log->doomed[log->doomed_count++] = segment;
        recovery->must_cut = true;
    }
    log->segment_count = kept;
}

static enum err open_segments(struct recovery *recovery, struct arena *arena, const char ***names,
                              uint32_t *count)
{
    struct log *log = recovery->log;

    enum err err = env_list(log->env, log->dir, arena, names, count);
    log->has_directory = err == ERR_NONE;
    if (err == ERR_NOT_FOUND)
        err = ERR_NONE;
    if (err == ERR_NONE)
        err = open_names(log, *names, *count);
    doom_empty_segments(recovery);
    return err;
}

/* Whose directory is it? False: offline. */
static bool check_identity(struct recovery *recovery)
{
    struct log *log = recovery->log;
    struct uuid topic_id;

    if (!log->has_directory)
        return true;
    enum err err = log_identify(log->env, log->dir, &topic_id);
    if (err == ERR_NONE && !uuid_equal(topic_id, log->config.key.topic_id)) {
        char found[UUID_TEXT_SIZE];
        uuid_format(topic_id, found);
        log_go_offline(log, ERR_EXISTS, "The directory belongs to topic id %s.", found);
        return false;
    }
    if (err == ERR_NONE && recovery->promised > 0)
        return true;
    if (recovery->promised > 0) {
        rot(recovery, "partition.metadata is missing or bad", recovery->mark.start);
        return false;
    }
    if (err != ERR_NONE && log->segment_count > 0) {
        /* Whose records these are nobody knows, and none of them was promised. */
        log_doom_segments(log, 0);
        recovery->must_cut = log->lacks_identity = true;
        return true;
    }
    err = log_write_metadata(log); /* Not known to be durable. */
    if (err != ERR_NONE)
        log_go_offline(log, err, "partition.metadata cannot be written: %s.", err_name(err));
    return err == ERR_NONE;
}

/* The segments that end at or below the mark: each must lead to the next. Of those below the start
 * a power loss may have left any. */
static bool check_older(struct recovery *recovery)
{
    struct log *log = recovery->log;
    uint32_t interval = log->config.index_interval_size;

    recovery->first = log_segment_index(log, recovery->settled);
    for (uint32_t i = log_first_live(log); i < recovery->first; i++) {
        struct segment *segment = log->segments[i];
        log_offset end = segment->base;
        enum err err = ERR_NONE;
        if (!index_exists(segment, log->env, log->dir))
            err = index_rebuild(segment, log->env, log->dir, interval);
        if (err == ERR_NONE)
            err = segment_end_before(segment, log->env, log->dir, segment->size, &end);
        if (err == ERR_IO) {
            log_go_offline(log, err, "A segment cannot be read.");
            return false;
        }
        if (err != ERR_NONE || end != log->segments[i + 1]->base) {
            rot(recovery, "A segment ends before the next starts", end);
            return false;
        }
    }
    return true;
}

/* Where verification starts: a batch well before the mark, in the segment that holds it. */
static enum err choose_start(struct recovery *recovery)
{
    struct log *log = recovery->log;
    struct segment *segment = log->segments[recovery->first];
    uint64_t position = index_seek_offset(segment, log->env, log->dir, recovery->settled);

    position = position > RECOVER_VERIFY_SIZE ? position - RECOVER_VERIFY_SIZE : 0;
    recovery->position =
        position > 0 ? index_seek_position(segment, log->env, log->dir, position) : 0;
    return segment_end_before(segment, log->env, log->dir, recovery->position, &recovery->next);
}

/* Epochs by walking all headers before the start of the scan: when the file does not serve. */
static enum err rebuild_epochs(struct recovery *recovery)
{
    struct log *log = recovery->log;
    struct placed_batch batch;
    struct scan scan;

    log->epochs.count = 0;
    for (uint32_t i = log_first_live(log); i <= recovery->first; i++) {
        const struct segment *segment = log->segments[i];
        uint64_t limit = i < recovery->first ? segment->size : recovery->position;
        enum err err;
        scan_start(&scan, log->env, segment, 0, limit);
        while ((err = scan_next(&scan, &batch)) == ERR_NONE)
            epoch_cache_assign(&log->epochs, batch.info.epoch, batch.info.base);
        if (err != ERR_NOT_FOUND)
            return err;
    }
    return ERR_NONE;
}

/* The epoch file serves if it knows the epoch of the mark; what the scan covers is learned anew. */
static enum err load_epochs(struct recovery *recovery)
{
    struct log *log = recovery->log;
    char path[ENV_PATH_MAX];
    struct buf *text;
    log_offset known = recovery->settled - 1;

    log_path(log, "leader-epoch-checkpoint", path);
    if (log_read_small(log->env, path, EPOCH_FILE_SIZE_MAX, &text) == ERR_NONE) {
        (void)epoch_cache_read(&log->epochs, (struct bytes){text->data, text->size});
        log->epochs_stored = epoch_cache_last(&log->epochs);
        buf_unref(text);
    }
    bool serves = epoch_cache_find(&log->epochs, known) == recovery->mark.epoch;
    epoch_cache_truncate(&log->epochs, recovery->next);
    if (recovery->next == log->segments[log_first_live(log)]->base ||
        (serves && recovery->has_mark))
        return ERR_NONE;
    return rebuild_epochs(recovery);
}

static void set_empty(struct log *log, log_offset start)
{
    log->ends = (struct log_ends){start, start, start, start, start};
    log->synced = start;
}

/* Cut what is past the end, and write what is kept past the mark again. */
static void settle(struct recovery *recovery)
{
    struct log *log = recovery->log;
    log_offset durable = recovery->settled;
    bool is_page_cache = log->config.durability == LOG_CLASS_PAGE_CACHE;

    set_empty(log, recovery->mark.start);
    log->ends.end = log->ends.written = recovery->next;
    log->ends.durable = is_page_cache ? recovery->next : durable;
    log->synced = durable;
    log->is_parent_dirty = log->is_directory_dirty = true;
    enum err err = is_page_cache ? ERR_NONE : recovery_rewrite(recovery);
    if (err != ERR_NONE) {
        log_go_offline(log, err, "The tail cannot be written again: %s.", err_name(err));
        return;
    }
    if (recovery->next > durable && !is_page_cache)
        sync_want_group(log->sync, &log->member);
    if (log_drop_snapshots(log, log->ends.end) || recovery->must_cut) {
        log_start_cut(log);
        return;
    }
    err = segment_learn_time(log_active(log), log->env, log->dir);
    if (err == ERR_NONE)
        err = log_replay_producers(log);
    if (err != ERR_NONE) {
        log_go_offline(log, err, "The log cannot be read: %s.", err_name(err));
        return;
    }
    log->are_epochs_dirty = epoch_cache_last(&log->epochs) != log->epochs_stored;
    if (is_page_cache) {
        log->state = LOG_READY;
        return;
    }
    /* The last process may have been killed amid a truncation: its cut is made durable before
     * anything is written over it (rule 7). */
    log_active(log)->is_dirty = true;
    log->step = LOG_STEP_CUT;
    sync_want_group(log->sync, &log->member);
}

static void recover_nothing(struct recovery *recovery)
{
    struct log *log = recovery->log;

    set_empty(log, recovery->mark.start);
    if (recovery->promised > 0) {
        rot(recovery, "All segments are missing", recovery->mark.start);
        return;
    }
    log->is_parent_dirty = log->is_directory_dirty = log->has_directory;
    if (log_drop_snapshots(log, log->ends.start) || recovery->must_cut) {
        log_start_cut(log);
        return;
    }
    enum err err = log_replay_producers(log);
    if (err == ERR_NONE)
        log->state = LOG_READY;
    else
        log_go_offline(log, err, "The log cannot be read: %s.", err_name(err));
}

/* Nothing was promised of what is there, and it does not lead to where the log starts. */
static void recover_without_segments(struct recovery *recovery)
{
    log_doom_segments(recovery->log, 0);
    recovery->must_cut = true;
    recovery->log->epochs.count = 0;
    recover_nothing(recovery);
}

static void recover_segments(struct recovery *recovery)
{
    struct log *log = recovery->log;
    struct mark *mark = &recovery->mark;
    log_offset first = log->segments[0]->base;

    set_empty(log, mark->start);
    if (first > mark->start && recovery->promised == 0) {
        /* The entry of its first segment was lost, or a reset had not ended. */
        recover_without_segments(recovery);
        return;
    }
    if (first > mark->start) {
        rot(recovery, "The first segment is missing", mark->start);
        return;
    }
    if (!check_older(recovery))
        return;
    enum err err = choose_start(recovery);
    if (err == ERR_NONE)
        err = load_epochs(recovery);
    if (err == ERR_NONE)
        err = recovery_scan(recovery);
    if (err == ERR_CORRUPT) {
        rot(recovery, "A bad batch", recovery->next);
        return;
    }
    if (err != ERR_NONE) {
        log_go_offline(log, err, "The log cannot be read: %s.", err_name(err));
        return;
    }
    if (recovery->next < recovery->promised) {
        rot(recovery, recovery->what, recovery->next);
        return;
    }
    if (recovery->next < mark->start) {
        recover_without_segments(recovery);
        return;
    }
    if (recovery->is_torn) {
        env_mark(log->env, "torn_tail_cut");
        trace_warn(log->env->trace, "%s: cut at offset %lld, past the synced mark %lld: %s",
                   log->dir, (long long)recovery->next, (long long)mark->durable, recovery->what);
    }
    settle(recovery);
}

void log_recover(struct log *log)
{
    struct recovery recovery = {.log = log, .mark = {.epoch = -1}, .what = "It ends"};
    const struct mark *mark = sync_mark(log->sync, log->config.key);
    struct arena arena = {0};
    const char **names;
    uint32_t count = 0;

    if (mark) {
        recovery.has_mark = true;
        recovery.mark = *mark;
        recovery.promised = mark->durable > mark->start ? mark->durable : 0;
        recovery.settled = mark->durable > mark->start ? mark->durable : mark->start;
    }
    set_empty(log, recovery.mark.start);
    log->clean_end = recovery.mark.clean;
    enum err err = open_segments(&recovery, &arena, &names, &count);
    bool is_mine = err == ERR_NONE && check_identity(&recovery);
    if (is_mine)
        err = resume_swap(&recovery, names, count);
    if (err != ERR_NONE)
        log_go_offline(log, err, "The directory cannot be read: %s.", err_name(err));
    else if (is_mine && log->segment_count > 0)
        recover_segments(&recovery);
    else if (is_mine)
        recover_nothing(&recovery);
    arena_free(&arena);
    mem_free(recovery.window);
    epoch_cache_retire(&log->epochs, log->ends.start);
    if (log->clean_end < log->ends.start || log->clean_end > log->ends.end)
        log->clean_end = log->ends.start;
    if (log->state == LOG_READY && log->ends.start > 0)
        sync_want_group(log->sync, &log->member); /* Whether the mark is durable nobody knows. */
    log_probe(log, (struct probe){.kind = PROBE_LOG_OPEN,
                                  .offset = log->ends.end,
                                  .value = log->ends.start,
                                  .other = recovery.mark.durable});
}
