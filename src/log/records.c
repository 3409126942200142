/* records.c -- walks the records of a batch, compressed or not.
 *
 * A record: length varint, then within that length attributes i8, timestamp delta varlong,
 * offset delta varint, key (length varint, -1 null), value (likewise), header count varint,
 * headers (key length varint and key, value length varint or -1 and value). */
#include "records.h"

/* A varint length and as many bytes; -1 is null where that is allowed. */
static inline bool read_field(const uint8_t **at, const uint8_t *end, bool nullable,
                              struct bytes *out)
{
    int32_t size;

    if (!varint_read(at, end, &size) || size < (nullable ? -1 : 0) || size > end - *at)
        return false;
    if (size < 0) {
        *out = (struct bytes){0};
        return true;
    }
    *out = (struct bytes){.data = *at, .size = (uint32_t)size};
    *at += size;
    return true;
}

/* Headers from here up to `end`, and nothing else. */
static inline bool are_headers(const uint8_t *at, const uint8_t *end)
{
    int32_t count;
    struct bytes field;

    if (!varint_read(&at, end, &count) || count < 0)
        return false;
    for (int32_t i = 0; i < count; i++)
        if (!read_field(&at, end, false, &field) || !read_field(&at, end, true, &field))
            return false;
    return at == end;
}

/* Take the record of which `length` bytes begin at `at`; `start` is where its length stands. */
static inline bool take_record(const uint8_t *start, const uint8_t *at, int32_t length,
                               struct record *out)
{
    const uint8_t *stop = at + length;
    const uint8_t *here = at + 1; /* Attributes: none are defined. */
    if (!varlong_read(&here, stop, &out->timestamp_delta))
        return false;
    if (!varint_read(&here, stop, &out->offset_delta))
        return false;
    out->body = (struct bytes){.data = here, .size = (uint32_t)(stop - here)};
    if (!read_field(&here, stop, true, &out->key) || !read_field(&here, stop, true, &out->value))
        return false;
    out->headers = (struct bytes){.data = here, .size = (uint32_t)(stop - here)};
    out->whole = (struct bytes){.data = start, .size = (uint32_t)(stop - start)};
    return are_headers(here, stop);
}

/* True: the whole record at `at` is in the window, or it is wrong anyway. */
static bool has_whole_record(const struct window *window)
{
    const uint8_t *at = window->at;
    int64_t length;
    if (varlong_read(&at, window->end, &length))
        return length < 1 || length <= window->end - at;
    return window_left(window) >= VARINT_SIZE_MAX;
}

/* Errors  ERR_NOT_FOUND: the last record is cut off; ERR_CORRUPT, ERR_TOO_LARGE. */
static enum err need_record(struct window *window)
{
    enum err err = ERR_NONE;
    while (err == ERR_NONE && !has_whole_record(window))
        err = window_more(window);
    return err;
}

static bool read_length(const struct window *window, const uint8_t **at, int32_t *length)
{
    *at = window->at;
    return varint_read(at, window->end, length) && *length >= 1 && *length <= window->end - *at;
}

static inline enum err next_record(struct window *window, struct record *out)
{
    const uint8_t *at;
    int32_t length;
    if (!read_length(window, &at, &length)) { /* Not all of it is decompressed, or it is wrong. */
        enum err err = window->reader ? need_record(window) : ERR_NOT_FOUND;
        if (err != ERR_NONE)
            return err == ERR_NOT_FOUND ? ERR_INVALID_RECORD : err;
        if (!read_length(window, &at, &length))
            return ERR_INVALID_RECORD;
    }
    if (!take_record(window->at, at, length, out))
        return ERR_INVALID_RECORD;
    window->at = at + length;
    return ERR_NONE;
}

enum err record_next(struct window *window, struct record *out)
{
    return next_record(window, out);
}

enum err record_bring(struct window *window, uint32_t *got)
{
    uint32_t left = window_left(window);

