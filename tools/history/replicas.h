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
    const char *const *dirs; /* Data directories of nodes that do not run. */
};

struct replicas_witness {
    uint32_t line_count;
    char lines[REPLICAS_WITNESS_LINES][REPLICAS_LINE_SIZE];
};

struct replicas_result {
    uint32_t partitions; /* Looked at. */
    uint64_t compared;   /* Batches that stand in two copies at least. */
    uint64_t differ;     /* Batches that are not the same in all copies that reach there. */
    uint32_t missing;    /* Directories of a partition that a node has not. */
    uint32_t behind;     /* Copies that end below what is compared. */
    uint32_t alone;      /* Partitions with fewer than two copies that reach the end. */
    uint32_t witness_count;
    struct replicas_witness witnesses[REPLICAS_WITNESSES_MAX];
};

/* Compare every batch of `partition` that begins below `end`, from where the copy that begins
 * last begins. Adds to *result. */
void replicas_compare(const struct replicas_request *request, uint32_t partition, int64_t end,
                      struct replicas_result *result);

/* EXIT_VIOLATION, EXIT_INCONCLUSIVE or EXIT_DONE. */
int replicas_exit_code(const struct replicas_result *result);

#endif
