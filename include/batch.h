/* batch.h -- Kafka's record batch, format 2: checked, walked, patched and built.
 *
 * A batch travels and is stored as it came. Base offset and leader epoch lie
 * outside its checksum, so a broker stamps them in place. Everything here works
 * on bytes: no log, no file, no clock.
 *
 * Source  KIP-98 (format 2), KIP-32 (timestamps). */
#ifndef BATCH_H
#define BATCH_H

#include "base/base.h"

enum {
    BATCH_HEADER_SIZE = 61, /* Bytes before the first record. */
    BATCH_PREFIX_SIZE = 12, /* Base offset and length: what the length does not count. */
    BATCH_MAGIC = 2,
    BATCH_SIZE_MAX = 1 << 30, /* Bytes of one batch that any check lets through. */
};

enum batch_codec { BATCH_NONE, BATCH_GZIP, BATCH_SNAPPY, BATCH_LZ4, BATCH_ZSTD };

enum batch_attribute {
    BATCH_CODEC_MASK = 0x07,
    BATCH_LOG_APPEND_TIME = 0x08,
    BATCH_TRANSACTIONAL = 0x10,
    BATCH_CONTROL = 0x20,
    BATCH_DELETE_HORIZON = 0x40,
};

/* A batch's header, in host order. */
struct batch_info {
    log_offset base;
    uint32_t size;   /* Bytes of the whole batch. */
    log_epoch epoch; /* Partition leader epoch. */
    uint32_t crc;
    int16_t attributes; /* enum batch_attribute. */
    int32_t last_offset_delta;
    int64_t base_timestamp;
    int64_t max_timestamp; /* -1: none. */
    int64_t producer_id;   /* -1: not idempotent. */
    int16_t producer_epoch;
    int32_t base_sequence;
    int32_t record_count;
};

static inline log_offset batch_last(const struct batch_info *info)
{
    return info->base + info->last_offset_delta;
}

static inline log_offset batch_end(const struct batch_info *info)
{
    return batch_last(info) + 1;
}

static inline bool batch_is_control(const struct batch_info *info)
{
    return (info->attributes & BATCH_CONTROL) != 0;
}

static inline enum batch_codec batch_codec(const struct batch_info *info)
{
    return (enum batch_codec)(info->attributes & BATCH_CODEC_MASK);
}

/* The sequence of the last record; sequences wrap from INT32_MAX to 0. */
int32_t batch_last_sequence(const struct batch_info *info);

/* What a client's batch is held against. */
struct batch_limits {
    uint32_t size_max;               /* max.message.bytes of the topic. */
    bool zstd_allowed;               /* Produce 7 and later. */
    wall_ms now;                     /* Timestamps are judged against it; -1: not at all. */
    int64_t timestamp_before_max_ms; /* message.timestamp.before.max.ms; INT64_MAX: any. */
    int64_t timestamp_after_max_ms;  /* message.timestamp.after.max.ms; INT64_MAX: any. */
};

/* Check the records of one partition of a Produce request: exactly one batch, whose
 * checksum, counts and uncompressed records are right. Compressed records pass unread.
 * Errors  Kafka's codes for the client (CORRUPT_MESSAGE, INVALID_RECORD, MESSAGE_TOO_LARGE,
 *         INVALID_TIMESTAMP, UNSUPPORTED_COMPRESSION_TYPE); *reason is a static sentence. */
enum err batch_check(struct bytes bytes, const struct batch_limits *limits, struct batch_info *out,
                     const char **reason);

/* Read the header at the start of `bytes`, which may hold less than the whole batch.
 * Errors  ERR_AGAIN: fewer bytes than a header; ERR_CORRUPT: no batch of format 2. */
enum err batch_read(struct bytes bytes, struct batch_info *out);

/* Take the next whole batch off `*rest`, its checksum verified: a follower's, or recovery's.
 * Owns    *batch points into *rest.
 * Errors  ERR_NOT_FOUND: `*rest` is empty; ERR_AGAIN: it ends inside a batch (a fetch may);
 *         ERR_CORRUPT: bad header or checksum. `*rest` moves only on success. */
enum err batch_next(struct bytes *rest, struct batch_info *info, struct bytes *batch);

/* Stamp what the leader decides; both lie outside the checksum. */
void batch_patch(uint8_t *batch, log_offset base, log_epoch epoch);

/* Make it LogAppendTime at `now`: sets the bit and the greatest timestamp, renews the checksum. */
void batch_stamp_append_time(uint8_t *batch, uint32_t size, wall_ms now);

/* One record of an uncompressed batch; null keys and values have data == NULL. */
struct batch_record {
    struct bytes key;
    struct bytes value;
    struct bytes headers; /* Raw, from the header count on; ignored by batch_build(). */
    wall_ms timestamp;    /* batch_build(): ignored, the batch's own is taken. */
    log_offset offset;    /* batch_build(): ignored, records are contiguous. */
};

struct batch_walk {
    struct bytes rest;
    struct batch_info info;
    int32_t index; /* Of the next record. */
};

/* Walk the records of one whole batch that passed batch_next() or batch_check().
 * Errors  ERR_UNSUPPORTED_COMPRESSION_TYPE: its records are compressed. */
enum err batch_walk_start(struct batch_walk *walk, struct bytes batch);

/* The next record, pointing into the batch.
 * Errors  ERR_NOT_FOUND: that was the last; ERR_INVALID_RECORD: malformed. */
enum err batch_walk_next(struct batch_walk *walk, struct batch_record *out);

/* What batch_build() puts in the header. */
struct batch_spec {
    log_offset base;
    log_epoch epoch;
    wall_ms timestamp;
    int16_t attributes;  /* BATCH_CONTROL for control records; no codec. */
    int64_t producer_id; /* -1: none, the next two then are -1 too. */
    int16_t producer_epoch;
    int32_t base_sequence;
};

/* A spec without producer. */
static inline struct batch_spec batch_spec(log_offset base, log_epoch epoch, wall_ms timestamp)
{
    return (struct batch_spec){.base = base,
                               .epoch = epoch,
                               .timestamp = timestamp,
                               .producer_id = -1,
                               .producer_epoch = -1,
                               .base_sequence = -1};
}

/* Build one uncompressed batch of `count` records (at least one).
 * Owns    one reference of the result is the caller's. */
struct buf *batch_build(const struct batch_spec *spec, const struct batch_record *records,
                        uint32_t count);

/* The bytes that batch_build() would take. */
uint32_t batch_build_size(const struct batch_record *records, uint32_t count);

/* The key of a control record: version 0 and its type. */
enum batch_control {
    BATCH_CONTROL_ABORT = 0,
    BATCH_CONTROL_COMMIT = 1,
    BATCH_CONTROL_LEADER_CHANGE = 2,
    BATCH_CONTROL_SNAPSHOT_HEADER = 3,
    BATCH_CONTROL_SNAPSHOT_FOOTER = 4,
    BATCH_CONTROL_KRAFT_VERSION = 5,
    BATCH_CONTROL_VOTERS = 6,
};

/* One control record of `type` with `value` as its value, as a batch. */
struct buf *batch_build_control(const struct batch_spec *spec, enum batch_control type,
                                struct bytes value);

#endif
