/* old_formats.c -- Produce 0 to 2, Fetch 0 to 3, ListOffsets 0: what clients before 0.11 use. */
#include <criterion/criterion.h>
#include <zlib.h>

#include "batch.h"
#include "node_fixture.h"

static struct node node;

static void start(void)
{
    node_start(&node, NULL);
    node_keep_record(&node);
}

static void stop(void)
{
    node_check_record(&node);
    node_stop(&node);
}

TestSuite(old_formats, .init = start, .fini = stop);

enum { AT_SIZE = 8, AT_CRC = 12, AT_MAGIC = 16, AT_ATTRIBUTES = 17, AT_TIMESTAMP = 18 };

/* One message without a key, in the node's arena. */
static struct bytes message(uint8_t magic, uint8_t attributes, const char *value)
{
    uint32_t head = AT_TIMESTAMP + (magic ? 8u : 0u), length = (uint32_t)strlen(value);
    uint32_t size = head + 8 + length;
    uint8_t *at = arena_alloc(&node.arena, size);
    at[AT_MAGIC] = magic;
    at[AT_ATTRIBUTES] = attributes;
    if (magic)
        store_be64(at + AT_TIMESTAMP, 4711);
    store_be32(at + head, UINT32_MAX);
    store_be32(at + head + 4, length);
    memcpy(at + head + 8, value, length);
    store_be32(at + AT_SIZE, size - 12);
    store_be32(at + AT_CRC, (uint32_t)crc32(0, at + AT_MAGIC, size - AT_MAGIC));
    return (struct bytes){.data = at, .size = size};
}

static struct produce_response_partition produce(int16_t version, struct bytes records)
{
    struct produce_request body = node_produce_request(&node, "kept", -1, records);
    struct produce_response response;
    node_call(&node, node_connect(&node), WIRE_PRODUCE, version, &body, &response);
    return response.topics[0].partitions[0];
}

static struct fetch_request fetch_request(log_offset offset)
{
    struct fetch_request body;
    fetch_request_init(&body);
    body.topics_count = 1;
    body.topics = fetch_request_topic_new(&node.arena, 1);
    body.topics[0].name = STR("kept");
    body.topics[0].partitions_count = 1;
    body.topics[0].partitions = fetch_request_partition_new(&node.arena, 1);
    body.topics[0].partitions[0].fetch_offset = offset;
    body.topics[0].partitions[0].partition_max_bytes = 1 << 20;
    return body;
}

static struct fetch_response_partition fetch(int16_t version, log_offset offset)
{
    struct fetch_request body = fetch_request(offset);
    struct fetch_response response;
    node_call(&node, node_connect(&node), WIRE_FETCH, version, &body, &response);
    return response.topics[0].partitions[0];
}

Test(old_formats, are_taken_by_old_versions_of_produce)
{
    for (int16_t version = 0; version <= 2; version++) {
        struct produce_response_partition answer = produce(version, message(version > 1, 0, "old"));
        cr_assert_eq(answer.error_code, ERR_NONE);
        cr_assert_eq(answer.base_offset, version + 1);
    }
    struct fetch_response_partition read = node_fetch(&node, node_connect(&node), "kept", 3);
    struct batch_walk walk;
    struct batch_record record;
    cr_assert_eq(batch_walk_start(&walk, read.records.memory), ERR_NONE);
    cr_assert_eq(batch_walk_next(&walk, &record), ERR_NONE);
    cr_assert(bytes_equal(record.value, bytes_of_str(STR("old"))));
    cr_assert_eq(record.timestamp, 4711);
}

Test(old_formats, are_refused_by_newer_versions_of_produce)
{
    cr_assert_eq(produce(3, message(1, 0, "old")).error_code, ERR_INVALID_RECORD);
    cr_assert_eq(produce(2, message(1, 0, "")).error_code, ERR_NONE);
}

