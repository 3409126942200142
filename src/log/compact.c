/* compact.c -- takes one compaction from phase to phase, a bounded piece at a time.
 *
 * Invariants
 * - Only whole segments below the limit are read, and the limit is at or below what is committed
 *   and what the next start will know to be synced (rule 14).
 * - Between two steps anything may happen to the log. Whatever takes segments from it, or cuts
 *   one, counts in log->removals; a compaction that sees the number moved lapses, but for a swap
 *   that was begun, which goes to its end.
 * - A group is replaced only when its successor is whole and synced. */
#include "compact.h"

#include "batch_layout.h"

enum {
    COMPACT_UNSYNCED_MAX = 4 << 20, /* Bytes written between two syncs of a successor. */
    COMPACT_UNPACKING = 8, /* What a compressed byte costs, beside one that need only be walked. */
};

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
    compaction->rules =
        (struct compact_rules){.keys = compaction->keys,
                               .latest = first_dirty - 1,
                               .now = config->now,
                               .delete_retention_ms = log->config.compaction.delete_retention_ms,
                               .reader = config->reader,
                               .writer = config->writer};
    compaction->first_dirty = first_dirty;
    compaction->limit = limit;
    compaction->removals = log->removals;
    compaction->segment = log_segment_index(log, first_dirty);
    compaction->in = buf_new(config->io_size);
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
    key_map_close(compaction->keys);
    buf_unref(compaction->in);
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
    log_go_offline(log, err, "Compaction cannot read offset %lld: %s.", (long long)compaction->next,
                   err_name(err));
    return COMPACT_LAPSED;
}

/* ---- Reading. */

static struct segment *segment_at(const struct compaction *compaction, uint32_t index)
{
    const struct log *log = compaction->log;
    return index < log->segment_count ? log->segments[index] : NULL;
}

/* Have `size` bytes at the position in memory, or fewer at the end of the segment.
 * Errors  ERR_COLD: later. */
static enum err fill(struct compaction *compaction, const struct segment *segment, uint32_t size,
                     struct bytes *out)
{
    uint64_t skip = compaction->position - compaction->in_position;

    if (compaction->position < compaction->in_position || skip + size > compaction->in->size) {
        uint32_t want = size > compaction->config.io_size ? size : compaction->config.io_size;
        uint64_t left = segment->written - compaction->position;
        uint32_t room = want;
        want = left < want ? (uint32_t)left : want;
        if (room !=
            compaction->in->capacity) { /* A large batch has its room as long as it lasts. */
            buf_unref(compaction->in);
            compaction->in = buf_new(room);
        }
        compaction->in->size = 0;
        compaction->in_position = compaction->position;
        env_make_haste(compaction->env);
        int64_t got = env_read(compaction->env, segment->file, compaction->position,
                               compaction->in->data, want);
        env_end_haste(compaction->env);
        if (got < 0)
            return (enum err)got;
        compaction->in->size = (uint32_t)got;
        skip = 0;
    }
    *out = (struct bytes){.data = compaction->in->data + skip,
                          .size = compaction->in->size - (uint32_t)skip};
    return ERR_NONE;
}

/* The batch at the position, whole and with a right checksum.
 * Errors  ERR_NOT_FOUND: the segment ends here; ERR_COLD, ERR_CORRUPT, ERR_IO. */
static enum err read_batch(struct compaction *compaction, const struct segment *segment,
                           struct batch_info *info, struct bytes *batch)
{
    struct bytes bytes;

    if (compaction->position == segment->written)
        return ERR_NOT_FOUND;
    enum err err = fill(compaction, segment, BATCH_HEADER_SIZE, &bytes);
    if (err == ERR_NONE && batch_read(bytes, info) != ERR_NONE)
        err = ERR_CORRUPT;
    if (err == ERR_NONE && info->size > segment->written - compaction->position)
        err = ERR_CORRUPT;
    if (err == ERR_NONE)
        err = fill(compaction, segment, info->size, &bytes);
    if (err != ERR_NONE)
        return err;
    if (info->base < compaction->next || batch_next(&bytes, info, batch) != ERR_NONE)
        return ERR_CORRUPT;
    compaction->position += info->size;
    compaction->next = batch_end(info);
    compaction->bytes_read += info->size;
    return ERR_NONE;
}

