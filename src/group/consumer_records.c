/* consumer_records.c -- groups of consumers as records: types 3, 5, 6, 7, 8 and 16, in version
 * 0, which is all there is of them. */
#include "consumer_state.h"

#include "records/all.h"

enum { CONSUMER_VERSION = 0 };

struct part {
    int16_t type;
    const struct walk_message *key_message;
    const void *key;
    const struct walk_message *value_message;
    const void *value; /* NULL: a tombstone. */
};

static void emit(struct group_decision *decision, const struct part *part)
{
    struct group_record record = {
        .key = record_part(decision->arena, part->type, part->key_message, 0, part->key)};
    if (part->value != NULL)
        record.value = record_part(decision->arena, CONSUMER_VERSION, part->value_message,
                                   CONSUMER_VERSION, part->value);
    emit_record(decision, record);
}

static void emit_epoch(struct group_decision *decision, const struct group *group,
                       const struct consumer_group_metadata_value *value)
{
    struct consumer_group_metadata_key key = {.group_id = group->id};
    emit(decision, &(struct part){.type = RECORDS_CONSUMER_GROUP_METADATA,
                                  .key_message = &consumer_group_metadata_key_message,
                                  .key = &key,
                                  .value_message = &consumer_group_metadata_value_message,
                                  .value = value});
}

void emit_consumers(struct group_decision *decision, struct group *group)
{
    struct consumer_group_metadata_value value = {
        .epoch = group->consumers->epoch,
        .metadata_hash = group->consumers->metadata_hash,
    };
    emit_epoch(decision, group, &value);
    group->consumers->has_epoch = true;
}

static void emit_target_epoch(struct group_decision *decision, const struct group *group,
                              const struct consumer_group_target_value *value)
{
    struct consumer_group_target_key key = {.group_id = group->id};
    emit(decision, &(struct part){.type = RECORDS_CONSUMER_GROUP_TARGET,
                                  .key_message = &consumer_group_target_key_message,
                                  .key = &key,
                                  .value_message = &consumer_group_target_value_message,
                                  .value = value});
}

void emit_consumers_target(struct group_decision *decision, struct group *group)
{
    struct consumer_group_target_value value = {
        .assignment_epoch = group->consumers->target_epoch,
        .assignment_timestamp = group->consumers->target_time,
    };
    emit_target_epoch(decision, group, &value);
    group->consumers->has_target = true;
}

static void emit_profile(struct group_decision *decision, const struct consumer *consumer,
                         const struct consumer_group_member_value *value)
{
    struct consumer_group_member_key key = {.group_id = consumer->group->id,
                                            .member_id = consumer->id};
    emit(decision, &(struct part){.type = RECORDS_CONSUMER_GROUP_MEMBER,
                                  .key_message = &consumer_group_member_key_message,
                                  .key = &key,
                                  .value_message = &consumer_group_member_value_message,
                                  .value = value});
}

static struct consumer_group_member_value_classic *classic_value(
    struct arena *arena, const struct consumer_profile *profile)
{
    struct consumer_group_member_value_classic *classic;
    if (!profile->is_classic)
        return NULL;
    classic = consumer_group_member_value_classic_new(arena, 1);
    classic->session_timeout_ms = profile->session_timeout_ms;
    classic->protocols_count = profile->protocol_count;
    classic->protocols = consumer_group_member_value_protocol_new(arena, profile->protocol_count);
    for (uint32_t i = 0; i < profile->protocol_count; i++)
        classic->protocols[i] = (struct consumer_group_member_value_protocol){
            .name = profile->protocols[i].name,
            .metadata = profile->protocols[i].metadata,
        };
    return classic;
}

void emit_consumer_profile(struct group_decision *decision, struct consumer *consumer)
{
    const struct consumer_profile *profile = &consumer->profile;
    struct consumer_group_member_value value = {
        .instance_id = profile->instance_id,
        .rack_id = profile->rack_id,
        .client_id = profile->client_id,
        .client_host = profile->client_host,
        .topics_count = profile->topic_count,
        .topics = profile->topics,
        .topic_regex = profile->topic_regex,
        .rebalance_timeout_ms = profile->rebalance_timeout_ms,
        .server_assignor = profile->assignor,
        .classic = classic_value(decision->arena, profile),
    };
    emit_profile(decision, consumer, &value);
}

static void emit_target(struct group_decision *decision, const struct consumer *consumer,
                        const struct consumer_group_target_member_value *value)
{
    struct consumer_group_target_member_key key = {.group_id = consumer->group->id,
                                                   .member_id = consumer->id};
    emit(decision, &(struct part){.type = RECORDS_CONSUMER_GROUP_TARGET_MEMBER,
                                  .key_message = &consumer_group_target_member_key_message,
                                  .key = &key,
                                  .value_message = &consumer_group_target_member_value_message,
                                  .value = value});
}

