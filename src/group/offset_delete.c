/* offset_delete.c -- OffsetDelete (rule 113, KIP-496): tombstones for what nobody reads. */
#include "group_state.h"

static enum err check_group(const struct group *group)
{
    if (group == NULL)
        return ERR_GROUP_ID_NOT_FOUND;
    if (!group_is_empty(group) && group->consumers == NULL &&
        !str_equal(group->protocol_type, STR("consumer")))
        return ERR_NON_EMPTY_GROUP;
    return ERR_NONE;
}

/* Nothing there is nothing to delete: no error. */
static enum err delete_one(struct group_decision *decision, struct group *group, struct str topic,
                           int32_t index)
{
    if (offset_find(group, topic, index) == NULL)
        return ERR_NONE;
    emit_offset_tombstone(decision, group, topic, index);
    offset_remove(group, topic, index);
    return ERR_NONE;
}

static struct group_topic_errors delete_topic(struct group_decision *decision, struct group *group,
                                              const struct subscription *subscription,
                                              const struct group_topic_partitions *topic)
{
    struct group_partition_error *errors =
        arena_array(decision->arena, struct group_partition_error, topic->partition_count);
    bool is_read = !group_is_empty(group) && subscription_has(subscription, topic->topic);
    for (uint32_t i = 0; i < topic->partition_count; i++)
        errors[i] = (struct group_partition_error){
            .index = topic->partitions[i],
            .err = is_read ? ERR_GROUP_SUBSCRIBED_TO_TOPIC
                           : delete_one(decision, group, topic->topic, topic->partitions[i])};
    return (struct group_topic_errors){.topic = topic->topic,
                                       .topic_id = topic->topic_id,
                                       .partition_count = topic->partition_count,
                                       .partitions = errors};
}

void group_decide_offset_delete(struct group_decision *decision,
                                const struct offset_delete_command *command)
{
    if (decision_refuses(decision, GROUP_REPLY_OFFSET_DELETE, command->token, &command->group_id))
        return;
    struct group *group = group_find(decision->coordinator, command->group_id);
    enum err err = check_group(group);
    if (err != ERR_NONE) {
        decision_reply(decision, GROUP_REPLY_OFFSET_DELETE, command->token, err);
        return;
    }
    struct subscription subscription = group_subscription(group, decision->arena);
    struct group_topic_errors *topics =
        arena_array(decision->arena, struct group_topic_errors, command->topic_count);
    for (uint32_t i = 0; i < command->topic_count; i++)
        topics[i] = delete_topic(decision, group, &subscription, &command->topics[i]);
    struct group_reply *reply =
        decision_reply(decision, GROUP_REPLY_OFFSET_DELETE, command->token, ERR_NONE);
    reply->partitions =
        (struct group_partition_errors){.topic_count = command->topic_count, .topics = topics};
    group_remove_unused(group);
}
