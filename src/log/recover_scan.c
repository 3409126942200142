/* recover_scan.c -- verifies batches one by one, and writes a kept tail again. */
#include "recover.h"

enum { RECOVER_WINDOW_SIZE = 256 << 10 };

/* Have `size` bytes at `position` of `segment` in the window, or as many as there are. */
static enum err fill_window(struct recovery *recovery, const struct segment *segment,
                            uint64_t position, uint32_t size, struct bytes *out)
{
    struct env *env = recovery->log->env;

    if (position < recovery->window_position ||
        position + size > recovery->window_position + recovery->window_size) {
        uint32_t want = size > RECOVER_WINDOW_SIZE ? size : RECOVER_WINDOW_SIZE;
        if (want > recovery->window_capacity) {
            recovery->window = mem_realloc(recovery->window, want);
            recovery->window_capacity = want;
        }
        recovery->window_size = 0;
        int64_t got = env_read(env, segment->file, position, recovery->window, want);
        if (got < 0)
            return (enum err)got;
        recovery->window_position = position;
        recovery->window_size = (uint32_t)got;
    }
    uint64_t skip = position - recovery->window_position;
    uint64_t there = recovery->window_size - skip;
    *out = (struct bytes){.data = recovery->window + skip,
                          .size = there < size ? (uint32_t)there : size};
    return ERR_NONE;
}

/* Read and judge the batch at recovery->position.
 * Errors  ERR_CORRUPT: it is bad, `what` says how; ERR_IO. */
static enum err judge_batch(struct recovery *recovery, const struct segment *segment,
                            struct batch_info *info)
{
    struct bytes bytes, batch;
    uint64_t left = segment->size - recovery->position;

    recovery->what = "A cut off header";
    if (left < BATCH_HEADER_SIZE)
        return ERR_CORRUPT;
    enum err err = fill_window(recovery, segment, recovery->position, BATCH_HEADER_SIZE, &bytes);
    if (err != ERR_NONE)
        return err;
    recovery->what = "A bad header";
    if (batch_read(bytes, info) != ERR_NONE)
        return ERR_CORRUPT;
    recovery->what = "A cut off batch";
    if (info->size > left)
        return ERR_CORRUPT;
    err = fill_window(recovery, segment, recovery->position, info->size, &bytes);
    if (err != ERR_NONE)
        return err;
    recovery->what = "A wrong checksum";
    if (batch_next(&bytes, info, &batch) != ERR_NONE)
        return ERR_CORRUPT;
    recovery->what = "A base offset that does not rise";
    if (info->base < recovery->next)
        return ERR_CORRUPT;
    /* Marks stand between batches, and a base offset outside the checksum. A gap that begins at
     * the mark is compaction's, though (rule 9). */
    recovery->what = "A batch across the mark";
    if (recovery->next < recovery->promised && batch_end(info) > recovery->promised)
        return ERR_CORRUPT;
    recovery->what = "An epoch that falls";
    if (info->epoch < epoch_cache_last(&recovery->log->epochs))
        return ERR_CORRUPT;
    recovery->what = "An epoch above the mark's"; /* It stands outside the checksum. */
    if (recovery->has_mark && info->epoch > recovery->mark.epoch &&
        batch_end(info) <= recovery->settled)
        return ERR_CORRUPT;
    recovery->what = "It ends";
    return ERR_NONE;
}

static void take_batch(struct recovery *recovery, struct segment *segment, uint32_t index,
                       const struct batch_info *info)
{
    struct log *log = recovery->log;
    struct placed_batch placed = {.info = *info, .position = recovery->position};

    if (!recovery->has_mark_place && batch_end(info) > recovery->mark.durable) {
        recovery->has_mark_place = true;
        recovery->mark_segment = index;
        recovery->mark_position = recovery->position;
    }
    index_note(segment, log->env, log->dir, log->config.index_interval_size, &placed);
    epoch_cache_assign(&log->epochs, info->epoch, info->base);
    recovery->next = batch_end(info);
    recovery->position += info->size;
}

/* The indexes of what will be scanned are made anew. */
static enum err start_segment(struct recovery *recovery, struct segment *segment)
{
    struct log *log = recovery->log;

    index_cut(segment, log->env, log->dir, recovery->next);
    segment->written = recovery->position;
    enum err err = segment_learn_time(segment, log->env, log->dir);
    segment->written = segment->size;
    recovery->window_size = 0;
    return err;
}

/* Scan one segment to its end or to the first bad batch (is_torn). */
static enum err scan_segment(struct recovery *recovery, uint32_t index)
{
    struct segment *segment = recovery->log->segments[index];
    struct batch_info info;

    enum err err = start_segment(recovery, segment);
    while (err == ERR_NONE && recovery->position < segment->size) {
        err = judge_batch(recovery, segment, &info);
        if (err == ERR_NONE)
            take_batch(recovery, segment, index, &info);
    }
    if (err == ERR_CORRUPT) {
        recovery->is_torn = true;
        return ERR_NONE;
    }
    return err;
}

/* End the log here, in memory: inside `index`, and without later segments. Not when what
 * is missing is rot: then nothing changes. */
static void end_here(struct recovery *recovery, uint32_t index)
{
    struct log *log = recovery->log;
    struct segment *segment = log->segments[index];

    if (recovery->next < recovery->promised)
        return;
    recovery->must_cut = true;
    segment->size = segment->written = recovery->position;
    log_doom_segments(log, index + 1);
}

enum err recovery_scan(struct recovery *recovery)
{
    struct log *log = recovery->log;

    for (uint32_t i = recovery->first; i < log->segment_count; i++) {
        enum err err = scan_segment(recovery, i);
        if (err != ERR_NONE)
            return err;
        if (!recovery->is_torn && i + 1 == log->segment_count)
            return ERR_NONE;
        if (!recovery->is_torn && log->segments[i + 1]->base != recovery->next) {
            recovery->what = "A segment that does not start where the one before ends";
            recovery->is_torn = true;
        }
        if (recovery->is_torn) {
            end_here(recovery, i);
            return ERR_NONE;
        }
        index_finish(log->segments[i], log->env, log->dir);
        recovery->position = 0;
    }
    return ERR_NONE;
}

static enum err rewrite_range(struct recovery *recovery, struct segment *segment, uint64_t from)
{
    struct env *env = recovery->log->env;
    struct bytes chunk;

    recovery->window_size = 0;
    for (uint64_t at = from; at < segment->size;) {
        uint64_t left = segment->size - at;
        uint32_t want = left < RECOVER_WINDOW_SIZE ? (uint32_t)left : RECOVER_WINDOW_SIZE;
        enum err err = fill_window(recovery, segment, at, want, &chunk);
        if (err != ERR_NONE)
            return err;
        if (chunk.size == 0)
            return ERR_IO;
        int64_t moved = env_write(env, segment->file, at, &chunk, 1);
        if (moved <= 0)
            return moved < 0 ? (enum err)moved : ERR_IO;
        at += (uint64_t)moved;
    }
    segment->is_dirty = true;
    return ERR_NONE;
}

enum err recovery_rewrite(struct recovery *recovery)
{
    struct log *log = recovery->log;

    if (!recovery->has_mark_place)
        return ERR_NONE;
    for (uint32_t i = recovery->mark_segment; i < log->segment_count; i++) {
        uint64_t from = i == recovery->mark_segment ? recovery->mark_position : 0;
        enum err err = rewrite_range(recovery, log->segments[i], from);
        if (err != ERR_NONE)
            return err;
    }
    return ERR_NONE;
}
