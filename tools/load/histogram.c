/* histogram.c -- counts in buckets whose width doubles with the power of two.
 *
 * Values below 2^PRECISION have a bucket each. Above, a value's PRECISION bits after its
 * highest one choose among the buckets of its power of two. */
#include "histogram.h"

enum { STEPS = 1 << HISTOGRAM_PRECISION };

static uint32_t bucket_of(uint64_t value)
{
    if (value < STEPS)
        return (uint32_t)value;
    uint32_t shift = 63 - (uint32_t)__builtin_clzll(value) - HISTOGRAM_PRECISION;
    return (shift + 1) * STEPS + (uint32_t)(value >> shift) - STEPS;
}

uint64_t histogram_bucket_last(uint32_t bucket)
{
    if (bucket < STEPS)
        return bucket;
    uint32_t shift = bucket / STEPS - 1;
    uint64_t first = (uint64_t)(STEPS + bucket % STEPS) << shift;
    return first + (((uint64_t)1 << shift) - 1);
}

void histogram_add(struct histogram *histogram, uint64_t value)
{
    histogram->counts[bucket_of(value)]++;
    histogram->total++;
    histogram->sum += value;
    if (value > histogram->max)
        histogram->max = value;
}

uint64_t histogram_percentile(const struct histogram *histogram, uint32_t per_million)
{
    uint64_t wanted = (histogram->total * per_million + 999999) / 1000000;
    uint64_t seen = 0;
    for (uint32_t bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        seen += histogram->counts[bucket];
        if (seen > 0 && seen >= wanted) {
            uint64_t last = histogram_bucket_last(bucket);
            return last < histogram->max ? last : histogram->max;
        }
    }
    return 0;
}
