/* value.h -- what the workload writes: numbers that are never used twice.
 *
 * A record's value is the text "v" and sixteen hexadecimal digits, then filler; the
 * records of one batch carry consecutive numbers. */
#ifndef SIM_VALUE_H
#define SIM_VALUE_H

#include "base/base.h"

enum { VALUE_SIZE_MIN = 17 };

/* Write `value` and fill up to `size` bytes. */
void value_write(uint8_t *into, uint32_t size, uint64_t value);
/* 0: not the workload's. */
uint64_t value_read(struct bytes bytes);
/* Of the first record of a batch. */
uint64_t value_of_batch(struct bytes batch);

enum { VALUE_KEY_SIZE = 8 };

/* The key that record `value` has in a topic of `keys` keys. Returns its size. */
uint32_t value_key(char into[VALUE_KEY_SIZE], uint64_t value, uint32_t keys);
/* There, that record deletes its key. Not for the first of a batch, which must be known again. */
bool value_is_tombstone(uint64_t value);

#endif
