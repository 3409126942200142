/* classic_sync.c -- SyncGroup (rule 103): the leader's assignment becomes a record, and then
 * the answer to every member that waits. */
#include "consumer_state.h"

static enum err check_sync(const struct group *group, const struct sync_group_command *command,
                           struct member **member)
{
    if (group == NULL)
        return ERR_UNKNOWN_MEMBER_ID;
    enum err err = member_check(group, command->member_id, command->instance_id, member);
    if (err != ERR_NONE)
        return err;
    if (command->generation != group->generation)
        return ERR_ILLEGAL_GENERATION;
    if (command->protocol_type.data != NULL &&
        !str_equal(command->protocol_type, group->protocol_type))
        return ERR_INCONSISTENT_GROUP_PROTOCOL;
    if (command->protocol.data != NULL && !str_equal(command->protocol, group->protocol))
        return ERR_INCONSISTENT_GROUP_PROTOCOL;
    if (group->phase == GROUP_PREPARING)
        return ERR_REBALANCE_IN_PROGRESS;
    return group->phase == GROUP_EMPTY ? ERR_UNKNOWN_MEMBER_ID : ERR_NONE;
}

static void set_assignments(struct group *group, const struct sync_group_command *command)
{
    struct list *node, *next;
    list_each (node, next, &group->members)
        member_assign(list_entry(node, struct member, in_group), bytes_of_str(STR("")));
    for (uint32_t i = 0; i < command->assignment_count; i++) {
        struct member *member = member_find(group, command->assignments[i].member_id);
        if (member != NULL && command->assignments[i].assignment.data != NULL)
            member_assign(member, command->assignments[i].assignment);
    }
}

static void answer_syncs(struct group *group, enum err err)
{
    struct list *node, *next;
    list_each (node, next, &group->members) {
        struct member *member = list_entry(node, struct member, in_group);
        if (!member->awaits_sync)
            continue;
        member->awaits_sync = false;
        reply_synced(member, member->sync_token, err);
        member_restart_session(member, member->session_timeout_ms);
    }
}

static void take_assignments(struct group_decision *decision, struct group *group,
                             const struct sync_group_command *command)
{
    const struct coordinator *coordinator = decision->coordinator;
    set_assignments(group, command);
    if (group_record_size(group) > coordinator->config.record_size_max ||
        memory_is_exceeded(coordinator)) {
        /* There is no room for it. Members come back, perhaps with a smaller one. */
        set_assignments(group, &(struct sync_group_command){.assignment_count = 0});
        answer_syncs(group, ERR_UNKNOWN_SERVER_ERROR);
        rebalance_begin(group);
        return;
    }
    group_enter(group, GROUP_STABLE);
#ifndef SKIFF_MUTANT_SYNC_NOT_STORED
    emit_group(decision, group);
#endif
    answer_syncs(group, ERR_NONE);
}

static void sync_group(struct group_decision *decision, struct member *member,
                       const struct sync_group_command *command)
{
    struct group *group = member->group;
    member->owes_sync = false;
    member_restart_session(member, member->session_timeout_ms);
    if (group->phase == GROUP_STABLE) {
        reply_synced(member, command->token, ERR_NONE);
        return;
    }
    if (member->awaits_sync) /* The member asks again: only the later one is heard. */
        reply_synced(member, member->sync_token, ERR_REBALANCE_IN_PROGRESS);
    member->awaits_sync = true;
    member->sync_token = command->token;
    if (member_is_leader(member))
        take_assignments(decision, group, command);
}

void group_decide_sync(struct group_decision *decision, const struct sync_group_command *command)
{
    struct member *member = NULL;
    if (decision_refuses(decision, GROUP_REPLY_SYNC, command->token, &command->group_id))
        return;
    decision->repeatable = command->token;
    struct group *group = group_find(decision->coordinator, command->group_id);
    if (group != NULL && group->consumers != NULL) {
        consumer_classic_sync(decision, group, command);
        return;
    }
    enum err err = check_sync(group, command, &member);
    if (err != ERR_NONE)
        decision_reply(decision, GROUP_REPLY_SYNC, command->token, err);
    else
        sync_group(decision, member, command);
}
