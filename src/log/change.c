/* change.c -- truncation, reset and deletion: what makes a log shorter (rules 7 and 21).
 *
 * In memory a change takes effect at once; on disk it takes groups. First one that
 * carries the lowered mark (a rotten log keeps its mark), after which no older sync is under
 * way; then the files are cut and the second syncs them, with the epoch file and the
 * directory; a third syncs the epoch file's new name, or a reset's new mark, without which
 * a start other than 0 is not believed. Until then nothing is appended, so that no old
 * record can come back from under a new one.
 *
 * The loop waits for the disk with each file that is removed. So of logs that are deleted a few
 * go on with each group (SYNC_DELETIONS_MAX), and one that goes whole takes as many groups as it
 * needs to remove its files. */
#include "log_internal.h"

enum { WIPE_FILES_MAX = 32 }; /* Removed when a group ends, of one log. */

static void enter_change(struct log *log, enum log_change change)
{
    log->state = LOG_BUSY;
    log->change = change;
    log->step = LOG_STEP_BARRIER;
    log->flight.is_void = true;
    log->error = ERR_NONE;
    log->error_text[0] = '\0';
    sync_want_marks(log->sync);
    sync_want_group(log->sync, &log->member);
}

void log_doom_segments(struct log *log, uint32_t first)
{
    for (uint32_t i = first; i < log->segment_count; i++) {
        mem_grow(log->doomed, log->doomed_count, &log->doomed_capacity);
        log->doomed[log->doomed_count++] = log->segments[i];
    }
    log->removals++;
    if (first < log->segment_count)
        log->segment_count = first;
}

/* Where to cut: in segment `index`, at `position`, so that the log ends at `end`. */
struct cut {
    uint32_t index;
    uint64_t position;
    log_offset end;
};

static enum err find_cut(const struct log *log, log_offset offset, struct cut *out)
{
    struct placed_batch batch;
    uint32_t index = log_segment_index(log, offset);
    const struct segment *segment = log->segments[index];
    uint64_t position = segment->written;

    enum err err = segment_locate(segment, log->env, log->dir, offset, &batch);
    if (err == ERR_NONE)
        position = batch.position;
    else if (err != ERR_NOT_FOUND)
        return err;
    *out = (struct cut){.index = index, .position = position};
    return segment_end_before(segment, log->env, log->dir, position, &out->end);
}

static log_offset min_offset(log_offset a, log_offset b)
{
    return a < b ? a : b;
}

static void lower_mark(struct log *log)
{
    const struct mark *mark = sync_mark(log->sync, log->config.key);

    if (mark && mark->durable > log->ends.end)
        log_put_mark(log);
}

static void apply_cut(struct log *log, const struct cut *cut)
{
    struct segment *segment = log->segments[cut->index];
    log_offset old_end = log->ends.end;

    log_doom_segments(log, cut->index + 1);
    log->clean_end = min_offset(log->clean_end, cut->end);
    if (log->unclean_at >= cut->end)
        log->unclean_at = -1;
    segment->size = cut->position;
    segment->written = cut->position;
    log->recent_count = 0;
    log->read_count = 0;
    log->ends.end = cut->end;
    log->ends.written = cut->end;
    log->ends.durable = min_offset(log->ends.durable, cut->end);
    log->ends.committed = min_offset(log->ends.committed, cut->end);
    log->ends.start = min_offset(log->ends.start, cut->end);
    log->start_synced = min_offset(log->start_synced, log->ends.start);
    log->synced = min_offset(log->synced, cut->end);
    epoch_cache_truncate(&log->epochs, cut->end);
    log_check_order(log);
    trace_info(log->env->trace, "%s: end %lld -> %lld: truncated", log->dir, (long long)old_end,
               (long long)cut->end);
    env_mark(log->env, "truncation");
    log_probe(log,
              (struct probe){.kind = PROBE_LOG_TRUNCATE, .offset = cut->end, .value = old_end});
}

enum err log_truncate(struct log *log, log_offset offset, bool loss_allowed, bool *done)
{
    struct cut cut;

    if (log->state != LOG_READY)
        return log_is_offline(log) ? log->error : ERR_BUSY;
    if (offset >= log->ends.end) {
        *done = true;
        return ERR_NONE;
    }
    log_write_queued(log);
    if (log_is_offline(log))
        return log->error;
    enum err err = find_cut(log, offset, &cut);
    if (err != ERR_NONE) {
        log_go_offline(log, err, "The place to truncate at %lld is unreadable.", (long long)offset);
        return log->error;
    }
    if (cut.end < log->ends.committed && !loss_allowed)
        return ERR_DATA_LOSS;
    if (!log_swap_is_below(log, cut.end))
        return ERR_BUSY; /* Two groups, and the segment to cut has its name. */
    apply_cut(log, &cut);
    lower_mark(log);
    enter_change(log, LOG_CHANGE_TRUNCATE);
    *done = false;
    return ERR_NONE;
}

