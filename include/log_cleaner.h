/* log_cleaner.h -- compacts the logs of one shard, one at a time, a little each tick.
 *
 * Of the logs that it was told of it takes the dirtiest, notes the last offset of each key in a map
 * of bounded size, and writes segments anew without what is superseded (compact.h). It never
 * waits: it works for a bounded number of bytes a tick, and what it wrote is synced beside the
 * group commits. Replicas compact each by itself; offsets never change.
 *
 * Shard   all calls on the shard that owns the logs.
 * Source  KIP-58 and KIP-354 (lags), KIP-534 (delete horizon). */
#ifndef LOG_CLEANER_H
#define LOG_CLEANER_H

#include "base/base.h"
#include "codec.h"
#include "env.h"
#include "log.h"

struct cleaner;

struct cleaner_config {
    uint16_t tag;              /* Upper 16 bits of its tickets. */
    uint64_t map_size;         /* log.cleaner.dedupe.buffer.size */
    uint32_t map_load_percent; /* log.cleaner.io.buffer.load.factor, 1 to 99. */
    uint32_t io_size;          /* Bytes read, and written, at once; the tick's work too. */
    int64_t rate_max;          /* log.cleaner.io.max.bytes.per.second, read and written. */
    int32_t backoff_ms;        /* log.cleaner.backoff.ms: between looks when nothing is dirty. */
};

/* Owns    the result until cleaner_close(); `env` must outlive it. */
struct cleaner *cleaner_open(struct env *env, const struct cleaner_config *config);
/* After all logs were removed. */
void cleaner_close(struct cleaner *cleaner);
/* The two that change while it works, from now on: a rest that is under way too. */
void cleaner_configure(struct cleaner *cleaner, int64_t rate_max, int32_t backoff_ms);

/* Compact this log from now on, as its config says. */
void cleaner_add(struct cleaner *cleaner, struct log *log);
/* No more: what is under way on it ends here, but for a swap that was begun, which is the log's.
 * Before log_close(). A log that was not added is fine. */
void cleaner_remove(struct cleaner *cleaner, struct log *log);

/* Go on. `wall`: the time that lags and delete horizons go by; -1: not known, nothing is done. */
void cleaner_tick(struct cleaner *cleaner, mono_ms now, wall_ms wall);
/* When cleaner_tick() is due; MONO_NEVER while a sync is under way. */
mono_ms cleaner_deadline(const struct cleaner *cleaner);
/* An ENV_SYNCED event. False: the ticket is not of this cleaner. */
bool cleaner_on_synced(struct cleaner *cleaner, uint64_t ticket, enum err result);

struct cleaner_stats {
    uint32_t logs;             /* That it was told of. */
    uint32_t uncleanable;      /* Of those; not tried again before what is wrong there has gone. */
    uint64_t uncleanable_size; /* Bytes. */
    uint64_t runs;             /* Compactions that came to their end. */
    uint64_t bytes_read, bytes_written;
    uint64_t records_dropped;
    uint32_t dirty_percent_max; /* Of the logs, at the last look. */
    uint32_t map_percent_max;   /* How full the map was, in the last compaction. */
    uint32_t recopy_percent;    /* What was left of the bytes, in the last compaction. */
    int64_t delay_ms_max; /* By how much max.compaction.lag.ms is exceeded, at the last look. */
    int64_t last_ms;      /* How long the last compaction took. */
    int64_t idle_ms;      /* Since a compaction came to its end, or nothing was to be done. */
    bool is_running;
    const char *dir;   /* Of the log under way; NULL: none. */
    uint64_t map_size; /* Bytes that its map takes. */
};
void cleaner_read_stats(const struct cleaner *cleaner, mono_ms now, struct cleaner_stats *out);

/* The logs that are not compacted any more: the first with a NULL `after`; NULL: no more. */
const struct log *cleaner_next_uncleanable(const struct cleaner *cleaner, const struct log *after);
/* Why this log is not compacted any more; NULL: it is, or was not added. */
const char *cleaner_error_text(const struct log *log);

#endif
