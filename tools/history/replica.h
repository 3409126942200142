/* replica.h -- one copy of a partition on a stopped node's disk: its batches, in order. */
#ifndef CHAOS_REPLICA_H
#define CHAOS_REPLICA_H

#include "batch.h"
#include "file_window.h"

struct replica;

enum replica_result {
    REPLICA_BATCH,
    REPLICA_END,    /* Nothing more, or nothing but zeroes. */
    REPLICA_BROKEN, /* What follows is no batch. */
};

/* Where a copy has got to. */
struct replica_place {
    struct batch_info info;
    struct bytes bytes;  /* The whole batch, until the copy moves on. */
    const char *path;    /* Of the segment. */
    uint64_t position;   /* In it. */
    int64_t next_offset; /* One past the last batch before; -1: this is the first. */
};

/* Open directory `dir` of a partition, before its first batch.
 * Owns    *out until replica_close().
 * Errors  false: no such directory, or no segment in it. */
bool replica_open(struct replica **out, const char *dir);
void replica_close(struct replica *replica);

/* Go to the next batch. Once it is at the end, or broken, it stays there. */
enum replica_result replica_next(struct replica *replica);
/* Where its first segment begins. */
int64_t replica_start(const struct replica *replica);
/* Where it is now. */
const struct replica_place *replica_at(const struct replica *replica);

#endif
