/* files.c -- the files of a log: its directory, new segments, space, small side files.
 *
 * Nothing exists before the first append. Space is set aside before offsets are given
 * (rule 30), in steps that grow; an entry in a directory counts once the directory is
 * synced, which the group that syncs the content does too (rule 8). */
#include "log_internal.h"

#include <stdio.h>

enum { METADATA_SIZE_MAX = 256 };

/* Over what is there, and only then cut: the same bytes written again are never missing, not
 * on a full disk and not after a power loss. */
enum err log_write_small(struct env *env, file_id file, struct bytes bytes)
{
    uint32_t done = 0;

    while (done < bytes.size) {
        struct bytes part = {.data = bytes.data + done, .size = bytes.size - done};
        int64_t moved = env_write(env, file, done, &part, 1);
        if (moved <= 0)
            return moved < 0 ? (enum err)moved : ERR_IO;
        done += (uint32_t)moved;
    }
    return env_size(env, file) > bytes.size ? env_truncate(env, file, bytes.size) : ERR_NONE;
}

enum err log_read_small(struct env *env, const char *path, uint32_t size_max, struct buf **out)
{
    file_id file;

    enum err err = env_open(env, path, ENV_OPEN_READ, &file);
    if (err != ERR_NONE)
        return err;
    int64_t size = env_size(env, file);
    if (size >= 0 && size <= size_max) {
        struct buf *buf = buf_new((uint32_t)size + 1);
        int64_t got = env_read(env, file, 0, buf->data, (uint32_t)size);
        buf->size = got < 0 ? 0 : (uint32_t)got;
        err = got < 0 ? (enum err)got : ERR_NONE;
        *out = buf;
        if (err != ERR_NONE)
            buf_unref(buf);
    } else {
        err = size < 0 ? (enum err)size : ERR_CORRUPT;
    }
    env_close(env, file);
    return err;
}

enum err log_write_metadata(struct log *log)
{
    char path[ENV_PATH_MAX];
    char id[UUID_TEXT_SIZE];
    char text[METADATA_SIZE_MAX];
    file_id file;

    uuid_format(log->config.key.topic_id, id);
    int size = snprintf(text, sizeof text, "version: 0\ntopic_id: %s\n", id);
    log_path(log, "partition.metadata", path);
    enum err err = env_open(log->env, path, ENV_OPEN_CREATE, &file);
    if (err != ERR_NONE)
        return err;
    err = log_write_small(log->env, file, (struct bytes){(const uint8_t *)text, (uint32_t)size});
    env_close(log->env, file);
    if (err == ERR_NONE)
        log->is_metadata_dirty = true;
    return err;
}

enum err log_identify(struct env *env, const char *dir, struct uuid *topic_id)
{
    static const char head[] = "version: 0\ntopic_id: ";
    char path[ENV_PATH_MAX];
    struct buf *text;

    int size = snprintf(path, sizeof path, "%s/partition.metadata", dir);
    check(size > 0 && size < ENV_PATH_MAX);
    enum err err = log_read_small(env, path, METADATA_SIZE_MAX, &text);
    if (err != ERR_NONE)
        return err;
    uint32_t head_size = sizeof head - 1;
    struct str id = {.data = (const char *)text->data + head_size, .size = 0};
    if (text->size > head_size && memcmp(text->data, head, head_size) == 0)
        while (head_size + id.size < text->size && id.data[id.size] != '\n')
            id.size++;
    bool is_ended = head_size + id.size < text->size; /* A torn line is no identity. */
    if (!is_ended || !uuid_parse(id, topic_id))
        err = ERR_CORRUPT;
    buf_unref(text);
    return err;
}

enum err log_make_directory(struct log *log)
{
    if (log->has_directory)
        return ERR_NONE;
    enum err err = env_mkdir(log->env, log->dir);
    if (err != ERR_NONE && err != ERR_EXISTS)
        return err;
    err = log_write_metadata(log);
    if (err != ERR_NONE)
        return err;
    log->has_directory = true;
    log->is_parent_dirty = true;
    log->is_directory_dirty = true;
    return ERR_NONE;
}

/* Set aside room so that the active segment may grow to `need` bytes. What is kept ahead of
 * that is refilled when half of it is used; on a full disk it is what the log lives on. */
static enum err reserve(struct log *log, struct segment *segment, uint64_t need)
{
    uint64_t ahead = log->config.reserve_ahead;
    if (need + ahead / 2 <= segment->reserved)
        return ERR_NONE;
    uint64_t want = need + (log->reserve_step > ahead ? log->reserve_step : ahead);
    uint64_t most = log->config.segment_size > need ? log->config.segment_size : need;
    if (want > most)
        want = most;
    if (want <= segment->reserved)
        return ERR_NONE; /* The segment's limit is near. */
    uint64_t from = segment->reserved;
    enum err err = env_reserve(log->env, segment->file, from, want - from);
    if (err == ERR_SPACE && need <= segment->reserved)
        return ERR_NONE;
    if (err == ERR_SPACE && want > need) {
        want = need; /* The disk is nearly full: no more than is needed. */
        err = env_reserve(log->env, segment->file, from, want - from);
    }
    if (err != ERR_NONE)
        return err;
    segment->reserved = want;
    if (log->reserve_step < LOG_RESERVE_MAX)
        log->reserve_step *= 2;
    return ERR_NONE;
}

