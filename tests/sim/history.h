/* history.h -- what clients were told, kept by the harness and not by the clients. */
#ifndef SIM_HISTORY_H
#define SIM_HISTORY_H

#include "world.h"

struct history_ack {
    struct partition_key key;
    log_offset offset; /* Of the batch's first record. */
    uint64_t value;
    uint32_t producer;
    int16_t acks;
    bool idempotent;
};

/* In the order in which they were heard. */
const struct history_ack *history_acks(struct world *world, uint32_t *count);
/* Every attempt to write `value` was refused for certain. */
bool history_is_refused(struct world *world, uint64_t value);
/* Produces of all clients that wait for an answer. */
uint32_t history_unanswered(struct world *world);
uint64_t history_reads(const struct world *world);
bool history_consumers_are_done(struct world *world, char *why, size_t size);
bool history_groups_are_stable(struct world *world, char *why, size_t size);

#endif
