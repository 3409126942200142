/* compact_batch.c -- what is left of one batch when superseded records go.
 *
 * Invariants
 * - Offsets, sequences and the last offset of a batch never change: it loses records, or goes
 *   whole, or stays as a header without records.
 * - A tombstone goes when its horizon has passed. The horizon is set by the compaction that
 *   removed what the tombstone deletes: it replaces the batch's base timestamp, the timestamps'
 *   deltas count from it, and attribute bit 6 says so. The time may be behind (cluster_clock.h): as
 *   long as it has not reached the batch's own it sets none.
 * - A batch of which everything stays is copied byte for byte.
 * - It is unpacked twice at most, once to look and once to write, and never whole: what is
 *   packed again goes from the reader's piece to the writer.
 * - Control batches, and what belongs to a transaction, stay as they are. */
#include "batch_layout.h"
#include "compact.h"

enum { ADD_SIZE = 16 * 1024 }; /* Bytes that go to a codec at once. */

/* What a byte costs that is compressed, by codec, beside one that is copied. */
static const uint8_t packing[] = {1, 16, 3, 12, 5};

static bool is_left_alone(const struct batch_info *info)
{
    return (info->attributes & (BATCH_CONTROL | BATCH_TRANSACTIONAL)) != 0;
}

static bool has_horizon(const struct batch_info *info)
{
    return (info->attributes & BATCH_DELETE_HORIZON) != 0;
}

static bool is_kept(const struct compact_rules *rules, const struct batch_info *info,
                    const struct record *record)
{
    log_offset offset = info->base + record->offset_delta;

    if (offset > rules->latest)
        return true;
    if (!record->key.data)
        return false; /* From before the topic was compacted: nothing could ever supersede it. */
#ifdef SKIFF_MUTANT_KEEPS_OLDER
    if (key_map_get(rules->keys, record->key) == offset)
        return false; /* The mutant drops the newer of two. */
#else
    if (key_map_get(rules->keys, record->key) > offset)
        return false;
#endif
#ifdef SKIFF_MUTANT_LAST_GOES_TOO
    return false; /* The mutant takes away what nothing supersedes. */
#endif
#ifdef SKIFF_MUTANT_TOMBSTONES_AT_ONCE
    return record->value.data; /* The mutant does not wait for who has not read it yet. */
#endif
    return record->value.data || !has_horizon(info) || rules->now < info->base_timestamp;
}

static wall_ms timestamp_of(const struct batch_info *info, const struct record *record)
{
    return (wall_ms)((uint64_t)info->base_timestamp + (uint64_t)record->timestamp_delta);
}

void compact_job_open(struct compact_job *job, struct bytes batch, const struct batch_info *info,
                      bool must_stay)
{
    check(!job->is_open);
#ifdef SKIFF_MUTANT_DROPS_EMPTY_BATCHES
    must_stay = false; /* The mutant forgets where sequences stand, and segments end. */
#endif
    *job = (struct compact_job){.is_open = true,
                                .batch = batch,
                                .info = *info,
                                .must_stay = must_stay,
                                .found.max_timestamp = -1};
    if (is_left_alone(info) || (info->record_count == 0 && must_stay))
        job->verdict = COMPACT_AS_IS;
}

void compact_job_close(struct compact_job *job)
{
    compact_cursor_close(&job->cursor);
    job->is_open = false;
}

/* The next record of the walk under way, or the first of a new one.
 * Errors  as compact_cursor_next(). */
static enum err next_record(struct compact_job *job, const struct compact_rules *rules,
                            struct compact_work *work, struct record *out)
{
    enum err err = ERR_NONE;

    if (!job->cursor.is_open)
        err = compact_cursor_open(&job->cursor, job->batch, &job->info, rules->reader);
    if (err == ERR_NONE)
        err = compact_cursor_next(&job->cursor, &job->info, work, out);
    if (err == ERR_NOT_FOUND)
        compact_cursor_close(&job->cursor);
    return err;
}

