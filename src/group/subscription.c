/* subscription.c -- which topics a group of consumers reads: the one place that looks into
 * members' bytes, for OffsetDelete and expiry (rule 107).
 *
 * ConsumerProtocolSubscription: version int16, topics as an array of strings, and more that
 * is not read. What cannot be read makes the subscription unknown, which protects offsets. */
#include "group_state.h"

#include <stdlib.h>

#include "base/walk.h"

static bool read_topics(struct bytes metadata, struct arena *arena,
                        struct subscription *subscription, uint32_t *capacity)
{
    struct wire_reader reader;
    int16_t version;
    int32_t count;
    wire_reader_init(&reader, metadata);
    if (wire_read_int16(&reader, &version) != ERR_NONE || version < 0 ||
        wire_read_int32(&reader, &count) != ERR_NONE || count < 0 ||
        (uint64_t)count * 2 > wire_reader_left(&reader))
        return false;
    for (int32_t i = 0; i < count; i++) {
        struct str topic;
        if (wire_read_string(&reader, &topic) != ERR_NONE || topic.data == NULL)
            return false;
        if (subscription->count == *capacity) {
            struct str *larger = arena_array(arena, struct str, 2 * *capacity);
            memcpy(larger, subscription->topics, *capacity * sizeof *larger);
            subscription->topics = larger;
            *capacity *= 2;
        }
        subscription->topics[subscription->count++] = topic;
    }
    return true;
}

static int compare_topics(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

struct subscription group_subscription(const struct group *group, struct arena *arena)
{
    uint32_t capacity = 16;
    struct subscription subscription = {.topics = arena_array(arena, struct str, capacity)};
    struct list *node, *next;

    if (group->protocol_type.data == NULL || !str_equal(group->protocol_type, STR("consumer")) ||
        (group->protocol.data == NULL && group->member_count > 0))
        return subscription;
    list_each (node, next, &group->members) {
        const struct member *member = list_entry(node, struct member, in_group);
        if (!read_topics(member_metadata(member, group->protocol), arena, &subscription, &capacity))
            return subscription;
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
