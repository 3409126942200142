/* log.h -- one append-only sequence of record batches, kept on disk.
 *
 * The broker's only durable store: a data partition, the metadata quorum's log,
 * __consumer_offsets and __transaction_state are each a `struct log`, told apart
 * by their config and nothing else. Offsets always stand in this order, asserted
 * after every change:
 *
 *   start <= committed <= durable <= written <= end
 *
 * durable: synced, or just written where the log's class says page cache.
 *
 *   OPENING --cut synced--> READY --truncate, reset--> BUSY --synced--> READY
 *   any --rot, failed write or sync--> OFFLINE     READY --delete--> BUSY --> DELETED
 *
 * Only in READY does it append; elsewhere it refuses, and reads go on. Offline is
 * for ever: nothing there is cut, and nothing that depended on it is confirmed.
 *
 * Shard   every call on the shard that owns the partition; nothing here locks.
 * Source  KIP-98 (batch format 2), KIP-101, KIP-279, KIP-320 (epochs). */
#ifndef LOG_H
#define LOG_H

#include "base/base.h"
#include "batch.h"
#include "env.h"
#include "log_config.h"
#include "sync.h"
#include "wait.h"

enum { LOG_DIR_MAX = 300 }; /* Bytes of a log directory's path with its terminator. */

struct log;

/* Open the log in directory `dir` and recover it: what is past the synced mark is
 * verified, cut at the first bad batch, and written again. Nothing on disk is an empty
 * log; nothing is created before the first append. It is ready at once, or after the
 * first syncs (see log_is_ready()); one that cannot be served is offline (log_error()).
 * Owns    the result is the caller's until log_close(); `env` and `sync` must outlive it. */
struct log *log_open(const char *dir, const struct log_config *config, struct env *env,
                     struct sync *sync);
/* Close, flushing what is queued and leaving a producer snapshot. Waits end with ERR_CLOSED.
 * For a clean stop drain `sync` first (sync_is_idle()). */
void log_close(struct log *log);

/* The topic id in a directory's partition.metadata.
 * Errors  ERR_NOT_FOUND: no such file; ERR_CORRUPT; ERR_IO. */
enum err log_identify(struct env *env, const char *dir, struct uuid *topic_id);

struct log_ends {
    log_offset start;     /* What lies below is retired: it may still be in the first segment. */
    log_offset committed; /* The high watermark, as far as it is known. */
    log_offset durable;
    log_offset written; /* Followers may read to here. */
    log_offset end;     /* The next offset. */
};

const struct log_ends *log_ends(const struct log *log);
const struct log_config *log_config(const struct log *log);
/* Go by other settings from now on: sizes and ages of segments, the index interval, compaction. The
 * rest of `config` is not looked at. Whether the cleaner knows of the log is the caller's. */
void log_configure(struct log *log, const struct log_config *config);
const char *log_dir(const struct log *log);
bool log_is_ready(const struct log *log);
/* ERR_NONE, or why the log is offline: ERR_CORRUPT for rot, ERR_IO, ERR_EXISTS for a
 * directory of another topic id. */
enum err log_error(const struct log *log);
const char *log_error_text(const struct log *log); /* A sentence; "" when there is none. */
uint64_t log_size(const struct log *log);          /* Bytes of its segments, from its start on. */

/* What became of an append. */
struct log_appended {
    log_offset base;
    log_offset end;      /* Wait for committed >= end. */
    bool is_duplicate;   /* Nothing was written; base and end are the original's (rule 16). */
    wall_ms append_time; /* The original's timestamp if a duplicate, else -1. */
};

/* Append as leader: give `batch`, which passed batch_check() or batch_admit() with `info`, the
 * next offsets and `epoch`, in place. It is written at the next sync_flush().
 * Owns    takes a reference of its own on batch->buf; its bytes must not change any more.
 *         `epoch` is not below log_last_epoch(): a log that holds a later one goes offline.
 * Errors  ERR_BUSY: not ready; ERR_SPACE, ERR_FILES: refused, the log lives on; ERR_IO,
 *         ERR_CORRUPT: offline; OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_PRODUCER_EPOCH.
 *         Nothing was appended in any of these cases. */
