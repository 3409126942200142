/* What hostile bytes meet: a refusal, bounded memory, and nothing else.
 *
 * The list follows the malformed-input tests that the project asks for: header,
 * arrays, strings, tags. Bodies are spelled out byte by byte. */
#include <criterion/criterion.h>

#include "bodies.h"
#include "wire.h"
#include "wire/sample.h"

/* Read `bytes` as a request body; the arena's size goes to *memory. */
static enum err read_as(const struct walk_message *message, int16_t version, const void *bytes,
                        size_t size, size_t *memory)
{
    struct arena arena = {0};
    void *out = mem_alloc(message->body->size);
    struct wire_reader reader;
    wire_reader_init(&reader, (struct bytes){.data = bytes, .size = (uint32_t)size});
    enum err err = walk_read(message, version, &reader, &arena, out);
    *memory = arena.total;
    mem_free(out);
    arena_free(&arena);
    return err;
}

static enum err read_metadata(int16_t version, const char *bytes, size_t size)
{
    size_t memory;
    enum err err = read_as(&metadata_request_message, version, bytes, size, &memory);
    cr_assert_leq(memory, 16384);
    return err;
}

#define METADATA(version, literal) read_metadata((version), (literal), sizeof(literal) - 1)

Test(malformed, accepts_what_the_others_are_variations_of)
{
    cr_assert_eq(METADATA(0, "\0\0\0\1\0\3abc"), ERR_NONE);
    cr_assert_eq(METADATA(1, "\xff\xff\xff\xff"), ERR_NONE);
    cr_assert_eq(METADATA(9, "\2\4abc\0\1\0\0\0"), ERR_NONE);
}

Test(malformed, refuses_an_array_length_of_minus_two)
{
    cr_assert_eq(METADATA(1, "\xff\xff\xff\xfe"), ERR_INVALID_REQUEST);
}

Test(malformed, refuses_a_null_array_where_there_is_no_null)
{
    cr_assert_eq(METADATA(0, "\xff\xff\xff\xff"), ERR_INVALID_REQUEST);
}

Test(malformed, refuses_2_31_elements_with_three_bytes_left)
{
    cr_assert_eq(METADATA(0, "\x7f\xff\xff\xff"
                             "abc"),
                 ERR_INVALID_REQUEST);
    cr_assert_eq(METADATA(9, "\xff\xff\xff\xff\x0f"
                             "abc"),
                 ERR_INVALID_REQUEST);
}

Test(malformed, refuses_a_string_length_of_minus_two)
{
    cr_assert_eq(METADATA(0, "\0\0\0\1\xff\xfe"), ERR_INVALID_REQUEST);
}

Test(malformed, refuses_a_string_longer_than_the_frame)
{
    cr_assert_eq(METADATA(0, "\0\0\0\1\0\4abc"), ERR_INVALID_REQUEST);
    cr_assert_eq(METADATA(0, "\0\0\0\1\x7f\xff"
                             "abc"),
                 ERR_INVALID_REQUEST);
}

Test(malformed, refuses_a_null_string_where_there_is_no_null)
{
    cr_assert_eq(METADATA(0, "\0\0\0\1\xff\xff"), ERR_INVALID_REQUEST);
    cr_assert_eq(METADATA(9, "\2\0\0\1\0\0\0"), ERR_INVALID_REQUEST);
}

Test(malformed, reads_what_is_not_utf8_as_kafka_does)
{
    cr_assert_eq(METADATA(0, "\0\0\0\1\0\3a\xff"
                             "c"),
                 ERR_NONE);
    cr_assert_eq(METADATA(0, "\0\0\0\1\0\2\xc0\x80"), ERR_NONE);
}

