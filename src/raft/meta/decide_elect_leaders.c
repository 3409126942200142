/* decide_elect_leaders.c -- somebody asks for elections: of preferred replicas, or, where nobody
 * leads, of whoever is left, at the price of records (KIP-183, KIP-460).
 *
 * A preferred replica takes over only from within the ISR, so nothing is lost by it. */
#include "controller_state.h"

struct election {
    struct decision *decision;
    const struct elect_leaders_command *command;
    struct str cause;
};

/* What the decision has made of it. */
static const struct image_partition *present(const struct decision *decision,
                                             struct partition_key key)
{
    return image_partition(decision->image, key.topic_id, key.index);
}

enum err decide_preferred(struct decision *decision, const struct image_partition *partition,
                          struct str cause)
{
    node_id preferred = partition->replicas.ids[0];
    struct partition_key key = partition->key;
    struct change change;
    if (partition->leader == preferred)
        return ERR_ELECTION_NOT_NEEDED;
    if (!node_list_has(&partition->isr, preferred) ||
        session_is_unserviceable(decision->controller, preferred, key))
        return ERR_PREFERRED_LEADER_NOT_AVAILABLE;
    change_begin(&change, partition);
    change.to_preferred = true;
    change_emit(decision, &change, cause);
    check(present(decision, key)->leader == preferred);
    decision->preferred_election = true;
    return ERR_NONE;
}

static enum err elect_uncleanly(struct decision *decision, const struct image_partition *partition,
                                struct str cause)
{
    struct partition_key key = partition->key;
    struct change change;
    if (partition->leader != -1)
        return ERR_ELECTION_NOT_NEEDED;
    change_begin(&change, partition);
    change.unclean = true;
    change_emit(decision, &change, cause);
    return present(decision, key)->leader == -1 ? ERR_ELIGIBLE_LEADERS_NOT_AVAILABLE : ERR_NONE;
}

static enum err elect_one(const struct election *election, const struct image_partition *partition,
                          struct str *message)
{
    struct decision *decision = election->decision;
    if (decision->count >= CONTROLLER_RECORDS_MAX)
        return refuse_with(message, ERR_POLICY_VIOLATION,
                           STR("One request may elect at most 10000 leaders."));
    enum err err = election->command->type == ELECT_PREFERRED
                       ? decide_preferred(decision, partition, election->cause)
                       : elect_uncleanly(decision, partition, election->cause);
    switch (err) {
    case ERR_ELECTION_NOT_NEEDED:
        return refuse_with(message, err, STR("The partition has such a leader already."));
    case ERR_PREFERRED_LEADER_NOT_AVAILABLE:
        return refuse_with(message, err, STR("The preferred replica is not in sync."));
    case ERR_ELIGIBLE_LEADERS_NOT_AVAILABLE:
        return refuse_with(message, err, STR("No replica of the partition lives."));
    default:
        return err;
    }
}

static void elect_named(const struct election *election, const struct elect_topic *wanted,
                        struct elected_topic *reply)
{
    struct decision *decision = election->decision;
    *reply = (struct elected_topic){.name = wanted->name, .count = wanted->count};
    reply->partitions = arena_array(decision->arena, struct elected_partition, wanted->count);
    for (uint32_t i = 0; i < wanted->count; i++) {
        struct elected_partition *one = &reply->partitions[i];
        const struct image_topic *topic = image_topic_by_name(decision->image, wanted->name);
        const struct image_partition *partition =
            topic ? image_partition(decision->image, topic->id, wanted->indexes[i]) : NULL;
        *one = (struct elected_partition){.index = wanted->indexes[i]};
        one->err = partition ? elect_one(election, partition, &one->message)
                             : refuse_with(&one->message, ERR_UNKNOWN_TOPIC_OR_PARTITION,
                                           topic ? STR("The topic has no such partition.")
                                                 : STR("There is no topic of this name."));
    }
}

/* Every partition of one topic; told are those of which there is something to tell. */
static void elect_topic(const struct election *election, const struct image_topic *topic,
                        const struct image *before, struct elected_topic *reply)
{
    struct arena *arena = election->decision->arena;
    uint32_t count = (uint32_t)topic->partition_count;
    *reply = (struct elected_topic){0};
    for (partition_id index = 0; index < topic->partition_count; index++) {
        struct elected_partition one = {.index = index};
        const struct image_partition *partition = image_partition(before, topic->id, index);
        one.err = elect_one(election, partition, &one.message);
        if (one.err == ERR_ELECTION_NOT_NEEDED)
            continue;
        if (reply->count == 0) {
            reply->name = arena_str(arena, topic->name);
            reply->partitions = arena_array(arena, struct elected_partition, count);
        }
        reply->partitions[reply->count++] = one;
    }
}

static void elect_all(const struct election *election, struct elect_leaders_reply *reply)
{
    struct decision *decision = election->decision;
    struct image *before = image_ref(decision->image);
    const struct image_topic *topic = NULL;
    reply->topics = arena_array(decision->arena, struct elected_topic, before->topic_count);
    while ((topic = image_topic_after(before, topic)) != NULL) {
        elect_topic(election, topic, before, &reply->topics[reply->count]);
        reply->count += reply->topics[reply->count].count > 0;
    }
    image_unref(before);
}

/* A request that names more partitions than there can be work for is looked at no further. */
static bool is_too_much(const struct decision *decision,
                        const struct elect_leaders_command *command)
{
    uint64_t named = 0;
    for (uint32_t i = 0; i < command->count; i++)
        named += command->topics[i].count;
    return named > CONTROLLER_RECORDS_MAX && named > decision->image->partition_count;
}

enum err decide_elect_leaders(struct decision *decision,
                              const struct elect_leaders_command *command,
                              struct elect_leaders_reply *reply)
{
    struct election election = {.decision = decision,
                                .command = command,
                                .cause = decision_cause(decision, "ElectLeaders of %.*s",
                                                        (int)command->principal.size,
                                                        command->principal.data)};
    if (command->type != ELECT_PREFERRED && command->type != ELECT_UNCLEAN)
        return ERR_INVALID_REQUEST;
    if (!command->all && is_too_much(decision, command))
        return ERR_POLICY_VIOLATION;
    *reply = (struct elect_leaders_reply){0};
    if (command->all) {
        elect_all(&election, reply);
        return ERR_NONE;
    }
    reply->count = command->count;
    reply->topics = arena_array(decision->arena, struct elected_topic, command->count);
    for (uint32_t i = 0; i < command->count; i++)
        elect_named(&election, &command->topics[i], &reply->topics[i]);
    return ERR_NONE;
}
