/* group_topics.c -- see group_topics.h. */
#include "group_topics.h"

#include "node.h"

static const struct image *image_of(const void *context)
{
    return ((const struct shard *)context)->image;
}

/* Any metadata record makes another version: groups find out by themselves what is new. */
static uint64_t version(const void *context)
{
    return (uint64_t)image_of(context)->offset;
}

static bool put(const struct image_topic *topic, struct group_topic *out)
{
    if (topic)
        *out = (struct group_topic){
            .name = topic->name, .id = topic->id, .partition_count = topic->partition_count};
    return topic != NULL;
}

static bool by_name(const void *context, struct str name, struct group_topic *out)
{
    return put(image_topic_by_name(image_of(context), name), out);
}

static bool by_id(const void *context, struct uuid id, struct group_topic *out)
{
    return put(image_topic_by_id(image_of(context), id), out);
}

static bool next(const void *context, struct str after, struct group_topic *out)
{
    const struct image *image = image_of(context);
    const struct image_topic *topic = after.data ? image_topic_by_name(image, after) : NULL;
    return put(image_topic_after(image, topic), out);
}

struct group_topics group_topics_of(const struct shard *shard)
{
    return (struct group_topics){
        .context = shard, .version = version, .by_name = by_name, .by_id = by_id, .next = next};
}