/* A new, empty segment at `base`, which is the log's end (rule 9), with room for `size` bytes. In a
 * log without any it may lie below: there the first batch may begin before the log's start. */
static enum err add_segment(struct log *log, log_offset base, uint32_t size)
{
    char path[ENV_PATH_MAX];
    struct segment *segment;

    enum err err = log_make_directory(log);
    if (err != ERR_NONE)
        return err;
    segment = segment_new(base);
    segment_path(log->dir, segment->base, ".log", path);
    err = env_open(log->env, path, ENV_OPEN_CREATE, &segment->file);
    if (err == ERR_NONE)
        err = env_truncate(log->env, segment->file, 0);
    if (err == ERR_NONE && size > 0)
        err = reserve(log, segment, size);
    if (err != ERR_NONE) {
        segment_free(log->env, segment);
        (void)env_unlink(log->env, path);
        return err;
    }
    segment->is_time_known = true;
    segment->is_dirty = true;
    log->is_directory_dirty = true;
    log->recent_count = 0;
    log_add_segment(log, segment);
    sync_want_group(log->sync, &log->member);
    return ERR_NONE;
}

/* Close the active segment for appends and start the next. */
static enum err roll(struct log *log, uint32_t size)
{
    struct segment *full = log_active(log);

    log_write_queued(log);
    if (log_is_offline(log))
        return log->error;
    enum err err = add_segment(log, log->ends.end, size);
    if (err != ERR_NONE)
        return err;
    index_finish(full, log->env, log->dir);
    (void)env_truncate(log->env, full->file, full->size); /* Gives back what was set aside. */
    full->is_dirty = true;
    log_write_snapshot(log);
    return ERR_NONE;
}

/* What segment.ms allows; earlier by chance, so that not all logs roll at once. */
static int64_t choose_roll_ms(const struct log *log)
{
    int64_t most = log->config.segment_ms;
    int64_t jitter = log->config.segment_jitter_ms;

    if (jitter > most)
        jitter = most;
    if (jitter <= 0)
        return most;
    return most - (int64_t)(env_random(log->env) % (uint64_t)jitter);
}

/* The time of a segment counts from its first batch, by the records' own clocks: what is wrong with
 * them costs segments, never records. */
static bool is_old_for(struct log *log, struct segment *active, const struct batch_info *info)
{
    struct placed_batch first;
    struct scan scan;

    if (log->config.segment_ms <= 0 || info->max_timestamp < 0)
        return false;
    if (active->roll_ms < 0)
        active->roll_ms = choose_roll_ms(log);
    if (active->first_timestamp < 0 && active->written > 0) {
        scan_start(&scan, log->env, active, 0, active->written);
        if (scan_next(&scan, &first) == ERR_NONE)
            active->first_timestamp = first.info.max_timestamp;
    }
    return active->first_timestamp >= 0 && info->max_timestamp > active->first_timestamp &&
           info->max_timestamp - active->first_timestamp > active->roll_ms;
}

static bool is_full_for(struct log *log, struct segment *active, const struct batch_info *info,
                        log_offset first)
{
    if (active->size == 0)
        return false;
    return active->size + info->size > log->config.segment_size ||
           first + info->last_offset_delta - active->base > INT32_MAX ||
           is_old_for(log, active, info);
}

static enum err judge_room(struct log *log, enum err err)
{
    if (err == ERR_IO)
        log_go_offline(log, err, "The disk failed while making room.");
    return err;
}

enum err log_make_room(struct log *log, const struct batch_info *info, log_offset first)
{
    struct segment *active = log_active(log);
    log_offset end = log->ends.end;

    if (!active)
        return judge_room(log, add_segment(log, first < end ? first : end, info->size));
    if (is_full_for(log, active, info, first))
        return judge_room(log, roll(log, info->size));
    return judge_room(log, reserve(log, active, active->size + info->size));
}

enum err log_roll(struct log *log)
{
    return judge_room(log, roll(log, 0));
}

enum err log_write_epochs(struct log *log, file_id *out)
{
    char path[ENV_PATH_MAX];

    log_path(log, "leader-epoch-checkpoint.tmp", path);
    enum err err = env_open(log->env, path, ENV_OPEN_CREATE, out);
    if (err != ERR_NONE)
        return err;
    struct buf *text = epoch_cache_write(&log->epochs);
    err = log_write_small(log->env, *out, (struct bytes){text->data, text->size});
    buf_unref(text);
    if (err != ERR_NONE)
        env_close(log->env, *out);
    return err;
}

enum err log_rename_epochs(struct log *log)
{
    char from[ENV_PATH_MAX], to[ENV_PATH_MAX];

    log_path(log, "leader-epoch-checkpoint.tmp", from);
    log_path(log, "leader-epoch-checkpoint", to);
    return env_rename(log->env, from, to);
}
