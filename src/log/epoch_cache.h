/* epoch_cache.h -- the leader epochs of a log and where each starts.
 *
 * Source  KIP-101, KIP-279. */
#ifndef LOG_EPOCH_CACHE_H
#define LOG_EPOCH_CACHE_H

#include "log.h"

struct epoch_cache {
    struct log_epoch_start *entries; /* Both fields strictly rise. */
    uint32_t count, capacity;
};

void epoch_cache_free(struct epoch_cache *cache);
log_epoch epoch_cache_last(const struct epoch_cache *cache); /* -1: empty. */

/* `epoch` starts at `start`. True: that was news. Entries at or past `start` give way. */
bool epoch_cache_assign(struct epoch_cache *cache, log_epoch epoch, log_offset start);

/* Drop what starts at or past `end`. True: something was dropped. */
bool epoch_cache_truncate(struct epoch_cache *cache, log_offset end);

/* Drop the epochs that ended before `start`; that of the record just before it stays. True:
 * something was dropped. */
bool epoch_cache_retire(struct epoch_cache *cache, log_offset start);

log_epoch epoch_cache_find(const struct epoch_cache *cache, log_offset offset); /* -1: unknown. */
struct log_epoch_end epoch_cache_end(const struct epoch_cache *cache, log_epoch epoch,
                                     log_offset log_end);

/* The text of leader-epoch-checkpoint: "0", the count, then "epoch start" lines. */
struct buf *epoch_cache_write(const struct epoch_cache *cache);
/* Errors  ERR_CORRUPT: not that text, or not rising; the cache is empty then. */
enum err epoch_cache_read(struct epoch_cache *cache, struct bytes text);

#endif
