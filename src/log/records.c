/* records.c -- walks the records of an uncompressed batch.
 *
 * A record: length varint, then within that length attributes i8, timestamp delta varlong,
 * offset delta varint, key (length varint, -1 null), value (likewise), header count varint,
 * headers (key length varint and key, value length varint or -1 and value). */
#include "records.h"

#include "varint.h"

/* One record without copies; offset and timestamp as deltas. */
struct record {
    int64_t timestamp_delta;
    int32_t offset_delta;
    struct bytes key;
    struct bytes value;
    struct bytes headers;
};

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

static bool skip_headers(const uint8_t **at, const uint8_t *end)
{
    int32_t count;
    struct bytes field;

    if (!varint_read(at, end, &count) || count < 0)
        return false;
    for (int32_t i = 0; i < count; i++)
        if (!read_field(at, end, false, &field) || !read_field(at, end, true, &field))
            return false;
    return true;
}

/* Take the record at *at. False: malformed. */
static bool take_record(const uint8_t **at, const uint8_t *end, struct record *out)
{
    int32_t length;

    if (!varint_read(at, end, &length) || length < 1 || length > end - *at)
        return false;
    const uint8_t *stop = *at + length;
    const uint8_t *here = *at + 1; /* Attributes: none are defined. */
    if (!varlong_read(&here, stop, &out->timestamp_delta))
        return false;
    if (!varint_read(&here, stop, &out->offset_delta))
        return false;
    if (!read_field(&here, stop, true, &out->key) || !read_field(&here, stop, true, &out->value))
        return false;
    const uint8_t *headers = here;
    if (!skip_headers(&here, stop) || here != stop)
        return false;
    out->headers = (struct bytes){.data = headers, .size = (uint32_t)(stop - headers)};
    *at = stop;
    return true;
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

enum err records_check(struct bytes batch, const struct batch_info *info,
                       const struct batch_limits *limits, const char **reason)
{
    const uint8_t *at = batch.data + BATCH_HEADER_SIZE;
    const uint8_t *end = batch.data + batch.size;
    struct record record;

    *reason = "The timestamp is out of the topic's range.";
    if (!is_timestamp_allowed(info->max_timestamp, limits))
        return ERR_INVALID_TIMESTAMP;
    if (batch_codec(info) != BATCH_NONE)
        return ERR_NONE;
    for (int32_t i = 0; i < info->record_count; i++) {
        int64_t timestamp;
        *reason = "A record is malformed.";
        if (!take_record(&at, end, &record))
            return ERR_INVALID_RECORD;
        *reason = "The offset deltas of the records are not contiguous.";
        if (record.offset_delta != i)
            return ERR_INVALID_RECORD;
        *reason = "The timestamp is out of the topic's range.";
        if (__builtin_add_overflow(info->base_timestamp, record.timestamp_delta, &timestamp))
            return ERR_INVALID_TIMESTAMP;
        if (!is_timestamp_allowed(timestamp, limits))
            return ERR_INVALID_TIMESTAMP;
    }
    *reason = "There are bytes after the last record.";
    return at == end ? ERR_NONE : ERR_INVALID_RECORD;
}

enum err batch_walk_start(struct batch_walk *walk, struct bytes batch)
{
    enum err err = batch_read(batch, &walk->info);
    check(err == ERR_NONE);
    check(walk->info.size <= batch.size);
    if (batch_codec(&walk->info) != BATCH_NONE)
        return ERR_UNSUPPORTED_COMPRESSION_TYPE;
    walk->index = 0;
    walk->rest = (struct bytes){.data = batch.data + BATCH_HEADER_SIZE,
                                .size = walk->info.size - BATCH_HEADER_SIZE};
    return ERR_NONE;
}

enum err batch_walk_next(struct batch_walk *walk, struct batch_record *out)
{
    const uint8_t *at = walk->rest.data;
    const uint8_t *end = at + walk->rest.size;
    struct record record;

    if (walk->index == walk->info.record_count)
        return ERR_NOT_FOUND;
    if (!take_record(&at, end, &record) || record.offset_delta < 0 ||
        record.offset_delta > walk->info.last_offset_delta)
        return ERR_INVALID_RECORD;
    bool is_append_time = (walk->info.attributes & BATCH_LOG_APPEND_TIME) != 0;
    int64_t timestamp =
        (int64_t)((uint64_t)walk->info.base_timestamp + (uint64_t)record.timestamp_delta);
    walk->rest = (struct bytes){.data = at, .size = (uint32_t)(end - at)};
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
