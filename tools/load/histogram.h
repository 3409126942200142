/* histogram.h -- how long things took, in buckets no wider than 1/128 of their value. */
#ifndef LOAD_HISTOGRAM_H
#define LOAD_HISTOGRAM_H

#include <stdint.h>

enum {
    HISTOGRAM_PRECISION = 7, /* Buckets of a power of two: 2 to this. */
    HISTOGRAM_BUCKETS = (65 - HISTOGRAM_PRECISION) << HISTOGRAM_PRECISION,
};

/* Zeroed is a valid empty histogram. */
struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t total;
    uint64_t sum;
    uint64_t max; /* Exact, unlike the percentiles. */
};

void histogram_add(struct histogram *histogram, uint64_t value);

/* The least bucket end that `per_million` of all values do not exceed; 0: there are none. */
uint64_t histogram_percentile(const struct histogram *histogram, uint32_t per_million);

/* The greatest value that falls into a bucket. */
uint64_t histogram_bucket_last(uint32_t bucket);

#endif
