/* offset_fetch.c -- OffsetFetch (rule 118). The answer rests on the log like a commit's, since
 * it may tell of offsets that can still be lost (G4). */
#include "consumer_state.h"

/* Nothing is committed where nothing stands, or what stands was for an older topic's name. */
static struct group_fetched_partition fetched(const struct offset *offset, int32_t index,
                                              struct uuid topic_id)
{
    if (offset == NULL || offset_is_gone(offset, topic_id))
        return (struct group_fetched_partition){
            .index = index, .offset = -1, .leader_epoch = -1, .metadata = STR("")};
    return (struct group_fetched_partition){
        .index = index,
        .offset = offset->offset,
        .leader_epoch = offset->leader_epoch,
        .metadata = offset->metadata,
    };
}

static struct group_fetched_topic fetch_topic(struct arena *arena, const struct group *group,
                                              const struct group_topic_partitions *topic)
{
    struct group_fetched_partition *partitions =
        arena_array(arena, struct group_fetched_partition, topic->partition_count);
    struct uuid id = topic->topic_id;
    if (group != NULL && uuid_is_zero(id))
        id = topic_id_now(group->coordinator, topic->topic);
    for (uint32_t i = 0; i < topic->partition_count; i++) {
        const struct offset *offset =
            group == NULL ? NULL : offset_find(group, topic->topic, topic->partitions[i]);
        partitions[i] = fetched(offset, topic->partitions[i], id);
    }
    return (struct group_fetched_topic){.topic = topic->topic,
                                        .topic_id = topic->topic_id,
                                        .partition_count = topic->partition_count,
                                        .partitions = partitions};
}

static struct group_fetched_topic fetch_whole_topic(struct arena *arena, const struct group *group,
                                                    const struct offset_topic *topic)
{
    struct uuid now = topic_id_now(group->coordinator, topic->name);
    struct group_fetched_topic out = {.topic = topic->name, .topic_id = now};
    struct group_fetched_partition *partitions =
        arena_array(arena, struct group_fetched_partition, pmap_count(topic->partitions));
    const struct offset *offset = NULL;
    while ((offset = offset_next(topic, offset)) != NULL) {
        if (!offset_is_gone(offset, now))
            partitions[out.partition_count++] = fetched(offset, offset->index, now);
    }
    out.partitions = partitions;
    return out;
}

static void fetch_all(struct arena *arena, const struct group *group, struct group_fetched *out)
{
    struct group_fetched_topic *topics =
        arena_array(arena, struct group_fetched_topic, pmap_count(group->topics));
    struct str after = {.data = NULL};
    const struct offset_topic *topic;
    while ((topic = names_next(group->topics, &after)) != NULL) {
        topics[out->topic_count] = fetch_whole_topic(arena, group, topic);
        out->topic_count += topics[out->topic_count].partition_count > 0;
    }
    out->topics = topics;
}

static struct group_fetched fetch_group(struct group_decision *decision,
                                        const struct group_fetch *fetch)
{
    const struct group *group = group_find(decision->coordinator, fetch->group_id);
    struct group_fetched out = {.group_id = fetch->group_id};
    if (group != NULL && group->consumers != NULL)
        out.err = consumer_check_fetch(group, fetch);
    if (out.err != ERR_NONE)
        return out;
    if (fetch->is_all) {
        if (group != NULL)
            fetch_all(decision->arena, group, &out);
        return out;
    }
    struct group_fetched_topic *topics =
        arena_array(decision->arena, struct group_fetched_topic, fetch->topic_count);
    for (uint32_t i = 0; i < fetch->topic_count; i++)
        topics[i] = fetch_topic(decision->arena, group, &fetch->topics[i]);
    out.topic_count = fetch->topic_count;
    out.topics = topics;
    return out;
}

void group_decide_fetch(struct group_decision *decision, const struct offset_fetch_command *command)
{
    if (decision_refuses(decision, GROUP_REPLY_FETCH, command->token, NULL))
        return;
    struct group_fetched *groups =
        arena_array(decision->arena, struct group_fetched, command->count);
    for (uint32_t i = 0; i < command->count; i++)
        groups[i] = fetch_group(decision, &command->groups[i]);
    struct group_reply *reply =
        decision_reply(decision, GROUP_REPLY_FETCH, command->token, ERR_NONE);
    reply->fetch = (struct group_fetches){.count = command->count, .groups = groups};
}
