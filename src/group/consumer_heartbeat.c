/* consumer_heartbeat.c -- ConsumerGroupHeartbeat (rules 140 to 146): the one request of the
 * consumer protocol. It joins, tells what is new on either side, and leaves.
 *
 * Nothing is taken back, so all that may be wrong is looked at before anything changes. */
#include "consumer_state.h"

/* One heartbeat under way. */
struct beat {
    struct group_decision *decision;
    const struct consumer_heartbeat_command *command;
    struct group *group;       /* NULL: not there yet. */
    struct consumer *consumer; /* NULL: new, or of the classic protocol until now. */
    struct consumer *replaced; /* The static member whose place it takes. */
    struct consumer_profile profile;
    struct regex regex;
    bool has_regex; /* The group does not know it yet. */
};

static bool is_empty(struct str str)
{
    return str.data != NULL && str.size == 0;
}

static bool joins(const struct consumer_heartbeat_command *command)
{
    return command->member_epoch == 0;
}

static enum err check_join(const struct consumer_heartbeat_command *command)
{
    if (command->rebalance_timeout_ms == -1 || !command->has_owned || command->owned_count > 0)
        return ERR_INVALID_REQUEST;
    return command->has_topics || command->topic_regex.data != NULL ? ERR_NONE
                                                                    : ERR_INVALID_REQUEST;
}

/* Before anything is sorted: nobody subscribes to more, or owns more, than a record holds. */
static enum err check_size(const struct coordinator_config *config,
                           const struct consumer_heartbeat_command *command)
{
    uint64_t names = 0, owned = 0;
    for (uint32_t i = 0; i < command->topic_count; i++)
        names += sizeof *command->topics + command->topics[i].size;
    for (uint32_t i = 0; i < command->owned_count; i++)
        owned += command->owned[i].partition_count;
    if (owned * sizeof(int32_t) > config->record_size_max)
        return ERR_INVALID_REQUEST;
    return names > config->record_size_max ? ERR_GROUP_MAX_SIZE_REACHED : ERR_NONE;
}

/* What is wrong whatever the group is like. */
static enum err check_command(const struct coordinator_config *config,
                              const struct consumer_heartbeat_command *command)
{
    bool needs_id = command->makes_member_id || !joins(command);
    if (command->group_id.size == 0 || is_empty(command->instance_id) ||
        is_empty(command->rack_id) || (needs_id && command->member_id.size == 0))
        return ERR_INVALID_REQUEST;
    if (command->member_epoch < CONSUMER_AWAY ||
        (command->member_epoch == CONSUMER_AWAY && command->instance_id.data == NULL))
        return ERR_INVALID_REQUEST;
    if (joins(command) && check_join(command) != ERR_NONE)
        return ERR_INVALID_REQUEST;
    if (command->assignor.data != NULL && !assignor_is_known(&config->consumer, command->assignor))
        return ERR_UNSUPPORTED_ASSIGNOR;
    return check_size(config, command);
}

static enum err check_group(struct beat *beat)
{
    const struct coordinator *coordinator = beat->decision->coordinator;
    if (beat->group == NULL && !joins(beat->command))
        return ERR_GROUP_ID_NOT_FOUND;
    if (beat->group == NULL)
        return pmap_count(coordinator->groups) < GROUP_GROUPS_MAX ? ERR_NONE : ERR_POLICY_VIOLATION;
    if (beat->group->consumers != NULL)
        return ERR_NONE;
    return joins(beat->command) ? consumers_check_upgrade(beat->group, beat->decision->arena)
                                : ERR_GROUP_ID_NOT_FOUND;
}

static bool owns_no_more(const struct consumer_heartbeat_command *command,
                         const struct holding *assigned)
{
    for (uint32_t i = 0; i < command->owned_count; i++)
        for (uint32_t j = 0; j < command->owned[i].partition_count; j++)
            if (holding_find(assigned, held_of(command->owned[i].topic_id,
                                               command->owned[i].partitions[j], 0)) == NULL)
                return false;
    return command->has_owned;
}

/* An epoch before the current one is of a member that did not hear the last answer (rule 141). */
static enum err check_epoch(const struct consumer *consumer,
                            const struct consumer_heartbeat_command *command)
{
    if (joins(command) || command->member_epoch == consumer->epoch)
        return ERR_NONE;
    if (command->member_epoch < consumer->epoch &&
        command->member_epoch == consumer->previous_epoch &&
        owns_no_more(command, &consumer->assigned))
        return ERR_NONE;
    return ERR_FENCED_MEMBER_EPOCH;
}

