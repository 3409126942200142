/* log_internal.h -- the inside of struct log, for the files of this folder that make it up. */
#ifndef LOG_LOG_INTERNAL_H
#define LOG_LOG_INTERNAL_H

#include "epoch_cache.h"
#include "log.h"
#include "probe.h"
#include "producers.h"
#include "segment.h"
#include "sync_internal.h"

enum {
    LOG_RECENT_MAX = 16,         /* Batches whose places are remembered. */
    LOG_READS_MAX = 8,           /* Readers on their way whose places are. */
    LOG_ERROR_TEXT_MAX = 160,    /* Bytes with the terminator. */
    LOG_RESERVE_FIRST = 1 << 20, /* Bytes set aside at first; doubled each time... */
    LOG_RESERVE_MAX = 16 << 20,  /* ...up to this. */
    LOG_SEGMENT_DEFAULT = 1 << 30,
    LOG_INDEX_INTERVAL_DEFAULT = 4096,
    LOG_SNAPSHOT_INTERVAL = 16 << 20, /* Bytes between producer snapshots: bounds the replay. */
    LOG_WRITE_PARTS_MAX = 64,         /* Parts of one write. */
};

enum log_state { LOG_OPENING, LOG_READY, LOG_BUSY, LOG_OFFLINE, LOG_DELETED };

/* What a log that is not ready waits for, one group each (rule 7). */
enum log_step {
    LOG_STEP_NONE,
    LOG_STEP_BARRIER, /* A lowered or dropped mark; and no older sync is in flight. */
    LOG_STEP_CUT,     /* The shortened files, the directory. */
    LOG_STEP_SETTLE,  /* The renamed epoch file's entry, or the mark of a reset's start. */
};

enum log_change { LOG_CHANGE_TRUNCATE, LOG_CHANGE_RESET, LOG_CHANGE_DELETE };

struct recent_batch {
    log_offset base, end;
    uint64_t position;
};

/* Where a find ended, and the batch after it begins: who reads on asks for that next. */
struct read_place {
    log_offset segment; /* Base of the segment. */
    log_offset base;    /* Of that batch. */
    uint64_t position;
};

/* What of this log is in the group under way. */
struct log_flight {
    log_offset end; /* Written and covered. */
    enum log_step step;
    bool is_void;    /* Truncated meanwhile: proves nothing. */
    bool is_partial; /* More dirty segments than fit. */
    bool has_parent, has_metadata, has_directory, has_epochs;
    bool has_swap; /* The directory is as the swap under way has left it. */
    file_id parent, metadata, directory, epochs;
    log_epoch epochs_last; /* Last epoch in the file that is under way. */
    bool has_start, has_snapshot;
    log_offset start, live; /* The marks that left with it know this start; log->live. */
    file_id snapshot;
};

/* A segment on its way into the log (swap.c). */
struct log_swap {
    struct segment *segment; /* NULL: none. */
    log_offset end;          /* Of what it replaces. */
    bool is_replaced;        /* It stands in log->segments; its file has not got its name. */
    /* What one that a start resumed replaces: unlinked once the directory is synced, since nobody
     * knows whether the swap's name was. */
    struct segment **others;
    uint32_t other_count, other_capacity;
};

struct log {
    struct log_config config;
    char dir[LOG_DIR_MAX];
    struct env *env;
    struct sync *sync;
    struct sync_member member;

    struct log_ends ends;
    log_offset start_synced; /* A synced mark knows of this start. */
    log_offset live; /* Base of a segment: synced are a mark by which none before it is needed, and
                      * the snapshot that tells of the producers of those. */
    log_offset synced; /* Really synced; `durable` of the page-cache class is more. */
    enum log_state state;
    enum log_step step;
    enum log_change change;
    enum err error;
    char error_text[LOG_ERROR_TEXT_MAX];

    struct segment **segments; /* Ascending; the last is active. */
    uint32_t segment_count, segment_capacity;
    uint32_t removals; /* Counts whenever segments go from the end, or are cut: who kept an index
                        * starts anew. Not a swap's: that is told of by itself. */
    uint32_t unlinked; /* Segments that ever went at the front: an index is by so many less. */
    struct log_swap swap;
    log_offset clean_end;           /* Compacted up to here; at or below the end. The marks tell
                                     * the next start of it. */
    log_offset unclean_at;          /* Where compaction gave up; -1 once that is cut away. */
    struct cleaner_member *cleaner; /* Of cleaner.c; NULL: it is not compacted. */
    struct segment **doomed;        /* To be unlinked by the change under way. */
    uint32_t doomed_count, doomed_capacity;

    struct slice *queue; /* Batches with a place and no write yet, in order. */
    uint32_t queue_count, queue_capacity;
    struct recent_batch recent[LOG_RECENT_MAX]; /* Ring of the active segment's last batches. */
    uint32_t recent_count;                      /* Ever put in; the ring holds the last 16. */
    struct read_place reads[LOG_READS_MAX];     /* Ring; dropped whenever records are. */
    uint32_t read_count;                        /* Ever put in. */
    uint64_t reserve_step;

    struct epoch_cache epochs;
    log_epoch epochs_stored; /* The last epoch in the file; -1: none. */
    bool are_epochs_dirty;

    struct producers *producers; /* NULL: not kept. */
    uint64_t since_snapshot;     /* Bytes. */

    struct waits waits[WAIT_MARKS];

