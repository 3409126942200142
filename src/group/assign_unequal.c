/* assign_unequal.c -- the assignor `uniform`, where members subscribe to different topics.
 *
 * First everybody keeps what it has. What nobody has goes to whoever has least of those that may
 * have it, scarce topics first. Then partitions move from members that have more to those that
 * have at least two less, as long as there are any: nobody can be given one more that would
 * not leave another with fewer. Each move makes the sum of squares smaller, so it ends; how
 * often all partitions are looked at is bounded besides. */
#include "assign.h"

#include <stdlib.h>

#define NOBODY UINT32_MAX

enum { ROUNDS_MAX = 64 };

struct uneven {
    struct assign_group *group;
    uint32_t *starts; /* Place of each topic's partition 0 among all partitions. */
    uint32_t *owners; /* Of each partition; a member's place. */
    uint32_t *loads;  /* Partitions of each member. */
    uint32_t *
        first_member; /* Where a topic's subscribers begin in `subscribers`; one more at the end. */
    uint32_t *subscribers;
    uint32_t total;
};

static void list_subscribers(struct uneven *uneven, struct arena *arena)
{
    const struct assign_group *group = uneven->group;
    uint32_t *first = arena_array(arena, uint32_t, group->topic_count + (size_t)1);
    uint32_t *filled = arena_array(arena, uint32_t, group->topic_count);
    for (uint32_t i = 0; i < group->member_count; i++)
        for (uint32_t j = 0; j < group->members[i].topic_count; j++)
            first[group->members[i].topics[j] + 1]++;
    for (uint32_t i = 0; i < group->topic_count; i++)
        first[i + 1] += first[i];
    uneven->first_member = first;
    uneven->subscribers = arena_array(arena, uint32_t, first[group->topic_count]);
    for (uint32_t i = 0; i < group->member_count; i++)
        for (uint32_t j = 0; j < group->members[i].topic_count; j++) {
            uint32_t topic = group->members[i].topics[j];
            uneven->subscribers[first[topic] + filled[topic]++] = i;
        }
}

static void open_uneven(struct uneven *uneven, struct arena *arena, struct assign_group *group)
{
    *uneven =
        (struct uneven){.group = group, .starts = arena_array(arena, uint32_t, group->topic_count)};
    for (uint32_t i = 0; i < group->topic_count; i++) {
        uneven->starts[i] = uneven->total;
        uneven->total += group->partition_counts[i];
    }
    uneven->owners = arena_array(arena, uint32_t, uneven->total);
    uneven->loads = arena_array(arena, uint32_t, group->member_count);
    for (uint32_t i = 0; i < uneven->total; i++)
        uneven->owners[i] = NOBODY;
    list_subscribers(uneven, arena);
}

static uint32_t subscriber_count(const struct uneven *uneven, uint32_t topic)
{
    return uneven->first_member[topic + 1] - uneven->first_member[topic];
}

static bool subscribes(const struct uneven *uneven, uint32_t member, uint32_t topic)
{
    const struct assign_member *of = &uneven->group->members[member];
    uint32_t low = 0, high = of->topic_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (of->topics[middle] < topic)
            low = middle + 1;
        else
            high = middle;
    }
    return low < of->topic_count && of->topics[low] == topic;
}

/* What is there, is subscribed to, and nobody before claims. */
static void keep(struct uneven *uneven, uint32_t member)
{
    const struct assign_member *of = &uneven->group->members[member];
    for (uint32_t i = 0; i < of->current_count; i++) {
        struct assign_partition partition = of->current[i];
        if (partition.topic >= uneven->group->topic_count || partition.index < 0 ||
            (uint32_t)partition.index >= uneven->group->partition_counts[partition.topic] ||
            !subscribes(uneven, member, partition.topic))
            continue;
        uint32_t *owner =
            &uneven->owners[uneven->starts[partition.topic] + (uint32_t)partition.index];
        if (*owner != NOBODY)
            continue;
        *owner = member;
        uneven->loads[member]++;
    }
}