Test(old_formats, are_refused_with_codes_that_old_clients_know)
{
    struct bytes damaged = message(0, 0, "old");
    *(uint8_t *)(uintptr_t)(damaged.data + AT_CRC) ^= 1;
    cr_assert_eq(produce(0, damaged).error_code, ERR_CORRUPT_MESSAGE);
    cr_assert_eq(produce(2, message(1, BATCH_LOG_APPEND_TIME, "x")).error_code,
                 ERR_INVALID_TIMESTAMP);
    cr_assert_eq(produce(2, message(1, CODEC_GZIP, "no gzip")).error_code, ERR_INVALID_RECORD);
    cr_assert_eq(produce(1, message(0, CODEC_ZSTD, "x")).error_code,
                 ERR_UNSUPPORTED_COMPRESSION_TYPE);
}

Test(old_formats, are_what_old_versions_of_fetch_read)
{
    static const uint8_t magics[] = {0, 0, 1, 1};
    for (int16_t version = 0; version <= 3; version++) {
        struct bytes got = fetch(version, 0).records.memory;
        cr_assert_eq(got.data[AT_MAGIC], magics[version]);
        cr_assert_eq(load_be64(got.data), 0);
        cr_assert_eq(load_be32(got.data + AT_SIZE), got.size - 12);
        cr_assert_eq(load_be32(got.data + AT_CRC),
                     crc32(0, got.data + AT_MAGIC, got.size - AT_MAGIC));
        cr_assert_eq(memcmp(got.data + got.size - 19, "acknowledged before", 19), 0);
    }
    cr_assert_eq(fetch(4, 0).records.memory.data[AT_MAGIC], BATCH_MAGIC);
}

static void tune_small_budget(struct config *config)
{
    config->inflight_size_max = 1 << 20;
}

Test(old_formats, do_not_fill_the_memory_however_many_ask_at_once)
{
    enum { ASKED = 100, RECORD_SIZE = 500 * 1000 };
    uint32_t with_records = 0;
    node_stop(&node);
    node_start(&node, tune_small_budget);
    node_keep_record(&node);
    struct produce_response_partition answer =
        node_produce(&node, node_connect(&node), "kept", node_large_batch(&node, RECORD_SIZE));
    cr_assert_eq(answer.error_code, ERR_NONE);
    struct fetch_request body = fetch_request(1);
    conn_id conn = node_connect(&node);
    for (uint32_t i = 0; i < ASKED; i++)
        node_ask(&node, conn, WIRE_FETCH, 1, &body);
    node_run(&node, 0);

    for (uint32_t i = 0; i < ASKED; i++) {
        struct bytes reply = node_reply(&node, conn);
        cr_assert_not_null(reply.data);
        with_records += reply.size > RECORD_SIZE;
    }

    cr_assert_geq(with_records, 1);
    cr_assert_leq(with_records, 12);
    cr_assert_eq(node_inflight_size(&node), 0);
}

Test(old_formats, leave_an_end_without_records)
{
    struct fetch_response_partition answer = fetch(1, 1);
    cr_assert_eq(answer.error_code, ERR_NONE);
    cr_assert_eq(answer.high_watermark, 1);
    cr_assert_eq(answer.records.memory.size, 0);
}

static log_offset list_offset(int64_t timestamp)
{
    struct list_offsets_request body;
    struct list_offsets_response response;
    list_offsets_request_init(&body);
    body.topics_count = 1;
    body.topics = list_offsets_request_topic_new(&node.arena, 1);
    body.topics[0].name = STR("kept");
    body.topics[0].partitions_count = 1;
    body.topics[0].partitions = list_offsets_request_partition_new(&node.arena, 1);
    body.topics[0].partitions[0].timestamp = timestamp;
    node_call(&node, node_connect(&node), WIRE_LIST_OFFSETS, 0, &body, &response);
    struct list_offsets_response_partition *answer = &response.topics[0].partitions[0];
    cr_assert_eq(answer->error_code, ERR_NONE);
    cr_assert_eq(answer->old_style_offsets_count, 1);
    return answer->old_style_offsets[0];
}

Test(old_formats, have_offsets_of_their_own_style)
{
    produce(2, message(1, 0, "at 4711"));
    cr_assert_eq(list_offset(-1), 2);
    cr_assert_eq(list_offset(-2), 0);
    cr_assert_eq(list_offset(INT64_MAX), 2);
}
