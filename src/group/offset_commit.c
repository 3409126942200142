/* offset_commit.c -- OffsetCommit (rules 114 to 117, 121). All that is accepted is one batch.
 *
 * The empty id is a group like any other, as it is to OffsetFetch, DescribeGroups and DeleteGroups:
 * consumers without a group were once allowed to use it. */
#include "consumer_state.h"

static enum err check_group(const struct group *group, const struct offset_commit_command *command,
                            struct member **member)
{
    bool is_alone = command->generation < 0 && command->member_id.size == 0 &&
                    command->instance_id.data == NULL;
    if (group->phase == GROUP_EMPTY && command->generation < 0)
        return ERR_NONE;
    if (is_alone)
        return ERR_UNKNOWN_MEMBER_ID; /* The group has members: it is theirs. */
    enum err err = member_check(group, command->member_id, command->instance_id, member);
    if (err != ERR_NONE)
        return err;
#ifndef SKIFF_MUTANT_COMMIT_ANY_GENERATION
    if (command->generation != group->generation)
        return ERR_ILLEGAL_GENERATION;
#endif
    return group->phase == GROUP_COMPLETING ? ERR_REBALANCE_IN_PROGRESS : ERR_NONE;
}

static enum err check_commit(const struct coordinator *coordinator, const struct group *group,
                             const struct offset_commit_command *command, struct member **member)
{
    if (group != NULL && group->consumers != NULL)
        return consumer_check_commit(group, command);
    if (group != NULL)
        return check_group(group, command, member);
    if (command->generation >= 0)
        return command->knows_group_not_found ? ERR_GROUP_ID_NOT_FOUND : ERR_ILLEGAL_GENERATION;
    if (pmap_count(coordinator->groups) >= GROUP_GROUPS_MAX)
        return ERR_POLICY_VIOLATION;
    return ERR_NONE;
}

/* By what this coordinator knows of topics: who asked may have heard more or less of them, and
 * offset_forget.c judges by it. */
static enum err check_topic(const struct group *group, const struct group_commit_topic *topic)
{
    if (uuid_is_zero(topic->topic_id) ||
        uuid_equal(topic->topic_id, topic_id_now(group->coordinator, topic->topic)))
        return ERR_NONE;
    return ERR_UNKNOWN_TOPIC_OR_PARTITION;
}

/* What takes no more than what stands there has room always. */
static bool has_room(const struct group *group, struct str topic,
                     const struct group_commit_partition *partition)
{
    const struct offset *known = offset_find(group, topic, partition->index);
    uint64_t before = known == NULL ? 0 : known->kept;
    uint64_t after = offset_size(group, topic, partition->metadata.size);
    if (known == NULL && group->offset_count >= GROUP_OFFSETS_MAX)
        return false;
    if (after > before && group->offsets_size + (after - before) > GROUP_OFFSETS_SIZE_MAX)
        return false;
    return memory_has_room(group->coordinator, before, after);
}

static enum err check_partition(const struct group *group, struct str topic,
                                const struct group_commit_partition *partition)
{
    if (partition->err != ERR_NONE)
        return partition->err;
    if ((int64_t)partition->metadata.size > group->coordinator->config.offset_metadata_max)
        return ERR_OFFSET_METADATA_TOO_LARGE;
    return has_room(group, topic, partition) ? ERR_NONE : ERR_INVALID_COMMIT_OFFSET_SIZE;
}

static wall_ms expiry(const struct group_decision *decision, int64_t retention_ms)
{
    if (retention_ms < 0)
        return -1;
    return retention_ms > INT64_MAX - decision->time ? INT64_MAX : decision->time + retention_ms;
}

static enum err commit_one(struct group_decision *decision, struct group *group,
                           const struct group_commit_topic *topic, enum err topic_err,
                           const struct group_commit_partition *partition, int64_t retention_ms)
{
    enum err err = check_partition(group, topic->topic, partition);
    if (err == ERR_NONE)
        err = topic_err;
    if (err != ERR_NONE)
        return err;
    struct str metadata = partition->metadata.data == NULL ? STR("") : partition->metadata;
    struct offset *offset = offset_put(group, topic->topic, partition->index, metadata);
    offset->offset = partition->offset;
    offset->leader_epoch = partition->leader_epoch;
    offset->committed = decision->time;
    offset->expires = expiry(decision, retention_ms);
    offset->topic_id = topic->topic_id;
    emit_offset(decision, group, topic->topic, offset);
    return ERR_NONE;
}

static struct group_topic_errors commit_topic(struct group_decision *decision, struct group *group,
                                              const struct group_commit_topic *topic,
                                              int64_t retention_ms)
{
    struct group_partition_error *errors =
        arena_array(decision->arena, struct group_partition_error, topic->partition_count);
    enum err err = check_topic(group, topic);
    for (uint32_t i = 0; i < topic->partition_count; i++)
        errors[i] = (struct group_partition_error){
            .index = topic->partitions[i].index,
            .err = commit_one(decision, group, topic, err, &topic->partitions[i], retention_ms)};
    return (struct group_topic_errors){.topic = topic->topic,
                                       .topic_id = topic->topic_id,
                                       .partition_count = topic->partition_count,
                                       .partitions = errors};
}

void group_decide_commit(struct group_decision *decision,
                         const struct offset_commit_command *command)
{
    struct coordinator *coordinator = decision->coordinator;
    struct member *member = NULL;
    if (decision_refuses(decision, GROUP_REPLY_COMMIT, command->token, NULL))
        return;
    struct group *group = group_find(coordinator, command->group_id);
    enum err err = check_commit(coordinator, group, command, &member);
    if (err != ERR_NONE) {
        decision_reply(decision, GROUP_REPLY_COMMIT, command->token, err);
        return;
    }
    if (group == NULL)
        group = group_create(coordinator, command->group_id);
    if (member != NULL) /* A commit is a sign of life. */
        member_restart_session(member, member->session_timeout_ms);
    struct group_topic_errors *topics =
        arena_array(decision->arena, struct group_topic_errors, command->topic_count);
    for (uint32_t i = 0; i < command->topic_count; i++)
        topics[i] = commit_topic(decision, group, &command->topics[i], command->retention_ms);
    struct group_reply *reply =
        decision_reply(decision, GROUP_REPLY_COMMIT, command->token, ERR_NONE);
    reply->partitions =
        (struct group_partition_errors){.topic_count = command->topic_count, .topics = topics};
    group_remove_unused(group);
}
