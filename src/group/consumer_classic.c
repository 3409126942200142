/* consumer_classic.c -- members that speak the classic protocol in a group of consumers.
 *
 * What they are told as a generation is their epoch. They are assigned like everybody else, and
 * are asked to join again whenever there is something for them; what they own they say in their
 * subscription, and who says nothing has given up everything before it joins. */
#include "consumer_state.h"
#include "embedded.h"

/* One join under way. */
struct arrival {
    struct group_decision *decision;
    const struct join_group_command *command;
    struct group *group;
    struct str id;
    struct consumer *consumer; /* NULL: new. */
    struct consumer *replaced;
    struct embedded_subscription subscription;
    struct consumer_profile profile;
};

static bool offers(const struct consumer *consumer, struct str protocol)
{
    for (uint32_t i = 0; i < consumer->profile.protocol_count; i++)
        if (str_equal(consumer->profile.protocols[i].name, protocol))
            return true;
    return false;
}

/* Whether all others of the classic protocol offer it. */
static bool is_common(const struct arrival *arrival, struct str protocol)
{
    struct str after = {.data = NULL};
    const struct consumer *consumer;
    while ((consumer = consumer_next(arrival->group, &after)) != NULL)
        if (consumer->profile.is_classic && consumer != arrival->consumer &&
            consumer != arrival->replaced && !offers(consumer, protocol))
            return false;
    return true;
}

static enum err check_protocols(struct arrival *arrival)
{
    const struct join_group_command *command = arrival->command;
    bool is_supported = false;
    if (!str_equal(command->protocol_type, STR("consumer")))
        return ERR_INCONSISTENT_GROUP_PROTOCOL;
    if (command->protocols[0].metadata.size >
        arrival->decision->coordinator->config.record_size_max)
        return ERR_GROUP_MAX_SIZE_REACHED; /* Before anything of it is read. */
    for (uint32_t i = 0; i < command->protocol_count && !is_supported; i++)
        is_supported = is_common(arrival, command->protocols[i].name);
    return is_supported &&
                   embedded_read_subscription(command->protocols[0].metadata,
                                              arrival->decision->arena, &arrival->subscription)
               ? ERR_NONE
               : ERR_INCONSISTENT_GROUP_PROTOCOL;
}

/* Ids that were given out are not remembered here: any is good for a dynamic member. */
static enum err find_member(struct arrival *arrival)
{
    const struct join_group_command *command = arrival->command;
    arrival->id = command->member_id;
    if (command->member_id.size == 0) {
        arrival->id = make_member_id(arrival->decision, command);
        arrival->replaced = consumer_of_instance(arrival->group, command->instance_id);
        return ERR_NONE;
    }
    if (command->instance_id.data != NULL)
        return consumer_check(arrival->group, command->member_id, command->instance_id,
                              &arrival->consumer);
    arrival->consumer = consumer_find(arrival->group, command->member_id);
    return ERR_NONE;
}

static void make_profile(struct arrival *arrival)
{
    const struct join_group_command *command = arrival->command;
    const struct consumer *known =
        arrival->consumer != NULL ? arrival->consumer : arrival->replaced;
    arrival->profile = (struct consumer_profile){
        .instance_id = command->instance_id,
        .rack_id = arrival->subscription.rack_id,
        .client_id = command->client_id.data != NULL ? command->client_id : STR(""),
        .client_host = command->client_host.data != NULL ? command->client_host : STR(""),
        .rebalance_timeout_ms = command->rebalance_timeout_ms,
        .is_classic = true,
        .session_timeout_ms = command->session_timeout_ms,
        .protocol_count = command->protocol_count,
    };
    /* Borrowed, and only read. */
    arrival->profile.protocols = arena_copy(arrival->decision->arena, command->protocols,
                                            command->protocol_count * sizeof *command->protocols);
    if (known != NULL && command->instance_id.data == NULL)
        arrival->profile.instance_id =
            arena_str(arrival->decision->arena, known->profile.instance_id);
    profile_set_topics(&arrival->profile, arrival->decision->arena,
                       arrival->subscription.topic_count, arrival->subscription.topics);
}

static void admit(struct arrival *arrival)
{
    struct group_decision *decision = arrival->decision;
    struct group *group = arrival->group;
    struct holding owned = holding_by_names(decision, 0, arrival->subscription.owned_count,
                                            arrival->subscription.owned);
    if (arrival->consumer == NULL)
        arrival->consumer = consumer_admit(decision, group, arrival->replaced, arrival->id);
    struct consumer *consumer = arrival->consumer;
    bool is_resubscribed = consumer_update(decision, consumer, &arrival->profile, NULL);
    consumers_refresh(decision, group, is_resubscribed);
    consumers_assign(decision, group, false);
    consumer_reconcile(decision, consumer, &owned, is_resubscribed);
    consumer_restart_session(consumer);
    consumer_start_patience(consumer); /* Until it syncs. */

    struct group_reply *reply =
        decision_reply(decision, GROUP_REPLY_JOIN, arrival->command->token, ERR_NONE);
    reply->join.generation = consumer->epoch;
    reply->join.protocol_type = STR("consumer");
    reply->join.protocol = arrival->command->protocols[0].name;
    reply->join.member_id = arena_str(decision->arena, consumer->id);
}

