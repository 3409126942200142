/* find_time.c -- offsets by timestamp, for ListOffsets.
 *
 * A header's greatest timestamp tells whether a batch can hold the answer; then its records
 * are walked, compressed ones too.
 * Answers at or past the bound are hidden.
 *
 * Source  KIP-79, KIP-734. */
#include "log_internal.h"

/* The first record of `bytes` with a timestamp of at least `timestamp`, at or above the start. */
static enum err search_records(struct log *log, struct bytes bytes, wall_ms timestamp,
                               struct log_time *out)
{
    struct batch_walk walk;
    struct batch_record record;
    enum err err;
    struct codec_reader *reader = codec_reader_open();

    batch_walk_open(&walk, bytes, reader);
    while ((err = batch_walk_next(&walk, &record)) == ERR_NONE)
        if (record.timestamp >= timestamp && record.offset >= log->ends.start)
            break;
    if (err == ERR_NONE)
        *out = (struct log_time){
            .offset = record.offset, .timestamp = record.timestamp, .epoch = walk.info.epoch};
    else if (err != ERR_NOT_FOUND) /* Whatever its inside is like, the batch stands for it. */
        *out = (struct log_time){.offset = walk.info.base,
                                 .timestamp = walk.info.max_timestamp,
                                 .epoch = walk.info.epoch};
    batch_walk_close(&walk);
    codec_reader_close(reader);
    return err == ERR_NOT_FOUND ? err : ERR_NONE;
}

/* Errors  ERR_NOT_FOUND: none of its records is new enough. */
static enum err search_batch(struct log *log, const struct segment *segment,
                             const struct placed_batch *batch, wall_ms timestamp,
                             struct log_time *out)
{
    struct buf *buf = buf_new(batch->info.size);
    struct bytes bytes = {.data = buf->data, .size = batch->info.size};

    int64_t got = env_read(log->env, segment->file, batch->position, buf->data, batch->info.size);
    enum err err = got < 0 ? (enum err)got : ERR_CORRUPT;
    if (got == batch->info.size)
        err = search_records(log, bytes, timestamp, out);
    buf_unref(buf);
    return err;
}

/* Search one segment from `position`. ERR_NOT_FOUND: no batch there is new enough. */
static enum err search_segment(struct log *log, const struct segment *segment, wall_ms timestamp,
                               log_offset bound, struct log_time *out)
{
    struct placed_batch batch;
    struct scan scan;
    enum err err;

    scan_start(&scan, log->env, segment, index_seek_time(segment, log->env, log->dir, timestamp),
               segment->written);
    while ((err = scan_next(&scan, &batch)) == ERR_NONE) {
        if (batch_end(&batch.info) <= log->ends.start)
            continue;
        if (batch.info.base >= bound)
            return ERR_NOT_FOUND;
        if (batch.info.max_timestamp < timestamp)
            continue;
        err = search_batch(log, segment, &batch, timestamp, out);
        if (err != ERR_NOT_FOUND)
            return err;
    }
    return err;
}

static enum err fail(struct log *log, enum err err)
{
    if (err == ERR_CORRUPT)
        env_mark(log->env, "rot_found");
    log_go_offline(log, err, "A search by time met %s.", err_name(err));
    return log->error;
}

static enum err know_time(struct log *log, struct segment *segment)
{
    if (segment->is_time_known)
        return ERR_NONE;
    return segment_learn_time(segment, log->env, log->dir);
}

enum err log_know_time(struct log *log, struct segment *segment)
{
    enum err err = know_time(log, segment);
    return err == ERR_NONE ? ERR_NONE : fail(log, err);
}

enum err log_find_time(struct log *log, wall_ms timestamp, enum log_bound bound,
                       struct log_time *out)
{
    log_offset limit = log_bound_offset(log, bound);
    struct log_time found = {.offset = -1, .timestamp = -1, .epoch = -1};

    if (log_is_offline(log))
        return log->error;
    for (uint32_t i = log_first_live(log); i < log->segment_count; i++) {
        struct segment *segment = log->segments[i];
        enum err err = know_time(log, segment);
        if (err == ERR_NONE && segment->max_timestamp < timestamp)
            continue;
        if (err == ERR_NONE)
            err = search_segment(log, segment, timestamp, limit, &found);
        if (err == ERR_NONE)
            break;
        if (err != ERR_NOT_FOUND)
            return fail(log, err);
    }
    if (found.offset >= limit)
        found = (struct log_time){.offset = -1, .timestamp = -1, .epoch = -1};
    *out = found;
    return ERR_NONE;
}

/* The greatest timestamp of batches that reach past the start and end below `limit`; -1: none. */
static enum err greatest_below(struct log *log, log_offset limit, wall_ms *out)
{
    wall_ms greatest = -1;

    for (uint32_t i = log_first_live(log); i < log->segment_count && log->segments[i]->base < limit;
         i++) {
        struct segment *segment = log->segments[i];
        struct placed_batch batch;
        struct scan scan;
        enum err err = know_time(log, segment);
        if (err != ERR_NONE)
            return err;
        if (segment->max_timestamp <= greatest)
            continue;
        if (segment->max_timestamp_offset < limit &&
            segment->max_timestamp_offset >= log->ends.start) {
            greatest = segment->max_timestamp;
            continue;
        }
        scan_start(&scan, log->env, segment, 0, segment->written);
        while ((err = scan_next(&scan, &batch)) == ERR_NONE && batch_last(&batch.info) < limit)
            if (batch.info.max_timestamp > greatest && batch_last(&batch.info) >= log->ends.start)
                greatest = batch.info.max_timestamp;
        if (err != ERR_NONE && err != ERR_NOT_FOUND)
            return err;
    }
    *out = greatest;
    return ERR_NONE;
}

enum err log_find_max_time(struct log *log, enum log_bound bound, struct log_time *out)
{
    wall_ms greatest = -1;

    if (log_is_offline(log))
        return log->error;
    enum err err = greatest_below(log, log_bound_offset(log, bound), &greatest);
    if (err != ERR_NONE)
        return fail(log, err);
    if (greatest < 0) {
        *out = (struct log_time){.offset = -1, .timestamp = -1, .epoch = -1};
        return ERR_NONE;
    }
    return log_find_time(log, greatest, bound, out);
}
