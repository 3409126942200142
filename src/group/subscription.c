/* subscription.c -- which topics a group's members read, for OffsetDelete and expiry (rule 107).
 *
 * What cannot be read makes the subscription unknown, which protects offsets. */
#include "consumer_state.h"
#include "embedded.h"

#include <stdlib.h>

static void add_topic(struct subscription *subscription, struct arena *arena, uint32_t *capacity,
                      struct str topic)
{
    if (subscription->count == *capacity) {
        struct str *larger = arena_array(arena, struct str, 2 * (size_t)*capacity);
        memcpy(larger, subscription->topics, *capacity * sizeof *larger);
        subscription->topics = larger;
        *capacity *= 2;
    }
    subscription->topics[subscription->count++] = topic;
}

static int compare_topics(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

struct subscription group_subscription(const struct group *group, struct arena *arena)
{
    uint32_t capacity = 16;
    struct subscription subscription = {.topics = arena_array(arena, struct str, capacity)};
    struct embedded_subscription said;
    struct list *node, *next;

    if (group->consumers != NULL)
        return consumers_subscription(group, arena);
    if (group->protocol_type.data == NULL || !str_equal(group->protocol_type, STR("consumer")) ||
        (group->protocol.data == NULL && group->member_count > 0))
        return subscription;
    list_each (node, next, &group->members) {
        const struct member *member = list_entry(node, struct member, in_group);
        if (!embedded_read_subscription(member_metadata(member, group->protocol), arena, &said))
            return subscription;
        for (uint32_t i = 0; i < said.topic_count; i++)
            add_topic(&subscription, arena, &capacity, said.topics[i]);
    }
    qsort(subscription.topics, subscription.count, sizeof *subscription.topics, compare_topics);
    subscription.is_known = true;
    return subscription;
}

bool subscription_has(const struct subscription *subscription, struct str topic)
{
    uint32_t low = 0, high = subscription->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (str_compare(subscription->topics[middle], topic) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return !subscription->is_known ||
           (low < subscription->count && str_equal(subscription->topics[low], topic));
}
