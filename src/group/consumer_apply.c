/* consumer_apply.c -- records 3, 5, 6, 7, 8 and 16, folded (see apply.c). */
#include "consumer_apply.h"

#include "consumer_state.h"

#include "records/all.h"

/* The group of a record that says something, or that there is already; else NULL. */
static struct group *group_of(struct coordinator *coordinator, struct str id, const void *value)
{
    struct group *group = group_find(coordinator, id);
    if (group == NULL && value != NULL)
        group = group_create(coordinator, id);
    if (group != NULL && value != NULL)
        consumers_of(group);
    return group != NULL && group->consumers != NULL ? group : NULL;
}

static struct consumer *consumer_of(struct coordinator *coordinator, struct str group_id,
                                    struct str member_id, const void *value)
{
    struct group *group = group_of(coordinator, group_id, value);
    if (group == NULL)
        return NULL;
    return value == NULL ? consumer_find(group, member_id) : consumer_put(group, member_id);
}

/* After a tombstone: does anything else speak of the member? */
static void remove_unused(struct consumer *consumer)
{
    struct group *group = consumer->group;
    if (!consumer->has_profile && !consumer->has_target && !consumer->has_current)
        consumer_remove(consumer);
    consumers_remove_unused(group);
}

void apply_consumers(struct coordinator *coordinator, const void *key_body, const void *value_body)
{
    const struct consumer_group_metadata_key *key = key_body;
    const struct consumer_group_metadata_value *value = value_body;
    struct group *group = group_of(coordinator, key->group_id, value);
    if (group == NULL)
        return;
    group->consumers->has_epoch = value != NULL;
    group->consumers->epoch = value == NULL ? 0 : value->epoch;
    group->consumers->metadata_hash = value == NULL ? 0 : value->metadata_hash;
    consumers_remove_unused(group);
}

void apply_consumers_target(struct coordinator *coordinator, const void *key_body,
                            const void *value_body)
{
    const struct consumer_group_target_key *key = key_body;
    const struct consumer_group_target_value *value = value_body;
    struct group *group = group_of(coordinator, key->group_id, value);
    if (group == NULL)
        return;
    group->consumers->has_target = value != NULL;
    group->consumers->target_epoch = value == NULL ? 0 : value->assignment_epoch;
    group->consumers->target_time = value == NULL ? 0 : value->assignment_timestamp;
    consumers_remove_unused(group);
}

void apply_consumer_profile(struct coordinator *coordinator, const void *key_body,
                            const void *value_body)
{
    const struct consumer_group_member_key *key = key_body;
    const struct consumer_group_member_value *value = value_body;
    struct consumer *consumer = consumer_of(coordinator, key->group_id, key->member_id, value);
    struct arena arena = {0};
    if (consumer == NULL)
        return;
    if (value == NULL) {
        consumer_forget(consumer);
        remove_unused(consumer);
        return;
    }
    struct consumer_profile profile = {
        .instance_id = value->instance_id,
        .rack_id = value->rack_id,
        .client_id = value->client_id,
        .client_host = value->client_host,
        .rebalance_timeout_ms = value->rebalance_timeout_ms,
        .topic_regex = value->topic_regex,
        .assignor = value->server_assignor,
    };
    profile_set_topics(&profile, &arena, value->topics_count, value->topics);
    if (value->classic != NULL) {
        profile.is_classic = true;
        profile.session_timeout_ms = value->classic->session_timeout_ms;
        profile.protocol_count = value->classic->protocols_count;
        profile.protocols = arena_array(&arena, struct group_protocol, profile.protocol_count);
        for (uint32_t i = 0; i < profile.protocol_count; i++)
            profile.protocols[i] =
                (struct group_protocol){.name = value->classic->protocols[i].name,
                                        .metadata = value->classic->protocols[i].metadata};
    }
    consumer_describe(consumer, &profile);
    arena_free(&arena);
}