void consumer_classic_join(struct group_decision *decision, struct group *group,
                           const struct join_group_command *command)
{
    struct arrival arrival = {.decision = decision, .command = command, .group = group};
    enum err err = find_member(&arrival);
    if (err == ERR_NONE)
        err = check_protocols(&arrival);
    if (err == ERR_NONE) {
        make_profile(&arrival);
        err = consumers_check_room(group,
                                   arrival.consumer != NULL ? arrival.consumer : arrival.replaced,
                                   &arrival.profile);
    }
    if (err == ERR_NONE && command->member_id.size == 0 && command->instance_id.data == NULL &&
        command->requires_known_member_id)
        err = ERR_MEMBER_ID_REQUIRED;
    if (err == ERR_NONE)
        admit(&arrival);
    else
        reply_join_error(decision, command->token,
                         err == ERR_MEMBER_ID_REQUIRED ? arrival.id : command->member_id, err);
}

/* The member that a classic request speaks for, in its epoch. */
static enum err find_classic(const struct group *group, struct str id, struct str instance_id,
                             int32_t generation, struct consumer **out)
{
    struct consumer *consumer;
    enum err err = consumer_check(group, id, instance_id, &consumer);
    if (err != ERR_NONE)
        return err;
    if (!consumer->profile.is_classic)
        return ERR_UNKNOWN_MEMBER_ID;
    if (generation != consumer->epoch)
        return ERR_ILLEGAL_GENERATION;
    *out = consumer;
    return ERR_NONE;
}

/* It is told to join, and waited for. */
static enum err ask_to_join(struct consumer *consumer)
{
    if (!timer_is_running(&consumer->patience))
        consumer_start_patience(consumer);
    return ERR_REBALANCE_IN_PROGRESS;
}

static enum err check_sync(const struct group *group, const struct sync_group_command *command,
                           struct consumer **out)
{
    enum err err =
        find_classic(group, command->member_id, command->instance_id, command->generation, out);
    if (err != ERR_NONE)
        return err;
    if (command->protocol_type.data != NULL && !str_equal(command->protocol_type, STR("consumer")))
        return ERR_INCONSISTENT_GROUP_PROTOCOL;
    if (command->protocol.data != NULL && !offers(*out, command->protocol))
        return ERR_INCONSISTENT_GROUP_PROTOCOL;
    /* Who has partitions to give up has joined already: it has to hear which ones. */
    return (*out)->epoch < group->consumers->epoch && (*out)->state != CONSUMER_UNREVOKED
               ? ask_to_join(*out)
               : ERR_NONE;
}

struct bytes consumer_write_assignment(struct group_decision *decision,
                                       const struct consumer *consumer,
                                       const struct holding *holding)
{
    struct embedded_subscription subscription = {.version = 0};
    uint32_t count;
    const struct group_topic_partitions *topics = holding_named(decision, holding, &count);
    if (consumer->profile.protocol_count > 0)
        embedded_read_subscription(consumer->profile.protocols[0].metadata, decision->arena,
                                   &subscription);
    return embedded_write_assignment(decision->arena, subscription.version, count, topics);
}

void consumer_classic_sync(struct group_decision *decision, struct group *group,
                           const struct sync_group_command *command)
{
    struct consumer *consumer = NULL;
    enum err err = check_sync(group, command, &consumer);
    if (err != ERR_NONE) {
        decision_reply(decision, GROUP_REPLY_SYNC, command->token, err);
        return;
    }
    timer_stop(&decision->coordinator->timers, &consumer->patience);
    consumer_restart_session(consumer);
    struct bytes assignment = consumer_write_assignment(decision, consumer, &consumer->assigned);
    err = decision_take_room(decision, command->token, assignment.size);
    struct group_reply *reply = decision_reply(decision, GROUP_REPLY_SYNC, command->token, err);
    if (err != ERR_NONE)
        return;
    reply->sync = (struct group_synced){
        .protocol_type = STR("consumer"),
        .protocol = command->protocol.data != NULL
                        ? command->protocol
                        : arena_str(decision->arena, consumer->profile.protocols[0].name),
        .assignment = assignment,
    };
}

enum err consumer_classic_heartbeat(struct group *group,
                                    const struct group_heartbeat_command *command)
{
    struct consumer *consumer = NULL;
    enum err err = find_classic(group, command->member_id, command->instance_id,
                                command->generation, &consumer);
    if (err != ERR_NONE)
        return err;
    consumer_restart_session(consumer);
    if (consumer->epoch < group->consumers->epoch || consumer->state == CONSUMER_UNREVOKED ||
        (consumer->state == CONSUMER_UNRELEASED && !consumer_waits_for_others(consumer)))
        return ask_to_join(consumer);
    return ERR_NONE;
}

/* Also of members that do not speak the classic protocol: an administrator removes them so. */
enum err consumer_classic_leave(struct group_decision *decision, struct group *group,
                                const struct group_leaver *leaver)
{
    bool is_by_instance = leaver->member_id.size == 0 && leaver->instance_id.data != NULL;
    struct consumer *consumer = consumer_of_instance(group, leaver->instance_id);
    if (!is_by_instance) {
        enum err err = consumer_check(group, leaver->member_id, leaver->instance_id, &consumer);
        if (err != ERR_NONE)
            return err;
    }
    if (consumer == NULL)
        return ERR_UNKNOWN_MEMBER_ID;
    consumer_fence(decision, consumer);
    return ERR_NONE;
}

bool consumer_classic_takes_over(struct group_decision *decision, struct group *group,
                                 const struct join_group_command *command)
{
    struct consumer *replaced =
        command->member_id.size == 0 ? consumer_of_instance(group, command->instance_id) : NULL;
    if (group->consumers->count == 0)
        return consumers_downgrade(decision, group, NULL);
    return replaced != NULL && !replaced->profile.is_classic &&
           consumers_may_downgrade(group, replaced) &&
           consumers_downgrade(decision, group, replaced);
}