/* One that grows beyond what a string may be. */
Test(malformed, refuses_a_string_that_is_too_long_once_it_is_utf8)
{
    enum { SIZE = 0x7fff / 3 + 1 };
    uint8_t bytes[6 + SIZE] = {[3] = 1, [4] = SIZE >> 8, [5] = SIZE & 0xff};
    size_t memory;
    memset(bytes + 6, 0xff, SIZE);
    cr_assert_eq(read_as(&metadata_request_message, 0, bytes, 6 + SIZE, &memory),
                 ERR_INVALID_REQUEST);
    store_be16(bytes + 4, SIZE - 1);
    cr_assert_eq(read_as(&metadata_request_message, 0, bytes, 5 + SIZE, &memory), ERR_NONE);
}

Test(malformed, accepts_a_string_with_nul_and_leaves_the_name_to_others)
{
    cr_assert_eq(METADATA(0, "\0\0\0\1\0\3a\0c"), ERR_NONE);
}

Test(malformed, takes_a_string_of_32767_bytes_and_none_of_32768)
{
    size_t memory;
    struct arena arena = {0};
    uint8_t *bytes = arena_alloc(&arena, 40000);
    memset(bytes, 'a', 40000);
    memcpy(bytes, "\2\x80\x80\2", 4); /* One topic; compact length 32768, thus 32767 bytes. */
    memcpy(bytes + 4 + 32767, "\0\1\0\0\0", 5);

    cr_assert_eq(read_as(&metadata_request_message, 9, bytes, 4 + 32767 + 5, &memory), ERR_NONE);
    memcpy(bytes + 1, "\x81\x80\2", 3);
    memcpy(bytes + 4 + 32767, "a\0\1\0\0\0", 6);
    cr_assert_eq(read_as(&metadata_request_message, 9, bytes, 4 + 32768 + 5, &memory),
                 ERR_INVALID_REQUEST);
    arena_free(&arena);
}

Test(malformed, refuses_overlong_and_oversized_varints)
{
    cr_assert_eq(METADATA(9, "\x82\0\4abc\0\1\0\0\0"), ERR_INVALID_REQUEST);
    cr_assert_eq(METADATA(9, "\x80\x80\x80\x80\0"), ERR_INVALID_REQUEST);
    cr_assert_eq(METADATA(9, "\xff\xff\xff\xff\x1f"
                             "abc"),
                 ERR_INVALID_REQUEST);
    cr_assert_eq(METADATA(9, "\x80\x80\x80\x80\x80\1"
                             "abc"),
                 ERR_INVALID_REQUEST);
    cr_assert_eq(METADATA(9, "\x80"), ERR_INVALID_REQUEST);
}

Test(malformed, refuses_a_varint_that_would_lose_bits)
{
    struct wire_reader reader;
    uint32_t value = 7;
    wire_reader_init(&reader, (struct bytes){(const uint8_t *)"\x81\x80\x80\x80\x10", 5});

    cr_assert_eq(wire_read_uvarint(&reader, &value), ERR_INVALID_REQUEST);
    cr_assert_eq(value, 7);
}

Test(malformed, skips_unknown_tags_nested_ones_too)
{
    cr_assert_eq(METADATA(9, "\2\4abc\1\7\2xy\1\0\0\1\x80\1\0"), ERR_NONE);
}

Test(malformed, refuses_a_tag_count_of_2_32_minus_1)
{
    cr_assert_eq(METADATA(9, "\1\1\0\0\xff\xff\xff\xff\x0f"), ERR_INVALID_REQUEST);
}

Test(malformed, refuses_more_than_10000_tags)
{
    size_t memory;
    struct arena arena = {0};
    uint8_t *bytes = arena_alloc(&arena, 100000);
    uint8_t *at = bytes;
    memcpy(at, "\1\1\0\0\x91\x4e", 6); /* 10001 of them. */
    at += 6;
    for (uint32_t tag = 0; tag <= WALK_TAGS_MAX; tag++) {
        struct wire_writer writer;
        wire_writer_init(&writer, at, 5, NULL, 0);
        wire_write_uvarint(&writer, tag);
        at += writer.size;
        *at++ = 0;
    }
    size_t size = (size_t)(at - bytes);

    cr_assert_eq(read_as(&metadata_request_message, 9, bytes, size, &memory), ERR_INVALID_REQUEST);
    bytes[4] = 0x90;
    cr_assert_eq(read_as(&metadata_request_message, 9, bytes, size, &memory), ERR_NONE);
    arena_free(&arena);
}

