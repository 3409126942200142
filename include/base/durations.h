/* durations.h -- how often something took how long: counts in fixed classes, and a sum.
 *
 * The classes are fixed for the whole broker, so that those of shards and of nodes add up. */
#ifndef BASE_DURATIONS_H
#define BASE_DURATIONS_H

#include <stdint.h>

enum { DURATIONS_BOUNDS = 14 };

struct durations {
    uint64_t sum_us;
    uint64_t counts[DURATIONS_BOUNDS + 1]; /* By class; the last has no upper bound. */
};

/* Upper bounds of the classes in microseconds, inclusive, ascending. */
extern const int64_t durations_bounds_us[DURATIONS_BOUNDS];

void durations_add(struct durations *durations, int64_t took_us); /* Below zero counts as zero. */
void durations_merge(struct durations *into, const struct durations *other);
uint64_t durations_count(const struct durations *durations);

#endif
