/* hash.c -- one number for all that records hold, to compare a coordinator with a replay.
 *
 * Of a group whose rebalance is under way the log still has the generation before, so its
 * metadata counts only in the phases that were written: Empty and Stable. */
#include "group_state.h"

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
        if (!group->is_stored && group->offset_count == 0)
            continue;
        hash = add_str(hash, group->id);
        if (group->is_stored && (group->phase == GROUP_EMPTY || group->phase == GROUP_STABLE))
            hash = add_generation(hash, group);
        while ((topic = names_next(group->topics, &after_topic)) != NULL)
            hash = add_offsets(hash, topic);
    }
    return hash;
}
