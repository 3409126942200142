/* frames.c -- the requests that are sent again and again, made once.
 *
 * Values are random bytes from a fixed seed, so that no part of the way can squeeze them and
 * every run sends the same. */
#include <string.h>
#include <time.h>

#include "batch.h"
#include "load.h"
#include "wire.h"

enum { SEED = 7 };

static struct buf *whole_frame(int16_t api_key, int16_t version, const void *body)
{
    struct wire_request_header header = {
        .api_key = api_key, .api_version = version, .client_id = STR("skiff-load")};
    struct wire_frame frame;
    enum err err = wire_request_frame(&frame, &header, body);
    check(err == ERR_NONE);
    check(frame.splice_count == 0);
    return frame.head;
}

/* As many records as fit into the plan's batch, at least one. */
static struct buf *build_batch(const struct load_plan *plan, struct load_result *result)
{
    struct arena arena = {0};
    uint32_t count_max = plan->batch_size / (plan->record_size + 1) + 1;
    struct batch_record *records = arena_array(&arena, struct batch_record, count_max);
    uint8_t *values = arena_alloc(&arena, (size_t)count_max * plan->record_size + 8);
    struct rand rand;
    rand_init(&rand, SEED);
    for (size_t at = 0; at < (size_t)count_max * plan->record_size; at += 8) {
        uint64_t random = rand_u64(&rand);
        memcpy(values + at, &random, sizeof random);
    }
    for (uint32_t i = 0; i < count_max; i++)
        records[i].value =
            (struct bytes){values + (size_t)i * plan->record_size, plan->record_size};
    uint32_t count = count_max;
    while (count > 1 && batch_build_size(records, count) > plan->batch_size)
        count--;

    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct batch_spec spec = batch_spec(0, -1, now.tv_sec * 1000 + now.tv_nsec / 1000000);
    struct buf *batch = batch_build(&spec, records, count);
    result->batch_records = count;
    result->batch_size = batch->size;
    arena_free(&arena);
    return batch;
}

struct buf *load_produce_frame(const struct load_plan *plan, partition_id partition,
                               struct load_result *result)
{
    struct arena arena = {0};
    struct buf *batch = build_batch(plan, result);
    struct produce_request request;
    produce_request_init(&request);
    request.acks = plan->acks;
    request.timeout_ms = (int32_t)(plan->timeout_ns / 1000000);
    request.topics_count = 1;
    request.topics = produce_request_topic_new(&arena, 1);
    request.topics[0].name = str_from(plan->topic);
    request.topics[0].partitions_count = 1;
    request.topics[0].partitions = produce_request_partition_new(&arena, 1);
    request.topics[0].partitions[0].index = partition;
    request.topics[0].partitions[0].records = (struct bytes){batch->data, batch->size};
    struct buf *frame = whole_frame(WIRE_PRODUCE, LOAD_PRODUCE_VERSION, &request);
    buf_unref(batch);
    arena_free(&arena);
    return frame;
}

struct buf *load_fetch_frame(const struct load_plan *plan, partition_id partition,
                             log_offset offset)
{
    struct arena arena = {0};
    struct fetch_request request;
    fetch_request_init(&request);
    request.max_wait_ms = 500;
    request.min_bytes = 1;
    request.max_bytes = (int32_t)plan->fetch_size;
    request.topics_count = 1;
    request.topics = fetch_request_topic_new(&arena, 1);
    request.topics[0].name = str_from(plan->topic);
    request.topics[0].partitions_count = 1;
    request.topics[0].partitions = fetch_request_partition_new(&arena, 1);
    request.topics[0].partitions[0].index = partition;
    request.topics[0].partitions[0].fetch_offset = offset;
    request.topics[0].partitions[0].partition_max_bytes = (int32_t)plan->fetch_size;
    struct buf *frame = whole_frame(WIRE_FETCH, LOAD_FETCH_VERSION, &request);
    arena_free(&arena);
    return frame;
}
