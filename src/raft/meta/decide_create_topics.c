/* decide_create_topics.c -- new topics: everything is checked before anything is written.
 *
 * A topic is one Topic record and its Partition records, all in the request's one
 * batch. Leader epochs start at the floor that deleted topics left (rule 18). */
#include "controller_state.h"

struct plan {
    const struct create_topic *wanted;
    struct record_topic topic;
    int32_t factor;
    struct node_list *replicas; /* One for each partition. */
};

static enum err check_name(struct decision *decision, struct str name, struct str *message)
{
    if (!topic_name_is_valid(name))
        return refuse_with(
            message, ERR_INVALID_TOPIC_EXCEPTION,
            STR("A topic name has 1 to 249 of the characters a-z A-Z 0-9 . _ - and is "
                "neither '.' nor '..'."));
    if (str_equal(name, STR("__cluster_metadata")))
        return refuse_with(message, ERR_INVALID_REQUEST, STR("This topic is the cluster's own."));
    if (image_topic_by_name(decision->image, name) != NULL)
        return refuse_with(
            message, ERR_TOPIC_ALREADY_EXISTS,
            decision_cause(decision, "Topic '%.*s' exists.", (int)name.size, name.data));
    const struct image_topic *other = image_topic_colliding(decision->image, name);
    if (other != NULL)
        return refuse_with(message, ERR_INVALID_TOPIC_EXCEPTION,
                           decision_cause(decision,
                                          "It differs from topic '%.*s' only by '.' and '_'.",
                                          (int)other->name.size, other->name.data));
    return ERR_NONE;
}

static enum err check_counts(struct decision *decision, struct plan *plan, struct str *message)
{
    const struct create_topic *wanted = plan->wanted;
    if (wanted->partition_count < -1 || wanted->partition_count == 0)
        return refuse_with(message, ERR_INVALID_PARTITIONS,
                           STR("The number of partitions is not above 0, nor -1 for the default."));
    if (wanted->replication_factor < -1 || wanted->replication_factor == 0)
        return refuse_with(message, ERR_INVALID_REPLICATION_FACTOR,
                           STR("The replication factor is not above 0, nor -1 for the default."));
    plan->topic.partition_count = wanted->partition_count;
    if (wanted->partition_count == -1)
        plan->topic.partition_count = place_default_partitions(decision);
    plan->factor = wanted->replication_factor;
    if (wanted->replication_factor == -1)
        plan->factor = place_default_factor(decision);
    return ERR_NONE;
}

static enum err check_limit(const struct decision *decision, uint32_t partitions,
                            struct str *message)
{
    if (partitions >= CONTROLLER_RECORDS_MAX - decision->count)
        return refuse_with(message, ERR_POLICY_VIOLATION,
                           STR("One request may create at most 10000 topics and partitions."));
    return ERR_NONE;
}

/* Replicas as the client placed them. */
static enum err take_assignment(struct decision *decision, struct plan *plan, struct str *message)
{
    const struct create_topic *wanted = plan->wanted;
    if (wanted->partition_count != -1 || wanted->replication_factor != -1)
        return refuse_with(message, ERR_INVALID_REQUEST,
                           STR("With an assignment, the number of partitions and the replication "
                               "factor must be -1."));
    enum err err = check_limit(decision, wanted->assignment_count, message);
    if (err != ERR_NONE)
        return err;

    plan->topic.partition_count = (int32_t)wanted->assignment_count;
    plan->factor = (int32_t)wanted->assignments[0].replica_count;
    plan->replicas = arena_array(decision->arena, struct node_list, wanted->assignment_count);
    for (uint32_t i = 0; i < wanted->assignment_count; i++) {
        const struct create_assignment *assignment = &wanted->assignments[i];
        struct node_list replicas;
        err = new_partition_take(decision, assignment, plan->factor, &replicas, message);
        if (err != ERR_NONE)
            return err;
        if (assignment->index < 0 || assignment->index >= plan->topic.partition_count ||
            plan->replicas[assignment->index].count > 0)
            return refuse_with(
                message, ERR_INVALID_REPLICA_ASSIGNMENT,
                STR("Partition numbers must be 0 and up, each once, without a gap."));
        plan->replicas[assignment->index] = replicas;
    }
    return ERR_NONE;
}

static enum err make_placement(struct decision *decision, struct plan *plan, struct str *message)
{
    enum err err = check_counts(decision, plan, message);
    if (err != ERR_NONE)
        return err;
    uint32_t partitions = (uint32_t)plan->topic.partition_count;
    err = check_limit(decision, partitions, message);
    if (err != ERR_NONE)
        return err;
    plan->replicas = arena_array(decision->arena, struct node_list, partitions);
    return place_replicas(decision, partitions, plan->factor, plan->replicas, message);
}

