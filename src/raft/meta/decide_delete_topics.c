/* decide_delete_topics.c -- topics go, and leave a floor for leader epochs.
 *
 * Who knows only a name could take a new topic's records for the old one's. New
 * topics therefore start above every leader epoch that any deleted one had (rule 18). */
#include "controller_state.h"

enum { RECORDS_EACH = 2 }; /* Floor and removal. */

static enum err find_topic(const struct image *image, const struct delete_topic *wanted,
                           const struct image_topic **topic, struct str *message)
{
    bool by_name = wanted->name.data != NULL;
    bool by_id = !uuid_is_zero(wanted->id);

    *topic = NULL;
    if (by_name == by_id)
        return refuse_with(message, ERR_INVALID_REQUEST,
                           STR("A topic is named either by name or by id."));
    *topic =
        by_name ? image_topic_by_name(image, wanted->name) : image_topic_by_id(image, wanted->id);
    if (*topic)
        return ERR_NONE;
    return by_name
               ? refuse_with(message, ERR_UNKNOWN_TOPIC_OR_PARTITION,
                             STR("There is no topic of this name."))
               : refuse_with(message, ERR_UNKNOWN_TOPIC_ID, STR("There is no topic of this id."));
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

/* Who names a topic twice, by name or by id, is refused twice: nothing of it is deleted. */
static void find_all(struct decision *decision, const struct delete_topics_command *command,
                     struct delete_topics_reply *reply)
{
    struct map seen; /* Topic id -> its first place. */
    map_init(&seen, sizeof(struct uuid));
    for (uint32_t i = 0; i < command->count; i++) {
        const struct delete_topic *wanted = &command->topics[i];
        struct delete_topic_reply *one = &reply->topics[i];
        const struct image_topic *topic;
        *one = (struct delete_topic_reply){.name = wanted->name, .id = wanted->id};
        one->err = find_topic(decision->image, wanted, &topic, &one->message);
        if (one->err != ERR_NONE)
            continue;
        one->name = arena_str(decision->arena, topic->name);
        one->id = topic->id;
        struct delete_topic_reply *first = map_get(&seen, &one->id);
        if (!first) {
            map_put(&seen, &one->id, one);
            continue;
        }
        struct str why = STR("The topic is named twice in one request.");
        first->err = refuse_with(&first->message, ERR_INVALID_REQUEST, why);
        one->err = refuse_with(&one->message, ERR_INVALID_REQUEST, why);
    }
    map_free(&seen);
}

void decide_delete_topics(struct decision *decision, const struct delete_topics_command *command,
                          struct delete_topics_reply *reply)
{
    struct str cause = decision_cause(decision, "DeleteTopics of %.*s",
                                      (int)command->principal.size, command->principal.data);
    reply->count = command->count;
    reply->topics = arena_array(decision->arena, struct delete_topic_reply, command->count);
    find_all(decision, command, reply);
    for (uint32_t i = 0; i < command->count; i++) {
        struct delete_topic_reply *one = &reply->topics[i];
        if (one->err != ERR_NONE)
            continue;
        if (decision->count + RECORDS_EACH > CONTROLLER_RECORDS_MAX)
            one->err = refuse_with(&one->message, ERR_POLICY_VIOLATION,
                                   STR("One request may delete at most 5000 topics."));
        else
            delete_one(decision, image_topic_by_id(decision->image, one->id), cause);
    }
}
