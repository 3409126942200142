/* compact.c -- takes one compaction from phase to phase, a bounded piece at a time.
 *
 * Invariants
 * - Only whole segments below the limit are read, and the limit is at or below what is committed
 *   and what the next start will know to be synced (rule 14).
 * - Between two steps anything may happen to the log. Whatever takes segments from its end, or
 *   cuts one, counts in log->removals; a compaction that sees the number moved lapses. A swap that
 *   was begun goes to its end all the same: it is the log's (swap.c). Where retention has unlinked
 *   segments at the front it goes on with those that are left: a log that is retained by size or
 *   age loses segments all the time, and would never be clean.
 * - The second pass leaves out only what lies below a start that is synced: else a power loss
 *   brought back records whose tombstones are gone.
 * - A group is replaced only when its successor is whole and synced. */
#include "compact.h"

#include "batch_layout.h"

enum { COMPACT_UNSYNCED_MAX = 256 << 10 }; /* Bytes of a successor between two of its syncs. */

static const char cleaned[] = ".cleaned";

struct compaction *compaction_open(struct log *log, const struct compact_config *config,
                                   log_offset first_dirty, log_offset limit)
{
    struct compaction *compaction = mem_zalloc(sizeof *compaction);
    const uint64_t secret[2] = {env_random(log->env), env_random(log->env)};

    check(log->ends.start <= first_dirty);
    check(first_dirty < limit);
    compaction->log = log;
    compaction->env = log->env;
    compaction->config = *config;
    compaction->keys = key_map_open(config->map_size, config->map_load_percent,
                                    (uint64_t)(limit - first_dirty), secret);
    compaction->rules = (struct compact_rules){.keys = compaction->keys,
                                               .latest = first_dirty - 1,
                                               .now = config->now,
                                               .config = log->config.compaction,
                                               .reader = codec_reader_open(),
                                               .writer = codec_writer_open()};
    compaction->first_dirty = first_dirty;
    compaction->limit = limit;
    compaction->removals = log->removals;
    compaction->unlinked = log->unlinked;
    compact_source_open(&compaction->source, log, config->io_size);
    compact_source_enter(&compaction->source, log_segment_index(log, first_dirty));
    compaction->out = buf_new(config->io_size);
    return compaction;
}

/* Let go of a successor that takes nobody's place. */
static void drop_target(struct compaction *compaction)
{
    if (!compaction->target)
        return;
    segment_unlink(compaction->env, compaction->log->dir, compaction->target);
    segment_free(compaction->env, compaction->target);
    compaction->target = NULL;
}

void compaction_close_files(struct compaction *compaction)
{
    for (uint32_t i = compaction->sync_kept; i < compaction->sync_count; i++)
        env_close(compaction->env, compaction->sync_files[i]);
    compaction->sync_count = compaction->sync_kept = 0;
}

void compaction_close(struct compaction *compaction)
{
    drop_target(compaction);
    compaction_close_files(compaction);
    compact_job_close(&compaction->job);
    codec_reader_close(compaction->rules.reader);
    codec_writer_close(compaction->rules.writer);
    key_map_close(compaction->keys);
    compact_source_close(&compaction->source);
    buf_unref(compaction->out);
    mem_free(compaction);
}

static enum compact_outcome fail(struct compaction *compaction, enum err err, const char *what)
{
    compaction->error = err;
    compaction->what = what;
    return COMPACT_FAILED;
}

/* A sound log cannot have this: as if a reader had met it. */
static enum compact_outcome meet_rot(struct compaction *compaction, enum err err)
{
    struct log *log = compaction->log;

    if (err == ERR_CORRUPT)
        env_mark(log->env, "rot_found");
    log_go_offline(log, err, "Compaction cannot read offset %lld: %s.",
                   (long long)compaction->source.next, err_name(err));
    return COMPACT_LAPSED;
}

/* ---- Reading. */

static struct segment *segment_at(const struct compaction *compaction, uint32_t index)
{
    const struct log *log = compaction->log;
    return index < log->segment_count ? log->segments[index] : NULL;
}

/* To a replica that copies the log it tells where an epoch began, by which others are found to
 * have diverged. */
