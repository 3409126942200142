/* records.h -- the records inside a batch: walked, checked, written. */
#ifndef LOG_RECORDS_H
#define LOG_RECORDS_H

#include "batch.h"
#include "varint.h"
#include "window.h"

/* One record without copies; offset and timestamp as deltas. */
struct record {
    int64_t timestamp_delta;
    int32_t offset_delta;
    struct bytes key;
    struct bytes value;
    struct bytes headers;
    struct bytes whole; /* All of it, its length too. */
    struct bytes body;  /* From the key's length on: what says nothing of time and place. */
};

/* Take the next record off the window; good until the one after it.
 * Errors  ERR_INVALID_RECORD, ERR_CORRUPT, ERR_TOO_LARGE. */
enum err record_next(struct window *window, struct record *out);

/* See to it that record_next() has nothing to decompress, by one piece at most, of *got bytes.
 * Errors  ERR_AGAIN: that was not enough; ERR_INVALID_RECORD, ERR_CORRUPT, ERR_TOO_LARGE. */
enum err record_bring(struct window *window, uint32_t *got);

/* The records of a batch as a window over them; to be closed. */
struct window records_window(struct bytes batch, const struct batch_info *info,
                             struct codec_reader *reader, uint64_t size_max);

/* Check the records of a client's batch against its header and the limits.
 * The greatest timestamp among them goes to *max_timestamp; -1: they have none.
 * Errors  INVALID_RECORD, INVALID_TIMESTAMP, MESSAGE_TOO_LARGE. */
enum err records_check(struct window *window, const struct batch_info *info,
                       const struct batch_limits *limits, wall_ms *max_timestamp,
                       struct batch_refusal *refusal);

/* Note what is wrong with record `index`, if anything is, judged by itself. */
void record_judge(const struct batch_limits *limits, int32_t index, struct bytes key,
                  wall_ms timestamp, struct batch_refusal *refusal);
/* The verdict over all that was noted. */
enum err records_verdict(struct batch_refusal *refusal);

enum { RECORD_HEAD_SIZE_MAX = 1 + 4 * VARINT_SIZE_MAX };

/* Write what stands before the key of a record without headers, up to the key's length.
 * Returns bytes; at most RECORD_HEAD_SIZE_MAX. */
uint32_t record_write_head(uint8_t *at, const struct batch_record *record, int64_t timestamp_delta,
                           uint32_t offset_delta);
/* What is the length of a key, value or header with these bytes: -1 for null. */
static inline int64_t field_length(struct bytes field)
{
    return field.data ? (int64_t)field.size : -1;
}

#endif