static void enter_segment(struct compaction *compaction, uint32_t index, uint64_t position)
{
    compaction->segment = index;
    compaction->position = position;
    compaction->in_position = 0;
    compaction->in->size = 0;
    compaction->next = compaction->log->segments[index]->base;
}

/* Nothing more in this tick: the disk is asked, and a later one goes on from here. */
static enum compact_outcome go_on_later(uint64_t *used)
{
    *used = UINT64_MAX;
    return COMPACT_GOES_ON;
}

/* ---- The first pass. */

static void enter_copy(struct compaction *compaction)
{
    compaction->phase = COMPACT_COPY;
    compaction->group_end = log_segment_index(compaction->log, compaction->log->ends.start);
}

/* Note the keys of one batch. Returns COMPACT_DONE when all that fits is noted. */
static enum compact_outcome map_batch(struct compaction *compaction, const struct segment *segment,
                                      uint64_t *used)
{
    struct batch_info info;
    struct bytes batch;
    log_offset *latest = &compaction->rules.latest;

    enum err err = read_batch(compaction, segment, &info, &batch);
    if (err == ERR_NOT_FOUND) {
        const struct segment *next = segment_at(compaction, compaction->segment + 1);
        *latest = next->base - 1;
        if (next->base >= compaction->limit)
            return COMPACT_DONE;
        enter_segment(compaction, compaction->segment + 1, 0);
        return COMPACT_GOES_ON;
    }
    if (err == ERR_COLD)
        return go_on_later(used);
    if (err != ERR_NONE)
        return meet_rot(compaction, err);
    *used += batch_codec(&info) == CODEC_NONE ? info.size : (uint64_t)COMPACT_UNPACKING * info.size;
    if (batch_end(&info) <= compaction->first_dirty)
        return COMPACT_GOES_ON;
    err = compact_note(compaction->keys, compaction->config.reader, batch, &info,
                       compaction->first_dirty, latest);
    if (err != ERR_NONE)
        return fail(compaction, err, "A batch's records are malformed");
    return *latest < batch_last(&info) ? COMPACT_DONE : COMPACT_GOES_ON;
}

static enum compact_outcome step_map(struct compaction *compaction, uint64_t budget, uint64_t *used)
{
    enum compact_outcome outcome = COMPACT_GOES_ON;

    while (outcome == COMPACT_GOES_ON && *used < budget)
        outcome = map_batch(compaction, segment_at(compaction, compaction->segment), used);
    if (outcome != COMPACT_DONE)
        return outcome;
    enter_copy(compaction);
    return COMPACT_GOES_ON;
}

/* ---- The second pass. */

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
    compaction->is_changed = end > first + 1;
    enter_segment(compaction, first, 0);
}

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
    compaction->out->size = 0;
    compaction->unsynced = 0;
    return ERR_NONE;
}

/* Write what has gathered. */
static enum err write_out(struct compaction *compaction)
{
    struct segment *target = compaction->target;
    struct buf *out = compaction->out;
    uint32_t done = 0;

    while (done < out->size) {
        struct bytes rest = {.data = out->data + done, .size = out->size - done};
        int64_t moved = env_write(compaction->env, target->file, target->written, &rest, 1);
        if (moved <= 0)
            return moved < 0 ? (enum err)moved : ERR_IO;
        done += (uint32_t)moved;
        target->written += (uint64_t)moved;
    }
    compaction->unsynced += done;
    compaction->bytes_written += done;
    out->size = 0;
    if (out->capacity > 2 * compaction->config.io_size) {
        buf_unref(out);
        compaction->out = buf_new(compaction->config.io_size);
    }
    return ERR_NONE;
}

