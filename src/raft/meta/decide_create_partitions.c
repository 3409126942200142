/* decide_create_partitions.c -- topics get more partitions; there are never fewer (KIP-195).
 *
 * A topic that grows is its Topic record again, with the new number, and the new partitions'
 * records after it, in one batch. Groups are found by the number of partitions of
 * `__consumer_offsets`: if that grew, what groups have committed would no longer be found. */
#include "controller_state.h"

struct growth {
    const struct grow_topic *wanted;
    const struct image_topic *old;
    struct node_list *replicas; /* Of the new partitions. */
    uint32_t count;
};

static enum err check_count(struct decision *decision, struct growth *growth, struct str *message)
{
    int32_t wanted = growth->wanted->partition_count, now = growth->old->partition_count;
    if (wanted == now)
        return refuse_with(
            message, ERR_INVALID_PARTITIONS,
            decision_cause(decision, "The topic has %d partitions already.", (int)now));
    if (wanted < now)
        return refuse_with(
            message, ERR_INVALID_PARTITIONS,
            decision_cause(decision, "The topic has %d partitions, and %d would be no increase.",
                           (int)now, (int)wanted));
    growth->count = (uint32_t)(wanted - now);
    if (growth->count >= CONTROLLER_RECORDS_MAX - decision->count)
        return refuse_with(message, ERR_POLICY_VIOLATION,
                           STR("One request may create at most 10000 topics and partitions."));
    return ERR_NONE;
}

static enum err take_assignments(struct decision *decision, struct growth *growth, int32_t factor,
                                 struct str *message)
{
    const struct grow_topic *wanted = growth->wanted;
    if (wanted->assignment_count != growth->count)
        return refuse_with(message, ERR_INVALID_REPLICA_ASSIGNMENT,
                           decision_cause(decision,
                                          "%u partitions are to be added, but %u are assigned.",
                                          growth->count, wanted->assignment_count));
    for (uint32_t i = 0; i < growth->count; i++) {
        enum err err = new_partition_take(decision, &wanted->assignments[i], factor,
                                          &growth->replicas[i], message);
        if (err != ERR_NONE)
            return err;
    }
    return ERR_NONE;
}

static enum err make_growth(struct decision *decision, struct growth *growth, struct str *message)
{
    const struct image_topic *old = growth->old;
    if (old == NULL)
        return refuse_with(message, ERR_UNKNOWN_TOPIC_OR_PARTITION,
                           STR("There is no topic of this name."));
    if (str_equal(old->name, STR("__consumer_offsets")))
        return refuse_with(message, ERR_POLICY_VIOLATION,
                           STR("Groups are found by the number of partitions of this topic."));
    enum err err = check_count(decision, growth, message);
    if (err != ERR_NONE)
        return err;
    growth->replicas = arena_array(decision->arena, struct node_list, growth->count);
    int32_t factor = (int32_t)image_partition(decision->image, old->id, 0)->replicas.count;
    if (growth->wanted->is_assigned)
        return take_assignments(decision, growth, factor, message);
    return place_replicas(decision, growth->count, factor, growth->replicas, message);
}

static struct record_topic grown_topic(struct decision *decision, const struct growth *growth)
{
    const struct image_topic *old = growth->old;
    struct record_config *configs =
        arena_array(decision->arena, struct record_config, old->config_count);
    for (uint32_t i = 0; i < old->config_count; i++)
        configs[i] =
            (struct record_config){.name = arena_str(decision->arena, old->configs[i].name),
                                   .value = arena_str(decision->arena, old->configs[i].value)};
    return (struct record_topic){.id = old->id,
                                 .name = arena_str(decision->arena, old->name),
                                 .partition_count = growth->wanted->partition_count,
                                 .config_count = old->config_count,
                                 .configs = configs};
}

static void grow_one(struct decision *decision, const struct grow_topic *wanted, struct str cause,
                     struct grow_topic_reply *reply)
{
    struct growth growth = {.wanted = wanted,
                            .old = image_topic_by_name(decision->image, wanted->name)};
    reply->err = make_growth(decision, &growth, &reply->message);
    if (reply->err != ERR_NONE)
        return;
    partition_id index = growth.old->partition_count;
    struct record_topic topic = grown_topic(decision, &growth);
    decision_emit(decision, &(struct record){.type = RECORD_TOPIC, .cause = cause, .topic = topic});
    for (uint32_t i = 0; i < growth.count; i++, index++)
        new_partition_emit(decision, &topic, index, &growth.replicas[i], cause);
}

/* Who names a topic twice is refused at both places. */
static void refuse_repeated(struct decision *decision,
                            const struct create_partitions_command *command,
                            struct create_partitions_reply *reply)
{
    struct str too_many = topics_too_many(decision, command->count);
    struct map seen; /* Topic id -> its first place. */
    map_init(&seen, sizeof(struct uuid));
    for (uint32_t i = 0; i < command->count; i++) {
        struct grow_topic_reply *one = &reply->topics[i];
        const struct image_topic *topic =
            image_topic_by_name(decision->image, command->topics[i].name);
        *one = (struct grow_topic_reply){.name = command->topics[i].name};
        if (too_many.data != NULL)
            one->err = refuse_with(&one->message, ERR_POLICY_VIOLATION, too_many);
        if (topic == NULL || one->err != ERR_NONE)
            continue;
        struct grow_topic_reply *first = map_get(&seen, &topic->id);
        if (first == NULL) {
            map_put(&seen, &topic->id, one);
            continue;
        }
        struct str why = STR("The request names this topic more than once.");
        first->err = refuse_with(&first->message, ERR_INVALID_REQUEST, why);
        one->err = refuse_with(&one->message, ERR_INVALID_REQUEST, why);
    }
    map_free(&seen);
}

void decide_create_partitions(struct decision *decision,
                              const struct create_partitions_command *command,
                              struct create_partitions_reply *reply)
{
    struct str cause = decision_cause(decision, "CreatePartitions of %.*s",
                                      (int)command->principal.size, command->principal.data);
    struct decision_mark mark = decision_mark(decision);

    reply->count = command->count;
    reply->topics = arena_array(decision->arena, struct grow_topic_reply, command->count);
    refuse_repeated(decision, command, reply);
    for (uint32_t i = 0; i < command->count; i++)
        if (reply->topics[i].err == ERR_NONE)
            grow_one(decision, &command->topics[i], cause, &reply->topics[i]);
    decision_settle(decision, &mark, !command->validate_only);
}
