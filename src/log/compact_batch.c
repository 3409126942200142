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
 * - Control batches, and what belongs to a transaction, stay as they are. */
#include "batch_layout.h"
#include "compact.h"
#include "records.h"

/* What a first walk over the records finds. */
struct survey {
    uint64_t size; /* Bytes, decompressed. */
    uint64_t kept_size;
    int32_t kept;
    bool has_tombstone; /* Among those kept. */
    wall_ms max_timestamp;
};

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

/* Records in the order of their offsets, within the batch's. */
static enum err next_record(struct window *window, const struct batch_info *info,
                            int32_t *last_delta, struct record *out)
{
    enum err err = record_next(window, out);
    if (err != ERR_NONE)
        return err;
    if (out->offset_delta <= *last_delta || out->offset_delta > info->last_offset_delta)
        return ERR_INVALID_RECORD;
    *last_delta = out->offset_delta;
    return ERR_NONE;
}

static enum err open_records(struct bytes batch, const struct batch_info *info,
                             struct codec_reader *reader, struct window *out)
{
    if (batch_codec(info) > CODEC_ZSTD)
        return ERR_CORRUPT;
    *out = records_window(batch, info, reader, BATCH_SIZE_MAX);
    return ERR_NONE;
}

static wall_ms timestamp_of(const struct batch_info *info, const struct record *record)
{
    return (wall_ms)((uint64_t)info->base_timestamp + (uint64_t)record->timestamp_delta);
}

static enum err survey(const struct compact_rules *rules, struct bytes batch,
                       const struct batch_info *info, struct survey *out)
{
    struct survey found = {.max_timestamp = -1};
    struct window window;
    struct record record;
    int32_t last_delta = -1;

    enum err err = open_records(batch, info, rules->reader, &window);
    if (err != ERR_NONE)
        return err;
    for (int32_t i = 0; i < info->record_count && err == ERR_NONE; i++) {
        err = next_record(&window, info, &last_delta, &record);
        if (err == ERR_NONE)
            found.size += record.whole.size;
        if (err != ERR_NONE || !is_kept(rules, info, &record))
            continue;
        found.kept++;
        found.kept_size += record.whole.size;
        found.has_tombstone = found.has_tombstone || !record.value.data;
        if (timestamp_of(info, &record) > found.max_timestamp)
            found.max_timestamp = timestamp_of(info, &record);
    }
    window_close(&window);
    *out = found;
    return err;
}

static void add_record(struct codec_writer *writer, const struct record *record,
                       int64_t timestamp_delta)
{
    uint8_t head[1 + 3 * VARINT_SIZE_MAX];

    if (timestamp_delta == record->timestamp_delta) {
        codec_writer_add(writer, record->whole);
        return;
    }
    uint32_t length =
        1 + varlong_size(timestamp_delta) + varlong_size(record->offset_delta) + record->body.size;
    uint32_t size = varlong_write(head, length);
    head[size++] = 0; /* Attributes: none are defined. */
    size += varlong_write(head + size, timestamp_delta);
    size += varlong_write(head + size, record->offset_delta);
    codec_writer_add(writer, (struct bytes){.data = head, .size = size});
    codec_writer_add(writer, record->body);
}

/* Write the records that are kept, `to` being the header that they get. */
static enum err copy_records(const struct compact_rules *rules, struct bytes batch,
                             const struct batch_info *from, const struct batch_info *to,
                             struct buf **out)
{
    struct window window;
    struct record record;
    int32_t last_delta = -1;

    enum err err = open_records(batch, from, rules->reader, &window);
    if (err != ERR_NONE)
        return err;
    codec_writer_start(rules->writer, batch_codec(from), codec_level_default(batch_codec(from)),
                       out);
    for (int32_t i = 0; i < from->record_count && err == ERR_NONE; i++) {
        err = next_record(&window, from, &last_delta, &record);
        if (err != ERR_NONE || !is_kept(rules, from, &record))
            continue;
        uint64_t moved = (uint64_t)from->base_timestamp - (uint64_t)to->base_timestamp;
        add_record(rules->writer, &record, (int64_t)((uint64_t)record.timestamp_delta + moved));
    }
    codec_writer_finish(rules->writer);
    window_close(&window);
    return err;
}

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

static void keep_as_is(struct bytes batch, const struct batch_info *info, struct buf **out,
                       struct compact_left *left)
{
    buf_make_room(out, batch.size);
    memcpy((*out)->data + (*out)->size, batch.data, batch.size);
    (*out)->size += batch.size;
    *left = (struct compact_left){.info = *info};
}