    *got = 0;
    if (!window->reader || has_whole_record(window))
        return ERR_NONE;
    enum err err = window_more(window);
    if (err != ERR_NONE)
        return err == ERR_NOT_FOUND ? ERR_INVALID_RECORD : err;
    *got = window_left(window) - left;
    return has_whole_record(window) ? ERR_NONE : ERR_AGAIN;
}

/* -1 says "no timestamp" and always passes. */
static bool is_timestamp_allowed(int64_t timestamp, const struct batch_limits *limits)
{
    if (limits->now < 0 || timestamp == -1)
        return true;
    if (timestamp < -1)
        return false;
    if (timestamp > limits->now)
        return timestamp - limits->now <= limits->timestamp_after_max_ms;
    return limits->now - timestamp <= limits->timestamp_before_max_ms;
}

static void note_fault(struct batch_refusal *refusal, int32_t index, const char *reason)
{
    if (refusal->fault_count < BATCH_FAULTS_MAX)
        refusal->faults[refusal->fault_count++] =
            (struct batch_fault){.index = index, .reason = reason};
}

static const char wrong_timestamp[] = "The timestamp is out of the topic's range.";

void record_judge(const struct batch_limits *limits, int32_t index, struct bytes key,
                  wall_ms timestamp, struct batch_refusal *refusal)
{
    if (limits->keys_required && !key.data) {
        note_fault(refusal, index, "A compacted topic takes no record without a key.");
        return;
    }
    if (!is_timestamp_allowed(timestamp, limits)) {
        note_fault(refusal, index, wrong_timestamp);
        refusal->has_wrong_timestamp = true;
    }
}

enum err records_verdict(struct batch_refusal *refusal)
{
    if (refusal->fault_count == 0)
        return ERR_NONE;
    refusal->reason = refusal->has_wrong_timestamp
                          ? wrong_timestamp
                          : "Records of the batch may not be appended; all of it was refused.";
    return refusal->has_wrong_timestamp ? ERR_INVALID_TIMESTAMP : ERR_INVALID_RECORD;
}

/* What a window's error is to a client whose checksum was right: the same bytes, sent again,
 * would be as wrong. A producer splits what is too large. */
static enum err refuse_content(enum err err, struct batch_refusal *refusal)
{
    if (err == ERR_TOO_LARGE) {
        refusal->reason = "The records of the batch are too large when decompressed.";
        return ERR_MESSAGE_TOO_LARGE;
    }
    refusal->reason =
        err == ERR_CORRUPT ? "The records do not decompress." : "A record is malformed.";
    return ERR_INVALID_RECORD;
}

static enum err check_end(struct window *window, struct batch_refusal *refusal)
{
    enum err err = window->at == window->end ? window_more(window) : ERR_NONE;
    if (err == ERR_NOT_FOUND)
        return ERR_NONE;
    if (err != ERR_NONE)
        return refuse_content(err, refusal);
    refusal->reason = "There are bytes after the last record.";
    return ERR_INVALID_RECORD;
}

enum err records_check(struct window *window, const struct batch_info *info,
                       const struct batch_limits *limits, wall_ms *max_timestamp,
                       struct batch_refusal *refusal)
{
    struct record record;
    wall_ms greatest = -1;

    for (int32_t i = 0; i < info->record_count && refusal->fault_count < BATCH_FAULTS_MAX; i++) {
        int64_t timestamp;
        enum err err = next_record(window, &record);
        if (err != ERR_NONE)
            return refuse_content(err, refusal);
        if (__builtin_add_overflow(info->base_timestamp, record.timestamp_delta, &timestamp)) {
            refusal->reason = wrong_timestamp;
            return ERR_INVALID_TIMESTAMP;
        }
        if (timestamp > greatest)
            greatest = timestamp;
        if (record.offset_delta != i)
            note_fault(refusal, i, "The offset deltas of the records are not contiguous.");
        else if ((limits->keys_required && !record.key.data) ||
                 !is_timestamp_allowed(timestamp, limits))
            record_judge(limits, i, record.key, timestamp, refusal);
    }
    enum err err = records_verdict(refusal);
    if (err == ERR_NONE)
        err = check_end(window, refusal);
    *max_timestamp = greatest;
    return err;
}

