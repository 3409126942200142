/* sync.c -- group commit and the marks that it leaves.
 *
 * One sync is in flight at most. Marks leave with a group now and then, and say what the groups
 * before it made durable, so a mark never claims what is not synced. A group that fails
 * takes its logs offline; the marks in it are written again to the same copy.
 *
 * Marks payload, big-endian: version u16 = 3, zero u16, count u32, then 56 bytes each: topic
 * id, index i32, epoch i32, start i64, durable i64, committed i64, clean i64. Version 2 lacks
 * clean, version 1 committed too. */
#include "sync.h"

#include "probe.h"
#include "slots.h"
#include "sync_internal.h"

enum {
    MARKS_KIND = 0x4d41524b, /* "MARK" */
    MARKS_VERSION = 3,
    MARKS_HEADER_SIZE = 8,
    MARK_SIZE = 56,
    MARKS_RESERVE_DEFAULT = 64 << 10,
};

/* Bytes of a mark, by version. */
static const uint32_t mark_sizes[MARKS_VERSION + 1] = {0, 40, 48, MARK_SIZE};

struct sync {
    struct env *env;
    struct slots *slots;
    struct map marks; /* struct partition_key to struct mark, owned. */
    struct list queued, dirty, flight;
    struct sync_group group;
    uint64_t ticket; /* Of the group in flight, or the last one. */
    bool is_in_flight;
    bool are_marks_in_flight;
    bool are_marks_changed;
    bool are_marks_wanted; /* Not to be delayed. */
    enum err marks_result; /* Of the group: ERR_AGAIN: they need one more group. */
    mono_ms marks_due;     /* With are_marks_changed: a sync of their own leaves then. */
    mono_ms now;
    int64_t left_us; /* When the sync in flight left. */
    struct sync_stats stats;
};

static_assert(sizeof(struct partition_key) == 20, "A key has no padding: it is hashed as bytes.");

void sync_group_add(struct sync_group *group, file_id file)
{
    check(file >= 0);
    mem_grow(group->files, group->count, &group->capacity);
    group->files[group->count++] = file;
}

static enum err read_marks(struct sync *sync)
{
    struct bytes payload = slots_payload(sync->slots);

    if (payload.data == NULL)
        return ERR_NONE;
    if (payload.size < MARKS_HEADER_SIZE)
        return ERR_CORRUPT;
    uint16_t version = load_be16(payload.data);
    if (version < 1 || version > MARKS_VERSION)
        return ERR_CORRUPT;
    uint32_t size = mark_sizes[version], count = load_be32(payload.data + 4);
    if ((payload.size - MARKS_HEADER_SIZE) / size != count ||
        (payload.size - MARKS_HEADER_SIZE) % size != 0)
        return ERR_CORRUPT;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *at = payload.data + MARKS_HEADER_SIZE + (size_t)i * size;
        struct mark mark = {.key.index = (partition_id)load_be32(at + 16),
                            .epoch = (log_epoch)load_be32(at + 20),
                            .start = (log_offset)load_be64(at + 24),
                            .durable = (log_offset)load_be64(at + 32),
                            .clean = version >= 3 ? (log_offset)load_be64(at + 48) : 0};
        memcpy(mark.key.topic_id.bytes, at, 16);
        sync_put_mark(sync, &mark);
        if (version >= 2)
            sync_put_committed(sync, mark.key, (log_offset)load_be64(at + 40));
    }
    return ERR_NONE;
}

enum err sync_open(struct sync **out, struct env *env, const struct sync_config *config)
{
    struct sync *sync = mem_zalloc(sizeof *sync);
    struct slots_config slots = {
        .path = config->path,
        .kind = MARKS_KIND,
        .reserve = config->reserve ? config->reserve : MARKS_RESERVE_DEFAULT,
    };

    sync->env = env;
    sync->ticket = (uint64_t)config->tag << 48;
    map_init(&sync->marks, sizeof(struct partition_key));
    list_init(&sync->queued);
    list_init(&sync->dirty);
    list_init(&sync->flight);
    enum err err = slots_open(&sync->slots, env, &slots);
    if (err == ERR_NONE)
        err = read_marks(sync);
    if (err != ERR_NONE) {
        sync_close(sync);
        return err;
    }
    /* The copy that was found is synced first of all, so that the other may be overwritten. */
    sync->are_marks_changed = slots_needs_sync(sync->slots);
    sync->marks_due = 0;
    *out = sync;
    return ERR_NONE;
}

void sync_close(struct sync *sync)
{
    uint32_t cursor = 0;
    void *mark;

    while (map_next(&sync->marks, &cursor, &mark))
        mem_free(mark);
    map_free(&sync->marks);
    check(list_is_empty(&sync->queued));
    check(list_is_empty(&sync->dirty));
    check(list_is_empty(&sync->flight));
    if (sync->slots)
        slots_close(sync->slots);
    mem_free(sync->group.files);
    mem_free(sync);
}

