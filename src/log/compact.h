/* compact.h -- one compaction of one log: the cleaner starts it and takes it step by step.
 *
 * Two passes. The first walks what is dirty and notes the last offset of each key, until
 * the end or until the map is full. The second copies segments from the start of the log into new
 * ones, and leaves out what the map knows a later record for. Groups of small segments
 * become one; each takes its place by a swap (swap.c) before the next is begun, so that
 * lower offsets are always cleaned first.
 *
 * Source  KIP-280 and Kafka's LogCleaner (what stays), KIP-534 (delete horizon). */
#ifndef LOG_COMPACT_H
#define LOG_COMPACT_H

#include "key_map.h"
#include "log_internal.h"

/* By what records are judged. */
struct compact_rules {
    const struct key_map *keys;
    log_offset latest; /* The map holds all keys between where it began and this offset. */
    wall_ms now;
    int64_t delete_retention_ms;
    struct codec_reader *reader; /* Borrowed, both. */
    struct codec_writer *writer;
};

/* What became of one batch. */
struct compact_left {
    struct batch_info info; /* Of what stands at the end of the output; size 0: nothing. */
    bool is_changed;
    uint32_t dropped; /* Records. */
    uint64_t work;    /* What it cost, as so many bytes of plain records copied. */
};

/* Put what is left of `batch` at the end of **out. One that must stay stays without records
 * when it has none left: it is the last of its producer, or of its segment.
 * Errors  ERR_CORRUPT, ERR_INVALID_RECORD, ERR_TOO_LARGE: its inside is malformed. */
enum err compact_batch(const struct compact_rules *rules, struct bytes batch,
                       const struct batch_info *info, bool must_stay, struct buf **out,
                       struct compact_left *left);

/* Note the keys of the records of `batch` from `start` on. *latest rises to the last offset that
 * was taken in; below the batch's last when the map is full.
 * Errors  as compact_batch(). */
enum err compact_note(struct key_map *keys, struct codec_reader *reader, struct bytes batch,
                      const struct batch_info *info, log_offset start, log_offset *latest);

/* What one compaction may take, and what it goes by. */
struct compact_config {
    uint64_t map_size;         /* Bytes. */
    uint32_t map_load_percent; /* Of it, at most. */
    uint32_t io_size;          /* Bytes read, and written, at once. */
    wall_ms now;
    struct codec_reader *reader; /* Borrowed, both. */
    struct codec_writer *writer;
};

enum compact_phase {
    COMPACT_MAP,    /* Noting keys. */
    COMPACT_COPY,   /* Writing a group's successor. */
    COMPACT_STORE,  /* Its file is being synced... */
    COMPACT_ENTER,  /* ...then its indexes, and the directory. */
    COMPACT_COMMIT, /* Its name says that it replaces the others: is being synced. */
    COMPACT_CLEAR,  /* The others' files are gone: is being synced. */
    COMPACT_END,
};

/* What a step ended with. */
enum compact_outcome {
    COMPACT_GOES_ON,
    COMPACT_SYNCS,  /* Sync compaction->sync_files, close them; tell compaction_synced(). */
    COMPACT_DONE,   /* The log is clean up to compaction_end(). */
    COMPACT_LAPSED, /* The log has changed, or went offline: nothing is wrong. */
    COMPACT_FAILED, /* compaction->error and what; the log is as it was. */
};

enum { COMPACT_SYNC_FILES_MAX = 3 }; /* More would be a sync of everything (env.h's platform). */

struct compaction {
    struct log *log;
    struct env *env;
    struct compact_config config;
    struct compact_rules rules;
    struct key_map *keys;
    enum compact_phase phase;
    log_offset first_dirty;
    log_offset limit;  /* Where a segment begins; no segment from there on is looked at. */
    uint32_t removals; /* log->removals at the start: whether the segments are still those. */

    /* Where the reading is. */
    uint32_t segment;     /* Index. */
    uint64_t position;    /* In the segment. */
    log_offset next;      /* No base offset below it. */
    struct buf *in;       /* A piece of the segment... */
    uint64_t in_position; /* ...from here. */

    /* The group, and what it becomes. */
    uint32_t group_end; /* One past its last index. */
    uint32_t group_first;
    bool is_changed;        /* The successor differs from the group. */
    struct segment *target; /* NULL: none is begun. */
    struct buf *out;        /* Not written yet. */
    uint64_t unsynced;      /* Bytes written to it since it was synced. */

    file_id sync_files[COMPACT_SYNC_FILES_MAX];
    uint32_t sync_count, sync_kept; /* So many of the first stay open after it. */
    enum err error;
    const char *what; /* A sentence without its end. */

    uint64_t bytes_read, bytes_written, size_before, size_after; /* For the metrics. */
    uint64_t records_dropped;
};

/* Start to clean `log` from `first_dirty` up to `limit`, where a segment begins. */
struct compaction *compaction_open(struct log *log, const struct compact_config *config,
                                   log_offset first_dirty, log_offset limit);
/* Stop, wherever it is; what it has begun to write is removed. */
void compaction_close(struct compaction *compaction);

/* Go on for about as long as copying `budget` bytes of plain records takes; *used says for how
 * long. No batch is left half done. */
enum compact_outcome compaction_step(struct compaction *compaction, uint64_t budget,
                                     uint64_t *used);
/* Once the sync has been asked for. */
void compaction_close_files(struct compaction *compaction);
/* The sync of a step that ended with COMPACT_SYNCS is over. */
void compaction_synced(struct compaction *compaction, enum err result);

/* The log is clean below this, once it is done. */
static inline log_offset compaction_end(const struct compaction *compaction)
{
    return compaction->rules.latest + 1;
}

#endif
