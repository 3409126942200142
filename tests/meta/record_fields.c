/* record_fields.c -- a record told field by field. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "record.h"

static char text[4096];

static void write_down(void *context, const struct record_field *field)
{
    static const char *const marks[] = {[RECORD_FIELD_OPEN] = "{",
                                        [RECORD_FIELD_CLOSE] = "}",
                                        [RECORD_FIELD_LIST_OPEN] = "[",
                                        [RECORD_FIELD_LIST_CLOSE] = "]"};
    size_t size = strlen(text);
    char uuid[UUID_TEXT_SIZE];
    cr_assert_null(context);
    size += (size_t)snprintf(text + size, sizeof text - size, "%s", field->name ? field->name : "");
    if (field->kind >= RECORD_FIELD_OPEN)
        snprintf(text + size, sizeof text - size, "%s ", marks[field->kind]);
    else if (field->kind == RECORD_FIELD_TEXT)
        snprintf(text + size, sizeof text - size, "='%.*s' ", (int)field->bytes.size,
                 (const char *)field->bytes.data);
    else if (field->kind == RECORD_FIELD_UUID) {
        uuid_format(field->uuid, uuid);
        snprintf(text + size, sizeof text - size, "=%s ", uuid);
    } else if (field->kind == RECORD_FIELD_BYTES)
        snprintf(text + size, sizeof text - size, "=%u bytes ", field->bytes.size);
    else
        snprintf(text + size, sizeof text - size, "=%lld ", (long long)field->number);
}

static void expect(struct bytes value, const char *wanted)
{
    struct arena arena = {0};
    text[0] = '\0';
    cr_assert_eq(record_visit(value, &arena, write_down, NULL), ERR_NONE);
    cr_assert_str_eq(text, wanted);
    arena_free(&arena);
}

Test(record_fields, are_told_by_name_with_lists_and_messages_inside)
{
    struct arena arena = {0};
    struct record record = {.type = RECORD_PARTITION_CHANGE,
                            .cause = STR("broker 2 died"),
                            .partition = {.key = {.topic_id = {{1}}, .index = 7},
                                          .leader = -1,
                                          .leader_epoch = 5,
                                          .partition_epoch = 9,
                                          .min_insync = 2,
                                          .flush_each = true}};
    node_list_add(&record.partition.isr, 3);
    node_list_add(&record.partition.isr, 1);
    expect(
        record_encode(&record, &arena),
        "level=1 cause='broker 2 died' partition_change{ topic_id=AQAAAAAAAAAAAAAAAAAAAA index=7 "
        "state{ isr[ =3 =1 ] elr[ ] leader=-1 leader_epoch=5 partition_epoch=9 min_insync=2 "
        "flush_each=1 unclean_allowed=0 recovering=0 data_loss=0 } } ");
    arena_free(&arena);
}

Test(record_fields, tell_texts_and_uuids_apart_and_messages_in_a_list)
{
    struct arena arena = {0};
    struct record_endpoint endpoint = {.name = STR("CLIENT"), .host = STR("h"), .port = 9092};
    struct record record = {.type = RECORD_REGISTER_BROKER,
                            .cause = STR("x"),
                            .broker = {.id = 2, .endpoint_count = 1, .endpoints = &endpoint}};
    expect(record_encode(&record, &arena),
           "level=1 cause='x' register_broker{ id=2 directory=AAAAAAAAAAAAAAAAAAAAAA "
           "incarnation=AAAAAAAAAAAAAAAAAAAAAA endpoints[ { name='CLIENT' host='h' port=9092 "
           "internal=0 } ] rack='' } ");
    arena_free(&arena);
}

Test(record_fields, tell_what_this_build_does_not_know)
{
    /* level=1, cause "x", and field 27 as a varint; a cluster id of two bytes. */
    static const uint8_t newer[] = {0x08, 1, 0x12, 1, 'x', 0xd8, 1, 5};
    static const uint8_t rotten[] = {0x08, 1, 0x12, 1, 'x', 0x52, 4, 0x0a, 2, 7, 8};
    expect((struct bytes){newer, sizeof newer}, "level=1 cause='x' unknown_field=27 ");
    expect((struct bytes){rotten, sizeof rotten},
           "level=1 cause='x' cluster{ cluster_id=2 bytes level=0 } ");
}

Test(record_fields, are_not_told_of_what_is_no_record)
{
    static const uint8_t foreign[] = {0x0a, 0xff, 0xff};
    struct arena arena = {0};
    text[0] = '\0';
    cr_assert_eq(record_visit((struct bytes){foreign, sizeof foreign}, &arena, write_down, NULL),
                 ERR_CORRUPT);
    cr_assert_str_eq(text, "");
    arena_free(&arena);
}
