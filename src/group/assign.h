/* assign.h -- server-side assignors (KIP-848) as pure functions: topics and members in,
 * partitions out. The same input gives the same output, whatever the addresses. */
#ifndef GROUP_ASSIGN_H
#define GROUP_ASSIGN_H

#include "base/base.h"

struct assign_partition {
    uint32_t topic; /* Its place among the topics. */
    int32_t index;
};

struct assign_member {
    uint32_t topic_count;
    const uint32_t *topics; /* Places of what it subscribes to, rising. */
    uint32_t current_count;
    const struct assign_partition *current; /* What it has, in the order in which it is kept. */
    uint32_t assigned_count;                /* Out, and what follows. */
    struct assign_partition *assigned;
};

/* Members come in the order in which they take turns: for `range` that is static ones by their
 * instance, then the others by their id. */
struct assign_group {
    uint32_t topic_count;
    const uint32_t *partition_counts; /* Of each topic. */
    uint32_t member_count;
    struct assign_member *members;
};

/* Each topic is cut into runs, one a subscriber; the first ones get one more where it does not
 * divide. What members have does not matter.
 * Owns    assignments live in `arena`. */
void assign_range(struct arena *arena, struct assign_group *group);

/* Everybody gets as many partitions as the others, or one more, and keeps what can be kept.
 * Where members subscribe to different topics, as even as one move at a time can make it.
 * Owns    assignments live in `arena`. */
void assign_uniform(struct arena *arena, struct assign_group *group);
/* assign_unequal.c: the same for any subscriptions; what `uniform` takes for unequal ones. */
void assign_unequal(struct arena *arena, struct assign_group *group);

#endif
