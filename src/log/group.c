/* group.c -- a log's part in a group commit: what must be synced, and what that proves.
 *
 * Flags are cleared when a group leaves, because what is changed while it is under
 * way is the next group's; a group that fails takes the log offline, so no flag is missed. */
#include "log_internal.h"

/* The largest part of a group that is left for segments and their indexes. */
enum { GROUP_SEGMENT_FILES = 3, GROUP_NAMES = 5 };

static enum err open_parent(const struct log *log, file_id *out)
{
    char path[LOG_DIR_MAX];

    memcpy(path, log->dir, sizeof path);
    char *slash = strrchr(path, '/');
    if (slash)
        *slash = '\0';
    return env_open(log->env, slash ? path : ".", ENV_OPEN_DIRECTORY, out);
}

/* The directory, its own entry, and what it says about itself. */
static enum err join_names(struct log *log, struct sync_group *group)
{
    struct log_flight *flight = &log->flight;
    char path[ENV_PATH_MAX];
    enum err err = ERR_NONE;

    if (log->is_parent_dirty) {
        err = open_parent(log, &flight->parent);
        if (err != ERR_NONE)
            return err;
        flight->has_parent = true;
        sync_group_add(group, flight->parent);
    }
    if (log->is_metadata_dirty) {
        log_path(log, "partition.metadata", path);
        err = env_open(log->env, path, ENV_OPEN_WRITE, &flight->metadata);
        if (err != ERR_NONE)
            return err;
        flight->has_metadata = true;
        sync_group_add(group, flight->metadata);
    }
    if (log->is_directory_dirty) {
        err = env_open(log->env, log->dir, ENV_OPEN_DIRECTORY, &flight->directory);
        if (err != ERR_NONE)
            return err;
        flight->has_directory = true;
        flight->has_swap = log->swap.segment != NULL;
        sync_group_add(group, flight->directory);
    }
    log->is_parent_dirty = log->is_metadata_dirty = log->is_directory_dirty = false;
    return ERR_NONE;
}

static void join_segment(struct segment *segment, struct sync_group *group)
{
    sync_group_add(group, segment->file);
    segment->is_dirty = false;
    for (int i = 0; i < 2; i++)
        if (segment->index_files[i] >= 0)
            sync_group_add(group, segment->index_files[i]);
}

/* Dirty segments, oldest first, as many as there is room for; the rest joins the next group. */
static void join_segments(struct log *log, struct sync_group *group)
{
    uint32_t room = SYNC_FILES_OF_LOG_MAX - GROUP_NAMES;

    log->flight.end = log->ends.written;
    for (uint32_t i = 0; i < log->segment_count; i++) {
        struct segment *segment = log->segments[i];
        if (!segment->is_dirty)
            continue;
        if (room < GROUP_SEGMENT_FILES) {
            log->flight.end = segment->base;
            log->flight.is_partial = true;
            sync_want_group(log->sync, &log->member);
            return;
        }
        join_segment(segment, group);
        room -= GROUP_SEGMENT_FILES;
    }
}

/* The epoch file can be made again from the log, so that it may fail; but an old one must not
 * survive a cut. */
static void join_epochs(struct log *log, struct sync_group *group)
{
    struct log_flight *flight = &log->flight;
    char path[ENV_PATH_MAX];

    if (!log->are_epochs_dirty)
        return;
    if (log_write_epochs(log, &flight->epochs) != ERR_NONE) {
        log_path(log, "leader-epoch-checkpoint", path);
        if (log->step == LOG_STEP_CUT)
            (void)env_unlink(log->env, path);
        return;
    }
    flight->has_epochs = true;
    flight->epochs_last = epoch_cache_last(&log->epochs);
    log->are_epochs_dirty = false;
    sync_group_add(group, flight->epochs);
}

/* What the producers did below the start is known from nothing but the snapshot of the segment that
 * it lies in. Where there is no room for that, an older one serves, and more segments stay. */
static void join_snapshot(struct log *log, struct sync_group *group)
{
    struct log_flight *flight = &log->flight;
    uint32_t i = log->segment_count > 0 ? log_first_live(log) + 1 : 0;

    for (; i > 0 && log->segments[i - 1]->base > log->live; i--) {
        log_offset base = log->segments[i - 1]->base;
        if (log->producers && log_keep_snapshot(log, base, &flight->snapshot) != ERR_NONE)
            continue;
        flight->live = base;
        if (!log->producers)
            return;
        flight->has_snapshot = true;
        sync_group_add(group, flight->snapshot);
        log->is_directory_dirty = true;
        return;
    }
}

/* The start moved: the marks tell of it. */
static void join_start(struct log *log, struct sync_group *group)
{
    struct log_flight *flight = &log->flight;
    log_offset base = log->segment_count > 0 ? log->segments[log_first_live(log)]->base : 0;

    if (log->start_synced >= log->ends.start && log->live >= base)
        return;
    sync_want_marks(log->sync);
    flight->has_start = true;
    flight->start = log->ends.start;
    flight->live = log->live;
    join_snapshot(log, group);
}

/* A log that begins anew has been told what producers did before: the mark of its start is to rest
 * on that.
 * Errors  the disk's: it is not in this group. */