enum err log_append(struct log *log, const struct slice *batch, const struct batch_info *info,
                    log_epoch epoch, struct log_appended *out);

/* Append as follower what a leader in `leader_epoch` sent: whole batches as they are. Each
 * checksum is verified; offsets must rise and epochs must not fall nor pass `leader_epoch`
 * (rule 19). A partial batch at the end is ignored. What stood before a bad batch stays.
 * Owns    as log_append().
 * Errors  ERR_CORRUPT: a bad batch; ERR_BUSY, ERR_SPACE, ERR_FILES, ERR_IO as log_append(). */
enum err log_append_follower(struct log *log, const struct slice *batches, log_epoch leader_epoch);

/* The leader of `epoch` starts at the log's end: remembered now, stored with its first batch. */
void log_begin_epoch(struct log *log, log_epoch epoch);

/* Raise committed to `high_watermark`, but not past durable, never back, and release the
 * waiters that it passes. Returns committed. */
log_offset log_commit(struct log *log, log_offset high_watermark);
/* Commit what a run before this one knew to be committed, as its marks tell; it may have been more.
 * In the class of the page cache nothing: a power loss may have taken it. Returns committed. */
log_offset log_commit_marked(struct log *log);

/* Drop every batch that holds `offset` or more; ends move at once, `ready` is told once that is
 * durable (rule 7). The new end is the end of the last batch kept. Nothing to drop: true
 * to *done, no hook.
 * Errors  ERR_DATA_LOSS: it would drop below committed and `loss_allowed` is false; ERR_BUSY;
 *         offline errors. Nothing was dropped. */
enum err log_truncate(struct log *log, log_offset offset, bool loss_allowed, bool *done);

/* Retire what lies below `offset`, but nothing that is not committed: the log starts there, at
 * once, and never again before. Only while it is ready. Durable when log_start_synced() says so,
 * of which hooks.durable is told. Returns where it starts. */
log_offset log_retire(struct log *log, log_offset offset);
log_offset log_start_synced(const struct log *log);

/* What a log need not keep. */
struct log_retention {
    int64_t ms;    /* retention.ms; -1: for ever. */
    int64_t bytes; /* retention.bytes; -1: any number. */
    wall_ms now;   /* Not this node's clock, which may be wrong; -1: nobody knows (PR8). */
};

/* Retire whole segments from the oldest on, while all of one is committed and its newest record
 * too old, or what remains is large enough. An active segment of which nothing remains is rolled,
 * so that it may be unlinked.
 * Errors  those of its disk. */
enum err log_retain(struct log *log, const struct log_retention *retention);

/* Remove segments that were found retired `delay_ms` ago, a few at a time, once the start that lets
 * them go is durable. Returns when to call again; MONO_NEVER: none is left.
 * Readers that hold their files go on. */
mono_ms log_unlink_retired(struct log *log, mono_ms now, int64_t delay_ms);

/* Empty the log and let it start at `start`; asynchronous like log_truncate().
 * Errors  ERR_BUSY. A log offline because of rot (ERR_CORRUPT) may be reset: that is how it is
 *         refetched; any other offline log refuses with its error. */
enum err log_reset(struct log *log, log_offset start);
/* The same for a replica of a log that starts there: `producers` says what they did before, which
 * no record tells any more. It is durable before the start is.
 * Errors  as log_reset(); ERR_CORRUPT: `producers` is no log_producers_below(). */
enum err log_begin_anew(struct log *log, log_offset start, struct bytes producers);
/* What producers did below `offset`, as far as it is remembered. The log keeps_producers.
 * Owns    one reference is the caller's. */
struct buf *log_producers_below(const struct log *log, log_offset offset);

/* An idempotent producer as the log remembers it. */
struct log_producer {
    int64_t id;
    int16_t epoch;
    int32_t last_sequence;  /* -1: it has written nothing in this epoch. */
    wall_ms last_timestamp; /* -1: the same. */
};
/* All of them, the longest silent first; their count. The log keeps_producers.
 * Owns    *out, to be freed with mem_free(). */
