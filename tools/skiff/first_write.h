/* first_write.h -- the proof that a quorum works: one record, acknowledged with acks=all. */
#ifndef SKIFF_FIRST_WRITE_H
#define SKIFF_FIRST_WRITE_H

#include "cluster.h"

#define FIRST_WRITE_TOPIC "__skiff_hello"

struct first_write {
    const struct cluster *cluster;
    const char *topic; /* Created when it is not there, with the brokers' defaults. */
    int64_t deadline_us;
    bool delete_topic; /* Once the record is acknowledged. */
    bool all_nodes;    /* Also wait until every node has registered. */
};

/* Try every few milliseconds until a record is acknowledged; *acked_us is that moment.
 * Errors  an exit code, told: a node's process ended, or the deadline passed. */
int first_write(const struct first_write *how, int64_t *acked_us);

#endif
