/* counters.c -- the sum over shards. */
#include "counters.h"

void counters_merge(struct counters *into, const struct counters *other)
{
    uint64_t *sum = (uint64_t *)into;
    const uint64_t *more = (const uint64_t *)other;
    for (uint32_t i = 0; i < sizeof *into / sizeof *sum; i++)
        sum[i] += more[i];
}