static bool begins_epoch(const struct log *log, log_offset base)
{
    return epoch_cache_find(&log->epochs, base) != epoch_cache_find(&log->epochs, base - 1);
}

/* The last batches of its producer tell the next start where its sequence stands; the last one
 * of a segment, where that ends (rule 9). */
static bool must_stay(const struct compaction *compaction, const struct batch_info *info)
{
    const struct log *log = compaction->log;

    if (begins_epoch(log, info->base))
        return true;
    if (compact_source_is_at_end(&compaction->source) &&
        compaction->source.segment + 1 == compaction->group_end)
        return true;
    return log->producers && producers_need(log->producers, info);
}

/* Have the batch before the position at work, which may have been left off, or the next one.
 * Errors  as compact_source_read(). */
static enum err take_batch(struct compaction *compaction, struct compact_work *work)
{
    struct batch_info info;
    struct bytes batch;

    if (compaction->job.is_open)
        return ERR_NONE;
    enum err err = compact_source_read(&compaction->source, &info, &batch);
    if (err != ERR_NONE)
        return err;
    work->used += info.size;
    bool stays = compaction->phase != COMPACT_MAP && must_stay(compaction, &info);
    compact_job_open(&compaction->job, batch, &info, stays);
    return ERR_NONE;
}

/* There is no batch now.
 * `err`   of take_batch(), and not the segment's end. */
static enum compact_outcome go_without(struct compaction *compaction, enum err err,
                                       struct compact_work *work)
{
    if (err != ERR_COLD)
        return meet_rot(compaction, err);
    work->used = UINT64_MAX; /* Nothing more in this tick: the disk is asked. */
    return COMPACT_GOES_ON;
}

/* The work at a batch has stopped, by what its records are or by what may be done at once. */
static enum compact_outcome stop_at_batch(struct compaction *compaction, enum err err)
{
    if (err == ERR_AGAIN)
        return COMPACT_GOES_ON;
    return fail(compaction, err, "A batch's records are malformed");
}

static void enter_segment(struct compaction *compaction, uint32_t index)
{
    check(!compaction->job.is_open);
    compact_source_enter(&compaction->source, index);
}

/* ---- The first pass. */

static enum compact_outcome end_map(struct compaction *compaction)
{
    compaction->phase = COMPACT_CHOOSE;
    compaction->group_end = 0;
    return COMPACT_GOES_ON;
}

/* All below it is mapped, or gone. */
static enum compact_outcome map_segment(struct compaction *compaction, uint32_t index)
{
    const struct segment *next = segment_at(compaction, index);

    compaction->rules.latest = next->base - 1;
    if (next->base >= compaction->limit)
        return end_map(compaction);
    enter_segment(compaction, index);
    return COMPACT_GOES_ON;
}

/* Note the keys of one batch; when no more fit, that is what can be compacted this time. */
static enum compact_outcome map_batch(struct compaction *compaction, struct compact_work *work)
{
    struct compact_job *job = &compaction->job;
    log_offset *latest = &compaction->rules.latest;

    enum err err = take_batch(compaction, work);
    if (err == ERR_NOT_FOUND)
        return map_segment(compaction, compaction->source.segment + 1);
    if (err != ERR_NONE)
        return go_without(compaction, err, work);
    bool is_dirty = batch_end(&job->info) > compaction->first_dirty;
    if (is_dirty)
        err = compact_note(job, &compaction->rules, compaction->keys, compaction->first_dirty,
                           latest, work);
    if (err != ERR_NONE)
        return stop_at_batch(compaction, err);
    bool is_full = is_dirty && *latest < batch_last(&job->info);
    compact_job_close(job);
    return is_full ? end_map(compaction) : COMPACT_GOES_ON;
}

/* ---- The second pass. */

static enum err open_target(struct compaction *compaction)
{
    const struct log *log = compaction->log;
    char path[ENV_PATH_MAX];
    struct segment *target = segment_new(log->segments[compaction->group_first]->base);

