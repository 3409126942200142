/* records.c -- Kafka's own bytes read as what they say, and are written again as they were.
 *
 * golden.txt is what Golden.java printed. */
#include "records/all.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum { LINE_MAX_SIZE = 2048 };

struct golden {
    uint8_t key[LINE_MAX_SIZE / 2];
    uint8_t value[LINE_MAX_SIZE / 2];
    uint32_t key_size, value_size;
};

static struct arena arena;

static uint32_t unhex(const char *text, uint8_t *out)
{
    uint32_t size = 0;
    unsigned byte;
    for (; sscanf(text + 2 * (size_t)size, "%2x", &byte) == 1; size++)
        out[size] = (uint8_t)byte;
    return size;
}

/* The bytes of one case; every test needs at least one. */
static struct golden golden_of(const char *name)
{
    struct golden golden = {.key_size = 0};
    char found[64], key[LINE_MAX_SIZE], value[LINE_MAX_SIZE];
    FILE *file = fopen(GOLDEN, "r");
    cr_assert_not_null(file);
    while (golden.key_size == 0 && fscanf(file, "%63s %2047s %2047s", found, key, value) == 3) {
        if (strcmp(found, name) != 0)
            continue;
        golden.key_size = unhex(key, golden.key);
        golden.value_size = unhex(value, golden.value);
    }
    fclose(file);
    cr_assert_neq(golden.key_size, 0, "no case %s", name);
    return golden;
}

static void check_part(const struct walk_message *message, int16_t version, const uint8_t *bytes,
                       uint32_t size, void *out)
{
    struct wire_reader reader;
    struct wire_writer writer;
    uint8_t again[LINE_MAX_SIZE];

    wire_reader_init(&reader, (struct bytes){.data = bytes, .size = size});
    cr_assert_eq(walk_read(message, version, &reader, &arena, out), ERR_NONE);
    cr_assert_eq(wire_reader_left(&reader), 0);
    cr_assert_eq(walk_measure(message, version, out).total, size);
    wire_writer_init(&writer, again, sizeof again, NULL, 0);
    walk_write(message, version, out, &writer);
    cr_assert_arr_eq(again, bytes, size);
}

/* Reads both parts into `key` and `value`, and wants them written as they were. */
static void check_case(struct golden *golden, int16_t type, int16_t version,
                       const struct walk_message *key_message, void *key,
                       const struct walk_message *value_message, void *value)
{
    cr_assert_eq(load_be16(golden->key), type);
    cr_assert_eq(load_be16(golden->value), version);
    check_part(key_message, 0, golden->key + 2, golden->key_size - 2, key);
    check_part(value_message, version, golden->value + 2, golden->value_size - 2, value);
}

static void check_offset(const char *name, int16_t version, struct offset_commit_value *value)
{
    struct offset_commit_key key;
    struct golden *golden = arena_alloc(&arena, sizeof *golden);
    *golden = golden_of(name);
    check_case(golden, RECORDS_OFFSET_COMMIT, version, &offset_commit_key_message, &key,
               &offset_commit_value_message, value);
    cr_assert(str_equal(key.group_id, STR("g-1")));
    cr_assert(str_equal(key.topic, STR("orders")));
    cr_assert_eq(key.index, 7);
    cr_assert_eq(value->offset, 1234567890123);
    cr_assert(str_equal(value->metadata, STR("n\xc3\xa9"
                                             "e")));
    cr_assert_eq(value->commit_timestamp, 1700000000000);
}

Test(records, reads_and_writes_every_version_of_a_committed_offset_as_kafka)
{
    struct offset_commit_value values[5];
    check_offset("offset_commit_0", 0, &values[0]);
    check_offset("offset_commit_1", 1, &values[1]);
    check_offset("offset_commit_2", 2, &values[2]);
    check_offset("offset_commit_3", 3, &values[3]);
    check_offset("offset_commit_4", 4, &values[4]);

    cr_assert_eq(values[0].expire_timestamp, -1);
    cr_assert_eq(values[1].expire_timestamp, 1700000600000);
    cr_assert_eq(values[2].leader_epoch, -1);
    cr_assert_eq(values[3].leader_epoch, 5);
    cr_assert(uuid_is_zero(values[3].topic_id));
    cr_assert_eq(values[4].topic_id.bytes[15], 0x10);
    arena_free(&arena);
}

static void check_group(const char *name, int16_t version, struct group_metadata_value *value)
{
    struct group_metadata_key key;
    struct golden *golden = arena_alloc(&arena, sizeof *golden);
    *golden = golden_of(name);
    check_case(golden, RECORDS_GROUP_METADATA, version, &group_metadata_key_message, &key,
               &group_metadata_value_message, value);
    cr_assert(str_equal(key.group_id, STR("g-1")));
    cr_assert(str_equal(value->protocol_type, STR("consumer")));
}