Test(malformed, refuses_tags_out_of_order_or_twice)
{
    cr_assert_eq(METADATA(9, "\1\1\0\0\2\2\0\1\0"), ERR_INVALID_REQUEST);
    cr_assert_eq(METADATA(9, "\1\1\0\0\2\1\0\1\0"), ERR_INVALID_REQUEST);
    cr_assert_eq(METADATA(9, "\1\1\0\0\2\1\0\2\0"), ERR_NONE);
}

Test(malformed, refuses_a_tag_longer_than_what_is_left)
{
    cr_assert_eq(METADATA(9, "\1\1\0\0\1\1\4abc"), ERR_INVALID_REQUEST);
    cr_assert_eq(METADATA(9, "\1\1\0\0\1\1\xff\xff\xff\xff\x0f"
                             "abc"),
                 ERR_INVALID_REQUEST);
}

Test(malformed, refuses_a_known_tag_whose_size_lies)
{
    size_t memory;
    struct fetch_request request; /* Ends with one tag: cluster id, 3 bytes of content. */
    struct arena arena = {0};
    fetch_request_init(&request);
    request.cluster_id = STR("xy");
    struct bytes bytes = body_bytes(&fetch_request_message, 12, &request, &arena);
    uint8_t *copy = arena_copy(&arena, bytes.data, bytes.size);

    cr_assert_eq(read_as(&fetch_request_message, 12, copy, bytes.size, &memory), ERR_NONE);
    copy[bytes.size - 3] = 2; /* Compact length one less: a byte of the tag is left over. */
    cr_assert_eq(read_as(&fetch_request_message, 12, copy, bytes.size, &memory),
                 ERR_INVALID_REQUEST);
    copy[bytes.size - 3] = 4; /* One more: past the tag's end. */
    cr_assert_eq(read_as(&fetch_request_message, 12, copy, bytes.size, &memory),
                 ERR_INVALID_REQUEST);
    arena_free(&arena);
}

Test(malformed, refuses_a_presence_byte_that_is_neither)
{
    size_t memory;
    struct arena arena = {0};
    struct sample_request body;
    sample_request_init(&body);
    struct bytes bytes = body_bytes(&sample_request_message, 3, &body, &arena);
    uint8_t *copy = arena_copy(&arena, bytes.data, bytes.size);
    cr_assert_eq(copy[bytes.size - 2], 0xff); /* Null; then no tags. */

    copy[bytes.size - 2] = 2;

    cr_assert_eq(read_as(&sample_request_message, 3, copy, bytes.size, &memory),
                 ERR_INVALID_REQUEST);
    arena_free(&arena);
}

Test(malformed, refuses_more_than_a_million_elements_that_are_really_there)
{
    size_t memory;
    uint32_t count = WALK_ELEMENTS_MAX + 1;
    uint32_t size = 4 + 2 * count + 4;
    uint8_t *bytes = mem_zalloc(size);
    store_be32(bytes, count);

    cr_assert_eq(read_as(&metadata_request_message, 0, bytes, size, &memory), ERR_INVALID_REQUEST);
    cr_assert_eq(memory, 0);
    store_be32(bytes, count - 1);
    cr_assert_eq(read_as(&metadata_request_message, 0, bytes, size, &memory), ERR_NONE);
    mem_free(bytes);
}