    target->suffix = cleaned;
    segment_unlink(log->env, log->dir, target); /* What an earlier one has left. */
    segment_file_path(target, log->dir, ".log", path);
    enum err err = env_open(log->env, path, ENV_OPEN_CREATE, &target->file);
    if (err != ERR_NONE) {
        segment_free(log->env, target);
        return err;
    }
    compaction->target = target;
    compaction->out->size = compaction->out_written = 0;
    compaction->unsynced = 0;
    return ERR_NONE;
}

static enum compact_outcome begin_copy(struct compaction *compaction)
{
    enum err err = open_target(compaction);
    if (err != ERR_NONE)
        return fail(compaction, err, "The successor of a segment cannot be made");
    compaction->phase = COMPACT_COPY;
    return COMPACT_GOES_ON;
}

/* Segments that together are no larger than one may be become one. */
static void choose_group(struct compaction *compaction)
{
    const struct log *log = compaction->log;
    uint32_t first = compaction->group_end, end = first + 1;
    uint64_t size = log->segments[first]->size;

    for (; end + 1 < log->segment_count; end++) {
        const struct segment *segment = log->segments[end];
        size += segment->size;
        if (segment->base > compaction->rules.latest || size > log->config.segment_size ||
            log->segments[end + 1]->base - log->segments[first]->base > INT32_MAX)
            break;
    }
    compaction->group_first = first;
    compaction->group_end = end;
    compaction->same_size = 0;
    enter_segment(compaction, first);
}

static enum compact_outcome choose(struct compaction *compaction)
{
    uint32_t live = log_segment_index(compaction->log, compaction->log->start_synced);

    if (compaction->group_end < live)
        compaction->group_end = live;
    const struct segment *next = segment_at(compaction, compaction->group_end);
    if (next->base > compaction->rules.latest) {
        compaction->phase = COMPACT_END;
        compaction->log->clean_end = compaction_end(compaction);
        log_put_mark(compaction->log);
        return COMPACT_DONE;
    }
    choose_group(compaction);
    if (compaction->group_end > compaction->group_first + 1)
        return begin_copy(compaction);
    compaction->phase = COMPACT_LOOK;
    return COMPACT_GOES_ON;
}

/* All of the segment stays: so does its file. */
static enum compact_outcome leave_segment(struct compaction *compaction)
{
    uint64_t size = segment_at(compaction, compaction->source.segment)->size;

    compaction->size_before += size;
    compaction->size_after += size;
    compaction->phase = COMPACT_CHOOSE;
    return COMPACT_GOES_ON;
}

/* Look on, up to the first batch of which something goes. */
static enum compact_outcome look_at_batch(struct compaction *compaction, struct compact_work *work)
{
    struct compact_job *job = &compaction->job;

    enum err err = take_batch(compaction, work);
    if (err == ERR_NOT_FOUND)
        return leave_segment(compaction);
    if (err != ERR_NONE)
        return go_without(compaction, err, work);
    err = compact_look(job, &compaction->rules, work);
    if (err != ERR_NONE)
        return stop_at_batch(compaction, err);
    compact_job_close(job);
    if (job->verdict == COMPACT_AS_IS)
        return COMPACT_GOES_ON;
    compaction->same_size = compaction->source.position - job->info.size;
    enter_segment(compaction, compaction->group_first);
    return begin_copy(compaction);
}

/* Write `size` bytes of what has gathered, from where the last write ended. */
static enum err write_out(struct compaction *compaction, uint32_t size)
{
    struct segment *target = compaction->target;
    struct buf *out = compaction->out;

    while (size > 0) {
        struct bytes rest = {.data = out->data + compaction->out_written, .size = size};
        int64_t moved = env_write(compaction->env, target->file, target->written, &rest, 1);
        if (moved <= 0)
            return moved < 0 ? (enum err)moved : ERR_IO;
        size -= (uint32_t)moved;
        compaction->out_written += (uint32_t)moved;
        compaction->unsynced += (uint32_t)moved;
        compaction->bytes_written += (uint32_t)moved;
        target->written += (uint64_t)moved;
    }
    return ERR_NONE;
}

static uint32_t size_gathered(const struct compaction *compaction)
{
    return compaction->out->size - compaction->out_written;
}