void log_start_cut(struct log *log)
{
    struct segment *segment = log_active(log);
    enum err err = ERR_NONE;

    for (uint32_t i = 0; i < log->doomed_count; i++) {
        segment_unlink(log->env, log->dir, log->doomed[i]);
        if (log->doomed[i] == log->swap.segment)
            log_swap_drop(log);
        segment_free(log->env, log->doomed[i]);
    }
    log->doomed_count = 0;
    if (segment) {
        err = env_truncate(log->env, segment->file, segment->size);
        segment->reserved = segment->size;
        segment->is_dirty = true;
        index_cut(segment, log->env, log->dir, log->ends.end);
        if (err == ERR_NONE)
            err = segment_learn_time(segment, log->env, log->dir);
    }
    (void)log_drop_snapshots(log, log->ends.end);
    if (err == ERR_NONE)
        err = log_replay_producers(log);
    if (err != ERR_NONE) {
        log_go_offline(log, err, "The log cannot be cut: %s.", err_name(err));
        return;
    }
    log->are_epochs_dirty = true;
    log->is_directory_dirty = true;
    log->step = LOG_STEP_CUT;
    sync_want_group(log->sync, &log->member);
}

enum err log_reset(struct log *log, log_offset start)
{
    bool is_rotten = log_is_offline(log) && log->error == ERR_CORRUPT;

    check(start >= 0);
    if (log->state != LOG_READY && !is_rotten)
        return log_is_offline(log) ? log->error : ERR_BUSY;
    log_drop_queue(log);
    list_remove(&log->member.queued);
    log_doom_segments(log, 0);
    log_swap_cancel(log);
    log->recent_count = 0;
    log->read_count = 0;
#ifndef SKIFF_MUTANT_KEEPS_CLEAN /* The mutant takes what comes for what it had compacted. */
    log->clean_end = start;
#endif
    log->unclean_at = -1;
    log->synced = log->start_synced = log->live = start; /* By a mark, or it is not ready. */
    log->ends = (struct log_ends){start, start, start, start, start};
    log->epochs.count = 0;
    if (log->producers)
        producers_clear(log->producers);
    trace_info(log->env->trace, "%s: reset, starts at %lld", log->dir, (long long)start);
    log_probe(log, (struct probe){.kind = PROBE_LOG_RESET, .offset = start});
    if (!is_rotten) /* Until nothing of it is left, the mark says that it is: base offsets and
                     * epochs stand outside the checksums, and past a mark they are believed. */
        sync_remove_mark(log->sync, log->config.key);
    enter_change(log, LOG_CHANGE_RESET);
    return ERR_NONE;
}

enum err log_begin_anew(struct log *log, log_offset start, struct bytes producers)
{
    check(log->producers);
    if (producers_verify(producers) != ERR_NONE)
        return ERR_CORRUPT;
    enum err err = log_reset(log, start);
#ifdef SKIFF_MUTANT_KNOWS_NOBODY
    return err; /* The mutant is told, and forgets. */
#endif
    return err == ERR_NONE ? producers_read(log->producers, producers) : err;
}

void log_delete(struct log *log)
{
    if (log->state == LOG_DELETED || (log->state == LOG_BUSY && log->change == LOG_CHANGE_DELETE))
        return;
    log_drop_queue(log);
    log_swap_cancel(log);
    list_remove(&log->member.queued);
    log->ends.end = log->ends.written;
    for (int i = 0; i < WAIT_MARKS; i++)
        waits_cancel(&log->waits[i], ERR_CLOSED);
    log_probe(log, (struct probe){.kind = PROBE_LOG_RESET});
    sync_remove_mark(log->sync, log->config.key);
    enter_change(log, LOG_CHANGE_DELETE);
}

/* Remove files of the directory, but for its identity: while a record of the old topic may
 * be there, after a power loss too, the directory must say whose it is. The loop waits for each of
 * them, so there are a few a call. True: none is left. */
