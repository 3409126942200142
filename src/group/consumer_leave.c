/* consumer_leave.c -- members of a group of consumers go: by themselves, or because they were
 * waited for too long. */
#include "consumer_state.h"

void consumer_fence(struct group_decision *decision, struct consumer *consumer)
{
    struct group *group = consumer->group;
    if (group->consumers->count > 1 && consumers_may_downgrade(group, consumer) &&
        consumers_downgrade(decision, group, consumer))
        return;
    struct str pattern = arena_str(decision->arena, consumer->profile.topic_regex);
    emit_consumer_tombstones(decision, consumer);
    consumer_remove(consumer);
    consumers_drop_regex(decision, group, pattern);
    consumers_refresh(decision, group, true);
}

/* It has promised to be back within its session: its partitions wait for it. */
static void go_away(struct group_decision *decision, struct consumer *consumer)
{
    consumer->epoch = CONSUMER_AWAY;
    holding_drop(&consumer->revoking);
    if (consumer->state == CONSUMER_UNREVOKED)
        consumer->state = CONSUMER_STABLE;
    timer_stop(&decision->coordinator->timers, &consumer->patience);
    emit_consumer_current(decision, consumer);
}

enum err consumer_leave(struct group_decision *decision,
                        const struct consumer_heartbeat_command *command)
{
    struct group *group = group_find(decision->coordinator, command->group_id);
    struct consumer *consumer;
    if (group == NULL || group->consumers == NULL)
        return ERR_GROUP_ID_NOT_FOUND;
    enum err err = consumer_check(group, command->member_id, command->instance_id, &consumer);
    if (err != ERR_NONE)
        return err;
    if (command->member_epoch == CONSUMER_AWAY)
        go_away(decision, consumer);
    else
        consumer_fence(decision, consumer);
    struct group_reply *reply =
        decision_reply(decision, GROUP_REPLY_CONSUMER_HEARTBEAT, command->token, ERR_NONE);
    reply->beat = (struct consumer_beat){.member_id = command->member_id,
                                         .member_epoch = command->member_epoch};
    return ERR_NONE;
}
