/* The walker's single rules: defaults, null, tags, splices. Malformed input is in malformed.c. */
#include <criterion/criterion.h>

#include "bodies.h"
#include "wire.h"
#include "wire/sample.h"

static struct bytes sample_bytes(const struct sample_request *body, int16_t version,
                                 struct arena *arena)
{
    return body_bytes(&sample_request_message, version, body, arena);
}

static void sample_read(struct sample_request *out, int16_t version, struct bytes bytes,
                        struct arena *arena)
{
    struct wire_reader reader;
    wire_reader_init(&reader, bytes);
    cr_assert_eq(sample_request_read(out, version, &reader, arena), ERR_NONE);
    cr_assert_eq(wire_reader_left(&reader), 0);
}

Test(walk, starts_every_field_at_its_default)
{
    struct sample_request body;

    sample_request_init(&body);

    cr_assert_eq(body.tiny, -7);
    cr_assert_eq(body.port, 9092);
    cr_assert_eq(body.unsigned_, 4000000000u);
    cr_assert_eq(body.large, INT64_MIN);
    cr_assert_eq((int)body.real, 3);
    cr_assert_not_null(body.name.data);
    cr_assert_null(body.note.data);
    cr_assert_not_null(body.numbers);
    cr_assert_null(body.items);
    cr_assert_eq(body.inner.a, 5);
    cr_assert_null(body.cursor);
    cr_assert_eq(body.late_number, -1);
}

Test(walk, gives_a_new_array_with_each_element_at_its_defaults)
{
    struct arena arena = {0};

    struct fetch_response_partition *partitions = fetch_response_partition_new(&arena, 2);

    cr_assert_eq(partitions[1].current_leader.leader_id, -1);
    cr_assert_eq(partitions[1].records.file, -1);
    cr_assert_not_null(fetch_response_partition_new(&arena, 0));
    arena_free(&arena);
}

Test(walk, reads_a_field_that_the_version_lacks_as_its_default)
{
    struct arena arena = {0};
    struct sample_request body, read;
    sample_request_init(&body);
    body.small = 77;       /* From version 1. */
    body.large = 88;       /* Up to version 2. */
    body.late_number = 99; /* From version 2. */

    struct bytes bytes = sample_bytes(&body, 0, &arena);
    sample_read(&read, 0, bytes, &arena);

    cr_assert_eq(read.small, -1);
    cr_assert_eq(read.large, 88);
    cr_assert_eq(read.late_number, -1);
    arena_free(&arena);
}

Test(walk, tells_null_from_empty)
{
    struct arena arena = {0};
    struct sample_request body, read;
    sample_request_init(&body);
    body.note = STR("");
    body.maybe_blob = (struct bytes){0};
    body.names = NULL;
    body.items = sample_request_item_new(&arena, 0);

    struct bytes bytes = sample_bytes(&body, 3, &arena);
    sample_read(&read, 3, bytes, &arena);

    cr_assert_not_null(read.note.data);
    cr_assert_null(read.maybe_blob.data);
    cr_assert_null(read.names);
    cr_assert_not_null(read.items);
    cr_assert_eq(read.items_count, 0);
    arena_free(&arena);
}

Test(walk, writes_null_as_empty_where_the_version_has_no_null)
{
    struct arena arena = {0};
    struct sample_request body, read;
    sample_request_init(&body);
    body.note = (struct str){0};
    body.items = NULL;

    struct bytes bytes = sample_bytes(&body, 0, &arena);
    sample_read(&read, 0, bytes, &arena);

    cr_assert_not_null(read.note.data);
    cr_assert_not_null(read.items);
    arena_free(&arena);
}

Test(walk, sends_no_tagged_field_that_is_at_its_default)
{
    struct arena arena = {0};
    struct sample_request body;
    sample_request_init(&body);
    struct bytes bare = sample_bytes(&body, 2, &arena);

    body.late_number = 1;
    struct bytes tagged = sample_bytes(&body, 2, &arena);

    cr_assert_eq(bare.data[bare.size - 1], 0);        /* No tags. */
    cr_assert_eq(tagged.size, bare.size + 3 + 1 + 8); /* Tag 40000, size, value. */
    arena_free(&arena);
}

Test(walk, skips_tags_that_it_does_not_know)
{
    struct arena arena = {0};
    struct sample_request body, read;
    sample_request_init(&body);
    struct bytes bytes = sample_bytes(&body, 2, &arena);
    static const uint8_t tags[] = {2, 8, 3, 'a', 'b', 'c', 0xff, 0xff, 3, 1, 'z'};
    uint8_t *longer = arena_alloc(&arena, bytes.size + sizeof tags);
    memcpy(longer, bytes.data, bytes.size - 1);
    memcpy(longer + bytes.size - 1, tags, sizeof tags);

    sample_read(&read, 2, (struct bytes){longer, bytes.size - 1 + (uint32_t)sizeof tags}, &arena);

    cr_assert(body_equal(&sample_request_walk, 2, &body, &read));
    arena_free(&arena);
}

