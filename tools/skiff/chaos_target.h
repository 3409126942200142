/* chaos_target.h -- what a `skiff chaos` verb works on, and how it says what it has done.
 *
 * Verbs that only change faults need the chaos directory alone, whatever runs in it; those
 * that kill or start processes load the cluster as well. */
#ifndef SKIFF_CHAOS_TARGET_H
#define SKIFF_CHAOS_TARGET_H

#include <jansson.h>

#include "call.h"
#include "chaos.h"
#include "rules.h"

struct chaos_target {
    char dir[CLUSTER_PATH_MAX];
    uint32_t nodes; /* Bits of numbers: those that its proxy.conf names. */
};

/* The cluster of a call. Errors: an exit code, told: none there, or one without --chaos. */
int chaos_target(const struct call *call, struct chaos_target *out);

/* "2" or "all", as bits of numbers. Errors: an exit code, told. */
int chaos_read_nodes(const struct chaos_target *target, const char *word, uint32_t *out);

/* The page of faults of a node. Owns: until fault_rules_close(). Errors: NULL, told. */
struct fault_rules *chaos_rules(const struct chaos_target *target, node_id node);

/* The node's process runs, with the library that reads its page. */
bool chaos_is_in_force(const struct chaos_target *target, node_id node);

int64_t chaos_now_ns(void); /* CLOCK_MONOTONIC. */

#endif