/* The last batch of its producer tells the next start where its sequence stands; the last one
 * of a segment, where that ends (rule 9). */
static bool must_stay(const struct compaction *compaction, const struct segment *segment,
                      const struct batch_info *info)
{
    const struct log *log = compaction->log;

    if (compaction->position == segment->written &&
        compaction->segment + 1 == compaction->group_end)
        return true;
    return log->producers && producers_need(log->producers, info, log->ends.committed);
}

static enum compact_outcome copy_batch(struct compaction *compaction, uint64_t *used)
{
    struct log *log = compaction->log;
    const struct segment *segment = segment_at(compaction, compaction->segment);
    struct segment *target = compaction->target;
    struct compact_left left;
    struct batch_info info;
    struct bytes batch;

    enum err err = read_batch(compaction, segment, &info, &batch);
    if (err == ERR_NOT_FOUND) {
        compaction->size_before += segment->size;
        if (compaction->segment + 1 == compaction->group_end)
            return COMPACT_DONE;
        enter_segment(compaction, compaction->segment + 1, 0);
        return COMPACT_GOES_ON;
    }
    if (err == ERR_COLD)
        return go_on_later(used);
    if (err != ERR_NONE)
        return meet_rot(compaction, err);
    err = compact_batch(&compaction->rules, batch, &info, must_stay(compaction, segment, &info),
                        &compaction->out, &left);
    if (err != ERR_NONE)
        return fail(compaction, err, "A batch's records are malformed");
    *used += info.size + left.work;
    compaction->is_changed = compaction->is_changed || left.is_changed;
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

/* Sync the directory, in order to go on from `phase`. */
static enum compact_outcome sync_directory(struct compaction *compaction, enum compact_phase phase)
{
    struct log *log = compaction->log;
    file_id directory;

    compaction->phase = phase;
    enum err err = env_open(log->env, log->dir, ENV_OPEN_DIRECTORY, &directory);
    if (err == ERR_NONE)
        add_sync_file(compaction, directory);
    else if (log->swap.segment)
        log_go_offline(log, err, "A compacted segment cannot be synced: %s.", err_name(err));
    else
        return fail(compaction, err, "The directory cannot be opened");
    return log_is_offline(log) ? COMPACT_LAPSED : COMPACT_SYNCS;
}

/* The successor is written: sync all of it. One that is no different is dropped. */
static enum compact_outcome end_group(struct compaction *compaction)
{
    struct log *log = compaction->log;
    struct segment *target = compaction->target;

    if (!compaction->is_changed) {
        compaction->size_after += target->size;
        drop_target(compaction);
        return COMPACT_GOES_ON;
    }
    enum err err = write_out(compaction);
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

/* Its bytes are durable: so are its indexes and all names in a moment. */
static enum compact_outcome step_enter(struct compaction *compaction)
{
    struct segment *target = compaction->target;

    for (int i = 0; i < 2; i++) {
        if (target->index_files[i] >= 0)
            add_sync_file(compaction, target->index_files[i]);
        target->index_files[i] = -1;
    }
    return sync_directory(compaction, COMPACT_ENTER);
}

/* A long run of writes is synced now and then, so that no sync has to wait for all of it. */
static enum compact_outcome sync_so_far(struct compaction *compaction)
{
    compaction->unsynced = 0;
    keep_sync_file(compaction, compaction->target->file);
    return COMPACT_SYNCS;
}

static enum compact_outcome begin_group(struct compaction *compaction)
{
    const struct segment *next = segment_at(compaction, compaction->group_end);