/* ---- The keys. */

enum err compact_note(struct compact_job *job, const struct compact_rules *rules,
                      struct key_map *keys, log_offset start, log_offset *latest,
                      struct compact_work *work)
{
    struct record record;
    enum err err = is_left_alone(&job->info) ? ERR_NOT_FOUND : ERR_NONE;

    while (err == ERR_NONE) {
        err = next_record(job, rules, work, &record);
        if (err != ERR_NONE || job->info.base + record.offset_delta < start)
            continue;
        if (record.key.data && !key_map_put(keys, record.key, job->info.base + record.offset_delta))
            return ERR_NONE;
        *latest = job->info.base + record.offset_delta;
    }
    if (err != ERR_NOT_FOUND)
        return err;
    *latest = batch_last(&job->info);
    return ERR_NONE;
}

/* ---- The look. */

static void survey(struct compact_job *job, const struct record *record)
{
    wall_ms timestamp = timestamp_of(&job->info, record);

    job->found.kept++;
    job->found.has_tombstone = job->found.has_tombstone || !record->value.data;
    if (timestamp > job->found.max_timestamp)
        job->found.max_timestamp = timestamp;
}

static enum compact_verdict decide(struct compact_job *job, const struct compact_rules *rules)
{
    const struct batch_info *info = &job->info;

    if (job->found.kept == 0)
        return job->must_stay ? COMPACT_EMPTY : COMPACT_GONE;
    job->needs_horizon = job->found.has_tombstone && !has_horizon(info) &&
                         batch_last(info) <= rules->latest && rules->now >= info->max_timestamp;
    return job->found.kept < info->record_count || job->needs_horizon ? COMPACT_ANEW
                                                                      : COMPACT_AS_IS;
}

enum err compact_look(struct compact_job *job, const struct compact_rules *rules,
                      struct compact_work *work)
{
    struct record record;
    enum err err = ERR_NONE;

    if (job->verdict != COMPACT_UNKNOWN)
        return ERR_NONE;
    while (err == ERR_NONE) {
        err = next_record(job, rules, work, &record);
        if (err == ERR_NONE && is_kept(rules, &job->info, &record))
            survey(job, &record);
    }
    if (err != ERR_NOT_FOUND)
        return err;
    job->verdict = decide(job, rules);
    return ERR_NONE;
}

/* ---- Writing. */

/* Room for a header at the end of **out. Returns where it is to stand. */
static uint32_t begin_batch(struct buf **out)
{
    uint32_t at = (*out)->size;

    buf_make_room(out, BATCH_HEADER_SIZE);
    (*out)->size += BATCH_HEADER_SIZE;
    return at;
}

static void end_batch(struct buf *out, uint32_t at, struct batch_info *info)
{
    info->size = out->size - at;
    batch_write_header(out->data + at, info);
    batch_seal(out->data + at, info->size);
    info->crc = load_be32(out->data + at + BATCH_CRC_AT);
}

static void keep_as_is(const struct compact_job *job, struct buf **out, struct compact_left *left)
{
    buf_make_room(out, job->batch.size);
    memcpy((*out)->data + (*out)->size, job->batch.data, job->batch.size);
    (*out)->size += job->batch.size;
    left->info = job->info;
}

static void keep_header(const struct compact_job *job, struct buf **out, struct compact_left *left)
{
    left->dropped = (uint32_t)job->info.record_count;
    left->info = job->info;
    left->info.attributes =
        (int16_t)(job->info.attributes & ~(BATCH_CODEC_MASK | BATCH_DELETE_HORIZON));
    left->info.base_timestamp = -1;
    left->info.record_count = 0;
    end_batch(*out, begin_batch(out), &left->info);
}

static wall_ms horizon(const struct compact_rules *rules)
{
    wall_ms when;
    return __builtin_add_overflow(rules->now, rules->config.delete_retention_ms, &when) ? INT64_MAX
                                                                                        : when;
}

