/* ledger.h -- what producers were told, what consumers read, and whether the two agree.
 *
 * Every record carries its producer and its number there, and goes to a partition
 * that follows from the number. The rules:
 *
 *   acknowledged    it stands at the offset it was acknowledged at
 *   exactly once    no record stands at two offsets, acknowledged or not
 *   in order        of one producer in one partition, numbers rise with offsets
 *   unchanged       what a consumer read while nodes were killed is what stands there
 *
 * Not thread-safe: the caller polls its clients in one thread. */
#ifndef CHAOS_LEDGER_H
#define CHAOS_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LEDGER_VALUE_SIZE = 64, LEDGER_PRODUCERS_MAX = 16, LEDGER_WITNESSES_MAX = 10 };

struct ledger;

struct ledger *ledger_open(uint32_t producers, uint32_t partitions);
void ledger_close(struct ledger *ledger);

/* The next record of `producer`: its value and its partition. */
void ledger_next(struct ledger *ledger, uint32_t producer, uint8_t value[LEDGER_VALUE_SIZE],
                 int32_t *partition);
/* It was not handed to the client after all. */
void ledger_take_back(struct ledger *ledger, uint32_t producer);

/* A delivery report. */
void ledger_acked(struct ledger *ledger, const void *value, size_t size, int32_t partition,
                  int64_t offset);
void ledger_failed(struct ledger *ledger, const void *value, size_t size);

/* A record that a consumer got while faults went on, and at the end. */
void ledger_read_live(struct ledger *ledger, const void *value, size_t size, int32_t partition,
                      int64_t offset);
void ledger_read(struct ledger *ledger, const void *value, size_t size, int32_t partition,
                 int64_t offset);

/* After everything was read: whatever was acknowledged and did not appear. */
void ledger_finish(struct ledger *ledger);

struct ledger_counts {
    uint64_t sent, acked, failed, read, read_live;
    uint64_t violations; /* Each was told to standard output, up to LEDGER_WITNESSES_MAX. */
};

struct ledger_counts ledger_counts(const struct ledger *ledger);

#endif