static enum err join_producers(struct log *log, struct sync_group *group)
{
    struct log_flight *flight = &log->flight;
    bool begins = log->step == LOG_STEP_CUT && log->change == LOG_CHANGE_RESET;

    if (!begins || !log->producers || producers_count(log->producers) == 0)
        return ERR_NONE;
    enum err err = log_make_directory(log);
    if (err == ERR_NONE)
        err = log_keep_snapshot(log, log->ends.start, &flight->snapshot);
    if (err != ERR_NONE)
        return err;
    flight->has_snapshot = true;
    sync_group_add(group, flight->snapshot);
    log->is_directory_dirty = true;
    return ERR_NONE;
}

void log_close_flight(struct log *log)
{
    struct log_flight *flight = &log->flight;

    if (flight->has_parent)
        env_close(log->env, flight->parent);
    if (flight->has_metadata)
        env_close(log->env, flight->metadata);
    if (flight->has_directory)
        env_close(log->env, flight->directory);
    if (flight->has_epochs)
        env_close(log->env, flight->epochs);
    if (flight->has_snapshot)
        env_close(log->env, flight->snapshot);
    *flight = (struct log_flight){0};
}

bool log_join_group(struct log *log, struct sync_group *group)
{
    uint32_t count = group->count;

    /* The loop waits for each unlink, and nobody waits for a deletion. */
    if (log_is_being_removed(log) && group->deletions++ >= SYNC_DELETIONS_MAX) {
        sync_want_group(log->sync, &log->member);
        return false;
    }
    log->flight = (struct log_flight){.step = log->step, .end = log->ends.written};
    if (log_step_needs_marks(log))
        sync_want_marks(log->sync);
    if (log->step == LOG_STEP_BARRIER)
        return true;
    join_start(log, group);
    if (log->has_directory)
        join_epochs(log, group);
    enum err err = join_producers(log, group);
    if (err == ERR_SPACE || err == ERR_FILES) { /* It ends by itself: so until a later group. */
        log->flight.is_void = true;
        log->is_parent_dirty = true; /* One without any file would end at once. */
        sync_want_group(log->sync, &log->member);
        err = ERR_NONE;
    }
    if (err == ERR_NONE)
        err = join_names(log, group);
    if (err != ERR_NONE) {
        group->count = count;
        log_close_flight(log);
        log_go_offline(log, err, "The log's directory cannot be synced: %s.", err_name(err));
        return false;
    }
    join_segments(log, group);
    return true;
}

/* Index files stay open only until they are synced. */
static void close_index_files(struct log *log)
{
    for (uint32_t i = 0; i < log->segment_count; i++) {
        struct segment *segment = log->segments[i];
        for (int k = 0; k < 2 && !segment->is_dirty; k++) {
            if (segment->index_files[k] >= 0)
                env_close(log->env, segment->index_files[k]);
            segment->index_files[k] = -1;
        }
    }
}

void log_put_mark(struct log *log)
{
    /* In the class of the page cache records may be retired before they were ever synced. */
    log_offset known = log->synced > log->ends.start ? log->synced : log->ends.start;

    sync_put_mark(log->sync, &(struct mark){.key = log->config.key,
                                            .epoch = epoch_cache_find(&log->epochs, known - 1),
                                            .start = log->ends.start,
                                            .durable = log->synced,
                                            .clean = log->clean_end});
}

void log_raise_synced(struct log *log, log_offset end)
{
    if (end <= log->synced)
        return;
    log->synced = end;
    log_check_order(log);
    log_put_mark(log);
    log_raise_durable(log, end);
}

/* A start that a power loss cannot take back. */
static void raise_start_synced(struct log *log, const struct log_flight *flight, enum err marks)
{
    if (marks == ERR_AGAIN)
        sync_want_group(log->sync, &log->member);
    if (marks != ERR_NONE || flight->start > log->ends.start)
        return; /* What could not be written is tried again when retention looks. */
    if (flight->live > log->live)
        log->live = flight->live;
    if (flight->start <= log->start_synced)
        return;
    log->start_synced = flight->start;
    if (log->config.hooks.durable && !log->is_quiet)
        log->config.hooks.durable(log->config.hooks.context, log);
}

void log_on_group_synced(struct log *log, enum err result, enum err marks)
{
    struct log_flight flight = log->flight;

    log_close_flight(log);
    if (log->state == LOG_OFFLINE || log->state == LOG_DELETED)
        return;
    if (result != ERR_NONE) {
        log_go_offline(log, ERR_IO, "A sync failed: %s.", err_name(result));
        return;
    }
    close_index_files(log);
    if (flight.has_swap)
        log_swap_go_on(log);
    if (flight.is_void || log_is_offline(log))
        return;
    if (flight.has_epochs && log_rename_epochs(log) == ERR_NONE) {
        log->epochs_stored = flight.epochs_last;
        log->is_directory_dirty = true; /* Joins the next group; until then either file serves. */
    } else if (flight.has_epochs) {
        log->are_epochs_dirty = true;
    }
    if (flight.step == LOG_STEP_NONE || flight.is_partial)
        log_raise_synced(log, flight.end);
    else
        log_step_change(log, flight.end, marks);
    if (flight.has_start && !log_is_offline(log))
        raise_start_synced(log, &flight, marks);
}