/* The subscriber with the fewest partitions, the first of several. */
static uint32_t least_loaded(const struct uneven *uneven, uint32_t topic)
{
    uint32_t best = NOBODY;
    for (uint32_t i = uneven->first_member[topic]; i < uneven->first_member[topic + 1]; i++) {
        uint32_t member = uneven->subscribers[i];
        if (best == NOBODY || uneven->loads[member] < uneven->loads[best])
            best = member;
    }
    return best;
}

struct scarcity {
    uint32_t subscribers;
    uint32_t topic;
};

static int compare_scarcity(const void *a, const void *b)
{
    const struct scarcity *x = a, *y = b;
    if (x->subscribers != y->subscribers)
        return x->subscribers < y->subscribers ? -1 : 1;
    return x->topic < y->topic ? -1 : x->topic > y->topic;
}

static void fill_topic(struct uneven *uneven, uint32_t topic)
{
    for (uint32_t i = 0; i < uneven->group->partition_counts[topic]; i++) {
        uint32_t *owner = &uneven->owners[uneven->starts[topic] + i];
        if (*owner != NOBODY)
            continue;
        *owner = least_loaded(uneven, topic);
        if (*owner == NOBODY)
            return; /* Nobody subscribes to it. */
        uneven->loads[*owner]++;
    }
}

static void fill(struct uneven *uneven, struct arena *arena)
{
    uint32_t count = uneven->group->topic_count;
    struct scarcity *order = arena_array(arena, struct scarcity, count);
    for (uint32_t i = 0; i < count; i++)
        order[i] = (struct scarcity){.subscribers = subscriber_count(uneven, i), .topic = i};
    qsort(order, count, sizeof *order, compare_scarcity);
    for (uint32_t i = 0; i < count; i++)
        fill_topic(uneven, order[i].topic);
}

static bool balance_topic(struct uneven *uneven, uint32_t topic)
{
    bool has_moved = false;
    for (uint32_t i = 0; i < uneven->group->partition_counts[topic]; i++) {
        uint32_t *owner = &uneven->owners[uneven->starts[topic] + i];
        uint32_t other = least_loaded(uneven, topic);
        if (*owner == NOBODY || uneven->loads[other] + 1 >= uneven->loads[*owner])
            continue;
        uneven->loads[*owner]--;
        uneven->loads[other]++;
        *owner = other;
        has_moved = true;
    }
    return has_moved;
}

static void balance(struct uneven *uneven)
{
    bool has_moved = true;
    for (int round = 0; round < ROUNDS_MAX && has_moved; round++) {
        has_moved = false;
        for (uint32_t i = 0; i < uneven->group->topic_count; i++)
            if (subscriber_count(uneven, i) > 1 && balance_topic(uneven, i))
                has_moved = true;
    }
}

static void give(struct uneven *uneven, struct arena *arena)
{
    struct assign_group *group = uneven->group;
    for (uint32_t i = 0; i < group->member_count; i++) {
        group->members[i].assigned = arena_array(arena, struct assign_partition, uneven->loads[i]);
        group->members[i].assigned_count = 0;
    }
    for (uint32_t topic = 0; topic < group->topic_count; topic++)
        for (uint32_t i = 0; i < group->partition_counts[topic]; i++) {
            uint32_t owner = uneven->owners[uneven->starts[topic] + i];
            if (owner == NOBODY)
                continue;
            struct assign_member *member = &group->members[owner];
            member->assigned[member->assigned_count++] =
                (struct assign_partition){.topic = topic, .index = (int32_t)i};
        }
}

void assign_unequal(struct arena *arena, struct assign_group *group)
{
    struct uneven uneven;
    open_uneven(&uneven, arena, group);
    for (uint32_t i = 0; i < group->member_count; i++)
        keep(&uneven, i);
    fill(&uneven, arena);
    balance(&uneven);
    give(&uneven, arena);
}