static bool wipe(struct log *log)
{
    struct arena arena = {0};
    const char **names;
    uint32_t count, seen = 0, removed = 0;
    char path[ENV_PATH_MAX];

    log_doom_segments(log, 0);
    for (uint32_t i = 0; i < log->doomed_count; i++)
        segment_free(log->env, log->doomed[i]);
    log->doomed_count = 0;
    if (!log->has_directory)
        return true; /* One of that name may be there by now, and be another log's (rule 18). */
    enum err err = env_list(log->env, log->dir, &arena, &names, &count);
    log->has_directory = err == ERR_NONE;
    for (; log->has_directory && seen < count && removed < WIPE_FILES_MAX; seen++) {
        if (strcmp(names[seen], "partition.metadata") == 0)
            continue;
        log_path(log, names[seen], path);
        removed += env_unlink(log->env, path) == ERR_NONE;
    }
    arena_free(&arena);
    if (!log->has_directory)
        return true;
    log->is_directory_dirty = true;
    return seen == count;
}

/* Nothing but the identity is left in the directory, for good. */
static void remove_directory(struct log *log)
{
    char path[ENV_PATH_MAX];

    log_path(log, "partition.metadata", path);
    (void)env_unlink(log->env, path);
    (void)env_unlink(log->env, log->dir);
    log->has_directory = log->is_directory_dirty = log->is_metadata_dirty = false;
    log->is_parent_dirty = true;
}

static void finish_change(struct log *log, log_offset end)
{
    const struct log_hooks *hooks = &log->config.hooks;

    log->step = LOG_STEP_NONE;
    if (log->change == LOG_CHANGE_DELETE) {
        log->state = LOG_DELETED;
        if (hooks->deleted)
            hooks->deleted(hooks->context, log);
        return;
    }
    log->state = LOG_READY;
    if (log->change == LOG_CHANGE_RESET)
        log_probe(log, (struct probe){.kind = PROBE_LOG_DURABLE, .offset = log->ends.durable});
    log_raise_synced(log, end);
    if (log->start_synced < log->ends.start)
        sync_want_group(log->sync, &log->member);
    if (hooks->ready)
        hooks->ready(hooks->context, log);
}

static void enter_step(struct log *log, enum log_step step)
{
    log->step = step;
    sync_want_group(log->sync, &log->member);
}

/* The mark is lowered or gone, and no older sync is under way: touch the files. */
static void step_barrier(struct log *log)
{
    if (log->change == LOG_CHANGE_TRUNCATE) {
        log_start_cut(log);
        return;
    }
    if (!wipe(log)) {
        enter_step(log, LOG_STEP_BARRIER);
        return;
    }
    if (log->change == LOG_CHANGE_RESET && log->has_directory)
        (void)log_write_metadata(log);
    log->epochs_stored = -1;
    log->are_epochs_dirty = false;
    enter_step(log, LOG_STEP_CUT);
}

/* Nothing of another topic is left: from now on the directory is ours. */
static void take_directory(struct log *log)
{
    log->lacks_identity = false;
    enum err err = log_write_metadata(log);
    if (err != ERR_NONE)
        log_go_offline(log, err, "partition.metadata cannot be written: %s.", err_name(err));
    else
        enter_step(log, LOG_STEP_SETTLE);
}

/* The files are cut for good. */
static void step_cut(struct log *log, log_offset end)
{
    if (log->lacks_identity) {
        take_directory(log);
        return;
    }
    if (log->change == LOG_CHANGE_RESET) {
        sync_put_mark(log->sync, &(struct mark){.key = log->config.key,
                                                .epoch = -1,
                                                .start = log->ends.start,
                                                .durable = log->ends.start});
        enter_step(log, LOG_STEP_SETTLE);
    } else if (log->change == LOG_CHANGE_DELETE && log->has_directory) {
        remove_directory(log);
        enter_step(log, LOG_STEP_SETTLE);
    } else if (log->is_directory_dirty) {
        enter_step(log, LOG_STEP_SETTLE);
    } else {
        finish_change(log, end);
    }
}

bool log_is_being_removed(const struct log *log)
{
    return log->state == LOG_BUSY && log->change == LOG_CHANGE_DELETE && log->has_directory;
}

bool log_step_needs_marks(const struct log *log)
{
    return log->step == LOG_STEP_BARRIER ||
           (log->step == LOG_STEP_SETTLE && log->change == LOG_CHANGE_RESET);
}

void log_step_change(struct log *log, log_offset end, enum err marks)
{
    if (log_step_needs_marks(log) && marks == ERR_AGAIN) {
        enter_step(log, log->step);
        return;
    }
    if (log_step_needs_marks(log) && marks != ERR_NONE) {
        log_go_offline(log, ERR_IO, "The mark cannot be written: %s.", err_name(marks));
        return;
    }
    if (log->step == LOG_STEP_BARRIER)
        step_barrier(log);
    else if (log->step == LOG_STEP_CUT)
        step_cut(log, end);
    else
        finish_change(log, end);
}
