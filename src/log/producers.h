/* producers.h -- what a log remembers of idempotent producers: one copy per sequence.
 *
 * Source  KIP-98, KIP-360. */
#ifndef LOG_PRODUCERS_H
#define LOG_PRODUCERS_H

#include "batch.h"
#include "log.h"

enum {
    PRODUCER_BATCHES_MAX = 5, /* As many as a client keeps in flight. */
    PRODUCERS_MAX_DEFAULT = 10000,
};

struct producer_batch {
    int32_t first_sequence, last_sequence;
    log_offset base, last;
    wall_ms timestamp;
};

struct producers;

struct producers *producers_open(uint32_t count_max);
void producers_close(struct producers *producers);
void producers_clear(struct producers *producers);

/* May this batch be appended?
 * Errors  ERR_DUPLICATE_SEQUENCE_NUMBER: it is in the log already, *original says where;
 *         OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_PRODUCER_EPOCH. */
enum err producers_check(const struct producers *producers, const struct batch_info *batch,
                         struct producer_batch *original);

/* Of the newest batch of this producer in this epoch; -1: there is none. */
int32_t producers_last_sequence(const struct producers *producers, int64_t id, int16_t epoch);

/* Must a compaction keep this batch, if only its header? The newest ones of each producer, as many
 * as it may have in flight, tell where its sequence stands and which retry is a duplicate; a
 * snapshot may be lost, and a replica that copies the log has none. A control batch does so if the
 * producer has nothing else in its epoch. */
bool producers_need(const struct producers *producers, const struct batch_info *batch);

/* Remember a batch that is in the log now. One without producer is ignored. */
void producers_add(struct producers *producers, const struct batch_info *batch);

uint32_t producers_count(const struct producers *producers);
uint32_t producers_list(const struct producers *producers, struct log_producer **out);

/* Kafka's snapshot of version 1, with the older batches of each producer after its entries,
 * where Kafka's reader does not look. It tells of batches below `end`; with those from there on
 * added, all is known again that is known now. */
struct buf *producers_write(const struct producers *producers, log_offset end);
/* Is it whole?
 * Errors  ERR_CORRUPT. */
enum err producers_verify(struct bytes snapshot);
/* Errors  ERR_CORRUPT; nothing is known then. */
enum err producers_read(struct producers *producers, struct bytes snapshot);

#endif