static void add_sync_file(struct compaction *compaction, file_id file)
{
    check(compaction->sync_count < COMPACT_SYNC_FILES_MAX);
    compaction->sync_files[compaction->sync_count++] = file;
}

/* The first of them: it stays open. */
static void keep_sync_file(struct compaction *compaction, file_id file)
{
    check(compaction->sync_count == 0);
    add_sync_file(compaction, file);
    compaction->sync_kept = 1;
}

/* A long run of writes is synced now and then, so that no sync has to wait for all of it. */
static enum compact_outcome sync_so_far(struct compaction *compaction)
{
    compaction->unsynced = 0;
    keep_sync_file(compaction, compaction->target->file);
    return COMPACT_SYNCS;
}

/* A write takes new pages, which costs more than all else: it has a slice for itself. */
static enum compact_outcome write_piece(struct compaction *compaction, struct compact_work *work)
{
    struct buf *out = compaction->out;

    work->used = UINT64_MAX;
    enum err err = write_out(compaction, compaction->config.io_size);
    if (err != ERR_NONE)
        return fail(compaction, err, "The successor of a segment cannot be written");
    if (size_gathered(compaction) < compaction->config.io_size) {
        out->size = size_gathered(compaction);
        memmove(out->data, out->data + compaction->out_written, out->size);
        compaction->out_written = 0;
    }
    return compaction->unsynced >= COMPACT_UNSYNCED_MAX ? sync_so_far(compaction) : COMPACT_GOES_ON;
}

/* The successor is written: sync all of it. */
static enum compact_outcome end_group(struct compaction *compaction)
{
    struct log *log = compaction->log;
    struct segment *target = compaction->target;

    enum err err = write_out(compaction, size_gathered(compaction));
    if (err != ERR_NONE)
        return fail(compaction, err, "The successor of a segment cannot be written");
    check(target->written == target->size);
    target->reserved = target->size;
    index_finish(target, log->env, log->dir);
    compaction->size_after += target->size;
    compaction->phase = COMPACT_STORE;
    keep_sync_file(compaction, target->file);
    return COMPACT_SYNCS;
}

static enum compact_outcome copy_next_segment(struct compaction *compaction)
{
    compaction->size_before += segment_at(compaction, compaction->source.segment)->size;
    if (compaction->source.segment + 1 == compaction->group_end)
        return end_group(compaction);
    enter_segment(compaction, compaction->source.segment + 1);
    return COMPACT_GOES_ON;
}

/* One batch. What a look found to be as it was is taken as it is. */
static enum compact_outcome copy_batch(struct compaction *compaction, struct compact_work *work)
{
    struct log *log = compaction->log;
    struct segment *target = compaction->target;
    struct compact_job *job = &compaction->job;
    struct compact_left left;

    if (!job->is_open && size_gathered(compaction) >= compaction->config.io_size)
        return write_piece(compaction, work);
    enum err err = take_batch(compaction, work);
    if (err == ERR_NOT_FOUND)
        return copy_next_segment(compaction);
    if (err != ERR_NONE)
        return go_without(compaction, err, work);
    if (compaction->source.position <= compaction->same_size)
        job->verdict = COMPACT_AS_IS;
    err = compact_write(job, &compaction->rules, &compaction->out, &left, work);
    if (err != ERR_NONE)
        return stop_at_batch(compaction, err);
    compact_job_close(job);
    compaction->records_dropped += left.dropped;
    if (left.info.size == 0)
        return COMPACT_GOES_ON;
    if (target->size + left.info.size > UINT32_MAX)
        return fail(compaction, ERR_TOO_LARGE, "What remains is larger than a segment can be");
    index_note(target, log->env, log->dir, log->config.index_interval_size,
               &(struct placed_batch){.info = left.info, .position = target->size});
    target->size += left.info.size;
    return COMPACT_GOES_ON;
}

/* Its bytes are durable: so are its indexes and all names in a moment. */
static enum compact_outcome step_enter(struct compaction *compaction)
{
    struct log *log = compaction->log;
    struct segment *target = compaction->target;
    file_id directory;

