/* What is written reads as the same, for every message, version and direction. */
#include <criterion/criterion.h>

#include "bodies.h"
#include "wire.h"
#include "wire/sample.h"

enum { ROUNDS = 60 };

/* One random body there and back; says which message failed. */
static void trip(const struct walk_message *message, int16_t version, struct rand *rand)
{
    struct arena arena = {0};
    void *body = arena_alloc(&arena, message->body->size);
    void *read = arena_alloc(&arena, message->body->size);
    body_random(message->body, version, rand, &arena, body);

    struct bytes bytes = body_bytes(message, version, body, &arena);
    struct wire_reader reader;
    wire_reader_init(&reader, bytes);
    enum err err = walk_read(message, version, &reader, &arena, read);

    cr_assert_eq(err, ERR_NONE, "%s v%d: %s", message->body->name, version, err_name(err));
    cr_assert_eq(wire_reader_left(&reader), 0, "%s v%d", message->body->name, version);
    cr_assert(body_equal(message->body, version, body, read), "%s v%d", message->body->name,
              version);
    struct bytes again = body_bytes(message, version, read, &arena);
    cr_assert(bytes_equal(bytes, again), "%s v%d", message->body->name, version);
    arena_free(&arena);
}

static void trip_all_versions(const struct walk_message *message, uint64_t seed)
{
    struct rand rand;
    rand_init(&rand, seed);
    for (int16_t version = message->first; version <= message->last; version++) {
        for (int round = 0; round < ROUNDS; round++)
            trip(message, version, &rand);
    }
}

Test(round_trip, every_request_in_every_version)
{
    for (uint32_t i = 0; i < WIRE_API_COUNT; i++)
        trip_all_versions(wire_apis[i].request, i);
}

Test(round_trip, every_response_in_every_version)
{
    for (uint32_t i = 0; i < WIRE_API_COUNT; i++)
        trip_all_versions(wire_apis[i].response, 1000 + i);
}

Test(round_trip, every_type_and_option_of_the_schema)
{
    trip_all_versions(&sample_request_message, 7);
    trip_all_versions(&sample_response_message, 8);
}

Test(round_trip, serves_each_api_in_the_versions_that_its_schema_has)
{
    for (uint32_t i = 0; i < WIRE_API_COUNT; i++) {
        cr_assert_eq(wire_apis[i].min, wire_apis[i].request->first);
        cr_assert_eq(wire_apis[i].max, wire_apis[i].response->last);
        cr_assert(i == 0 || wire_apis[i].key > wire_apis[i - 1].key);
    }
}
