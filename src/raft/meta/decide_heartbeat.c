/* decide_heartbeat.c -- a broker says that it lives, and what it wants.
 *
 * One heartbeat may name rotten replicas, ask for a controlled shutdown, ask to stay
 * fenced, or show that it is caught up; each leads to records, in that order. */
#include "controller_state.h"

/* Rule 11: out of ISR and ELR in one batch that bumps the leader epoch, so that nothing
 * the replica confirmed in the old epoch can count. A replica that is in neither gets a new
 * epoch too: its leader may be about to propose it for what it fetched. */
static void drop_unserviceable(struct decision *decision, const struct heartbeat_command *command)
{
    struct str cause =
        decision_cause(decision, "node %d cannot serve its replica", (int)command->id);
    for (uint32_t i = 0; i < command->unserviceable_count; i++) {
        struct partition_key key = command->unserviceable[i];
        const struct image_partition *partition =
            image_partition(decision->image, key.topic_id, key.index);
        if (partition == NULL || !node_list_has(&partition->replicas, command->id))
            continue;
        if (!node_list_has(&partition->isr, command->id) &&
            !node_list_has(&partition->elr, command->id) &&
            partition->leader_epoch > command->unserviceable_epochs[i])
            continue;
        struct change change;
        change_begin(&change, partition);
        node_list_add(&change.lost, command->id);
        change.bump_epoch = true;
        change_emit(decision, &change, cause);
    }
}

/* It must have applied the record that last spoke of it: what fenced it also took its
 * leaderships, and it may not serve on older knowledge. */
static bool may_unfence(const struct heartbeat_command *command, const struct image_broker *broker)
{
    return broker->fenced && !broker->shutting_down && !command->want_fence &&
           !command->want_shut_down && command->metadata_offset >= broker->changed;
}

static void unfence(struct decision *decision, const struct image_broker *broker)
{
    node_id id = broker->id;
    struct str cause = decision_cause(decision, "node %d has caught up with broker epoch %lld",
                                      (int)id, (long long)broker->epoch);
    decision_emit(decision, &(struct record){
                                .type = RECORD_BROKER_CHANGE,
                                .cause = cause,
                                .broker_change = {.id = id, .epoch = broker->epoch},
                            });
    change_elect_waiting(decision, id, cause);
}

static enum err check_heartbeat(const struct decision *decision,
                                const struct heartbeat_command *command)
{
    const struct image_broker *broker = image_broker(decision->image, command->id);
    if (broker == NULL)
        return ERR_BROKER_ID_NOT_REGISTERED;
    if (broker->epoch != command->epoch)
        return ERR_STALE_BROKER_EPOCH;
    if (command->unserviceable_count > CONTROLLER_UNSERVICEABLE_MAX)
        return ERR_INVALID_REQUEST;
    return ERR_NONE;
}

enum err decide_heartbeat(struct decision *decision, const struct heartbeat_command *command,
                          struct heartbeat_reply *reply)
{
    enum err err = check_heartbeat(decision, command);
    if (err != ERR_NONE)
        return err;

    struct session *session = session_of(decision->controller, command->id);
    session_hear(session, decision->now);
    session->metadata_offset = command->metadata_offset;
    session_set_unserviceable(session, command->unserviceable_count, command->unserviceable);
    drop_unserviceable(decision, command);

    *reply = (struct heartbeat_reply){.is_caught_up = command->metadata_offset >= command->epoch};
    const struct image_broker *broker = image_broker(decision->image, command->id);
    if (command->want_shut_down)
        reply->should_shut_down = decide_shutdown(decision, command->id);
    else if (command->want_fence && !broker->fenced)
        decide_fence(decision, command->id,
                     decision_cause(decision, "node %d asked to be fenced", (int)command->id));
    else if (may_unfence(command, broker))
        unfence(decision, broker);
    reply->is_fenced = image_broker(decision->image, command->id)->fenced;
    return ERR_NONE;
}
