/* records.c -- the state as records, in the versions that Kafka 4.3 writes.
 *
 * A key is an int16 type and a body, a value an int16 version and a body. A group is written
 * in version 3, which is before the flexible ones; an offset in 4, or in 1 when it has an
 * expiry of its own, because only that version holds one. */
#include "group_state.h"

#include "records/all.h"

enum {
    GROUP_VERSION = 3,
    OFFSET_VERSION = 4,
    OFFSET_EXPIRING_VERSION = 1,
};

struct bytes record_part(struct arena *arena, int16_t prefix, const struct walk_message *message,
                         int16_t version, const void *body)
{
    struct wire_writer writer;
    uint64_t size = 2 + walk_measure(message, version, body).total;
    check(size <= UINT32_MAX);
    uint8_t *data = arena_alloc(arena, size);

    wire_writer_init(&writer, data, (uint32_t)size, NULL, 0);
    wire_write_int16(&writer, prefix);
    walk_write(message, version, body, &writer);
    check(writer.size == size);
    return (struct bytes){.data = data, .size = (uint32_t)size};
}

static struct bytes group_key(struct arena *arena, const struct group *group)
{
    struct group_metadata_key key = {.group_id = group->id};
    return record_part(arena, RECORDS_GROUP_METADATA, &group_metadata_key_message, 0, &key);
}

static struct group_metadata_value group_value(struct arena *arena, const struct group *group)
{
    struct group_metadata_value value;
    struct list *node, *next;
    uint32_t i = 0;

    group_metadata_value_init(&value);
    if (group->protocol_type.data != NULL)
        value.protocol_type = group->protocol_type;
    value.generation = group->generation;
    value.protocol = group->protocol;
    value.leader = group->leader;
    value.current_state_timestamp = group->phase_time;
    value.members_count = group->member_count;
    value.members = group_metadata_value_member_new(arena, group->member_count);
    list_each (node, next, &group->members) {
        const struct member *member = list_entry(node, struct member, in_group);
        value.members[i++] = (struct group_metadata_value_member){
            .member_id = member->id,
            .instance_id = member->instance_id,
            .client_id = member->client_id,
            .client_host = member->client_host,
            .rebalance_timeout_ms = member->rebalance_timeout_ms,
            .session_timeout_ms = member->session_timeout_ms,
            .subscription = member_metadata(member, group->protocol),
            .assignment = member->assignment,
        };
    }
    return value;
}

void emit_group(struct group_decision *decision, struct group *group)
{
    struct group_metadata_value value = group_value(decision->arena, group);
    emit_record(decision,
                (struct group_record){
                    .key = group_key(decision->arena, group),
                    .value = record_part(decision->arena, GROUP_VERSION,
                                         &group_metadata_value_message, GROUP_VERSION, &value),
                });
    group->is_stored = true;
}

void emit_group_tombstone(struct group_decision *decision, struct group *group)
{
    emit_record(decision, (struct group_record){.key = group_key(decision->arena, group)});
    group->is_stored = false;
}

uint64_t group_record_size(const struct group *group)
{
    struct arena arena = {0};
    struct group_metadata_value value = group_value(&arena, group);
    struct group_metadata_key key = {.group_id = group->id};
    uint64_t size = 2 + walk_measure(&group_metadata_key_message, 0, &key).total + 2 +
                    walk_measure(&group_metadata_value_message, GROUP_VERSION, &value).total;
    arena_free(&arena);
    return size;
}

static struct bytes offset_key(struct arena *arena, const struct group *group, struct str topic,
                               int32_t index)
{
    struct offset_commit_key key = {.group_id = group->id, .topic = topic, .index = index};
    return record_part(arena, RECORDS_OFFSET_COMMIT, &offset_commit_key_message, 0, &key);
}

void emit_offset(struct group_decision *decision, const struct group *group, struct str topic,
                 const struct offset *offset)
{
    int16_t version = offset->expires >= 0 ? OFFSET_EXPIRING_VERSION : OFFSET_VERSION;
    struct offset_commit_value value = {
        .offset = offset->offset,
        .leader_epoch = offset->leader_epoch,
        .metadata = offset->metadata,
        .commit_timestamp = offset->committed,
        .expire_timestamp = offset->expires,
        .topic_id = offset->topic_id,
    };
    emit_record(decision, (struct group_record){
                              .key = offset_key(decision->arena, group, topic, offset->index),
                              .value = record_part(decision->arena, version,
                                                   &offset_commit_value_message, version, &value),
                          });
}

void emit_offset_tombstone(struct group_decision *decision, const struct group *group,
                           struct str topic, int32_t index)
{
    emit_record(decision,
                (struct group_record){.key = offset_key(decision->arena, group, topic, index)});
}
