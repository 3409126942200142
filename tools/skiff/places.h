/* places.h -- offsets of many partitions, each asked of its leader. */
#ifndef SKIFF_PLACES_H
#define SKIFF_PLACES_H

#include "brokers.h"

enum { PLACE_END = -1, PLACE_START = -2 };

struct place {
    struct str topic;
    partition_id partition;
    int64_t time;   /* ms: the first record at or after it; or PLACE_END, PLACE_START. */
    int64_t offset; /* The answer; -1: no record is that late. */
    enum err err;   /* Kafka's, or a link's; `offset` means nothing then. */
};

/* By topic, then by partition: the order that places_find() needs, with no place twice. */
int place_compare(const void *a, const void *b);

/* Fill in offsets and errors. What a new leader may answer is asked again until `patience_us`
 * is over, or the deadline of `brokers`. */
void places_find(struct brokers *brokers, struct place *places, uint32_t count,
                 int64_t patience_us);

#endif