Test(records, reads_and_writes_every_version_of_a_classic_group_as_kafka)
{
    struct group_metadata_value values[5], empty;
    check_group("group_metadata_0", 0, &values[0]);
    check_group("group_metadata_1", 1, &values[1]);
    check_group("group_metadata_2", 2, &values[2]);
    check_group("group_metadata_3", 3, &values[3]);
    check_group("group_metadata_4", 4, &values[4]);
    check_group("group_metadata_empty", 3, &empty);

    cr_assert_eq(values[4].generation, 12);
    cr_assert(str_equal(values[4].leader, STR("m-1")));
    cr_assert_eq(values[0].members_count, 2);
    cr_assert_eq(values[0].members[0].rebalance_timeout_ms, -1);
    cr_assert_eq(values[1].members[0].rebalance_timeout_ms, 300000);
    cr_assert_eq(values[1].current_state_timestamp, -1);
    cr_assert_eq(values[2].current_state_timestamp, 1700000000001);
    cr_assert(str_equal(values[3].members[0].instance_id, STR("i-1")));
    cr_assert_null(values[3].members[1].instance_id.data);
    cr_assert_eq(values[4].members[0].subscription.size, 3);
    cr_assert_eq(values[4].members[0].assignment.data[1], 5);
    cr_assert_null(empty.protocol.data);
    cr_assert_null(empty.leader.data);
    arena_free(&arena);
}

Test(records, reads_and_writes_a_consumer_group_and_its_members_as_kafka)
{
    struct golden golden = golden_of("consumer_group_metadata");
    struct consumer_group_metadata_key key;
    struct consumer_group_metadata_value value;
    check_case(&golden, RECORDS_CONSUMER_GROUP_METADATA, 0, &consumer_group_metadata_key_message,
               &key, &consumer_group_metadata_value_message, &value);
    cr_assert_eq(value.epoch, 3);
    cr_assert_eq(value.metadata_hash, -2);

    struct golden of_member = golden_of("consumer_group_member");
    struct consumer_group_member_key member_key;
    struct consumer_group_member_value member;
    check_case(&of_member, RECORDS_CONSUMER_GROUP_MEMBER, 0, &consumer_group_member_key_message,
               &member_key, &consumer_group_member_value_message, &member);
    cr_assert(str_equal(member_key.member_id, STR("m-1")));
    cr_assert_null(member.rack_id.data);
    cr_assert_eq(member.topics_count, 2);
    cr_assert(str_equal(member.topic_regex, STR("a.*")));
    cr_assert_eq(member.classic->protocols[0].metadata.data[0], 9);

    struct golden of_regex = golden_of("consumer_group_regex");
    struct consumer_group_regex_key regex_key;
    struct consumer_group_regex_value regex;
    check_case(&of_regex, RECORDS_CONSUMER_GROUP_REGEX, 0, &consumer_group_regex_key_message,
               &regex_key, &consumer_group_regex_value_message, &regex);
    cr_assert_eq(regex.version, 17);
    cr_assert(str_equal(regex.topics[1], STR("ab")));
    arena_free(&arena);
}

Test(records, reads_and_writes_assignments_of_a_consumer_group_as_kafka)
{
    struct golden golden = golden_of("consumer_group_target");
    struct consumer_group_target_key key;
    struct consumer_group_target_value value;
    check_case(&golden, RECORDS_CONSUMER_GROUP_TARGET, 0, &consumer_group_target_key_message, &key,
               &consumer_group_target_value_message, &value);
    cr_assert_eq(value.assignment_epoch, 3);
    cr_assert_eq(value.assignment_timestamp, 1700000000003);

    struct golden of_member = golden_of("consumer_group_target_member");
    struct consumer_group_target_member_key member_key;
    struct consumer_group_target_member_value member;
    check_case(&of_member, RECORDS_CONSUMER_GROUP_TARGET_MEMBER, 0,
               &consumer_group_target_member_key_message, &member_key,
               &consumer_group_target_member_value_message, &member);
    cr_assert_eq(member.topics[0].partitions[2], 300);

    struct golden of_current = golden_of("consumer_group_current");
    struct consumer_group_current_key current_key;
    struct consumer_group_current_value current;
    check_case(&of_current, RECORDS_CONSUMER_GROUP_CURRENT, 0, &consumer_group_current_key_message,
               &current_key, &consumer_group_current_value_message, &current);
    cr_assert_eq(current.previous_member_epoch, 2);
    cr_assert_eq(current.state, 1);
    cr_assert_eq(current.assigned[0].assignment_epochs[1], 2);
    cr_assert_null(current.pending_revocation[0].assignment_epochs);
    cr_assert_eq(current.pending_revocation[0].partitions[0], 300);
    arena_free(&arena);
}
