/* holding.h -- sets of partitions: what a member of a group of consumers has, gives up, or shall
 * have. Sorted by topic and number, each once. */
#ifndef GROUP_HOLDING_H
#define GROUP_HOLDING_H

#include "group.h"

struct held {
    struct uuid topic_id;
    int32_t index;
    int32_t epoch; /* The member's, when it got it; of a target 0. */
};

/* In an arena or, where a struct keeps it, its own. */
struct holding {
    uint32_t count;
    struct held *held;
};

struct held held_of(struct uuid topic_id, int32_t index, int32_t epoch);
int held_compare(struct held a, struct held b); /* Not by epoch. */
/* NULL: it is not in it. */
const struct held *holding_find(const struct holding *holding, struct held held);
bool holding_equal(const struct holding *a, const struct holding *b); /* Epochs too. */
void holding_sort(struct holding *holding);
/* An empty one with room for `count` in the arena. */
struct holding holding_new(struct arena *arena, uint64_t count);
void holding_add(struct holding *holding, struct held held); /* It has room. */
struct holding holding_of_topics(struct arena *arena, uint32_t count,
                                 const struct group_topic_partitions *topics);
/* The same by topic.
 * Owns    all in the arena. */
const struct group_topic_partitions *holding_topics(struct arena *arena,
                                                    const struct holding *holding, uint32_t *count);

/* Kept copies. */
void holding_replace(struct holding *kept, struct holding holding);
void holding_drop(struct holding *kept);

#endif