uint32_t log_list_producers(const struct log *log, struct log_producer **out);

/* Drop the mark, synced, then remove the files and the directory (rule 21); `deleted` is told,
 * and only then is the directory's name free. From any state; a second call has no effect. */
void log_delete(struct log *log);

enum log_bound { LOG_BOUND_WRITTEN, LOG_BOUND_DURABLE, LOG_BOUND_COMMITTED };

/* Where a run of whole batches lies. The bytes are not read here. The file stays open until
 * the log is closed, reset, deleted, truncated below `base`, or until `base` is retired. */
struct log_extent {
    log_offset base;   /* First offset of the first batch: at or below what was asked. */
    log_offset end;    /* One past the last batch's last offset. */
    file_id file;      /* -1: nothing between the offset and the bound; size is 0. */
    uint64_t position; /* Bytes from the start of the file. */
    uint32_t size;     /* Bytes. */
};

/* Find batches from the one that holds `offset` on, none of which reaches past the bound:
 * up to `size_max` bytes, but at least one batch (KIP-74), of one segment.
 * Errors  ERR_OFFSET_OUT_OF_RANGE: below start or above end; offline errors;
 *         ERR_CORRUPT: rot was met, the log goes offline; ERR_COLD: haste was made (env.h), and
 *         what tells where they are is not in memory. */
enum err log_find(struct log *log, log_offset offset, uint32_t size_max, enum log_bound bound,
                  struct log_extent *out);

/* Read the same into memory, for small internal readers; *out is NULL when there is nothing. In
 * haste it may be ERR_COLD.
 * Checksums are not verified again: batch_next() does that.
 * Owns    one reference on *out is the caller's. */
enum err log_read(struct log *log, log_offset offset, uint32_t size_max, enum log_bound bound,
                  struct buf **out);
/* The batch at `offset` that was read is none: the log goes offline, and with it whoever reads. */
void log_meet_rot(struct log *log, log_offset offset);

/* One record's place in time. */
struct log_time {
    log_offset offset; /* -1: none. */
    wall_ms timestamp;
    log_epoch epoch;
};

/* The first record with a timestamp at or above `timestamp`, below the bound.
 * Errors  as log_find(). */
enum err log_find_time(struct log *log, wall_ms timestamp, enum log_bound bound,
                       struct log_time *out);
/* The record with the greatest timestamp (KIP-734). */
enum err log_find_max_time(struct log *log, enum log_bound bound, struct log_time *out);

struct log_epoch_start {
    log_epoch epoch;
    log_offset start;
};

/* Epochs and where they start, ascending; borrowed until the next append or truncation. */
const struct log_epoch_start *log_epochs(const struct log *log, uint32_t *count);
log_epoch log_last_epoch(const struct log *log);                  /* -1: none. */
log_epoch log_epoch_of(const struct log *log, log_offset offset); /* -1: unknown. */

/* Where `epoch`, or the greatest one below it, ends: OffsetForLeaderEpoch and the diverging
 * epoch of a Fetch. epoch -1 and end -1: nothing known. */
struct log_epoch_end {
    log_epoch epoch;
    log_offset end;
};
struct log_epoch_end log_find_epoch_end(const struct log *log, log_epoch epoch);

/* Wait until a watermark reaches `offset` (wait.h). */
void log_wait(struct log *log, enum wait_mark mark, struct wait *wait, log_offset offset,
              struct timers *timers, mono_ms deadline);
/* Release the waits on a mark that others move: WAIT_LOW_WATERMARK. */
void log_release(struct log *log, enum wait_mark mark, log_offset watermark);
/* End all waits on one watermark, e.g. when leadership is lost. Offline ends all with ERR_IO. */
void log_cancel_waits(struct log *log, enum wait_mark mark, enum err result);

/* The last sequence that this idempotent producer has in the log, in this epoch; -1: none. */
int32_t log_last_sequence(const struct log *log, int64_t producer_id, int16_t producer_epoch);

#endif