/* A static member that joins: its instance has to be free, or away, or of the classic protocol,
 * which does not say when it leaves. */
static enum err find_static_place(struct beat *beat)
{
    struct str id = beat->command->member_id;
    struct consumer *holder = consumer_of_instance(beat->group, beat->command->instance_id);
    struct consumer *namesake = consumer_find(beat->group, id);
    if (namesake != NULL && namesake != holder)
        return ERR_FENCED_INSTANCE_ID; /* That id is somebody else's. */
    if (holder != NULL && holder != namesake && holder->epoch != CONSUMER_AWAY &&
        !holder->profile.is_classic)
        return ERR_UNRELEASED_INSTANCE_ID;
    beat->consumer = namesake;
    beat->replaced = holder;
    return ERR_NONE;
}

/* Whom the heartbeat speaks for. */
static enum err find_member(struct beat *beat)
{
    const struct consumer_heartbeat_command *command = beat->command;
    if (joins(command) && command->instance_id.data != NULL)
        return find_static_place(beat);
    enum err err =
        consumer_check(beat->group, command->member_id, command->instance_id, &beat->consumer);
    if (err == ERR_UNKNOWN_MEMBER_ID && joins(command))
        return ERR_NONE;
    return err != ERR_NONE ? err : check_epoch(beat->consumer, command);
}

/* What it said before, and what it says now. */
static void make_profile(struct beat *beat)
{
    const struct consumer_heartbeat_command *command = beat->command;
    const struct consumer *known = beat->consumer != NULL ? beat->consumer : beat->replaced;
    struct consumer_profile *profile = &beat->profile;
    if (known != NULL)
        *profile = profile_copy(beat->decision->arena, &known->profile);
    profile->client_id = command->client_id.data != NULL ? command->client_id : STR("");
    profile->client_host = command->client_host.data != NULL ? command->client_host : STR("");
    if (command->instance_id.data != NULL)
        profile->instance_id = command->instance_id;
    if (command->rack_id.data != NULL)
        profile->rack_id = command->rack_id;
    if (command->rebalance_timeout_ms != -1)
        profile->rebalance_timeout_ms = command->rebalance_timeout_ms;
    if (command->assignor.data != NULL)
        profile->assignor = command->assignor;
    if (command->has_topics)
        profile_set_topics(profile, beat->decision->arena, command->topic_count, command->topics);
    if (command->topic_regex.data != NULL)
        profile->topic_regex =
            command->topic_regex.size > 0 ? command->topic_regex : (struct str){.data = NULL};
}

static bool has_place_in_classic(const struct beat *beat)
{
    return beat->group->consumers == NULL &&
           (member_find(beat->group, beat->command->member_id) != NULL ||
            names_get(beat->group->by_instance, beat->command->instance_id) != NULL);
}

/* Room, and an expression that the group does not know. */
static enum err check_profile(struct beat *beat)
{
    const struct consumer *known = beat->consumer != NULL ? beat->consumer : beat->replaced;
    const struct coordinator *coordinator = beat->decision->coordinator;
    struct str pattern = beat->profile.topic_regex;
    uint64_t bytes = profile_bytes(&beat->profile);
    uint64_t alone = sizeof(struct group) + sizeof(struct consumer) + bytes;
    enum err err = ERR_NONE;
    if (beat->group != NULL && !has_place_in_classic(beat))
        err = consumers_check_room(beat->group, known, &beat->profile);
    else if (bytes > coordinator->config.record_size_max ||
             (beat->group == NULL && !memory_has_room(coordinator, 0, alone)))
        err = ERR_GROUP_MAX_SIZE_REACHED;
    if (err != ERR_NONE || pattern.data == NULL ||
        (beat->group != NULL && regex_find(beat->group, pattern) != NULL))
        return err;
    beat->has_regex = true;
    return consumers_resolve(beat->decision, beat->group, pattern, &beat->regex);
}

static struct str id_of(struct beat *beat)
{
    struct rand *rand = &beat->decision->coordinator->rand;
    struct uuid uuid;
    if (beat->command->member_id.size > 0)
        return beat->command->member_id;
    store_be64(uuid.bytes, rand_u64(rand));
    store_be64(uuid.bytes + 8, rand_u64(rand));
    char *text = arena_alloc(beat->decision->arena, UUID_TEXT_SIZE);
    uuid_format(uuid, text);
    return (struct str){.data = text, .size = UUID_TEXT_SIZE - 1};
}

