/* compact.h -- one compaction of one log: the cleaner starts it and takes it step by step.
 *
 * Two passes. The first walks what is dirty and notes the last offset of each key, until
 * the end or until the map is full. The second copies segments from the start of the log into new
 * ones, and leaves out what the map knows a later record for; one of which all stays is only
 * looked at. Groups of small segments become one; each takes its place by a swap (swap.c) before
 * the next is begun, so that lower offsets are always cleaned first.
 *
 * Source  KIP-280 and Kafka's LogCleaner (what stays), KIP-534 (delete horizon). */
#ifndef LOG_COMPACT_H
#define LOG_COMPACT_H

#include "compact_cursor.h"
#include "compact_source.h"
#include "key_map.h"
#include "log_internal.h"

/* By what records are judged, and what they are unpacked and packed with. */
struct compact_rules {
    const struct key_map *keys;
    log_offset latest; /* The map holds all keys between where it began and this offset. */
    wall_ms now;
    struct log_compaction config;
    struct codec_reader *reader; /* Nobody else's: a batch may be left off in its midst. */
    struct codec_writer *writer;
};

/* What becomes of a batch. */
enum compact_verdict {
    COMPACT_UNKNOWN,
    COMPACT_AS_IS,
    COMPACT_GONE,
    COMPACT_EMPTY, /* It stays without records. */
    COMPACT_ANEW,
};

/* What the look at its records has found so far. */
struct compact_survey {
    int32_t kept;
    bool has_tombstone; /* Among those kept. */
    wall_ms max_timestamp;
};

/* One batch at work, which may be left off at any record. */
struct compact_job {
    bool is_open;
    struct bytes batch; /* Borrowed. */
    struct batch_info info;
    /* Without records if it has none left: who wrote it last, or where its segment ends, stands
     * nowhere else. */
    bool must_stay;
    struct compact_cursor cursor; /* Open while records are walked. */
    struct compact_survey found;
    enum compact_verdict verdict;
    bool needs_horizon;
    bool is_writing; /* `next` stands for it at `at` in the output, as yet without its header. */
    struct batch_info next;
    uint32_t at;
    struct bytes rest; /* Of the record under way: not written yet. */
};

void compact_job_open(struct compact_job *job, struct bytes batch, const struct batch_info *info,
                      bool must_stay);
void compact_job_close(struct compact_job *job); /* One that is not open is fine. */

/* Note the keys of its records from `start` on. *latest rises to the last offset that was taken
 * in; below the batch's last when the map is full.
 * Errors  ERR_AGAIN: the work is used up, call again; ERR_CORRUPT, ERR_INVALID_RECORD,
 *         ERR_TOO_LARGE: its inside is malformed. */
enum err compact_note(struct compact_job *job, const struct compact_rules *rules,
                      struct key_map *keys, log_offset start, log_offset *latest,
                      struct compact_work *work);

/* Find the verdict.
 * Errors  as compact_note(). */
enum err compact_look(struct compact_job *job, const struct compact_rules *rules,
                      struct compact_work *work);

/* What was made of one batch. */
struct compact_left {
    struct batch_info info; /* Of what stands at the end of the output; size 0: nothing. */
    uint32_t dropped;       /* Records. */
};

/* Put what is left of it at the end of **out, which nobody else writes to before the end.
 * Errors  as compact_note(). */
enum err compact_write(struct compact_job *job, const struct compact_rules *rules, struct buf **out,
                       struct compact_left *left, struct compact_work *work);

/* What one compaction may take, and what it goes by. */
struct compact_config {
    uint64_t map_size;         /* Bytes. */
    uint32_t map_load_percent; /* Of it, at most. */
    uint32_t io_size;          /* Bytes read, and written, at once. */
    wall_ms now;
};

enum compact_phase {
    COMPACT_MAP,    /* Noting keys. */
    COMPACT_CHOOSE, /* The next group, or the end. */
    COMPACT_LOOK,   /* Is anything of it superseded? */
    COMPACT_COPY,   /* Writing its successor. */
    COMPACT_STORE,  /* Its file is being synced... */
    COMPACT_ENTER,  /* ...then its indexes, and the directory. */
    COMPACT_SWAP,   /* It is the log's, which lets it take the others' place. */
    COMPACT_END,
};

/* What a step ended with. */
enum compact_outcome {
    COMPACT_GOES_ON,
    COMPACT_WAITS,  /* For groups of the log. */
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
    uint32_t unlinked; /* log->unlinked as the indexes below, and the source's, are counted. */

    struct compact_source source;
    struct compact_job job; /* With the batch before the source's position. */

    /* The group, and what it becomes. */
    uint32_t group_end; /* One past its last index. */
    uint32_t group_first;
    uint64_t same_size;     /* Of its first bytes a look found that they stay as they are. */
    struct segment *target; /* NULL: none is begun. */
    struct buf *out;
    uint32_t out_written; /* Of its first bytes: they are in the target's file. */
    uint64_t unsynced;    /* Bytes written to it since it was synced. */

    file_id sync_files[COMPACT_SYNC_FILES_MAX];
    uint32_t sync_count, sync_kept; /* So many of the first stay open after it. */
    enum err error;
    const char *what; /* A sentence without its end. */

    uint64_t bytes_written, size_before, size_after; /* For the metrics. */
    uint64_t records_dropped;
};

/* Start to clean `log` from `first_dirty` up to `limit`, where a segment begins. */
struct compaction *compaction_open(struct log *log, const struct compact_config *config,
                                   log_offset first_dirty, log_offset limit);
/* Stop, wherever it is; what it has begun to write is removed. */
void compaction_close(struct compaction *compaction);

/* Go on for about as long as copying `budget` bytes of plain records takes; *used says for how
 * long. A batch, once it is read, may be left off at any record. */
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
