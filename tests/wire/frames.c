/* Headers of requests and replies, and whole frames. */
#include <criterion/criterion.h>

#include "wire.h"

static enum err read_header(const char *bytes, uint32_t size, struct wire_request_header *header,
                            const struct wire_api **api)
{
    struct wire_reader reader;
    wire_reader_init(&reader, (struct bytes){(const uint8_t *)bytes, size});
    return wire_request_header_read(header, api, &reader);
}

#define HEADER(literal) read_header((literal), sizeof(literal) - 1, &header, &api)

Test(frames, reads_an_old_and_a_flexible_request_header)
{
    struct wire_request_header header;
    const struct wire_api *api;

    cr_assert_eq(HEADER("\0\3\0\1\0\0\0\7\0\2me"), ERR_NONE);
    cr_assert_eq(api->key, WIRE_METADATA);
    cr_assert_eq(header.correlation_id, 7);
    cr_assert(str_equal(header.client_id, STR("me")));

    cr_assert_eq(HEADER("\0\3\0\x0c\0\0\0\7\0\2me\1\x09\1x"), ERR_NONE);
    cr_assert_eq(header.api_version, 12);
}

Test(frames, tells_a_null_client_id_from_an_empty_one)
{
    struct wire_request_header header;
    const struct wire_api *api;

    cr_assert_eq(HEADER("\0\3\0\1\0\0\0\7\xff\xff"), ERR_NONE);
    cr_assert_null(header.client_id.data);
    cr_assert_eq(HEADER("\0\3\0\1\0\0\0\7\0\0"), ERR_NONE);
    cr_assert_not_null(header.client_id.data);
}

Test(frames, refuses_a_malformed_request_header)
{
    struct wire_request_header header;
    const struct wire_api *api;

    cr_assert_eq(HEADER(""), ERR_INVALID_REQUEST);
    cr_assert_eq(HEADER("\0\3\0\1\0\0\0"), ERR_INVALID_REQUEST);
    cr_assert_eq(HEADER("\0\3\0\1\0\0\0\7\xff\xfe"), ERR_INVALID_REQUEST);
    cr_assert_eq(HEADER("\0\3\0\1\0\0\0\7\0\3me"), ERR_INVALID_REQUEST);
    cr_assert_eq(HEADER("\0\3\0\x0c\0\0\0\7\0\2me"), ERR_INVALID_REQUEST);
    cr_assert_eq(HEADER("\0\3\0\x0c\0\0\0\7\0\2me\xff\xff\xff\xff\x0f"), ERR_INVALID_REQUEST);
}

Test(frames, names_an_unknown_api_or_version_and_its_correlation_id)
{
    struct wire_request_header header;
    const struct wire_api *api;

    cr_assert_eq(HEADER("\x03\xe7\0\1\0\0\0\7\0\2me"), ERR_UNSUPPORTED_VERSION);
    cr_assert_null(api);
    cr_assert_eq(HEADER("\0\3\xff\xff\0\0\0\7\0\2me"), ERR_UNSUPPORTED_VERSION);
    cr_assert_eq(HEADER("\0\0\0\x0e\0\0\0\7\0\2me"), ERR_UNSUPPORTED_VERSION);
    cr_assert_eq(HEADER("\0\x12\x7f\xff\0\0\0\7\0\2me"), ERR_UNSUPPORTED_VERSION);
    cr_assert_eq(api->key, WIRE_API_VERSIONS);
    cr_assert_eq(header.correlation_id, 7);
}

Test(frames, know_the_versions_of_the_apis)
{
    const struct wire_api *produce = wire_api_find(WIRE_PRODUCE);

    cr_assert_eq(produce->min, 0);
    cr_assert_eq(produce->max, 13);
    cr_assert_eq(wire_api_find(WIRE_INIT_PRODUCER_ID)->max, 5);
    cr_assert(wire_api_find(WIRE_VOTE)->internal);
    cr_assert_not(produce->internal);
}

Test(frames, makes_a_request_frame_that_reads_back)
{
    struct arena arena = {0};
    struct metadata_request request, read;
    metadata_request_init(&request);
    struct wire_request_header in = {WIRE_METADATA, 12, 42, STR("skiff")}, out;
    struct wire_frame frame;

    cr_assert_eq(wire_request_frame(&frame, &in, &request), ERR_NONE);

    cr_assert_eq(frame.head->size, frame.size);
    cr_assert_eq(load_be32(frame.head->data), frame.size - WIRE_SIZE_PREFIX);
    const struct wire_api *api;
    struct wire_reader reader;
    wire_reader_init(&reader, (struct bytes){frame.head->data + 4, frame.head->size - 4});
    cr_assert_eq(wire_request_header_read(&out, &api, &reader), ERR_NONE);
    cr_assert_eq(out.correlation_id, 42);
    cr_assert_eq(metadata_request_read(&read, 12, &reader, &arena), ERR_NONE);
    cr_assert_eq(wire_reader_left(&reader), 0);
    wire_frame_free(&frame);
    arena_free(&arena);
}

Test(frames, answers_api_versions_with_the_old_header_in_every_version)
{
    struct api_versions_response response;
    api_versions_response_init(&response);
    struct wire_frame frame;

    cr_assert_eq(wire_response_frame(&frame, WIRE_API_VERSIONS, 4, 9, &response), ERR_NONE);

    cr_assert_eq(load_be32(frame.head->data + 4), 9);
    cr_assert_eq(load_be16(frame.head->data + 8), 0); /* The error code follows at once. */
    cr_assert_eq(frame.head->data[10], 1);            /* No keys. */
    wire_frame_free(&frame);
}

Test(frames, counts_extents_into_the_size_of_a_fetch_reply)
{
    struct arena arena = {0};
    struct fetch_response response;
    fetch_response_init(&response);
    response.topics_count = 1;
    response.topics = fetch_response_topic_new(&arena, 1);
    response.topics[0].partitions_count = 2;
    response.topics[0].partitions = fetch_response_partition_new(&arena, 2);
    response.topics[0].partitions[0].records = (struct wire_records){.file = 3, .size = 70000};
    response.topics[0].partitions[1].records = (struct wire_records){.file = 4, .size = 300};
    struct wire_frame frame;

    cr_assert_eq(wire_response_frame(&frame, WIRE_FETCH, 17, 1, &response), ERR_NONE);

    cr_assert_eq(frame.splice_count, 2);
    cr_assert_eq(frame.size, frame.head->size + 70300u);
    cr_assert_eq(load_be32(frame.head->data), frame.size - WIRE_SIZE_PREFIX);
    cr_assert_lt(frame.splices[0].at, frame.splices[1].at);
    wire_frame_free(&frame);
    arena_free(&arena);
}

Test(frames, refuses_a_frame_over_2_gib)
{
    struct arena arena = {0};
    struct fetch_response response;
    fetch_response_init(&response);
    response.topics_count = 1;
    response.topics = fetch_response_topic_new(&arena, 1);
    response.topics[0].partitions_count = 2;
    response.topics[0].partitions = fetch_response_partition_new(&arena, 2);
    response.topics[0].partitions[0].records = (struct wire_records){.file = 3, .size = INT32_MAX};
    response.topics[0].partitions[1].records = (struct wire_records){.file = 3, .size = INT32_MAX};
    struct wire_frame frame;

    cr_assert_eq(wire_response_frame(&frame, WIRE_FETCH, 17, 1, &response), ERR_TOO_LARGE);
    arena_free(&arena);
}
