/* offsets.c -- what a group has committed: topics by name, their partitions by number.
 *
 * Invariants: a topic that is there has a partition; offset_count is the sum of them, and
 * offsets_size that of what they are kept for. */
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

uint64_t offset_size(const struct group *group, struct str topic, uint32_t metadata_size)
{
    return sizeof(struct offset) + MEMORY_ENTRY + (uint64_t)group->id.size + topic.size +
           metadata_size;
}

uint32_t offset_tombstone_weight(const struct group *group, struct str topic)
{
    return 1 + (group->id.size + topic.size) / 1024;
}

static void count_offset(struct group *group, struct offset *offset, uint64_t size)
{
    group->offsets_size += size - offset->kept;
    memory_count(group->coordinator, &offset->kept, size);
}

struct offset *offset_put(struct group *group, struct str topic, int32_t index, struct str metadata)
{
    struct offset_topic *in = names_get(group->topics, topic);
    uint8_t bytes[4];
    struct bytes key = key_of(index, bytes);
    if (in == NULL) {
        in = mem_zalloc(sizeof *in);
        in->name = keep_str(topic);
        names_put(&group->topics, topic, in);
        memory_count(group->coordinator, &in->kept,
                     sizeof *in + 2 * (uint64_t)topic.size + MEMORY_ENTRY);
    }
    struct offset *offset = pmap_get(in->partitions, key);
    if (offset == NULL) {
        offset = mem_zalloc(sizeof *offset);
        offset->index = index;
        struct pmap *old = in->partitions;
        in->partitions = pmap_put(NULL, old, key, offset);
        pmap_unref(NULL, old);
        group->offset_count++;
    }
    replace_str(&offset->metadata, metadata);
    count_offset(group, offset, offset_size(group, topic, metadata.size));
    return offset;
}

static void free_topic(struct group *group, struct offset_topic *topic)
{
    names_remove(&group->topics, topic->name);
    memory_count(group->coordinator, &topic->kept, 0);
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
    count_offset(group, offset, 0);
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

static void free_offsets(struct group *group, struct offset_topic *topic)
{
    struct offset *offset = offset_next(topic, NULL);
    while (offset != NULL) {
        struct offset *next = offset_next(topic, offset);
        count_offset(group, offset, 0);
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
        free_offsets(group, topic);
        free_topic(group, topic);
        after = (struct str){.data = NULL};
    }
    group->offset_count = 0;
}