struct window records_window(struct bytes batch, const struct batch_info *info,
                             struct codec_reader *reader, uint64_t size_max)
{
    struct bytes records = {.data = batch.data + BATCH_HEADER_SIZE,
                            .size = info->size - BATCH_HEADER_SIZE};
    if (batch_codec(info) == CODEC_NONE)
        return window_of(records);
    check(reader);
    return window_open(reader, batch_codec(info), records, size_max);
}

uint32_t record_write_head(uint8_t *at, const struct batch_record *record, int64_t timestamp_delta,
                           uint32_t offset_delta)
{
    uint32_t length = 1 + varlong_size(timestamp_delta) + varlong_size(offset_delta) +
                      varlong_size(field_length(record->key)) + record->key.size +
                      varlong_size(field_length(record->value)) + record->value.size +
                      varlong_size(0);
    uint32_t size = varlong_write(at, length);
    at[size++] = 0;
    size += varlong_write(at + size, timestamp_delta);
    size += varlong_write(at + size, offset_delta);
    return size + varlong_write(at + size, field_length(record->key));
}

static void walk_begin(struct batch_walk *walk, struct bytes batch)
{
    enum err err = batch_read(batch, &walk->info);
    check(err == ERR_NONE);
    check(walk->info.size <= batch.size);
    walk->index = 0;
    walk->window = NULL;
    walk->rest = (struct bytes){.data = batch.data + BATCH_HEADER_SIZE,
                                .size = walk->info.size - BATCH_HEADER_SIZE};
}

enum err batch_walk_start(struct batch_walk *walk, struct bytes batch)
{
    walk_begin(walk, batch);
    return batch_codec(&walk->info) == CODEC_NONE ? ERR_NONE : ERR_UNSUPPORTED_COMPRESSION_TYPE;
}

void batch_walk_open(struct batch_walk *walk, struct bytes batch, struct codec_reader *reader)
{
    walk_begin(walk, batch);
    if (batch_codec(&walk->info) == CODEC_NONE)
        return;
    walk->rest.size = 0; /* Nothing is decompressed yet. */
    if (batch_codec(&walk->info) > CODEC_ZSTD)
        return; /* A disk, or a leader, can have made it up: no record is found. */
    walk->window = mem_alloc(sizeof *walk->window);
    *walk->window = records_window(batch, &walk->info, reader, BATCH_SIZE_MAX);
}

void batch_walk_close(struct batch_walk *walk)
{
    if (walk->window)
        window_close(walk->window);
    mem_free(walk->window);
    walk->window = NULL;
}

enum err batch_walk_next(struct batch_walk *walk, struct batch_record *out)
{
    struct window plain = window_of(walk->rest);
    struct window *window = walk->window ? walk->window : &plain;
    struct record record;

    if (walk->index == walk->info.record_count)
        return ERR_NOT_FOUND;
    if (next_record(window, &record) != ERR_NONE || record.offset_delta < 0 ||
        record.offset_delta > walk->info.last_offset_delta)
        return ERR_INVALID_RECORD;
    bool is_append_time = (walk->info.attributes & BATCH_LOG_APPEND_TIME) != 0;
    int64_t timestamp =
        (int64_t)((uint64_t)walk->info.base_timestamp + (uint64_t)record.timestamp_delta);
    walk->rest = (struct bytes){.data = window->at, .size = window_left(window)};
    walk->index++;
    *out = (struct batch_record){
        .key = record.key,
        .value = record.value,
        .headers = record.headers,
        .timestamp = is_append_time ? walk->info.max_timestamp : timestamp,
        .offset = walk->info.base + record.offset_delta,
    };
    return ERR_NONE;
}