    bool has_directory;      /* It exists; the first append makes it. */
    bool is_parent_dirty;    /* Its entry is not synced. */
    bool is_directory_dirty; /* Entries in it are not synced. */
    bool is_metadata_dirty;  /* partition.metadata is not synced. */
    bool lacks_identity;     /* Records of nobody knows whom go before it gets one. */
    bool is_quiet;           /* Opening or closing: hooks are not told. */
    struct log_flight flight;
};

/* log.c */
void log_check_order(const struct log *log);
void log_go_offline(struct log *log, enum err err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool log_is_offline(const struct log *log);
struct segment *log_active(const struct log *log); /* NULL: none yet. */
/* The segment that holds or would hold `offset`, at or above the first base. */
uint32_t log_segment_index(const struct log *log, log_offset offset);
/* The segment that holds the start: those before it are retired, and wait for their end. */
uint32_t log_first_live(const struct log *log);
void log_add_segment(struct log *log, struct segment *segment);
log_offset log_bound_offset(const struct log *log, enum log_bound bound);
void log_drop_queue(struct log *log);
/* Raise durable, tell the hook, the probe and the waiters. */
void log_raise_durable(struct log *log, log_offset durable);
void log_path(const struct log *log, const char *name, char out[ENV_PATH_MAX]);
void log_probe(const struct log *log, struct probe probe); /* Adds the key. */

/* files.c */
/* Have the directory, which says whose it is. */
enum err log_make_directory(struct log *log);
/* Have an active segment with room, set aside on the disk, for a batch that gets offsets
 * from `first` on.
 * Errors  ERR_SPACE, ERR_FILES, ERR_DENIED: nothing changed; ERR_IO: offline. */
enum err log_make_room(struct log *log, const struct batch_info *info, log_offset first);
/* Start a new segment at the end of the log.
 * Errors  as log_make_room(). */
enum err log_roll(struct log *log);
enum err log_write_metadata(struct log *log);
/* Write the epoch file beside its name, open. */
enum err log_write_epochs(struct log *log, file_id *out);
enum err log_rename_epochs(struct log *log);
/* Have `bytes` and nothing else in a file, however often the disk gives up half-way. */
enum err log_write_small(struct env *env, file_id file, struct bytes bytes);
/* Read a small file whole. */
enum err log_read_small(struct env *env, const char *path, uint32_t size_max, struct buf **out);

/* snapshots.c */
void log_write_snapshot(struct log *log);
/* Rebuild the producers of what is written, from the last good snapshot. */
enum err log_replay_producers(struct log *log);
/* Remove snapshots past the end. True: there were some. */
bool log_drop_snapshots(struct log *log, log_offset above);
/* Remove those that tell of nothing but what is retired. */
void log_retire_snapshots(struct log *log, log_offset below);
/* Have the one of what was done below `offset`, whole and open: as it stands, or made anew.
 * Errors  the disk's: there is none. */
enum err log_keep_snapshot(struct log *log, log_offset offset, file_id *out);

/* find_time.c */
/* Have the segment's greatest timestamp.
 * Errors  the log is offline. */
enum err log_know_time(struct log *log, struct segment *segment);

/* swap.c */
/* Let `segment`, written beside the log with the suffix ".cleaned" and synced, take the place of
 * those between its base and `end`: it has once log->swap.segment is NULL again.
 * Owns    `segment` is the log's if there is no error.
 * Errors  the disk's: nothing changed. */
enum err log_swap_begin(struct log *log, struct segment *segment, log_offset end);
/* A group has synced the directory as it stands since the swap's last step. */
void log_swap_go_on(struct log *log);
/* All of the log goes: forget it. */
void log_swap_cancel(struct log *log);
/* Its segment is being removed, at a start: so is the file of that name. */
void log_swap_drop(struct log *log);
void log_swap_drop_file(struct log *log, log_offset base);
/* No swap is under way that reaches past `offset`. */
bool log_swap_is_below(const struct log *log, log_offset offset);
/* Segments between `base` and `end`; returns the index of the first, or where it would stand. */
uint32_t log_swap_first(const struct log *log, log_offset base, log_offset end, uint32_t *count);
/* Put `segment` where `count` others from `first` on stood, which are let go of by the caller. */
void log_put_segment(struct log *log, uint32_t first, uint32_t count, struct segment *segment);
/* At a start: remove a file that a compaction had not finished. False: it is none. */
bool log_swap_clean_up(struct log *log, const char *name);
/* At a start: go on with the swap whose file is `segment`, now that all others are open.
 * Errors  ERR_CORRUPT, ERR_IO: nothing changed. */
enum err log_swap_resume(struct log *log, struct segment *segment);

/* recover.c */
void log_recover(struct log *log);

/* group.c */
void log_close_flight(struct log *log);
/* Synced to `end`: mark it, and raise durable. */
void log_raise_synced(struct log *log, log_offset end);
/* Let the mark say where the log starts, and how far it is synced and clean. */
void log_put_mark(struct log *log);

/* change.c */
/* Shorten what is on disk to the log's end, and ask for the group that makes it durable. */
void log_start_cut(struct log *log);
/* The group that `step` waited for has ended; `end` is what it covered. */
void log_step_change(struct log *log, log_offset end, enum err marks);
/* It is being deleted, and files of it are left. */
bool log_is_being_removed(const struct log *log);
/* The step waits for the marks, not only for a group. */
bool log_step_needs_marks(const struct log *log);
/* Let go of the segments from `first` on; they are unlinked by the cut. */
void log_doom_segments(struct log *log, uint32_t first);

#endif
