/* holding.c -- see holding.h. */
#include "holding.h"

#include <stdlib.h>

struct held held_of(struct uuid topic_id, int32_t index, int32_t epoch)
{
    return (struct held){.topic_id = topic_id, .index = index, .epoch = epoch};
}

int held_compare(struct held a, struct held b)
{
    int order = uuid_compare(a.topic_id, b.topic_id);
    if (order != 0)
        return order;
    return a.index < b.index ? -1 : a.index > b.index;
}

static int compare(const void *a, const void *b)
{
    return held_compare(*(const struct held *)a, *(const struct held *)b);
}

const struct held *holding_find(const struct holding *holding, struct held held)
{
    if (holding->count == 0)
        return NULL;
    return bsearch(&held, holding->held, holding->count, sizeof held, compare);
}

bool holding_equal(const struct holding *a, const struct holding *b)
{
    if (a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (held_compare(a->held[i], b->held[i]) != 0 || a->held[i].epoch != b->held[i].epoch)
            return false;
    return true;
}

void holding_sort(struct holding *holding)
{
    uint32_t kept = 0;
    if (holding->count == 0)
        return;
    qsort(holding->held, holding->count, sizeof *holding->held, compare);
    for (uint32_t i = 1; i < holding->count; i++)
        if (held_compare(holding->held[kept], holding->held[i]) != 0)
            holding->held[++kept] = holding->held[i];
    holding->count = kept + 1;
}

struct holding holding_new(struct arena *arena, uint64_t count)
{
    return (struct holding){.held = arena_array(arena, struct held, count)};
}

void holding_add(struct holding *holding, struct held held)
{
    holding->held[holding->count++] = held;
}

struct holding holding_of_topics(struct arena *arena, uint32_t count,
                                 const struct group_topic_partitions *topics)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < count; i++)
        total += topics[i].partition_count;
    struct holding holding = holding_new(arena, total);
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t j = 0; j < topics[i].partition_count; j++)
            holding_add(&holding, held_of(topics[i].topic_id, topics[i].partitions[j], 0));
    holding_sort(&holding);
    return holding;
}

static uint32_t count_topics(const struct holding *holding)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < holding->count; i++)
        count += i == 0 || !uuid_equal(holding->held[i].topic_id, holding->held[i - 1].topic_id);
    return count;
}

const struct group_topic_partitions *holding_topics(struct arena *arena,
                                                    const struct holding *holding, uint32_t *count)
{
    struct group_topic_partitions *topics =
        arena_array(arena, struct group_topic_partitions, count_topics(holding));
    int32_t *partitions = arena_array(arena, int32_t, holding->count);
    struct group_topic_partitions *topic = NULL;
    *count = 0;
    for (uint32_t i = 0; i < holding->count; i++) {
        partitions[i] = holding->held[i].index;
        if (topic == NULL || !uuid_equal(topic->topic_id, holding->held[i].topic_id)) {
            topic = &topics[(*count)++];
            *topic = (struct group_topic_partitions){.topic_id = holding->held[i].topic_id,
                                                     .partitions = &partitions[i]};
        }
        topic->partition_count++;
    }
    return topics;
}

void holding_replace(struct holding *kept, struct holding holding)
{
    struct held *copy = NULL;
    if (holding.count > 0) {
        copy = mem_alloc(holding.count * sizeof *copy);
        memcpy(copy, holding.held, holding.count * sizeof *copy);
    }
    holding_drop(kept);
    *kept = (struct holding){.count = holding.count, .held = copy};
}

void holding_drop(struct holding *kept)
{
    mem_free(kept->held);
    *kept = (struct holding){.held = NULL};
}
