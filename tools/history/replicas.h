/* replicas.h -- all copies of a topic's partitions, held against each other byte for byte. */
#ifndef CHAOS_REPLICAS_H
#define CHAOS_REPLICAS_H

#include "base/base.h"

enum {
    REPLICAS_MAX = 64,          /* Directories. */
    REPLICAS_WITNESSES_MAX = 3, /* Differences that are shown; the others are counted. */
    REPLICAS_WITNESS_LINES = 6,
    REPLICAS_LINE_SIZE = 512,
};

struct replicas_request {
    const char *topic;
    uint32_t dir_count;
    const char *const *dirs;     /* Data directories of nodes that do not run. */
    bool may_miss[REPLICAS_MAX]; /* Its copies may be missing or behind; by directory. */
    uint32_t copies;             /* Of a partition; 0: one in each directory. */
};

/* Offsets that are compared: where the final read began, and where it ended. */
struct replicas_range {
    int64_t from, end;
};

/* A copy that is not there, begins above what is compared, or ends below it. */
struct replicas_short {
    uint32_t partition;
    uint32_t dir; /* Which one of the request's. */
    bool is_there;
    bool may_miss;
    int64_t start; /* Of its first segment; 0: there is none. */
    int64_t end;   /* Of what it has; 0: nothing. */
    struct replicas_range wanted;
};

struct replicas_witness {
    uint32_t line_count;
    char lines[REPLICAS_WITNESS_LINES][REPLICAS_LINE_SIZE];
};

struct replicas_result {
    uint32_t partitions; /* Looked at. */
    uint64_t compared;   /* Batches that stand in two copies at least. */
    uint64_t differ;     /* Batches that are not the same in all copies that reach there. */
    uint32_t alone;      /* Partitions of which no two copies reach the end, or share a batch. */
    uint32_t short_count, short_capacity;
    struct replicas_short *shorts; /* Copies that are missing or behind. */
    uint32_t witness_count;
    struct replicas_witness witnesses[REPLICAS_WITNESSES_MAX];
};

/* Compare every batch of `partition` that reaches above range.from and begins below range.end.
 * A log may have left behind what lies below, each copy in its own time. Of the directories
 * without a copy, as many as there may be by `copies` are passed over.
 * Owns    adds to *result, which is the caller's until replicas_free(). */
void replicas_compare(const struct replicas_request *request, uint32_t partition,
                      struct replicas_range range, struct replicas_result *result);

void replicas_free(struct replicas_result *result);

/* Copies that are missing or behind and may not be. */
uint32_t replicas_unexcused(const struct replicas_result *result);
/* EXIT_VIOLATION: a copy differs. EXIT_INCONCLUSIVE: one is missing or behind and may not be, a
 * partition has no second copy, or there was nothing to compare. Else EXIT_DONE. */
int replicas_exit_code(const struct replicas_result *result);

#endif
