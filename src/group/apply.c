/* apply.c -- records of the log, folded into groups.
 *
 * Total: whatever bytes come, they are refused or change the state in one way. A record
 * stands for all of what its key names, so a key's last record is enough, and a tombstone
 * for what is not there changes nothing. */
#include "group_state.h"

#include "records/all.h"

/* Reads the int16 before a key or a value. */
static enum err read_prefix(struct wire_reader *reader, struct bytes bytes, int16_t *out)
{
    wire_reader_init(reader, bytes);
    return wire_read_int16(reader, out);
}

static enum err read_body(struct wire_reader *reader, const struct walk_message *message,
                          int16_t version, struct arena *arena, void *out)
{
    if (version < message->first || version > message->last)
        return ERR_INVALID_RECORD;
    return walk_read(message, version, reader, arena, out) == ERR_NONE ? ERR_NONE
                                                                       : ERR_INVALID_RECORD;
}

/* A null value leaves *is_tombstone true and `out` untouched. */
static enum err read_value(struct bytes bytes, const struct walk_message *message,
                           struct arena *arena, void *out, bool *is_tombstone)
{
    struct wire_reader reader;
    int16_t version;
    *is_tombstone = bytes.data == NULL;
    if (*is_tombstone)
        return ERR_NONE;
    if (read_prefix(&reader, bytes, &version) != ERR_NONE)
        return ERR_INVALID_RECORD;
    return read_body(&reader, message, version, arena, out);
}

static void apply_offset(struct coordinator *coordinator, const struct offset_commit_key *key,
                         const struct offset_commit_value *value)
{
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
    struct offset *offset = offset_put(group, key->topic, key->index);
    offset->offset = value->offset;
    offset->leader_epoch = value->leader_epoch;
    offset->committed = value->commit_timestamp;
    offset->expires = value->expire_timestamp;
    offset->topic_id = value->topic_id;
    replace_str(&offset->metadata, value->metadata);
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
    replace_bytes(&member->assignment, record->assignment);
    member->is_new = false;
}

static void forget_generation(struct group *group)
{
    struct list *node, *next;
    list_each (node, next, &group->members)
        member_remove(list_entry(node, struct member, in_group), ERR_NONE);
    drop_str(&group->protocol_type);
    drop_str(&group->protocol);
    drop_str(&group->leader);
    group->phase = GROUP_EMPTY;
    group->phase_time = -1;
    group->generation = 0;
    group->is_stored = false;
}

static void apply_group(struct coordinator *coordinator, const struct group_metadata_key *key,
                        const struct group_metadata_value *value)
{
    struct group *group = group_find(coordinator, key->group_id);
    if (group == NULL && value == NULL)
        return;
    if (group == NULL)
        group = group_create(coordinator, key->group_id);
    forget_generation(group);
    if (value == NULL) {
        group_remove_unused(group);
        return;
    }
    group->is_stored = true;
    group->generation = value->generation;
    if (value->protocol_type.size > 0)
        group->protocol_type = keep_str(value->protocol_type);
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

static enum err apply_offset_record(struct coordinator *coordinator, struct wire_reader *reader,
                                    struct bytes value, struct arena *arena)
{
    struct offset_commit_key key;
    struct offset_commit_value body;
    bool is_tombstone;
    if (read_body(reader, &offset_commit_key_message, 0, arena, &key) != ERR_NONE ||
        read_value(value, &offset_commit_value_message, arena, &body, &is_tombstone) != ERR_NONE)
        return ERR_INVALID_RECORD;
    apply_offset(coordinator, &key, is_tombstone ? NULL : &body);
    return ERR_NONE;
}

static enum err apply_group_record(struct coordinator *coordinator, struct wire_reader *reader,
                                   struct bytes value, struct arena *arena)
{
    struct group_metadata_key key;
    struct group_metadata_value body;
    bool is_tombstone;
    if (read_body(reader, &group_metadata_key_message, 0, arena, &key) != ERR_NONE ||
        read_value(value, &group_metadata_value_message, arena, &body, &is_tombstone) != ERR_NONE)
        return ERR_INVALID_RECORD;
    apply_group(coordinator, &key, is_tombstone ? NULL : &body);
    return ERR_NONE;
}

enum err coordinator_apply(struct coordinator *coordinator, struct bytes key, struct bytes value)
{
    struct wire_reader reader;
    struct arena arena = {0};
    int16_t type;
    enum err err = ERR_INVALID_RECORD;

    check(!coordinator->is_started);
    if (read_prefix(&reader, key, &type) != ERR_NONE)
        return ERR_INVALID_RECORD;
    if (type == 0 || type == RECORDS_OFFSET_COMMIT)
        err = apply_offset_record(coordinator, &reader, value, &arena);
    else if (type == RECORDS_GROUP_METADATA)
        err = apply_group_record(coordinator, &reader, value, &arena);
    arena_free(&arena);
    return err;
}
