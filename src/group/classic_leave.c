/* classic_leave.c -- LeaveGroup (rule 106): members go, static ones by their instance. */
#include "consumer_state.h"

static enum err leave_one(struct group_decision *decision, struct group *group,
                          const struct group_leaver *leaver)
{
    if (group->consumers != NULL)
        return consumer_classic_leave(decision, group, leaver);
    struct pending *pending = pending_find(group, leaver->member_id);
    struct member *member;
    if (pending != NULL) {
        if (leaver->instance_id.data != NULL)
            return ERR_UNKNOWN_MEMBER_ID; /* That id was given to a dynamic member. */
        pending_remove(pending);
        return ERR_NONE;
    }
    if (leaver->member_id.size == 0 && leaver->instance_id.data != NULL) {
        member = names_get(group->by_instance, leaver->instance_id);
        if (member == NULL)
            return ERR_UNKNOWN_MEMBER_ID;
    } else {
        enum err err = member_check(group, leaver->member_id, leaver->instance_id, &member);
        if (err != ERR_NONE)
            return err;
    }
    member_remove(member, ERR_UNKNOWN_MEMBER_ID);
    return ERR_NONE;
}

void group_decide_leave(struct group_decision *decision, const struct leave_group_command *command)
{
    if (decision_refuses(decision, GROUP_REPLY_LEAVE, command->token, &command->group_id))
        return;
    struct group *group = group_find(decision->coordinator, command->group_id);
    if (group == NULL) {
        decision_reply(decision, GROUP_REPLY_LEAVE, command->token, ERR_UNKNOWN_MEMBER_ID);
        return;
    }
    uint32_t before = group->member_count;
    struct group_left *left = arena_array(decision->arena, struct group_left, command->count);
    for (uint32_t i = 0; i < command->count; i++)
        left[i] = (struct group_left){.member_id = command->members[i].member_id,
                                      .instance_id = command->members[i].instance_id,
                                      .err = leave_one(decision, group, &command->members[i])};
    struct group_reply *reply =
        decision_reply(decision, GROUP_REPLY_LEAVE, command->token, ERR_NONE);
    reply->leave = (struct group_leaving){.count = command->count, .members = left};
    if (group->member_count < before)
        rebalance_after_change(group);
    else
        rebalance_check(group); /* An id that nobody waits for any more. */
    group_remove_unused(group);
}