void apply_consumer_target(struct coordinator *coordinator, const void *key_body,
                           const void *value_body)
{
    const struct consumer_group_target_member_key *key = key_body;
    const struct consumer_group_target_member_value *value = value_body;
    struct consumer *consumer = consumer_of(coordinator, key->group_id, key->member_id, value);
    struct arena arena = {0};
    if (consumer == NULL)
        return;
    consumer->has_target = value != NULL;
    if (value == NULL) {
        holding_drop(&consumer->target);
        consumer_count(consumer);
        remove_unused(consumer);
        return;
    }
    struct group_topic_partitions *topics =
        arena_array(&arena, struct group_topic_partitions, value->topics_count);
    for (uint32_t i = 0; i < value->topics_count; i++)
        topics[i] =
            (struct group_topic_partitions){.topic_id = value->topics[i].topic_id,
                                            .partition_count = value->topics[i].partitions_count,
                                            .partitions = value->topics[i].partitions};
    holding_replace(&consumer->target, holding_of_topics(&arena, value->topics_count, topics));
    consumer_count(consumer);
    arena_free(&arena);
}

/* Records of before KIP-1251 know no epochs of partitions: the member's holds for all. */
static struct holding read_holding(struct arena *arena, int32_t epoch, uint32_t count,
                                   const struct consumer_group_current_value_topic *topics)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < count; i++)
        total += topics[i].partitions_count;
    struct holding holding = holding_new(arena, total);
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t j = 0; j < topics[i].partitions_count; j++)
            holding_add(&holding, held_of(topics[i].topic_id, topics[i].partitions[j],
                                          j < topics[i].assignment_epochs_count
                                              ? topics[i].assignment_epochs[j]
                                              : epoch));
    holding_sort(&holding);
    return holding;
}

static void forget_current(struct consumer *consumer)
{
    consumer->has_current = false;
    consumer->epoch = consumer->previous_epoch = 0;
    consumer->state = CONSUMER_STABLE;
    holding_drop(&consumer->assigned);
    holding_drop(&consumer->revoking);
    consumer_count(consumer);
}

void apply_consumer_current(struct coordinator *coordinator, const void *key_body,
                            const void *value_body)
{
    const struct consumer_group_current_key *key = key_body;
    const struct consumer_group_current_value *value = value_body;
    struct consumer *consumer = consumer_of(coordinator, key->group_id, key->member_id, value);
    struct arena arena = {0};
    if (consumer == NULL)
        return;
    if (value == NULL) {
        forget_current(consumer);
        remove_unused(consumer);
        return;
    }
    consumer->has_current = true;
    consumer->epoch = value->member_epoch;
    consumer->previous_epoch = value->previous_member_epoch;
    /* A state that is not known is one in which nothing can be taken for granted. */
    consumer->state = value->state == CONSUMER_STABLE || value->state == CONSUMER_UNRELEASED
                          ? (enum consumer_state)value->state
                          : CONSUMER_UNREVOKED;
    holding_replace(&consumer->assigned, read_holding(&arena, value->member_epoch,
                                                      value->assigned_count, value->assigned));
    holding_replace(&consumer->revoking,
                    read_holding(&arena, value->member_epoch, value->pending_revocation_count,
                                 value->pending_revocation));
    consumer_count(consumer);
    arena_free(&arena);
}

void apply_regex(struct coordinator *coordinator, const void *key_body, const void *value_body)
{
    const struct consumer_group_regex_key *key = key_body;
    const struct consumer_group_regex_value *value = value_body;
    struct group *group = group_of(coordinator, key->group_id, value);
    if (group == NULL)
        return;
    if (value == NULL) {
        regex_remove(group, key->regex);
        consumers_remove_unused(group);
        return;
    }
    struct regex *regex = regex_put(group, key->regex);
    regex_set(regex, value->topics_count, value->topics);
    regex->version = value->version;
    regex->time = value->timestamp;
}
