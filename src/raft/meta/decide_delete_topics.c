/* decide_delete_topics.c -- topics go, and leave a floor for leader epochs.
 *
 * Who knows only a name could take a new topic's records for the old one's. New
 * topics therefore start above every leader epoch that any deleted one had (rule 18). */
#include "controller_state.h"

enum { RECORDS_EACH = 2 }; /* Floor and removal. */

static enum err find_topic(const struct decision *decision, const struct delete_topic *wanted,
                           const struct image_topic **topic)
{
    bool by_name = wanted->name.data != NULL;
    bool by_id = !uuid_is_zero(wanted->id);

    if (by_name == by_id)
        return ERR_INVALID_REQUEST;
    if (by_name)
        *topic = image_topic_by_name(decision->image, wanted->name);
    else
        *topic = image_topic_by_id(decision->image, wanted->id);
    if (*topic == NULL)
        return by_name ? ERR_UNKNOWN_TOPIC_OR_PARTITION : ERR_UNKNOWN_TOPIC_ID;
    if (decision->count + RECORDS_EACH > CONTROLLER_RECORDS_MAX)
        return ERR_POLICY_VIOLATION;
    return ERR_NONE;
}

static struct str explain(enum err err)
{
    switch (err) {
    case ERR_INVALID_REQUEST:
        return STR("A topic is named either by name or by id.");
    case ERR_UNKNOWN_TOPIC_OR_PARTITION:
        return STR("There is no topic of this name.");
    case ERR_UNKNOWN_TOPIC_ID:
        return STR("There is no topic of this id.");
    case ERR_POLICY_VIOLATION:
        return STR("One request may delete at most 5000 topics.");
    default:
        return (struct str){0};
    }
}

static log_epoch epoch_above(const struct image *image, const struct image_topic *topic)
{
    log_epoch floor = 0;
    for (partition_id index = 0; index < topic->partition_count; index++) {
        const struct image_partition *partition = image_partition(image, topic->id, index);
        if (partition != NULL && partition->leader_epoch >= floor)
            floor = partition->leader_epoch + 1;
    }
    return floor;
}

static void delete_one(struct decision *decision, const struct image_topic *topic, struct str cause)
{
    struct uuid id = topic->id;
    log_epoch floor = epoch_above(decision->image, topic);
    if (floor > decision->image->epoch_floor)
        decision_emit(decision, &(struct record){.type = RECORD_EPOCH_FLOOR,
                                                 .cause = cause,
                                                 .epoch_floor = {.floor = floor}});
    decision_emit(
        decision,
        &(struct record){.type = RECORD_REMOVE_TOPIC, .cause = cause, .remove_topic = {.id = id}});
}

void decide_delete_topics(struct decision *decision, const struct delete_topics_command *command,
                          struct delete_topics_reply *reply)
{
    struct str cause = decision_cause(decision, "DeleteTopics of %.*s",
                                      (int)command->principal.size, command->principal.data);
    reply->count = command->count;
    reply->topics = arena_array(decision->arena, struct delete_topic_reply, command->count);
    for (uint32_t i = 0; i < command->count; i++) {
        const struct delete_topic *wanted = &command->topics[i];
        struct delete_topic_reply *one = &reply->topics[i];
        const struct image_topic *topic = NULL;
        one->name = wanted->name;
        one->id = wanted->id;
        one->err = find_topic(decision, wanted, &topic);
        one->message = explain(one->err);
        if (one->err != ERR_NONE)
            continue;
        one->name = arena_str(decision->arena, topic->name);
        one->id = topic->id;
        delete_one(decision, topic, cause);
    }
}
