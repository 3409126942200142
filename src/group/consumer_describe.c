/* consumer_describe.c -- ConsumerGroupDescribe: groups of consumers with what each member has
 * and shall have. */
#include "consumer_state.h"

static struct consumer_described_member describe_member(struct group_decision *decision,
                                                        const struct consumer *consumer)
{
    const struct consumer_profile *profile = &consumer->profile;
    struct consumer_described_member out = {
        .member_id = consumer->id,
        .instance_id = profile->instance_id,
        .rack_id = profile->rack_id,
        .member_epoch = consumer->epoch,
        .client_id = profile->client_id,
        .client_host = profile->client_host,
        .topic_count = profile->topic_count,
        .topics = profile->topics,
        .topic_regex = profile->topic_regex.data != NULL ? profile->topic_regex : STR(""),
        .is_classic = profile->is_classic,
    };
    out.assigned = holding_named(decision, &consumer->assigned, &out.assigned_count);
    out.target = holding_named(decision, &consumer->target, &out.target_count);
    return out;
}

static struct consumer_described describe(struct group_decision *decision, struct str id)
{
    const struct group *group = group_find(decision->coordinator, id);
    struct consumer_described out = {.group_id = id, .state = STR(""), .assignor = STR("")};
    struct str after = {.data = NULL};
    const struct consumer *consumer;
    if (group == NULL || group->consumers == NULL) {
        out.err = id.size == 0 ? ERR_INVALID_GROUP_ID : ERR_GROUP_ID_NOT_FOUND;
        return out;
    }
    out.state = consumers_state(group);
    out.group_epoch = group->consumers->epoch;
    out.assignment_epoch = group->consumers->target_epoch;
    out.assignor = consumers_assignor(group);
    struct consumer_described_member *members =
        arena_array(decision->arena, struct consumer_described_member, group->consumers->count);
    while ((consumer = consumer_next(group, &after)) != NULL)
        members[out.member_count++] = describe_member(decision, consumer);
    out.members = members;
    return out;
}

void group_decide_consumer_describe(struct group_decision *decision,
                                    const struct groups_command *command)
{
    if (decision_refuses(decision, GROUP_REPLY_CONSUMER_DESCRIBE, command->token, NULL))
        return;
    struct consumer_described *groups =
        arena_array(decision->arena, struct consumer_described, command->count);
    for (uint32_t i = 0; i < command->count; i++)
        groups[i] = describe(decision, command->group_ids[i]);
    struct group_reply *reply =
        decision_reply(decision, GROUP_REPLY_CONSUMER_DESCRIBE, command->token, ERR_NONE);
    reply->consumers = (struct consumer_descriptions){.count = command->count, .groups = groups};
}