static void begin_anew(struct compact_job *job, const struct compact_rules *rules, struct buf **out)
{
    enum codec_type codec = batch_codec(&job->info);

    job->is_writing = true;
    job->next = job->info;
    job->next.record_count = job->found.kept;
    if (job->needs_horizon) {
        job->next.attributes |= BATCH_DELETE_HORIZON;
        job->next.base_timestamp = horizon(rules);
    }
    if ((job->info.attributes & BATCH_LOG_APPEND_TIME) == 0)
        job->next.max_timestamp = job->found.max_timestamp;
    job->at = begin_batch(out);
    codec_writer_start(rules->writer, codec, rules->config.levels[codec], out);
}

/* What stands before the rest of a record that is kept goes to the writer; that follows. */
static void begin_record(struct compact_job *job, struct codec_writer *writer,
                         const struct record *record)
{
    uint8_t head[1 + 3 * VARINT_SIZE_MAX];
    uint64_t moved = (uint64_t)job->info.base_timestamp - (uint64_t)job->next.base_timestamp;
    int64_t timestamp_delta = (int64_t)((uint64_t)record->timestamp_delta + moved);

    job->rest = record->whole;
    if (timestamp_delta == record->timestamp_delta)
        return;
    uint32_t length =
        1 + varlong_size(timestamp_delta) + varlong_size(record->offset_delta) + record->body.size;
    uint32_t size = varlong_write(head, length);
    head[size++] = 0; /* Attributes: none are defined. */
    size += varlong_write(head + size, timestamp_delta);
    size += varlong_write(head + size, record->offset_delta);
    codec_writer_add(writer, (struct bytes){.data = head, .size = size});
    job->rest = record->body;
}

/* Errors  ERR_AGAIN: the work is used up. */
static enum err add_rest(struct compact_job *job, struct codec_writer *writer,
                         struct compact_work *work)
{
    while (job->rest.size > 0 && compact_work_is_left(work)) {
        uint32_t size = job->rest.size < ADD_SIZE ? job->rest.size : ADD_SIZE;
        codec_writer_add(writer, (struct bytes){.data = job->rest.data, .size = size});
        job->rest.data += size;
        job->rest.size -= size;
        work->used += (uint64_t)size * packing[batch_codec(&job->info)];
    }
    return job->rest.size > 0 ? ERR_AGAIN : ERR_NONE;
}

static enum err write_anew(struct compact_job *job, const struct compact_rules *rules,
                           struct buf **out, struct compact_left *left, struct compact_work *work)
{
    struct record record;

    if (!job->is_writing)
        begin_anew(job, rules, out);
    enum err err = add_rest(job, rules->writer, work);
    while (err == ERR_NONE) {
        err = next_record(job, rules, work, &record);
        if (err != ERR_NONE || !is_kept(rules, &job->info, &record))
            continue;
        begin_record(job, rules->writer, &record);
        err = add_rest(job, rules->writer, work);
    }
    if (err != ERR_NOT_FOUND)
        return err;
    codec_writer_finish(rules->writer);
    end_batch(*out, job->at, &job->next);
    left->info = job->next;
    left->dropped = (uint32_t)(job->info.record_count - job->found.kept);
    return ERR_NONE;
}

enum err compact_write(struct compact_job *job, const struct compact_rules *rules, struct buf **out,
                       struct compact_left *left, struct compact_work *work)
{
    *left = (struct compact_left){0};
    enum err err = compact_look(job, rules, work);
    if (err != ERR_NONE)
        return err;
    switch (job->verdict) {
    case COMPACT_ANEW:
        return write_anew(job, rules, out, left, work);
    case COMPACT_AS_IS:
        keep_as_is(job, out, left);
        work->used += job->batch.size;
        break;
    case COMPACT_EMPTY:
        keep_header(job, out, left);
        break;
    case COMPACT_GONE:
        left->dropped = (uint32_t)job->info.record_count;
        break;
    case COMPACT_UNKNOWN:
        check(false);
    }
    return ERR_NONE;
}
