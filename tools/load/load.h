/* load.h -- the parts of skiff-load: what is asked for, whom to ask, what came of it. */
#ifndef LOAD_LOAD_H
#define LOAD_LOAD_H

#include <netinet/in.h>

#include "base/base.h"
#include "histogram.h"

enum {
    LOAD_CONNECTIONS_MAX = 1024,
    LOAD_DEPTH_MAX = 1024,
    LOAD_PARTITIONS_MAX = 1024,
    LOAD_PRODUCE_VERSION =
        12, /* The newest that names topics: Apache Kafka 4 and Skiff both have it. */
    LOAD_FETCH_VERSION = 12,
};

enum load_mode { LOAD_PRODUCE, LOAD_CONSUME };

/* What is asked for. Times are nanoseconds. */
struct load_plan {
    enum load_mode mode;
    const char *brokers; /* "host:port,..." */
    const char *topic;
    uint32_t connections; /* 0: one a partition. */
    uint32_t depth;       /* Requests that one connection has open. */
    uint32_t record_size; /* Bytes of a record's value. */
    uint32_t batch_size;  /* Bytes of a batch at most; it holds one record at least. */
    uint32_t fetch_size;  /* Bytes of a fetch at most. */
    uint32_t rate;        /* Requests a second, of all connections; 0: closed loop. */
    int16_t acks;
    int64_t warmup_ns; /* Not measured, but in the totals. */
    int64_t length_ns;
    int64_t timeout_ns; /* Nothing comes for that long: stalled. */
    uint64_t bytes_max; /* Measured record bytes after which it ends; UINT64_MAX: any. */
};

/* One partition, and who leads it. */
struct load_target {
    partition_id partition;
    struct sockaddr_storage address;
    socklen_t address_size;
    char peer[300]; /* "localhost:9092" */
};

struct load_result {
    uint64_t requests, records, bytes;                   /* Answered while it was measured. */
    uint64_t total_requests, total_records, total_bytes; /* From the first request to the last. */
    int64_t measured_ns;
    struct histogram latency; /* Nanoseconds from the intended send to the reply. */
    struct histogram lag;     /* Nanoseconds from the intended send to the real one. */
    uint32_t partitions, connections;
    uint32_t batch_size, batch_records; /* Of a produced batch. */
};

int64_t load_now_ns(void); /* Monotonic. */

/* Ask for the leaders of the plan's topic, until all its partitions have one.
 * Owns    *out is an array of *count, the caller's: mem_free().
 * Errors  an exit code, told. */
int load_find_leaders(const struct load_plan *plan, struct load_target **out, uint32_t *count);

/* The frame of a Produce request with one batch for one partition, its checksum right.
 * Owns    one reference is the caller's. */
struct buf *load_produce_frame(const struct load_plan *plan, partition_id partition,
                               struct load_result *result);
/* The frame of a Fetch from `offset`. Owns: as above. */
struct buf *load_fetch_frame(const struct load_plan *plan, partition_id partition,
                             log_offset offset);

/* Carry out the plan.
 * Errors  an exit code, told: a server that closes, stalls or refuses ends the run. */
int load_run(const struct load_plan *plan, struct load_result *result);

/* Print the result as JSON. */
void load_report(const struct load_plan *plan, const struct load_result *result);

/* Measure this machine's limits, with files in `directory`, and print them as JSON. */
int load_measure_machine(const char *directory);

#endif
