/* apply.c -- records of the log, folded into groups.
 *
 * Total: whatever bytes come, they are refused or change the state in one way. A record
 * stands for all of what its key names, so a key's last record is enough, and a tombstone
 * for what is not there changes nothing. Which keys of a group belong together is not asked
 * before the log was read to its end. */
#include "consumer_apply.h"
#include "group_state.h"

#include "records/all.h"

static void apply_offset(struct coordinator *coordinator, const void *key_body,
                         const void *value_body)
{
    const struct offset_commit_key *key = key_body;
    const struct offset_commit_value *value = value_body;
    struct group *group = group_find(coordinator, key->group_id);
    if (value == NULL) {
        if (group == NULL)
            return;
        offset_remove(group, key->topic, key->index);
        group_remove_unused(group);
        return;
    }
    if (group == NULL)
        group = group_create(coordinator, key->group_id);
    struct offset *offset = offset_put(group, key->topic, key->index, value->metadata);
    offset->offset = value->offset;
    offset->leader_epoch = value->leader_epoch;
    offset->committed = value->commit_timestamp;
    offset->expires = value->expire_timestamp;
    offset->topic_id = value->topic_id;
}

static void apply_member(struct group *group, const struct group_metadata_value_member *record)
{
    struct group_protocol protocol = {.name = group->protocol, .metadata = record->subscription};
    /* Of two members with one id or instance, which only a damaged log has, the first stays. */
    if (member_find(group, record->member_id) != NULL ||
        names_get(group->by_instance, record->instance_id) != NULL)
        return;
    struct member *member = member_add(group, record->member_id, record->instance_id);
    member_describe(member, record->client_id, record->client_host);
    member->session_timeout_ms = record->session_timeout_ms;
    member->rebalance_timeout_ms = record->rebalance_timeout_ms < 0 ? record->session_timeout_ms
                                                                    : record->rebalance_timeout_ms;
    member_offer(member, group->protocol.data == NULL ? 0 : 1, &protocol);
    member_assign(member, record->assignment);
    member->is_new = false;
}

static void apply_group(struct coordinator *coordinator, const void *key_body,
                        const void *value_body)
{
    const struct group_metadata_key *key = key_body;
    const struct group_metadata_value *value = value_body;
    struct group *group = group_find(coordinator, key->group_id);
    if (group == NULL && value == NULL)
        return;
    if (group == NULL)
        group = group_create(coordinator, key->group_id);
    group_forget_generation(group);
    group->is_stored = value != NULL;
    if (value == NULL) {
        group_remove_unused(group);
        return;
    }
    group->generation = value->generation;
    if (value->protocol_type.size > 0)
        group->protocol_type = keep_str(value->protocol_type);
    group_count(group);
    group->protocol = keep_str(value->protocol);
    group->leader = keep_str(value->leader);
    group->phase_time = value->current_state_timestamp;
    for (uint32_t i = 0; i < value->members_count; i++)
        apply_member(group, &value->members[i]);
    if (group->member_count > 0) {
        group->phase = GROUP_STABLE;
        group->size_before = group->member_count;
    }
}

/* What a type's key and value are made of, and what becomes of them; a tombstone has no value. */
struct kind {
    int16_t type;
    const struct walk_message *key;
    const struct walk_message *value;
    void (*apply)(struct coordinator *coordinator, const void *key, const void *value);
};

static const struct kind kinds[] = {
    {0, &offset_commit_key_message, &offset_commit_value_message, apply_offset},
    {RECORDS_OFFSET_COMMIT, &offset_commit_key_message, &offset_commit_value_message, apply_offset},
    {RECORDS_GROUP_METADATA, &group_metadata_key_message, &group_metadata_value_message,
     apply_group},
    {RECORDS_CONSUMER_GROUP_METADATA, &consumer_group_metadata_key_message,
     &consumer_group_metadata_value_message, apply_consumers},
    {RECORDS_CONSUMER_GROUP_MEMBER, &consumer_group_member_key_message,
     &consumer_group_member_value_message, apply_consumer_profile},
    {RECORDS_CONSUMER_GROUP_TARGET, &consumer_group_target_key_message,
     &consumer_group_target_value_message, apply_consumers_target},
    {RECORDS_CONSUMER_GROUP_TARGET_MEMBER, &consumer_group_target_member_key_message,
     &consumer_group_target_member_value_message, apply_consumer_target},
    {RECORDS_CONSUMER_GROUP_CURRENT, &consumer_group_current_key_message,
     &consumer_group_current_value_message, apply_consumer_current},
    {RECORDS_CONSUMER_GROUP_REGEX, &consumer_group_regex_key_message,
     &consumer_group_regex_value_message, apply_regex},
};

static const struct kind *kind_of(int16_t type)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].type == type)
            return &kinds[i];
    return NULL;
}

/* Reads the int16 before a key or a value. */
static enum err read_prefix(struct wire_reader *reader, struct bytes bytes, int16_t *out)
{
    wire_reader_init(reader, bytes);
    return wire_read_int16(reader, out);
}

static enum err read_body(struct wire_reader *reader, const struct walk_message *message,
                          int16_t version, struct arena *arena, void **out)
{
    if (version < message->first || version > message->last)
        return ERR_INVALID_RECORD;
    *out = walk_new(message->body, arena, 1);
    return walk_read(message, version, reader, arena, *out) == ERR_NONE ? ERR_NONE
                                                                        : ERR_INVALID_RECORD;
}

/* A null value leaves *out NULL. */
static enum err read_value(struct bytes bytes, const struct walk_message *message,
                           struct arena *arena, void **out)
{
    struct wire_reader reader;
    int16_t version;
    if (bytes.data == NULL)
        return ERR_NONE;
    if (read_prefix(&reader, bytes, &version) != ERR_NONE)
        return ERR_INVALID_RECORD;
    return read_body(&reader, message, version, arena, out);
}

enum err coordinator_apply(struct coordinator *coordinator, struct bytes key, struct bytes value)
{
    struct wire_reader reader;
    struct arena arena = {0};
    void *key_body = NULL, *value_body = NULL;
    const struct kind *kind;
    int16_t type;

    check(!coordinator->is_started);
    if (read_prefix(&reader, key, &type) != ERR_NONE || (kind = kind_of(type)) == NULL)
        return ERR_INVALID_RECORD;
    enum err err = read_body(&reader, kind->key, 0, &arena, &key_body);
    if (err == ERR_NONE)
        err = read_value(value, kind->value, &arena, &value_body);
    if (err == ERR_NONE)
        kind->apply(coordinator, key_body, value_body);
    arena_free(&arena);
    return err;
}