/* What it has done. */

void sync_count_written(struct sync *sync, uint32_t batches, uint64_t bytes)
{
    sync->stats.batches += batches;
    sync->stats.bytes += bytes;
}

void sync_read_stats(const struct sync *sync, struct sync_stats *out)
{
    *out = sync->stats;
    out->in_flight_us = sync->is_in_flight ? env_mono_us(sync->env) - sync->left_us : -1;
}

/* Members. */

void sync_member_init(struct sync_member *member)
{
    list_init(&member->queued);
    list_init(&member->dirty);
    list_init(&member->flight);
}

void sync_want_write(struct sync *sync, struct sync_member *member)
{
    if (list_is_empty(&member->queued))
        list_append(&sync->queued, &member->queued);
}

void sync_want_group(struct sync *sync, struct sync_member *member)
{
    if (list_is_empty(&member->dirty))
        list_append(&sync->dirty, &member->dirty);
}

void sync_forget(struct sync_member *member)
{
    list_remove(&member->queued);
    list_remove(&member->dirty);
    list_remove(&member->flight);
}

/* Marks. */

const struct mark *sync_mark(const struct sync *sync, struct partition_key key)
{
    return map_get(&sync->marks, &key);
}

static void change_marks(struct sync *sync)
{
    if (!sync->are_marks_changed)
        sync->marks_due = sync->now + SYNC_MARKS_DELAY_MS;
    sync->are_marks_changed = true;
}

void sync_put_mark(struct sync *sync, const struct mark *mark)
{
    struct mark *mine = map_get(&sync->marks, &mark->key);

    if (!mine) {
        mine = mem_zalloc(sizeof *mine);
        map_put(&sync->marks, &mark->key, mine);
    }
    log_offset leaving = mine->leaving, stored = mine->stored, committed = mine->committed;
    *mine = *mark;
    mine->committed = committed < mark->durable ? committed : mark->durable;
    mine->leaving = leaving < mark->durable ? leaving : mark->durable;
    mine->stored = stored < mark->durable ? stored : mark->durable;
    change_marks(sync);
}

void sync_put_committed(struct sync *sync, struct partition_key key, log_offset committed)
{
    struct mark *mark = map_get(&sync->marks, &key);

    if (!mark || committed <= mark->committed)
        return;
    mark->committed = committed < mark->durable ? committed : mark->durable;
    change_marks(sync);
}

log_offset sync_stored(const struct sync *sync, struct partition_key key)
{
    const struct mark *mark = sync_mark(sync, key);
    return mark ? mark->stored : 0;
}

/* The copy that was written last is durable. */
static void settle_marks(struct sync *sync)
{
    uint32_t cursor = 0;
    for (void *value; map_next(&sync->marks, &cursor, &value);) {
        struct mark *mark = value;
        mark->stored = mark->leaving;
    }
}

void sync_remove_mark(struct sync *sync, struct partition_key key)
{
    mem_free(map_remove(&sync->marks, &key));
    change_marks(sync);
}

void sync_want_marks(struct sync *sync)
{
    change_marks(sync);
    sync->are_marks_wanted = true;
}

void sync_drop_mark(struct sync *sync, struct partition_key key)
{
    sync_remove_mark(sync, key);
    sync_want_marks(sync);
}

bool sync_next_mark(const struct sync *sync, uint32_t *cursor, struct partition_key *out)
{
    void *mark;

    if (!map_next(&sync->marks, cursor, &mark))
        return false;
    *out = ((const struct mark *)mark)->key;
    return true;
}

static void write_mark(uint8_t *at, const struct mark *mark)
{
    memcpy(at, mark->key.topic_id.bytes, 16);
    store_be32(at + 16, (uint32_t)mark->key.index);
    store_be32(at + 20, (uint32_t)mark->epoch);
    store_be64(at + 24, (uint64_t)mark->start);
    store_be64(at + 32, (uint64_t)mark->durable);
    store_be64(at + 40, (uint64_t)mark->committed);
    store_be64(at + 48, (uint64_t)mark->clean);
}

static enum err write_marks(struct sync *sync)
{
    uint32_t size = MARKS_HEADER_SIZE + sync->marks.count * MARK_SIZE;
    uint8_t *payload = mem_zalloc(size);
    uint8_t *at = payload + MARKS_HEADER_SIZE;
    uint32_t cursor = 0;
    void *mark;

    store_be16(payload, MARKS_VERSION);
    store_be32(payload + 4, sync->marks.count);
    for (; map_next(&sync->marks, &cursor, &mark); at += MARK_SIZE) {
        write_mark(at, mark);
        ((struct mark *)mark)->leaving = ((struct mark *)mark)->durable;
    }
    enum err err = slots_write(sync->slots, (struct bytes){.data = payload, .size = size});
    mem_free(payload);
    return err;
}

