/* sync_internal.h -- what logs and their group commit know of each other. */
#ifndef LOG_SYNC_INTERNAL_H
#define LOG_SYNC_INTERNAL_H

#include "sync.h"

struct log;

/* What is known to be synced of one log. */
struct mark {
    struct partition_key key;
    log_epoch epoch;      /* Of the record before `durable`; -1: none. */
    log_offset start;     /* The log's start when it was marked. */
    log_offset durable;   /* Synced up to here. */
    log_offset committed; /* Known to be so, at or below `durable`; 0: nothing is known. */
    log_offset clean;     /* Compacted up to here; at or below the start: nothing is. */
    /* Of sync.c: what the disk would tell of `durable` at the next start. */
    log_offset leaving; /* In the copy that was written last. */
    log_offset stored;  /* For certain; at or below `durable`. */
};

/* Files that the next env_sync() covers. */
struct sync_group {
    file_id *files;
    uint32_t count;
    uint32_t capacity;
    uint32_t deletions; /* Logs in it whose directory is going. */
};

void sync_group_add(struct sync_group *group, file_id file);

/* How a log hangs in its struct sync. */
struct sync_member {
    struct list queued; /* It has queued writes. */
    struct list dirty;  /* It wants to be in the next group. */
    struct list flight; /* It is in the group under way. */
};

void sync_member_init(struct sync_member *member);
void sync_want_write(struct sync *sync, struct sync_member *member);
void sync_want_group(struct sync *sync, struct sync_member *member);
/* Out of every list: what is in flight ends without it. */
void sync_forget(struct sync_member *member);

const struct mark *sync_mark(const struct sync *sync, struct partition_key key); /* NULL: none. */
/* What it knows to be committed stays known, as far as it is still durable. */
void sync_put_mark(struct sync *sync, const struct mark *mark);
/* Its mark, if there is one, tells the next start of it; in no hurry. */
void sync_put_committed(struct sync *sync, struct partition_key key, log_offset committed);
/* Whatever happens, the next start will know that it was synced up to here: 0 if nothing. */
log_offset sync_stored(const struct sync *sync, struct partition_key key);
void sync_remove_mark(struct sync *sync, struct partition_key key);
void sync_count_written(struct sync *sync, uint32_t batches, uint64_t bytes);
/* The marks as they are now go with the next group, whether or not they changed. */
void sync_want_marks(struct sync *sync);

enum {
    SYNC_FILES_OF_LOG_MAX = 64, /* What one log may add to a group. */
    SYNC_DELETIONS_MAX = 16,    /* Logs that may go on to remove files when a group ends. */
};

/* The log's side of a group. Add what must be synced; false: the log is not in the group: it went
 * offline, or is being deleted and waits for the next one. */
bool log_join_group(struct log *log, struct sync_group *group);
/* `marks`: whether the marks as they were when the group left are synced; ERR_AGAIN: they
 * will be with the next group. */
void log_on_group_synced(struct log *log, enum err result, enum err marks);
void log_write_queued(struct log *log);
struct log *log_of_member(struct sync_member *member);

#endif
