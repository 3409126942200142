/* reply_size.c -- how large replies are that a small command can make large. */
#include "group.h"

static uint64_t fetched_size(const struct group_fetches *fetch)
{
    uint64_t size = 0;
    for (uint32_t i = 0; i < fetch->count; i++)
        for (uint32_t t = 0; t < fetch->groups[i].topic_count; t++) {
            const struct group_fetched_topic *topic = &fetch->groups[i].topics[t];
            size += sizeof *topic + topic->topic.size;
            for (uint32_t p = 0; p < topic->partition_count; p++)
                size += sizeof *topic->partitions + topic->partitions[p].metadata.size;
        }
    return size;
}

static uint64_t described_size(const struct group_descriptions *describe)
{
    uint64_t size = 0;
    for (uint32_t i = 0; i < describe->count; i++)
        for (uint32_t m = 0; m < describe->groups[i].member_count; m++) {
            const struct group_described_member *member = &describe->groups[i].members[m];
            size += sizeof *member + member->member_id.size + member->instance_id.size +
                    member->client_id.size + member->client_host.size + member->metadata.size +
                    member->assignment.size;
        }
    return size;
}

static uint64_t listed_size(const struct group_listing *list)
{
    uint64_t size = 0;
    for (uint32_t i = 0; i < list->count; i++)
        size += sizeof *list->groups + list->groups[i].group_id.size +
                list->groups[i].protocol_type.size;
    return size;
}

static uint64_t topics_size(const struct group_topic_partitions *topics, uint32_t count)
{
    uint64_t size = 0;
    for (uint32_t i = 0; i < count; i++)
        size += sizeof *topics + topics[i].topic.size + topics[i].partition_count * sizeof(int32_t);
    return size;
}

static uint64_t consumer_size(const struct consumer_described_member *member)
{
    uint64_t size = sizeof *member + member->member_id.size + member->instance_id.size +
                    member->rack_id.size + member->client_id.size + member->client_host.size +
                    member->topic_regex.size;
    for (uint32_t i = 0; i < member->topic_count; i++)
        size += sizeof *member->topics + member->topics[i].size;
    return size + topics_size(member->assigned, member->assigned_count) +
           topics_size(member->target, member->target_count);
}

static uint64_t consumers_size(const struct consumer_descriptions *consumers)
{
    uint64_t size = 0;
    for (uint32_t i = 0; i < consumers->count; i++)
        for (uint32_t m = 0; m < consumers->groups[i].member_count; m++)
            size += consumer_size(&consumers->groups[i].members[m]);
    return size;
}

uint64_t group_reply_size(const struct group_reply *reply)
{
    if (reply->err != ERR_NONE)
        return 0;
    switch (reply->kind) {
    case GROUP_REPLY_FETCH:
        return fetched_size(&reply->fetch);
    case GROUP_REPLY_DESCRIBE:
        return described_size(&reply->describe);
    case GROUP_REPLY_LIST:
        return listed_size(&reply->list);
    case GROUP_REPLY_CONSUMER_DESCRIBE:
        return consumers_size(&reply->consumers);
    default:
        return 0;
    }
}