    if (next->base > compaction->rules.latest) {
        compaction->phase = COMPACT_END;
        compaction->log->clean_end = compaction_end(compaction);
        return COMPACT_DONE;
    }
    choose_group(compaction);
    enum err err = open_target(compaction);
    if (err != ERR_NONE)
        return fail(compaction, err, "The successor of a segment cannot be made");
    return COMPACT_GOES_ON;
}

static enum compact_outcome step_copy(struct compaction *compaction, uint64_t budget,
                                      uint64_t *used)
{
    enum compact_outcome outcome = COMPACT_GOES_ON;

    if (!compaction->target)
        outcome = begin_group(compaction);
    while (outcome == COMPACT_GOES_ON && *used < budget) {
        outcome = copy_batch(compaction, used);
        if (outcome == COMPACT_DONE)
            return end_group(compaction);
        if (outcome != COMPACT_GOES_ON || compaction->out->size < compaction->config.io_size)
            continue;
        enum err err = write_out(compaction);
        if (err != ERR_NONE)
            outcome = fail(compaction, err, "The successor of a segment cannot be written");
        else if (compaction->unsynced >= COMPACT_UNSYNCED_MAX)
            outcome = sync_so_far(compaction);
    }
    return outcome;
}

/* ---- Phase to phase. */

/* Nothing that the log is made of has gone since the start. */
static bool is_as_it_was(const struct compaction *compaction)
{
    return compaction->log->state == LOG_READY && compaction->removals == compaction->log->removals;
}

static enum compact_outcome step_commit(struct compaction *compaction)
{
    struct log *log = compaction->log;
    const struct segment *after = segment_at(compaction, compaction->group_end);

    enum err err = log_swap_begin(log, compaction->target, after->base);
    if (err != ERR_NONE)
        return fail(compaction, err, "The successor of a segment cannot be renamed");
    compaction->target = NULL; /* The log's. */
#ifdef SKIFF_MUTANT_SWAPS_UNSYNCED
    compaction->phase = COMPACT_COMMIT; /* The mutant removes the old files at once. */
    return COMPACT_GOES_ON;
#endif
    return sync_directory(compaction, COMPACT_COMMIT);
}

static enum compact_outcome step_replace(struct compaction *compaction)
{
    struct log *log = compaction->log;
    bool is_unharmed = is_as_it_was(compaction);

    log_swap_replace(log);
    if (is_unharmed)
        compaction->removals = log->removals;
    compaction->group_end = compaction->group_first + 1;
    return sync_directory(compaction, COMPACT_CLEAR);
}

static enum compact_outcome step_finish(struct compaction *compaction)
{
    log_swap_finish(compaction->log);
    compaction->phase = COMPACT_COPY;
    return COMPACT_GOES_ON;
}

enum compact_outcome compaction_step(struct compaction *compaction, uint64_t budget, uint64_t *used)
{
    struct log *log = compaction->log;
    bool is_swapping = compaction->phase == COMPACT_COMMIT || compaction->phase == COMPACT_CLEAR;

    *used = 0;
    check(compaction->sync_count == 0);
    if (compaction->error != ERR_NONE)
        return COMPACT_FAILED;
    if (log_is_offline(log) || (is_swapping && !log->swap.segment) ||
        (!is_swapping && !is_as_it_was(compaction)))
        return COMPACT_LAPSED;
    switch (compaction->phase) {
    case COMPACT_MAP:
        return step_map(compaction, budget, used);
    case COMPACT_COPY:
        return step_copy(compaction, budget, used);
    case COMPACT_STORE:
        return step_enter(compaction);
    case COMPACT_ENTER:
        return step_commit(compaction);
    case COMPACT_COMMIT:
        return step_replace(compaction);
    case COMPACT_CLEAR:
        return step_finish(compaction);
    case COMPACT_END:
        break;
    }
    return COMPACT_DONE;
}

void compaction_synced(struct compaction *compaction, enum err result)
{
    struct log *log = compaction->log;

    if (result == ERR_NONE)
        return;
    if (log->swap.segment) /* Nobody knows whether the next start will find the swap. */
        log_go_offline(log, ERR_IO, "A compacted segment cannot be synced: %s.", err_name(result));
    else
        (void)fail(compaction, ERR_IO, "The successor of a segment cannot be synced");
}
