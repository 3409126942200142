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
#include "codec.h"

enum {
    BATCH_HEADER_SIZE = 61, /* Bytes before the first record. */
    BATCH_PREFIX_SIZE = 12, /* Base offset and length: what the length does not count. */
    BATCH_MAGIC = 2,
    BATCH_SIZE_MAX = 1 << 30, /* Bytes of one batch that any check lets through. */
};

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

static inline enum codec_type batch_codec(const struct batch_info *info)
{
    return (enum codec_type)(info->attributes & BATCH_CODEC_MASK);
}

/* The sequence of the last record; sequences wrap from INT32_MAX to 0. */
int32_t batch_last_sequence(const struct batch_info *info);

/* What a client's batch is held against. */
struct batch_limits {
    uint32_t size_max;               /* max.message.bytes of the topic. */
    bool zstd_allowed;               /* Produce 7 and later. */
    bool keys_required;              /* cleanup.policy holds compact. */
    wall_ms now;                     /* Timestamps are judged against it; -1: not at all. */
    int64_t timestamp_before_max_ms; /* message.timestamp.before.max.ms; INT64_MAX: any. */
    int64_t timestamp_after_max_ms;  /* message.timestamp.after.max.ms; INT64_MAX: any. */
    struct codec_reader *reader;     /* Borrowed; needed where records are compressed. */
};

enum { BATCH_FAULTS_MAX = 32 };

/* One record that may not be appended, counted from 0 within its batch (KIP-467). */
struct batch_fault {
    int32_t index;
    const char *reason; /* A static sentence. */
};

/* Why a batch was refused. */
struct batch_refusal {
    const char *reason; /* A static sentence; "" until there is one. */
    bool has_wrong_timestamp;
    uint32_t fault_count; /* The first of them; the rest was not looked at. */
    struct batch_fault faults[BATCH_FAULTS_MAX];
};

/* Decompressed, records of one batch may take 32 times max.message.bytes, and this in any case. */
enum { BATCH_CONTENT_FACTOR = 32, BATCH_CONTENT_MAX_LEAST = 32 * 1024 * 1024 };

/* Check the records of one partition of a Produce request: exactly one batch, whose checksum,
 * counts and records are right, compressed or not. The header's greatest timestamp is not
 * looked at; that of the records goes to *max_timestamp.
 * Errors  Kafka's codes for the client (CORRUPT_MESSAGE, INVALID_RECORD, MESSAGE_TOO_LARGE,
 *         INVALID_TIMESTAMP, UNSUPPORTED_COMPRESSION_TYPE); only then is *refusal filled in. */
enum err batch_check(struct bytes bytes, const struct batch_limits *limits, struct batch_info *out,
                     struct batch_refusal *refusal);

/* What the records of a topic look like in its log. */
struct batch_form {
    wall_ms append_time; /* message.timestamp.type=LogAppendTime: now; -1: CreateTime. */
    bool is_old_allowed; /* Messages of formats 0 and 1 are converted: Produce 0 to 2. */
    bool keeps_codec;    /* compression.type=producer. */
    enum codec_type codec;
    int32_t levels[CODEC_ZSTD + 1]; /* Of each codec that may have to be written. */
    struct codec_writer *writer;    /* Borrowed. */
};

/* Check a client's records as batch_check() does, and bring them into the topic's form. Bytes
 * stay as they came where codec and timestamps agree with it; else they are changed in place or
 * written anew, and the greatest timestamp in the header is made the records' own.
 * Owns    records->buf is the caller's before and after, but may be another one; nobody else
 *         reads its bytes yet.
 * Errors  as batch_check(); *records is as it was. */
enum err batch_admit(struct slice *records, const struct batch_limits *limits,
                     const struct batch_form *form, struct batch_info *out,
                     struct batch_refusal *refusal);

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

/* Renew the checksum of a batch whose header or records were changed. */
void batch_seal(uint8_t *batch, uint32_t size);

/* One record; null keys and values have data == NULL. */
struct batch_record {
    struct bytes key;
    struct bytes value;
    struct bytes headers; /* Raw, from the header count on; ignored by batch_build(). */
    wall_ms timestamp;    /* batch_build(): ignored, the batch's own is taken. */
    log_offset offset;    /* batch_build(): ignored, records are contiguous. */
};

struct window;

struct batch_walk {
    struct bytes rest; /* Not walked yet; of compressed records, what is decompressed of it. */
    struct batch_info info;
    int32_t index;         /* Of the next record. */
    struct window *window; /* NULL: records are not compressed. */
};

/* Walk the records of one whole batch that passed batch_next() or batch_check().
 * Errors  ERR_UNSUPPORTED_COMPRESSION_TYPE: its records are compressed. */
enum err batch_walk_start(struct batch_walk *walk, struct bytes batch);

/* The same, compressed or not, and to be closed.
 * Owns    `batch` and `reader` are borrowed until batch_walk_close(). */
void batch_walk_open(struct batch_walk *walk, struct bytes batch, struct codec_reader *reader);
void batch_walk_close(struct batch_walk *walk);

/* The next record, pointing into the batch, or into what was decompressed: good until the next.
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
