/* classic_heartbeat.c -- Heartbeat (rule 105): the member lives, and hears of a rebalance. */
#include "consumer_state.h"

static enum err heartbeat(struct group *group, const struct group_heartbeat_command *command)
{
    struct member *member;
    if (group == NULL)
        return ERR_UNKNOWN_MEMBER_ID;
    if (group->consumers != NULL)
        return consumer_classic_heartbeat(group, command);
    enum err err = member_check(group, command->member_id, command->instance_id, &member);
    if (err != ERR_NONE)
        return err;
    if (command->generation != group->generation)
        return ERR_ILLEGAL_GENERATION;
    member_restart_session(member, member->session_timeout_ms);
    return group->phase == GROUP_PREPARING ? ERR_REBALANCE_IN_PROGRESS : ERR_NONE;
}

void group_decide_heartbeat(struct group_decision *decision,
                            const struct group_heartbeat_command *command)
{
    if (decision_refuses(decision, GROUP_REPLY_HEARTBEAT, command->token, &command->group_id))
        return;
    struct group *group = group_find(decision->coordinator, command->group_id);
    decision_reply(decision, GROUP_REPLY_HEARTBEAT, command->token, heartbeat(group, command));
}
