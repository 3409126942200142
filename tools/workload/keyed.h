/* keyed.h -- records of a compacted topic: a key, and a value or a tombstone, both of one writer.
 *
 * A key is written as values are, with the run, its writer and its number, so that a foreign one
 * is told apart. A tombstone has no value; which value it is of its writer stands in a header. */
#ifndef WORKLOAD_KEYED_H
#define WORKLOAD_KEYED_H

#include <librdkafka/rdkafka.h>

#include "history.h"

struct keyed {
    uint32_t key;
    uint32_t writer;
    int64_t value;
    bool is_tombstone; /* Read: of no meaning. */
};

/* Which key a writer's value has, and whether it deletes it: of `keys` for each of the partitions,
 * some are written often and some seldom; each eighth value is a tombstone, about. */
struct keyed keyed_choose(uint32_t writer, int64_t value, uint32_t partition, uint32_t partitions,
                          uint32_t keys);

/* Give it to librdkafka; the delivery report has the value's number as its _private.
 * Errors  librdkafka's. */
rd_kafka_resp_err_t keyed_produce(rd_kafka_t *client, const char *topic, int32_t partition,
                                  const char *run, const struct keyed *keyed);

/* Errors  false: no whole record with a key of this run. */
bool keyed_read(const rd_kafka_message_t *message, const char *run, struct keyed *out);

#endif
