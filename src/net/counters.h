/* counters.h -- what a shard has counted of its work since it started.
 *
 * Plain integers, each raised in the one place where the thing happens and never reset; readers
 * form differences. Nothing but uint64_t stands here, so shards add up as arrays.
 *
 * Source  what Kafka counts in BrokerTopicMetrics, ReplicaManager and RequestMetrics. */
#ifndef NET_COUNTERS_H
#define NET_COUNTERS_H

#include "base/base.h"

enum { COUNTERS_REQUEST_KINDS_MAX = 48 };

struct counters {
    uint64_t messages_in; /* Records that producers' batches held. */
    uint64_t bytes_in;    /* Of those batches. */
    uint64_t bytes_out;   /* Of batches handed to consumers. */
    uint64_t replication_bytes_in, replication_bytes_out;
    uint64_t failed_produces;          /* Partitions of produce requests that were refused. */
    uint64_t failed_fetches;           /* Partitions of fetch requests that were refused. */
    uint64_t isr_shrinks, isr_expands; /* Committed, of partitions that this node leads. */
    uint64_t group_rebalances;         /* Generations of groups that are coordinated here. */
    uint64_t connections_accepted;     /* Of Kafka's protocol. */
    struct durations ticks;
    /* From the tick that read a request to the one that has sent its reply; by request_kind(). */
    struct durations requests[COUNTERS_REQUEST_KINDS_MAX];
};

static_assert(sizeof(struct counters) % sizeof(uint64_t) == 0, "They are added as an array.");

void counters_merge(struct counters *into, const struct counters *other);

#endif
