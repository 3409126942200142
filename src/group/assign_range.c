/* assign_range.c -- the assignor `range`: topics one by one, in runs of partitions. */
#include "assign.h"

static bool subscribes(const struct assign_member *member, uint32_t topic)
{
    uint32_t low = 0, high = member->topic_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (member->topics[middle] < topic)
            low = middle + 1;
        else
            high = middle;
    }
    return low < member->topic_count && member->topics[low] == topic;
}

/* How many of `count` partitions number `place` of `members` gets. */
static uint32_t share(uint32_t count, uint32_t members, uint32_t place)
{
    return count / members + (place < count % members ? 1 : 0);
}

/* Calls for every topic and each of its subscribers in turn; with `is_counting` only the sizes
 * are worked out. */
static void deal_topic(struct assign_group *group, uint32_t topic, bool is_counting)
{
    uint32_t subscribers = 0, place = 0;
    int32_t next = 0;
    for (uint32_t i = 0; i < group->member_count; i++)
        subscribers += subscribes(&group->members[i], topic);
    for (uint32_t i = 0; i < group->member_count; i++) {
        struct assign_member *member = &group->members[i];
        if (!subscribes(member, topic))
            continue;
        uint32_t size = share(group->partition_counts[topic], subscribers, place++);
        for (uint32_t j = 0; j < size; j++, next++) {
            if (!is_counting)
                member->assigned[member->assigned_count] =
                    (struct assign_partition){.topic = topic, .index = next};
            member->assigned_count++;
        }
    }
}

void assign_range(struct arena *arena, struct assign_group *group)
{
    for (uint32_t i = 0; i < group->member_count; i++)
        group->members[i].assigned_count = 0;
    for (uint32_t topic = 0; topic < group->topic_count; topic++)
        deal_topic(group, topic, true);
    for (uint32_t i = 0; i < group->member_count; i++) {
        struct assign_member *member = &group->members[i];
        member->assigned = arena_array(arena, struct assign_partition, member->assigned_count);
        member->assigned_count = 0;
    }
    for (uint32_t topic = 0; topic < group->topic_count; topic++)
        deal_topic(group, topic, false);
}