    for (int i = 0; i < 2; i++) {
        if (target->index_files[i] >= 0)
            add_sync_file(compaction, target->index_files[i]);
        target->index_files[i] = -1;
    }
    enum err err = env_open(log->env, log->dir, ENV_OPEN_DIRECTORY, &directory);
    if (err != ERR_NONE)
        return fail(compaction, err, "The directory cannot be opened");
    add_sync_file(compaction, directory);
    compaction->phase = COMPACT_ENTER;
    return COMPACT_SYNCS;
}

/* ---- Phase to phase. */

/* Nothing that the log is made of has gone since the start. */
static bool is_as_it_was(const struct compaction *compaction)
{
    return compaction->log->state == LOG_READY && compaction->removals == compaction->log->removals;
}

static uint32_t index_without(uint32_t index, uint32_t gone)
{
    return index > gone ? index - gone : 0;
}

/* Segments have gone at the front. Where one was at work, go on with the first that is left. */
static void follow_front(struct compaction *compaction)
{
    uint32_t gone = compaction->log->unlinked - compaction->unlinked;
    bool is_mapping = compaction->phase == COMPACT_MAP;
    uint32_t at = is_mapping ? compaction->source.segment : compaction->group_first;

    compaction->unlinked += gone;
    compaction->source.segment = index_without(compaction->source.segment, gone);
    compaction->group_first = index_without(compaction->group_first, gone);
    compaction->group_end = index_without(compaction->group_end, gone);
    if (at >= gone || compaction->phase == COMPACT_CHOOSE)
        return;
    compact_job_close(&compaction->job);
    if (is_mapping) {
        (void)map_segment(compaction, 0);
        return;
    }
    drop_target(compaction);
    compaction->phase = COMPACT_CHOOSE;
    compaction->group_end = 0;
}

static enum compact_outcome step_commit(struct compaction *compaction)
{
    struct log *log = compaction->log;
    const struct segment *after = segment_at(compaction, compaction->group_end);

    enum err err = log_swap_begin(log, compaction->target, after->base);
    if (err != ERR_NONE)
        return fail(compaction, err, "The successor of a segment cannot be renamed");
    compaction->target = NULL; /* The log's. */
    compaction->phase = COMPACT_SWAP;
    return COMPACT_WAITS;
}

static enum compact_outcome wait_for_swap(struct compaction *compaction)
{
    if (compaction->log->swap.segment)
        return COMPACT_WAITS;
    compaction->group_end = compaction->group_first + 1;
    compaction->phase = COMPACT_CHOOSE;
    return COMPACT_GOES_ON;
}

static enum compact_outcome take_turn(struct compaction *compaction, struct compact_work *work)
{
    switch (compaction->phase) {
    case COMPACT_MAP:
        return map_batch(compaction, work);
    case COMPACT_CHOOSE:
        return choose(compaction);
    case COMPACT_LOOK:
        return look_at_batch(compaction, work);
    case COMPACT_COPY:
        return copy_batch(compaction, work);
    case COMPACT_STORE:
        return step_enter(compaction);
    case COMPACT_ENTER:
        return step_commit(compaction);
    case COMPACT_SWAP:
        return wait_for_swap(compaction);
    case COMPACT_END:
        break;
    }
    return COMPACT_DONE;
}

enum compact_outcome compaction_step(struct compaction *compaction, uint64_t budget, uint64_t *used)
{
    struct compact_work work = {.budget = budget};
    enum compact_outcome outcome = COMPACT_GOES_ON;
    bool is_reading = true;

    *used = 0;
    check(compaction->sync_count == 0);
    if (compaction->error != ERR_NONE)
        return COMPACT_FAILED;
    if (!is_as_it_was(compaction))
        return COMPACT_LAPSED;
    follow_front(compaction);
    while (outcome == COMPACT_GOES_ON && is_reading && compact_work_is_left(&work)) {
        is_reading = compaction->phase <= COMPACT_COPY;
        outcome = take_turn(compaction, &work);
    }
    *used = work.used;
    return outcome;
}

void compaction_synced(struct compaction *compaction, enum err result)
{
    if (result != ERR_NONE)
        (void)fail(compaction, ERR_IO, "The successor of a segment cannot be synced");
}
