/* hash.c -- one number for all that records hold, to compare a coordinator with a replay.
 *
 * Of a group whose rebalance is under way the log still has the generation before, so its
 * metadata counts only in the phases that were written: Empty and Stable. */
#include "consumer_state.h"

static uint64_t add(uint64_t hash, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static uint64_t add_number(uint64_t hash, int64_t number)
{
    return add(hash, &number, sizeof number);
}

static uint64_t add_bytes(uint64_t hash, struct bytes bytes)
{
    hash = add_number(hash, bytes.data == NULL ? -1 : (int64_t)bytes.size);
    return add(hash, bytes.data, bytes.size);
}

static uint64_t add_str(uint64_t hash, struct str str)
{
    return add_bytes(hash, bytes_of_str(str));
}

static uint64_t add_member(uint64_t hash, const struct member *member)
{
    hash = add_str(hash, member->id);
    hash = add_str(hash, member->instance_id);
    hash = add_str(hash, member->client_id);
    hash = add_str(hash, member->client_host);
    hash = add_number(hash, member->session_timeout_ms);
    hash = add_number(hash, member->rebalance_timeout_ms);
    hash = add_bytes(hash, member_metadata(member, member->group->protocol));
    return add_bytes(hash, member->assignment);
}

static uint64_t add_generation(uint64_t hash, const struct group *group)
{
    struct list *node, *next;
    hash = add_str(hash, group->protocol_type);
    hash = add_str(hash, group->protocol);
    hash = add_str(hash, group->leader);
    hash = add_number(hash, group->generation);
    hash = add_number(hash, group->phase_time);
    list_each (node, next, &group->members)
        hash = add_member(hash, list_entry(node, struct member, in_group));
    return hash;
}

static uint64_t add_names(uint64_t hash, uint32_t count, const struct str *names)
{
    hash = add_number(hash, count);
    for (uint32_t i = 0; i < count; i++)
        hash = add_str(hash, names[i]);
    return hash;
}

static uint64_t add_profile(uint64_t hash, const struct consumer_profile *profile)
{
    hash = add_str(hash, profile->instance_id);
    hash = add_str(hash, profile->rack_id);
    hash = add_str(hash, profile->client_id);
    hash = add_str(hash, profile->client_host);
    hash = add_number(hash, profile->rebalance_timeout_ms);
    hash = add_str(hash, profile->topic_regex);
    hash = add_str(hash, profile->assignor);
    hash = add_names(hash, profile->topic_count, profile->topics);
    hash = add_number(hash, profile->is_classic);
    hash = add_number(hash, profile->session_timeout_ms);
    for (uint32_t i = 0; i < profile->protocol_count; i++) {
        hash = add_str(hash, profile->protocols[i].name);
        hash = add_bytes(hash, profile->protocols[i].metadata);
    }
    return hash;
}

static uint64_t add_holding(uint64_t hash, const struct holding *holding)
{
    hash = add_number(hash, holding->count);
    for (uint32_t i = 0; i < holding->count; i++) {
        hash = add(hash, holding->held[i].topic_id.bytes, sizeof(struct uuid));
        hash = add_number(hash, holding->held[i].index);
        hash = add_number(hash, holding->held[i].epoch);
    }
    return hash;
}

static uint64_t add_consumer(uint64_t hash, const struct consumer *consumer)
{
    hash = add_str(hash, consumer->id);
    if (consumer->has_profile)
        hash = add_profile(hash, &consumer->profile);
    hash = add_number(hash, consumer->has_current);
    hash = add_number(hash, consumer->epoch);
    hash = add_number(hash, consumer->previous_epoch);
    hash = add_number(hash, consumer->state);
    hash = add_holding(hash, &consumer->assigned);
    hash = add_holding(hash, &consumer->revoking);
    hash = add_number(hash, consumer->has_target);
    return add_holding(hash, &consumer->target);
}

static uint64_t add_consumers(uint64_t hash, const struct group *group)
{
    const struct consumers *consumers = group->consumers;
    struct str after = {.data = NULL};
    const struct consumer *consumer;
    const struct regex *regex;
    hash = add_number(hash, consumers->has_epoch);
    hash = add_number(hash, consumers->epoch);
    hash = add_number(hash, consumers->metadata_hash);
    hash = add_number(hash, consumers->has_target);
    hash = add_number(hash, consumers->target_epoch);
    hash = add_number(hash, consumers->target_time);
    while ((consumer = consumer_next(group, &after)) != NULL)
        hash = add_consumer(hash, consumer);
    while ((regex = names_next(consumers->regexes, &after)) != NULL) {
        hash = add_str(hash, regex->pattern);
        hash = add_names(hash, regex->topic_count, regex->topics);
        hash = add_number(hash, regex->version);
        hash = add_number(hash, regex->time);
    }
    return hash;
}

static uint64_t add_offsets(uint64_t hash, const struct offset_topic *topic)
{
    const struct offset *offset = NULL;
    hash = add_str(hash, topic->name);
    while ((offset = offset_next(topic, offset)) != NULL) {
        hash = add_number(hash, offset->index);
        hash = add_number(hash, offset->offset);
        hash = add_number(hash, offset->leader_epoch);
        hash = add_number(hash, offset->committed);
        hash = add_number(hash, offset->expires);
        hash = add(hash, offset->topic_id.bytes, sizeof offset->topic_id.bytes);
        hash = add_str(hash, offset->metadata);
    }
    return hash;
}

uint64_t coordinator_hash(const struct coordinator *coordinator)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    struct str after = {.data = NULL};
    const struct group *group;
    while ((group = names_next(coordinator->groups, &after)) != NULL) {
        struct str after_topic = {.data = NULL};
        const struct offset_topic *topic;
        if (!group->is_stored && group->offset_count == 0 && group->consumers == NULL)
            continue;
        hash = add_str(hash, group->id);
        if (group->consumers != NULL)
            hash = add_consumers(hash, group);
        if (group->is_stored && (group->phase == GROUP_EMPTY || group->phase == GROUP_STABLE))
            hash = add_generation(hash, group);
        while ((topic = names_next(group->topics, &after_topic)) != NULL)
            hash = add_offsets(hash, topic);
    }
    return hash;
}