Test(malformed, takes_no_more_memory_than_the_budget_of_the_frame)
{
    /* Arrays in arrays, each claiming as many elements as there are bytes left. */
    size_t memory;
    uint8_t bytes[2048];
    for (uint32_t i = 0; i < sizeof bytes; i += 4)
        store_be32(bytes + i, (uint32_t)sizeof bytes - i - 64);

    read_as(&fetch_request_message, 4, bytes, sizeof bytes, &memory);
    cr_assert_leq(memory, 16384 + 2 * sizeof bytes * WALK_MEMORY_FACTOR);
}

Test(malformed, obeys_a_budget_that_the_caller_lowered)
{
    struct arena arena = {0};
    struct metadata_request request;
    struct wire_reader reader;
    wire_reader_init(&reader, (struct bytes){(const uint8_t *)"\0\0\0\1\0\1a", 7});
    reader.memory_left = 8;

    cr_assert_eq(metadata_request_read(&request, 0, &reader, &arena), ERR_INVALID_REQUEST);
    arena_free(&arena);
}

/* A body that ends early is never taken for a whole one. */
static void cut_everywhere(const struct walk_message *message, int16_t version, struct rand *rand)
{
    struct arena arena = {0};
    size_t memory;
    void *body = arena_alloc(&arena, message->body->size);
    body_random(message->body, version, rand, &arena, body);
    struct bytes bytes = body_bytes(message, version, body, &arena);
    for (uint32_t size = 0; size < bytes.size; size += 1 + bytes.size / 200) {
        uint8_t *exact = mem_alloc(size + !size); /* So that a sanitizer sees one byte too many. */
        memcpy(exact, bytes.data, size);
        cr_assert_eq(read_as(message, version, exact, size, &memory), ERR_INVALID_REQUEST,
                     "%s v%d cut at %u of %u", message->body->name, version, size, bytes.size);
        mem_free(exact);
    }
    arena_free(&arena);
}

Test(malformed, refuses_every_message_that_is_cut_anywhere)
{
    struct rand rand;
    rand_init(&rand, 11);
    for (uint32_t i = 0; i < WIRE_API_COUNT; i++) {
        for (int16_t version = wire_apis[i].min; version <= wire_apis[i].max; version++) {
            cut_everywhere(wire_apis[i].request, version, &rand);
            cut_everywhere(wire_apis[i].response, version, &rand);
        }
    }
}

/* Whatever a few changed bytes make of it, memory stays within bounds, and what is
 * taken for good can be written again. */
static void change_bytes(const struct walk_message *message, int16_t version, struct rand *rand)
{
    struct arena arena = {0};
    void *body = arena_alloc(&arena, message->body->size);
    body_random(message->body, version, rand, &arena, body);
    struct bytes bytes = body_bytes(message, version, body, &arena);
    uint8_t *copy = arena_copy(&arena, bytes.data, bytes.size);
    for (int i = 0; i < 3 && bytes.size > 0; i++)
        copy[rand_below(rand, bytes.size)] = (uint8_t)rand_u64(rand);

    struct arena read = {0};
    struct wire_reader reader;
    wire_reader_init(&reader, (struct bytes){copy, bytes.size});
    enum err err = walk_read(message, version, &reader, &read, body);
    cr_assert_leq(read.total, 16384 + 2 * (4096 + (size_t)bytes.size * WALK_MEMORY_FACTOR));
    if (err == ERR_NONE)
        body_bytes(message, version, body, &arena);
    arena_free(&read);
    arena_free(&arena);
}

Test(malformed, survives_changed_bytes_in_every_message)
{
    struct rand rand;
    rand_init(&rand, 12);
    for (uint32_t i = 0; i < WIRE_API_COUNT; i++) {
        for (int16_t version = wire_apis[i].min; version <= wire_apis[i].max; version++) {
            for (int round = 0; round < 100; round++) {
                change_bytes(wire_apis[i].request, version, &rand);
                change_bytes(wire_apis[i].response, version, &rand);
            }
        }
    }
}
