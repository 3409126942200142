/* sync.h -- group commit: one sync for all logs that were written, and marks of what it covered.
 *
 * While a sync is in flight the next group gathers. When it ends, the durable end of
 * each log in it moves to what had been written as it left, unless the log was
 * truncated meanwhile. The marks (log, synced end, committed) leave SYNC_MARKS_DELAY_MS after
 * they changed, with the next group or by a sync of their own, so that most groups sync what was
 * written and nothing else; they are the sole evidence that recovery goes by (rules 7, 8, 21).
 *
 * A shard's data logs share one struct sync ("marks-<shard>"), the metadata log has
 * its own ("marks-meta"), so that metadata never queues behind data.
 *
 * Shard   all calls on the shard that owns the env. */
#ifndef SYNC_H
#define SYNC_H

#include "base/base.h"
#include "env.h"

enum { SYNC_MARKS_DELAY_MS = 100 }; /* What lies past a mark is written again at a start. */

struct sync;

struct sync_config {
    const char *path; /* Of the marks: "marks-0", "marks-meta". */
    uint16_t tag;     /* Upper 16 bits of its tickets, so that one shard may have several. */
    uint32_t reserve; /* Bytes reserved for each copy of the marks; 0: 64 KiB. */
};

/* What it has done since it was opened. */
struct sync_stats {
    struct durations time; /* Of each sync of the disk. */
    uint64_t batches;      /* Written to the files of its logs, which some sync will cover. */
    uint64_t bytes;        /* Of those batches. */
    uint64_t logs;         /* That a sync covered, counted once for each sync. */
    int64_t in_flight_us;  /* How long the sync under way has lasted; -1: none is. */
};

/* Read the marks. Open before the logs, close after them.
 * Owns    *out until sync_close(); `env` must outlive it.
 * Errors  ERR_CORRUPT: the marks are rotten, so no log of this shard can be judged;
 *         ERR_IO, ERR_SPACE, ERR_FILES, ERR_DENIED. */
enum err sync_open(struct sync **out, struct env *env, const struct sync_config *config);
void sync_close(struct sync *sync);

/* Once a tick, after the cores ran: write what the logs queued, and let the next
 * group leave when none is in flight. */
void sync_flush(struct sync *sync, mono_ms now);

/* An ENV_SYNCED event. False: the ticket is not of this struct sync. */
bool sync_on_synced(struct sync *sync, uint64_t ticket, enum err result, mono_ms now);

void sync_read_stats(const struct sync *sync, struct sync_stats *out);

/* When sync_flush() must be called at the latest; MONO_NEVER: not for our sake. */
mono_ms sync_deadline(const struct sync *sync);

/* Nothing queued, unsynced or in flight, the marks included: fit for a clean stop. */
bool sync_is_idle(const struct sync *sync);

/* Ask for the marks to leave now (a clean stop). */
void sync_hurry(struct sync *sync);

/* The key of each mark in turn (*cursor 0 to start): which logs were there. The one that was just
 * told may be dropped. */
bool sync_next_mark(const struct sync *sync, uint32_t *cursor, struct partition_key *out);

/* Forget the mark of a log that is not open and whose directory the caller has removed
 * or is about to: synced with the next group. */
void sync_drop_mark(struct sync *sync, struct partition_key key);

#endif