/* Let the marks join the group that is leaving. */
static void add_marks(struct sync *sync)
{
    file_id files[SLOTS_SYNC_FILES_MAX];

    enum err err = write_marks(sync);
    if (err != ERR_NONE) {
        /* The old marks stand; recovery will look at more than it had to. */
        trace_warn(sync->env->trace, "marks: not written: %s", err_name(err));
        sync->marks_result = err;
        sync->are_marks_wanted = false;
        sync->marks_due = sync->now + SYNC_MARKS_DELAY_MS;
        return;
    }
    sync->are_marks_changed = false;
    sync->are_marks_wanted = false;
    uint32_t count = slots_sync_files(sync->slots, files);
    for (uint32_t i = 0; i < count; i++)
        sync_group_add(&sync->group, files[i]);
    sync->are_marks_in_flight = true;
}

/* Groups. */

static bool are_marks_due(const struct sync *sync)
{
    return sync->are_marks_changed && (sync->are_marks_wanted || sync->now >= sync->marks_due);
}

static bool is_group_due(const struct sync *sync)
{
    return !sync->is_in_flight && (!list_is_empty(&sync->dirty) || are_marks_due(sync));
}

static void end_group(struct sync *sync, enum err result)
{
    sync->is_in_flight = false;
    if (result != ERR_NONE) {
        env_mark(sync->env, "sync_failed");
        trace_error(sync->env->trace, "sync: failed: %s", err_name(result));
    }
    if (sync->are_marks_in_flight) {
        sync->are_marks_in_flight = false;
        sync->marks_result = slots_on_synced(sync->slots, result);
        if (sync->marks_result == ERR_NONE && slots_needs_sync(sync->slots))
            sync->marks_result = ERR_AGAIN;
        if (sync->marks_result != ERR_NONE)
            change_marks(sync);
        else
            settle_marks(sync);
    }
    /* The logs that hear it may queue, truncate, or leave the list. */
    struct list *first;
    while ((first = list_take_first(&sync->flight)))
        log_on_group_synced(log_of_member(list_entry(first, struct sync_member, flight)), result,
                            sync->marks_result);
}

/* Let dirty logs join, as many as there is room for. One that has more dirty files than
 * it may add asks for the next group meanwhile. */
static void join_logs(struct sync *sync)
{
    struct list joining;
    struct list *first;

    list_init(&joining);
    while ((first = list_take_first(&sync->dirty)))
        list_append(&joining, first);
    while (sync->group.count + SYNC_FILES_OF_LOG_MAX + SLOTS_SYNC_FILES_MAX < ENV_SYNC_FILES_MAX &&
           (first = list_take_first(&joining))) {
        struct sync_member *member = list_entry(first, struct sync_member, dirty);
        list_append(&sync->flight, &member->flight);
        if (log_join_group(log_of_member(member), &sync->group))
            sync->stats.logs++;
        else
            list_remove(&member->flight);
    }
    while ((first = list_take_first(&joining)))
        list_append(&sync->dirty, first);
}

static void start_group(struct sync *sync)
{
    sync->group.count = sync->group.deletions = 0;
    sync->marks_result = ERR_NONE;
    join_logs(sync);
    check(sync->group.count <= ENV_SYNC_FILES_MAX);
    if (are_marks_due(sync))
        add_marks(sync);
    sync->is_in_flight = true;
    sync->ticket++;
    if (sync->group.count == 0) {
        end_group(sync, ERR_NONE); /* Only logs that waited for a group to pass. */
        return;
    }
    sync->left_us = env_mono_us(sync->env);
    env_sync(sync->env, &(struct env_sync){.ticket = sync->ticket,
                                           .count = sync->group.count,
                                           .files = sync->group.files});
}

void sync_flush(struct sync *sync, mono_ms now)
{
    struct list *first;

    sync->now = now;
    while ((first = list_take_first(&sync->queued)))
        log_write_queued(log_of_member(list_entry(first, struct sync_member, queued)));
    while (is_group_due(sync)) /* One without files ends at once. */
        start_group(sync);
}

bool sync_on_synced(struct sync *sync, uint64_t ticket, enum err result, mono_ms now)
{
    if (!sync->is_in_flight || ticket != sync->ticket)
        return false;
    sync->now = now;
    durations_add(&sync->stats.time, env_mono_us(sync->env) - sync->left_us);
    end_group(sync, result);
    return true;
}

mono_ms sync_deadline(const struct sync *sync)
{
    if (sync->is_in_flight)
        return MONO_NEVER;
    if (!list_is_empty(&sync->queued) || !list_is_empty(&sync->dirty))
        return sync->now;
    if (!sync->are_marks_changed)
        return MONO_NEVER;
    return sync->are_marks_wanted ? sync->now : sync->marks_due;
}

bool sync_is_idle(const struct sync *sync)
{
    return !sync->is_in_flight && !sync->are_marks_changed && list_is_empty(&sync->queued) &&
           list_is_empty(&sync->dirty);
}

void sync_hurry(struct sync *sync)
{
    sync->are_marks_wanted = sync->are_marks_changed;
}
