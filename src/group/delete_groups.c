/* delete_groups.c -- DeleteGroups (rule 113): tombstones for all that a group left in the log,
 * in one batch. */
#include "consumer_state.h"

static void emit_tombstones(struct group_decision *decision, struct group *group)
{
    struct str after = {.data = NULL};
    const struct offset_topic *topic;
    while ((topic = names_next(group->topics, &after)) != NULL) {
        const struct offset *offset = NULL;
        while ((offset = offset_next(topic, offset)) != NULL)
            emit_offset_tombstone(decision, group, topic->name, offset->index);
    }
    if (group->consumers != NULL)
        emit_consumers_tombstones(decision, group);
    if (group->is_stored)
        emit_group_tombstone(decision, group);
}

static enum err delete_group(struct group_decision *decision, struct str id)
{
    struct group *group = group_find(decision->coordinator, id);
    if (group == NULL)
        return ERR_GROUP_ID_NOT_FOUND;
    if (!group_is_empty(group))
        return ERR_NON_EMPTY_GROUP;
    emit_tombstones(decision, group);
    group_remove(group);
    return ERR_NONE;
}

void group_decide_delete(struct group_decision *decision, const struct groups_command *command)
{
    if (decision_refuses(decision, GROUP_REPLY_DELETE, command->token, NULL))
        return;
    struct group_deleted *groups =
        arena_array(decision->arena, struct group_deleted, command->count);
    for (uint32_t i = 0; i < command->count; i++)
        groups[i] = (struct group_deleted){.group_id = command->group_ids[i],
                                           .err = delete_group(decision, command->group_ids[i])};
    struct group_reply *reply =
        decision_reply(decision, GROUP_REPLY_DELETE, command->token, ERR_NONE);
    reply->deletion = (struct group_deletions){.count = command->count, .groups = groups};
}