static int32_t *copy_partitions(struct arena *arena, const struct group_topic_partitions *topic)
{
    return arena_copy(arena, topic->partitions, topic->partition_count * sizeof(int32_t));
}

void emit_consumer_target(struct group_decision *decision, struct consumer *consumer)
{
    struct consumer_group_target_member_value value = {.topics = NULL};
    const struct group_topic_partitions *topics =
        holding_topics(decision->arena, &consumer->target, &value.topics_count);
    value.topics =
        consumer_group_target_member_value_topic_new(decision->arena, value.topics_count);
    for (uint32_t i = 0; i < value.topics_count; i++)
        value.topics[i] = (struct consumer_group_target_member_value_topic){
            .topic_id = topics[i].topic_id,
            .partitions_count = topics[i].partition_count,
            .partitions = copy_partitions(decision->arena, &topics[i]),
        };
    emit_target(decision, consumer, &value);
    consumer->has_target = true;
}

static void emit_current(struct group_decision *decision, const struct consumer *consumer,
                         const struct consumer_group_current_value *value)
{
    struct consumer_group_current_key key = {.group_id = consumer->group->id,
                                             .member_id = consumer->id};
    emit(decision, &(struct part){.type = RECORDS_CONSUMER_GROUP_CURRENT,
                                  .key_message = &consumer_group_current_key_message,
                                  .key = &key,
                                  .value_message = &consumer_group_current_value_message,
                                  .value = value});
}

/* A holding by topic, with the epoch of each partition beside it. */
static struct consumer_group_current_value_topic *current_topics(struct arena *arena,
                                                                 const struct holding *holding,
                                                                 uint32_t *count)
{
    const struct group_topic_partitions *topics = holding_topics(arena, holding, count);
    struct consumer_group_current_value_topic *values =
        consumer_group_current_value_topic_new(arena, *count);
    uint32_t next = 0;
    for (uint32_t i = 0; i < *count; i++) {
        int32_t *epochs = arena_array(arena, int32_t, topics[i].partition_count);
        for (uint32_t j = 0; j < topics[i].partition_count; j++)
            epochs[j] = holding->held[next++].epoch;
        values[i] = (struct consumer_group_current_value_topic){
            .topic_id = topics[i].topic_id,
            .partitions_count = topics[i].partition_count,
            .partitions = copy_partitions(arena, &topics[i]),
            .assignment_epochs_count = topics[i].partition_count,
            .assignment_epochs = epochs,
        };
    }
    return values;
}

void emit_consumer_current(struct group_decision *decision, struct consumer *consumer)
{
    struct consumer_group_current_value value = {
        .member_epoch = consumer->epoch,
        .previous_member_epoch = consumer->previous_epoch,
        .state = (int8_t)consumer->state,
    };
    value.assigned = current_topics(decision->arena, &consumer->assigned, &value.assigned_count);
    value.pending_revocation =
        current_topics(decision->arena, &consumer->revoking, &value.pending_revocation_count);
    emit_current(decision, consumer, &value);
    consumer->has_current = true;
}

static void emit_regex_value(struct group_decision *decision, const struct group *group,
                             struct str pattern, const struct consumer_group_regex_value *value)
{
    struct consumer_group_regex_key key = {.group_id = group->id, .regex = pattern};
    emit(decision, &(struct part){.type = RECORDS_CONSUMER_GROUP_REGEX,
                                  .key_message = &consumer_group_regex_key_message,
                                  .key = &key,
                                  .value_message = &consumer_group_regex_value_message,
                                  .value = value});
}

void emit_regex(struct group_decision *decision, const struct group *group,
                const struct regex *regex)
{
    struct consumer_group_regex_value value = {
        .topics_count = regex->topic_count,
        .topics = regex->topics,
        .version = regex->version,
        .timestamp = regex->time,
    };
    emit_regex_value(decision, group, regex->pattern, &value);
}

void emit_regex_tombstone(struct group_decision *decision, const struct group *group,
                          struct str pattern)
{
    emit_regex_value(decision, group, pattern, NULL);
}

void emit_consumer_tombstones(struct group_decision *decision, const struct consumer *consumer)
{
    if (consumer->has_current)
        emit_current(decision, consumer, NULL);
    if (consumer->has_target)
        emit_target(decision, consumer, NULL);
    emit_profile(decision, consumer, NULL);
}

void emit_consumers_tombstones(struct group_decision *decision, struct group *group)
{
    struct str after = {.data = NULL};
    const struct consumer *consumer;
    const struct regex *regex;
    while ((consumer = consumer_next(group, &after)) != NULL)
        emit_consumer_tombstones(decision, consumer);
    while ((regex = names_next(group->consumers->regexes, &after)) != NULL)
        emit_regex_tombstone(decision, group, regex->pattern);
    if (group->consumers->has_target)
        emit_target_epoch(decision, group, NULL);
    emit_epoch(decision, group, NULL);
}
