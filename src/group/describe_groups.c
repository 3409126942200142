/* describe_groups.c -- DescribeGroups (rule 111). What members say and have is shown in Stable
 * alone: before, it is not what they will have. */
#include "group_state.h"

static struct bytes shown(struct bytes bytes, bool is_stable)
{
    return is_stable && bytes.data != NULL ? bytes : bytes_of_str(STR(""));
}

static void describe_members(struct arena *arena, const struct group *group,
                             struct group_described *out)
{
    bool is_stable = group->phase == GROUP_STABLE;
    struct group_described_member *members =
        arena_array(arena, struct group_described_member, group->member_count);
    struct list *node, *next;
    list_each (node, next, &group->members) {
        const struct member *member = list_entry(node, struct member, in_group);
        members[out->member_count++] = (struct group_described_member){
            .member_id = member->id,
            .instance_id = member->instance_id,
            .client_id = member->client_id,
            .client_host = member->client_host,
            .metadata = shown(member_metadata(member, group->protocol), is_stable),
            .assignment = shown(member->assignment, is_stable),
        };
    }
    out->members = members;
}

static struct group_described describe(struct group_decision *decision, struct str id)
{
    const struct group *group = group_find(decision->coordinator, id);
    struct group_described out = {
        .group_id = id, .state = STR("Dead"), .protocol_type = STR(""), .protocol = STR("")};
    if (group == NULL || group->consumers != NULL) {
        out.err = ERR_GROUP_ID_NOT_FOUND;
        return out;
    }
    out.state = group_phase_name(group);
    if (group->protocol_type.data != NULL)
        out.protocol_type = group->protocol_type;
    if (group->phase == GROUP_STABLE && group->protocol.data != NULL)
        out.protocol = group->protocol;
    describe_members(decision->arena, group, &out);
    return out;
}

void group_decide_describe(struct group_decision *decision, const struct groups_command *command)
{
    if (decision_refuses(decision, GROUP_REPLY_DESCRIBE, command->token, NULL))
        return;
    struct group_described *groups =
        arena_array(decision->arena, struct group_described, command->count);
    for (uint32_t i = 0; i < command->count; i++)
        groups[i] = describe(decision, command->group_ids[i]);
    struct group_reply *reply =
        decision_reply(decision, GROUP_REPLY_DESCRIBE, command->token, ERR_NONE);
    reply->describe = (struct group_descriptions){.count = command->count, .groups = groups};
}