static void keep_header(const struct batch_info *info, struct buf **out, struct compact_left *left)
{
    *left = (struct compact_left){
        .info = *info, .is_changed = true, .dropped = (uint32_t)info->record_count};
    left->info.attributes =
        (int16_t)(info->attributes & ~(BATCH_CODEC_MASK | BATCH_DELETE_HORIZON));
    left->info.base_timestamp = -1;
    left->info.record_count = 0;
    end_batch(*out, begin_batch(out), &left->info);
}

static wall_ms horizon(const struct compact_rules *rules)
{
    wall_ms when;
    return __builtin_add_overflow(rules->now, rules->delete_retention_ms, &when) ? INT64_MAX : when;
}

static enum err write_anew(const struct compact_rules *rules, struct bytes batch,
                           const struct batch_info *info, const struct survey *found,
                           bool needs_horizon, struct buf **out, struct compact_left *left)
{
    struct batch_info next = *info;

    if (needs_horizon) {
        next.attributes |= BATCH_DELETE_HORIZON;
        next.base_timestamp = horizon(rules);
    }
    if ((info->attributes & BATCH_LOG_APPEND_TIME) == 0)
        next.max_timestamp = found->max_timestamp;
    next.record_count = found->kept;
    uint32_t at = begin_batch(out);
    enum err err = copy_records(rules, batch, info, &next, out);
    if (err != ERR_NONE)
        return err;
    end_batch(*out, at, &next);
    *left = (struct compact_left){
        .info = next, .is_changed = true, .dropped = (uint32_t)(info->record_count - found->kept)};
    return ERR_NONE;
}

/* Roughly, so that a tick that meets a slow codec does not last longer than others. */
static uint64_t work_of(const struct batch_info *info, const struct survey *found, bool is_anew)
{
    static const uint8_t unpacking[] = {1, 4, 2, 1, 2}, packing[] = {1, 16, 3, 12, 5};
    enum codec_type codec = batch_codec(info);
    uint64_t work = found->size * unpacking[codec];
    return is_anew ? 2 * work + found->kept_size * packing[codec] : work;
}

enum err compact_batch(const struct compact_rules *rules, struct bytes batch,
                       const struct batch_info *info, bool must_stay, struct buf **out,
                       struct compact_left *left)
{
    struct survey found;

#ifdef SKIFF_MUTANT_DROPS_EMPTY_BATCHES
    must_stay = false; /* The mutant forgets where sequences stand, and segments end. */
#endif
    if (is_left_alone(info) || (info->record_count == 0 && must_stay)) {
        keep_as_is(batch, info, out, left);
        return ERR_NONE;
    }
    enum err err = survey(rules, batch, info, &found);
    if (err != ERR_NONE)
        return err;
    if (found.kept == 0 && must_stay) {
        keep_header(info, out, left);
        return ERR_NONE;
    }
    if (found.kept == 0) {
        *left = (struct compact_left){.is_changed = true,
                                      .dropped = (uint32_t)info->record_count,
                                      .work = work_of(info, &found, false)};
        return ERR_NONE;
    }
    bool needs_horizon = found.has_tombstone && !has_horizon(info) &&
                         batch_last(info) <= rules->latest && rules->now >= info->max_timestamp;
    bool is_anew = found.kept < info->record_count || needs_horizon;
    if (is_anew)
        err = write_anew(rules, batch, info, &found, needs_horizon, out, left);
    else
        keep_as_is(batch, info, out, left);
    if (err == ERR_NONE)
        left->work = work_of(info, &found, is_anew);
    return err;
}

enum err compact_note(struct key_map *keys, struct codec_reader *reader, struct bytes batch,
                      const struct batch_info *info, log_offset start, log_offset *latest)
{
    struct window window;
    struct record record;
    int32_t last_delta = -1;
    bool is_full = false;

    if (is_left_alone(info)) {
        *latest = batch_last(info);
        return ERR_NONE;
    }
    enum err err = open_records(batch, info, reader, &window);
    if (err != ERR_NONE)
        return err;
    for (int32_t i = 0; i < info->record_count && !is_full; i++) {
        err = next_record(&window, info, &last_delta, &record);
        if (err != ERR_NONE)
            break;
        log_offset offset = info->base + record.offset_delta;
        if (offset < start)
            continue;
        is_full = record.key.data && !key_map_put(keys, record.key, offset);
        if (!is_full)
            *latest = offset;
    }
    window_close(&window);
    if (err == ERR_NONE && !is_full)
        *latest = batch_last(info);
    return err;
}
