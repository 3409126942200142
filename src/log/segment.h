/* segment.h -- one file of batches and its two sparse indexes.
 *
 * Offset index: an entry of 8 bytes, last offset of a batch - base i32 and position of that
 * batch i32, each index_interval_size bytes. Time index: 12 bytes, greatest timestamp so far
 * i64, last offset of its batch - base i32, rising. Both are hints: what an
 * entry points to is looked at before it is believed, and a missing file is built again. */
#ifndef LOG_SEGMENT_H
#define LOG_SEGMENT_H

#include "log.h"

enum { INDEX_PENDING_MAX = 64, INDEX_BLOCK_MAX = 64, OFFSET_ENTRY_SIZE = 8, TIME_ENTRY_SIZE = 12 };

struct offset_entry {
    int32_t delta;
    uint32_t position;
};

struct time_entry {
    wall_ms timestamp;
    int32_t delta;
};

/* Entries that are not in the files yet, of the active segment. */
struct index {
    uint64_t since; /* Bytes since the last entry. */
    struct offset_entry offsets[INDEX_PENDING_MAX];
    struct time_entry times[INDEX_PENDING_MAX];
    uint32_t offset_count, time_count;     /* Pending. */
    uint32_t offsets_stored, times_stored; /* In the files. */
    wall_ms last_time;                     /* Of the last time entry; -1: none. */
};

struct segment {
    log_offset base;
    const char *suffix; /* Of its files' names while it is no part of its log yet; NULL: none. */
    file_id file;
    uint64_t size; /* Bytes that have a place, written or queued. */
    uint64_t written;
    uint64_t reserved;               /* Bytes the disk has set aside. */
    bool is_dirty;                   /* Written since it last joined a group. */
    wall_ms max_timestamp;           /* -1: none. */
    log_offset max_timestamp_offset; /* Last offset of its batch. */
    bool is_time_known;              /* The two above are; otherwise find out on demand. */
    wall_ms first_timestamp;         /* Of its first batch; -1: not known. */
    int64_t roll_ms;                 /* After so much time the next begins; -1: not chosen yet. */
    wall_ms seen_at;                 /* When retention first met it; -1: not yet. */
    mono_ms retired_at;              /* When it was first found retired; -1: not yet. */
    struct index *index;             /* NULL but in the active segment. */
    file_id index_files[2];          /* Open from the roll to its sync, else -1. */
};

/* What a scan finds: a batch header and where it stands. */
struct placed_batch {
    struct batch_info info;
    uint64_t position;
};

/* Reads the headers of one segment in order. Checksums are not verified. */
struct scan {
    struct env *env;
    const struct segment *segment;
    uint64_t position; /* Of the next header. */
    uint64_t limit;
    uint64_t buffer_position;
    uint32_t buffer_size;
    uint8_t buffer[4096];
};

void scan_start(struct scan *scan, struct env *env, const struct segment *segment,
                uint64_t position, uint64_t limit);
/* Errors  ERR_NOT_FOUND: at the limit; ERR_CORRUPT: no batch, or it passes the limit; ERR_IO. */
enum err scan_next(struct scan *scan, struct placed_batch *out);

/* Where a segment's files are: kind is ".log", ".index", ".timeindex". */
void segment_path(const char *dir, log_offset base, const char *kind, char out[ENV_PATH_MAX]);

/* The same with the segment's suffix. */
void segment_file_path(const struct segment *segment, const char *dir, const char *kind,
                       char out[ENV_PATH_MAX]);

struct segment *segment_new(log_offset base);
/* Closes its files. */
void segment_free(struct env *env, struct segment *segment);
void segment_unlink(struct env *env, const char *dir, const struct segment *segment);

/* Note a batch that is about to be written. */
void index_note(struct segment *segment, struct env *env, const char *dir, uint32_t interval,
                const struct placed_batch *batch);
/* Write pending entries to the files; what does not fit on the disk is thinned out. */
void index_store(struct segment *segment, struct env *env, const char *dir);
/* The segment is rolled: a last time entry, all stored, the files left open for a sync. */
void index_finish(struct segment *segment, struct env *env, const char *dir);
/* Drop entries at or past `end`; the files follow. */
void index_cut(struct segment *segment, struct env *env, const char *dir, log_offset end);
/* Both files are there. */
bool index_exists(const struct segment *segment, struct env *env, const char *dir);
/* Make the files of a rolled segment anew from the batches below segment->written. */
enum err index_rebuild(struct segment *segment, struct env *env, const char *dir,
                       uint32_t interval);

/* A position at or before the batch that holds `target`: a batch starts there. */
uint64_t index_seek_offset(const struct segment *segment, struct env *env, const char *dir,
                           log_offset target);
/* The start of a batch at or before `position`. */
uint64_t index_seek_position(const struct segment *segment, struct env *env, const char *dir,
                             uint64_t position);
/* No batch before the returned position has a timestamp of `timestamp` or more. */
uint64_t index_seek_time(const struct segment *segment, struct env *env, const char *dir,
                         wall_ms timestamp);

/* The first batch whose last offset is `target` or more, below segment->written.
 * Errors  ERR_NOT_FOUND, ERR_CORRUPT, ERR_IO. */
enum err segment_locate(const struct segment *segment, struct env *env, const char *dir,
                        log_offset target, struct placed_batch *out);

/* One past the last offset before `position`, where a batch ends; segment->base at 0. */
enum err segment_end_before(const struct segment *segment, struct env *env, const char *dir,
                            uint64_t position, log_offset *out);

/* Find out max_timestamp and its offset, of what is written. */
enum err segment_learn_time(struct segment *segment, struct env *env, const char *dir);

#endif