/* Whole requests are answered wholly: the client has lost what it knew. */
static bool is_whole(const struct consumer_heartbeat_command *command)
{
    return joins(command) || (command->rebalance_timeout_ms != -1 && command->has_owned &&
                              (command->has_topics || command->topic_regex.data != NULL));
}

/* Whether the same heartbeat, sent again, is accepted, and hears the same. */
static bool may_repeat(const struct beat *beat)
{
    const struct consumer_heartbeat_command *command = beat->command;
    return is_whole(command) && command->member_id.size > 0 &&
           (joins(command) || command->member_epoch == beat->consumer->epoch);
}

static void answer(struct beat *beat, bool has_assignment)
{
    struct group_decision *decision = beat->decision;
    const struct holding *assigned = &beat->consumer->assigned;
    const struct group_topic_partitions *topics = NULL;
    uint32_t topic_count = 0;
    enum err err = ERR_NONE;
    if (has_assignment)
        topics = holding_topics(decision->arena, assigned, &topic_count);
    if (has_assignment && may_repeat(beat)) {
        decision->repeatable = beat->command->token;
        err = decision_take_room(decision, beat->command->token,
                                 topic_count * sizeof *topics + assigned->count * sizeof(int32_t));
    }
    struct group_reply *reply =
        decision_reply(decision, GROUP_REPLY_CONSUMER_HEARTBEAT, beat->command->token, err);
    if (err != ERR_NONE)
        return;
    reply->beat = (struct consumer_beat){
        .member_id = arena_str(decision->arena, beat->consumer->id),
        .member_epoch = beat->consumer->epoch,
        .heartbeat_interval_ms = consumers_config(beat->group).heartbeat_interval_ms,
        .has_assignment = has_assignment,
        .topic_count = topic_count,
        .topics = topics,
    };
}

/* The member is what it says; the group, its target and the member follow. */
static void live(struct beat *beat)
{
    const struct consumer_heartbeat_command *command = beat->command;
    struct group_decision *decision = beat->decision;
    if (beat->consumer == NULL)
        beat->consumer = consumer_admit(decision, beat->group, beat->replaced, id_of(beat));
    struct consumer *consumer = beat->consumer;
    struct holding owned = holding_of_topics(decision->arena, command->owned_count, command->owned);
    struct holding before = {.count = consumer->assigned.count};
    before.held = arena_copy(decision->arena, consumer->assigned.held,
                             consumer->assigned.count * sizeof *before.held);

    bool was_classic = consumer->has_profile && consumer->profile.is_classic;
    bool is_resubscribed =
        consumer_update(decision, consumer, &beat->profile, beat->has_regex ? &beat->regex : NULL);
    if (was_classic)
        timer_stop(&decision->coordinator->timers, &consumer->patience);
    consumers_refresh(decision, beat->group, is_resubscribed);
    consumers_assign(decision, beat->group, true);
    consumer_reconcile(decision, consumer, command->has_owned ? &owned : NULL, is_resubscribed);
    consumer_restart_session(consumer);
    answer(beat, is_whole(command) || !holding_equal(&before, &consumer->assigned));
}

static enum err heartbeat(struct beat *beat)
{
    enum err err = check_group(beat);
    if (err == ERR_NONE && beat->group != NULL && beat->group->consumers != NULL)
        err = find_member(beat);
    if (err != ERR_NONE)
        return err;
    make_profile(beat);
    err = check_profile(beat);
    if (err != ERR_NONE)
        return err;
    if (beat->group == NULL)
        beat->group = group_create(beat->decision->coordinator, beat->command->group_id);
    if (beat->group->consumers == NULL) {
        consumers_upgrade(beat->decision, beat->group);
        err = find_member(beat);
    }
    if (err == ERR_NONE)
        live(beat);
    return err;
}

void group_decide_consumer_heartbeat(struct group_decision *decision,
                                     const struct consumer_heartbeat_command *command)
{
    struct beat beat = {.decision = decision, .command = command};
    if (decision_refuses(decision, GROUP_REPLY_CONSUMER_HEARTBEAT, command->token, NULL))
        return;
    enum err err = check_command(&decision->coordinator->config, command);
    if (err == ERR_NONE && command->member_epoch < 0) {
        err = consumer_leave(decision, command);
    } else if (err == ERR_NONE) {
        beat.group = group_find(decision->coordinator, command->group_id);
        err = heartbeat(&beat);
    }
    if (err != ERR_NONE)
        decision_reply(decision, GROUP_REPLY_CONSUMER_HEARTBEAT, command->token, err);
}
