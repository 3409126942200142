/* offsets.c -- what a group has committed: topics by name, their partitions by number.
 *
 * Invariants: a topic that is there has a partition; offset_count is the sum of them. */
#include "group_state.h"

/* Bytes that sort as the number does. */
static struct bytes key_of(int32_t index, uint8_t bytes[4])
{
    store_be32(bytes, (uint32_t)index ^ UINT32_C(0x80000000));
    return (struct bytes){.data = bytes, .size = 4};
}

struct offset *offset_find(const struct group *group, struct str topic, int32_t index)
{
    uint8_t bytes[4];
    const struct offset_topic *found = names_get(group->topics, topic);
    return found == NULL ? NULL : pmap_get(found->partitions, key_of(index, bytes));
}

struct offset *offset_put(struct group *group, struct str topic, int32_t index)
{
    struct offset_topic *in = names_get(group->topics, topic);
    uint8_t bytes[4];
    struct bytes key = key_of(index, bytes);
    if (in == NULL) {
        in = mem_zalloc(sizeof *in);
        in->name = keep_str(topic);
        names_put(&group->topics, topic, in);
    }
    struct offset *offset = pmap_get(in->partitions, key);
    if (offset != NULL)
        return offset;
    offset = mem_zalloc(sizeof *offset);
    offset->index = index;
    struct pmap *old = in->partitions;
    in->partitions = pmap_put(NULL, old, key, offset);
    pmap_unref(NULL, old);
    group->offset_count++;
    return offset;
}

static void free_topic(struct group *group, struct offset_topic *topic)
{
    names_remove(&group->topics, topic->name);
    drop_str(&topic->name);
    mem_free(topic);
}

void offset_remove(struct group *group, struct str topic, int32_t index)
{
    struct offset_topic *in = names_get(group->topics, topic);
    struct offset *offset = offset_find(group, topic, index);
    uint8_t bytes[4];
    if (offset == NULL)
        return;
    struct pmap *old = in->partitions;
    in->partitions = pmap_remove(NULL, old, key_of(index, bytes));
    pmap_unref(NULL, old);
    drop_str(&offset->metadata);
    mem_free(offset);
    group->offset_count--;
    if (in->partitions == NULL)
        free_topic(group, in);
}

struct offset *offset_next(const struct offset_topic *topic, const struct offset *after)
{
    uint8_t bytes[4];
    return pmap_seek(topic->partitions, key_of(after == NULL ? INT32_MIN : after->index, bytes),
                     after != NULL, NULL);
}

static void free_offsets(struct offset_topic *topic)
{
    struct offset *offset = offset_next(topic, NULL);
    while (offset != NULL) {
        struct offset *next = offset_next(topic, offset);
        drop_str(&offset->metadata);
        mem_free(offset);
        offset = next;
    }
    pmap_unref(NULL, topic->partitions);
}

void offsets_free(struct group *group)
{
    struct str after = {.data = NULL};
    struct offset_topic *topic;
    while ((topic = names_next(group->topics, &after)) != NULL) {
        free_offsets(topic);
        free_topic(group, topic);
        after = (struct str){.data = NULL};
    }
    group->offset_count = 0;
}