static enum err make_plan(struct decision *decision, struct plan *plan, struct str *message)
{
    const struct create_topic *wanted = plan->wanted;
    enum err err = check_name(decision, wanted->name, message);
    if (err != ERR_NONE)
        return err;
    err = topic_settings_check(decision->arena, wanted->configs, wanted->config_count, &plan->topic,
                               message);
    if (err == ERR_NONE)
        err = topic_settings_agree(decision, &plan->topic, message);
    if (err != ERR_NONE)
        return err;
    plan->topic.name = wanted->name;
    if (wanted->assignment_count > 0)
        return take_assignment(decision, plan, message);
    return make_placement(decision, plan, message);
}

/* Version 4, never one that Kafka reserves, and no '-' in front: command lines stumble on it. */
static struct uuid draw_topic_id(struct decision *decision)
{
    struct uuid id;
    do {
        store_be64(id.bytes, rand_u64(&decision->controller->rand));
        store_be64(id.bytes + 8, rand_u64(&decision->controller->rand));
        id.bytes[6] = (uint8_t)((id.bytes[6] & 0x0f) | 0x40);
        id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3f) | 0x80);
    } while (id.bytes[0] >> 2 == 62 || image_topic_by_id(decision->image, id) != NULL);
    return id;
}

static void emit_topic(struct decision *decision, struct plan *plan, struct str cause)
{
    plan->topic.id = draw_topic_id(decision);
    decision_emit(decision,
                  &(struct record){.type = RECORD_TOPIC, .cause = cause, .topic = plan->topic});
    for (partition_id index = 0; index < plan->topic.partition_count; index++)
        new_partition_emit(decision, &plan->topic, index, &plan->replicas[index], cause);
}

static void create_one(struct decision *decision, const struct create_topic *wanted,
                       struct str cause, struct create_topic_reply *reply)
{
    struct plan plan = {.wanted = wanted};
    reply->err = make_plan(decision, &plan, &reply->message);
    if (reply->err != ERR_NONE)
        return;
    emit_topic(decision, &plan, cause);
    reply->id = plan.topic.id;
    reply->partition_count = plan.topic.partition_count;
    reply->replication_factor = plan.factor;
    reply->config_count = plan.topic.config_count;
    reply->configs = plan.topic.configs;
}

/* How often each name stands in the request, without a loop over pairs. */
static struct pmap *count_names(struct decision *decision,
                                const struct create_topics_command *command)
{
    static const struct pmap_kind plain = {0};
    struct pmap *counts = NULL;
    for (uint32_t i = 0; i < command->count; i++) {
        struct bytes name = bytes_of_str(command->topics[i].name);
        uint32_t *seen = pmap_get(counts, name);
        if (seen == NULL) {
            struct pmap *before = counts;
            seen = arena_alloc(decision->arena, sizeof *seen);
            counts = pmap_put(&plain, before, name, seen);
            pmap_unref(&plain, before);
        }
        (*seen)++;
    }
    return counts;
}

void decide_create_topics(struct decision *decision, const struct create_topics_command *command,
                          struct create_topics_reply *reply)
{
    struct str cause = decision_cause(decision, "CreateTopics of %.*s",
                                      (int)command->principal.size, command->principal.data);
    struct str too_many = topics_too_many(decision, command->count);
    struct pmap *names = count_names(decision, command);
    struct decision_mark mark = decision_mark(decision);

    reply->count = command->count;
    reply->topics = arena_array(decision->arena, struct create_topic_reply, command->count);
    for (uint32_t i = 0; i < command->count; i++) {
        struct create_topic_reply *one = &reply->topics[i];
        const uint32_t *seen = pmap_get(names, bytes_of_str(command->topics[i].name));
        one->name = command->topics[i].name;
        one->partition_count = -1;
        one->replication_factor = -1;
        if (too_many.data != NULL)
            one->err = refuse_with(&one->message, ERR_POLICY_VIOLATION, too_many);
        else if (*seen > 1)
            one->err = refuse_with(&one->message, ERR_INVALID_REQUEST,
                                   STR("The request names this topic more than once."));
        else
            create_one(decision, &command->topics[i], cause, one);
        if (command->validate_only)
            one->id = (struct uuid){.bytes = {0}};
    }
    static const struct pmap_kind plain = {0};
    pmap_unref(&plain, names);
    decision_settle(decision, &mark, !command->validate_only);
}