Test(walk, leaves_a_splice_point_for_an_extent_and_copies_memory)
{
    struct arena arena = {0};
    struct sample_response body;
    sample_response_init(&body);
    body.parts_count = 2;
    body.parts = sample_response_part_new(&arena, 2);
    body.parts[0].records = (struct wire_records){.file = 4, .position = 512, .size = 1000};
    body.parts[1].records.memory = (struct bytes){(const uint8_t *)"batch", 5};

    struct walk_size size = walk_measure(&sample_response_message, 1, &body);
    uint8_t *data = arena_alloc(&arena, size.inlined);
    struct wire_splice splice;
    struct wire_writer writer;
    wire_writer_init(&writer, data, (uint32_t)size.inlined, &splice, 1);
    sample_response_write(&body, 1, &writer);

    cr_assert_eq(size.inlined, 2 + 4 + 4 + 4 + 5);
    cr_assert_eq(size.total, size.inlined + 1000);
    cr_assert_eq(size.splices, 1);
    cr_assert_eq(splice.at, 2 + 4 + 4);
    cr_assert_eq(splice.file, 4);
    cr_assert_eq(splice.position, 512);
    cr_assert_eq(splice.size, 1000);
    arena_free(&arena);
}

Test(walk, writes_zeroed_records_as_empty_and_never_as_null)
{
    struct arena arena = {0};
    struct sample_response_part part = {0};
    struct sample_response body = {.parts_count = 1, .parts = &part};

    struct bytes bytes = body_bytes(&sample_response_message, 1, &body, &arena);

    cr_assert_eq((int32_t)load_be32(bytes.data + 6), 0);
    arena_free(&arena);
}

Test(walk, reads_records_of_a_reply_in_place)
{
    static const uint8_t bytes[] = {0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 'x', 'y'};
    struct arena arena = {0};
    struct sample_response read;
    struct wire_reader reader;
    wire_reader_init(&reader, (struct bytes){bytes, sizeof bytes});

    cr_assert_eq(sample_response_read(&read, 1, &reader, &arena), ERR_NONE);

    cr_assert_eq(read.parts[0].records.memory.data, bytes + 10);
    cr_assert_eq(read.parts[0].records.size, 2);
    cr_assert_eq(read.parts[0].records.file, -1);
    arena_free(&arena);
}

Test(walk, refuses_a_version_that_the_message_lacks)
{
    struct arena arena = {0};
    struct produce_request read;
    struct wire_reader reader;
    wire_reader_init(&reader, (struct bytes){0});

    cr_assert_eq(produce_request_read(&read, -1, &reader, &arena), ERR_UNSUPPORTED_VERSION);
    cr_assert_eq(produce_request_read(&read, 14, &reader, &arena), ERR_UNSUPPORTED_VERSION);
    arena_free(&arena);
}

/* Bytes of the shortest form of a struct. */
static uint32_t shortest(const struct walk_struct *of, int16_t version, bool flexible)
{
    static const uint8_t sizes[] = {[WALK_BOOL] = 1,   [WALK_INT8] = 1,    [WALK_INT16] = 2,
                                    [WALK_UINT16] = 2, [WALK_INT32] = 4,   [WALK_UINT32] = 4,
                                    [WALK_INT64] = 8,  [WALK_FLOAT64] = 8, [WALK_UUID] = 16};
    uint32_t size = flexible;
    for (uint32_t i = 0; i < of->field_count; i++) {
        const struct walk_field *field = &of->fields[i];
        if (field->tag >= 0 || version < field->first || version > field->last)
            continue;
        if (field->is_array || field->type == WALK_BYTES || field->type == WALK_RECORDS)
            size += flexible ? 1 : 4;
        else if (field->type == WALK_STRING)
            size += flexible ? 1 : 2;
        else
            size += field->of ? shortest(field->of, version, flexible) : sizes[field->type];
    }
    return size;
}

static void check_growth(const struct walk_struct *of, int16_t version, bool flexible)
{
    for (uint32_t i = 0; i < of->field_count; i++) {
        const struct walk_field *field = &of->fields[i];
        if (!field->of || version < field->first || version > field->last)
            continue;
        uint32_t bytes = shortest(field->of, version, flexible);
        if (field->is_array)
            cr_assert_leq(field->of->size, bytes * WALK_MEMORY_FACTOR, "%s", field->of->name);
        check_growth(field->of, version, flexible);
    }
}

static void check_growth_of(const struct walk_message *message)
{
    for (int16_t version = message->first; version <= message->last; version++)
        check_growth(message->body, version, version >= message->flexible_from);
}

Test(walk, has_memory_for_every_honest_message)
{
    for (uint32_t i = 0; i < WIRE_API_COUNT; i++) {
        check_growth_of(wire_apis[i].request);
        check_growth_of(wire_apis[i].response);
    }
}
