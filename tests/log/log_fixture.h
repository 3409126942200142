/* log_fixture.h -- one log on a disk in memory, with its group commit. */
#ifndef TEST_LOG_FIXTURE_H
#define TEST_LOG_FIXTURE_H

#include "log.h"
#include "log_cleaner.h"
#include "memory_env.h"

struct log_fixture {
    struct memory_env *memory;
    struct sync *sync;
    struct log *log;
    struct log_config config;
    struct cleaner_config cleans; /* map_size 0: nobody compacts. */
    struct cleaner *cleaner;
    wall_ms wall; /* What the cleaner is told. */
    uint32_t durable_told, ready_told, deleted_told, offline_told;
};

extern const struct partition_key fixture_key;

/* A fresh disk; `segment_size` 0 is the default. */
void log_fixture_open(struct log_fixture *fixture, uint32_t segment_size);
/* The same, with a cleaner whose map holds `keys` keys, on a log that is compacted. */
void log_fixture_open_compacted(struct log_fixture *fixture, uint32_t segment_size, uint32_t keys);
/* Close everything in order. */
void log_fixture_close(struct log_fixture *fixture);

/* Open sync and log on the disk as it is. */
void log_fixture_start(struct log_fixture *fixture);
/* Close sync and log; `clean`: drained first. Otherwise as kill -9 leaves it. */
void log_fixture_stop(struct log_fixture *fixture, bool clean);
/* Kill, lose power, start again: operations get the fates in turn, NULL: all lost. */
void log_fixture_power_loss(struct log_fixture *fixture, const enum memory_fate *fates);

/* One tick: what was queued is written, a group leaves if none is under way. */
void log_fixture_flush(struct log_fixture *fixture);
/* End the sync that is under way. False: none is. */
bool log_fixture_end_sync(struct log_fixture *fixture);
/* Flush and end syncs until nothing moves, the marks included. */
void log_fixture_settle(struct log_fixture *fixture);

/* One tick of the cleaner, when it is due, or waits a millisecond for a swap. */
void log_fixture_clean_once(struct log_fixture *fixture);
/* It is at work, or waits for a sync or a swap. */
bool log_fixture_is_cleaning(const struct log_fixture *fixture);
/* Let the cleaner work, and syncs end, until it finds nothing more to do. */
void log_fixture_clean(struct log_fixture *fixture);

/* A batch of `count` records with values of `size` bytes and no producer.
 * Owns    one reference is the caller's. */
struct buf *fixture_batch(uint32_t count, uint32_t size);
struct buf *fixture_producer_batch(int64_t producer_id, int16_t epoch, int32_t sequence,
                                   uint32_t count);
/* Append as leader of `epoch`. */
enum err fixture_append(struct log_fixture *fixture, log_epoch epoch, uint32_t count, uint32_t size,
                        struct log_appended *out);
enum err fixture_append_buf(struct log_fixture *fixture, log_epoch epoch, struct buf *buf,
                            struct log_appended *out);

#endif
