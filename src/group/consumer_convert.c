/* consumer_convert.c -- a group goes from one protocol to the other with its members in it
 * (KIP-848, group.consumer.migration.policy).
 *
 * Up: the last assignment of the classic group is what its members have and shall have, in the
 * epoch that was its generation. They go on speaking as they do, and hear of the rebalance that
 * the newcomer causes. Down: who stays has what it had; it joins for a new generation, which is
 * above every epoch. */
#include "consumer_state.h"
#include "embedded.h"

/* What a member said for the protocol that was chosen, or else for its first one. */
static struct bytes metadata_of(const struct group *group, const struct member *member)
{
    struct bytes metadata = member_metadata(member, group->protocol);
    if (metadata.size == 0 && member->protocol_count > 0)
        return member->protocols[0].metadata;
    return metadata;
}

static bool is_readable(const struct group *group, const struct member *member, struct arena *arena)
{
    struct embedded_subscription subscription;
    struct embedded_assignment assignment;
    return embedded_read_subscription(metadata_of(group, member), arena, &subscription) &&
           embedded_read_assignment(member->assignment, arena, &assignment) &&
           assignment.user_data.size == 0; /* Else an assignor of the clients' own needs it. */
}

enum err consumers_check_upgrade(const struct group *group, struct arena *arena)
{
    const struct consumer_config *config = &group->coordinator->config.consumer;
    struct list *node, *next;
    if (group->phase == GROUP_EMPTY)
        return ERR_NONE;
    if (!config->may_upgrade || !str_equal(group->protocol_type, STR("consumer")) ||
        (int64_t)group->member_count > config->members_max)
        return ERR_GROUP_ID_NOT_FOUND;
    list_each (node, next, &group->members)
        if (!is_readable(group, list_entry(node, struct member, in_group), arena))
            return ERR_GROUP_ID_NOT_FOUND;
    return ERR_NONE;
}

static void set_epochs(struct holding *holding, int32_t epoch)
{
    for (uint32_t i = 0; i < holding->count; i++)
        holding->held[i].epoch = epoch;
}

static void upgrade_member(struct group_decision *decision, struct group *group,
                           const struct member *member)
{
    struct consumer *consumer = consumer_put(group, member->id);
    struct embedded_subscription subscription = {.topics = NULL};
    struct embedded_assignment assignment = {.topics = NULL};
    embedded_read_subscription(metadata_of(group, member), decision->arena, &subscription);
    embedded_read_assignment(member->assignment, decision->arena, &assignment);
    struct consumer_profile profile = {
        .instance_id = member->instance_id,
        .rack_id = subscription.rack_id,
        .client_id = member->client_id,
        .client_host = member->client_host,
        .rebalance_timeout_ms = member->rebalance_timeout_ms,
        .is_classic = true,
        .session_timeout_ms = member->session_timeout_ms,
        .protocol_count = member->protocol_count,
        .protocols = member->protocols,
    };
    profile_set_topics(&profile, decision->arena, subscription.topic_count, subscription.topics);
    consumer_describe(consumer, &profile);
    consumer->epoch = consumer->previous_epoch = group->generation;
    struct holding holding =
        holding_by_names(decision, group->generation, assignment.topic_count, assignment.topics);
    holding_replace(&consumer->assigned, holding);
    set_epochs(&holding, 0);
    holding_replace(&consumer->target, holding);
    consumer_count(consumer);
    emit_consumer_profile(decision, consumer);
    emit_consumer_target(decision, consumer);
    emit_consumer_current(decision, consumer);
    consumer_restart_session(consumer);
}

void consumers_upgrade(struct group_decision *decision, struct group *group)
{
    struct list *node, *next;
    struct consumers *consumers = consumers_of(group);
    if (group->is_stored)
        emit_group_tombstone(decision, group);
    consumers->epoch = consumers->target_epoch = group->generation;
    consumers->target_time = consumers->assign_due = 0; /* The newcomer is not to wait. */
    list_each (node, next, &group->members)
        upgrade_member(decision, group, list_entry(node, struct member, in_group));
    list_each (node, next, &group->members)
        member_remove(list_entry(node, struct member, in_group), ERR_REBALANCE_IN_PROGRESS);
    group_drop_pending(group);
    timer_stop(&group->coordinator->timers, &group->wait);
    group_forget_generation(group);
    emit_consumers(decision, group);
    emit_consumers_target(decision, group);
}

bool consumers_may_downgrade(const struct group *group, const struct consumer *leaver)
{
    const struct coordinator_config *config = &group->coordinator->config;
    uint32_t stay = group->consumers->count - (leaver != NULL);
    uint32_t classic = consumers_classic(group) - (leaver != NULL && leaver->profile.is_classic);
    return classic == stay && config->consumer.may_downgrade &&
           (int64_t)stay <= config->members_max;
}

static void downgrade_member(struct group_decision *decision, const struct consumer *consumer)
{
    const struct consumer_profile *profile = &consumer->profile;
    struct member *member = member_add(consumer->group, consumer->id, profile->instance_id);
    member_describe(member, profile->client_id, profile->client_host);
    member->session_timeout_ms = profile->session_timeout_ms;
    member->rebalance_timeout_ms = profile->rebalance_timeout_ms;
    member->is_new = false;
    member_offer(member, profile->protocol_count, profile->protocols);
    member_assign(member, consumer_write_assignment(decision, consumer, &consumer->target));
    member_restart_session(member, member->session_timeout_ms);
}

/* The generation that the members' assignments stand for. */
static void begin_generation(struct group *group)
{
    group->generation = group->consumers->epoch;
#ifdef SKIFF_MUTANT_GENERATION_RESTARTS
    group->generation = 0;
#endif
    group->protocol_type = keep_str(STR("consumer"));
    if (group->member_count == 0)
        return;
    const struct member *first = list_entry(group->members.next, struct member, in_group);
    replace_str(&group->protocol, group_vote(group));
    replace_str(&group->leader, first->id);
    group->size_before = group->member_count;
}

bool consumers_downgrade(struct group_decision *decision, struct group *group,
                         struct consumer *leaver)
{
    struct str after = {.data = NULL};
    const struct consumer *consumer;
    while ((consumer = consumer_next(group, &after)) != NULL)
        if (consumer != leaver)
            downgrade_member(decision, consumer);
    begin_generation(group);
    if (group_record_size(group) > decision->coordinator->config.record_size_max ||
        (group->member_count > 0 && group->protocol.data == NULL)) {
        group_forget_generation(group); /* No log would take it: it stays as it is. */
        return false;
    }
    emit_consumers_tombstones(decision, group);
    consumers_free(group);
    group->phase = group->member_count > 0 ? GROUP_STABLE : GROUP_EMPTY;
    group->phase_time = decision->time;
    emit_group(decision, group);
    if (group->member_count > 0)
        rebalance_begin(group);
    return true;
}
