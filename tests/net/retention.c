/* retention.c -- records that go by age and size, and those that somebody asks to go. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "batch.h"
#include "node.h"
#include "node_fixture.h"

static struct node node;

enum { CHECK_MS = 1000, WAIT_MS = 5000 };

static void tune(struct config *config)
{
    config->retention_check_interval_ms = CHECK_MS;
    config->initial_task_delay_ms = 0;
    config->delete_delay_ms = 0;
}

static void start(void)
{
    node_start(&node, tune);
}

static void stop(void)
{
    node_stop(&node);
}

TestSuite(retention, .init = start, .fini = stop);

static void create(const char *topic, const struct node_setting *settings)
{
    cr_assert_eq(node_create(&node, topic, 1, settings).error_code, ERR_NONE);
}

#define CREATE(topic, ...) create(topic, (const struct node_setting[]){__VA_ARGS__, {0}})

/* Batches of one record of some 1000 bytes, stamped now. */
static void produce(const char *topic, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct batch_spec spec = batch_spec(0, -1, env_wall(&node.fake.env));
        uint8_t value[1000] = {0};
        struct batch_record record = {.value = {.data = value, .size = sizeof value}};
        struct buf *batch = batch_build(&spec, &record, 1);
        struct produce_response_partition answer =
            node_produce(&node, node_connect(&node), topic,
                         (struct bytes){.data = batch->data, .size = batch->size});
        cr_assert_eq(answer.error_code, ERR_NONE);
        buf_unref(batch);
    }
}

static log_offset query(const char *topic, int64_t timestamp)
{
    struct list_offsets_request body;
    struct list_offsets_response response;
    list_offsets_request_init(&body);
    body.topics_count = 1;
    body.topics = list_offsets_request_topic_new(&node.arena, 1);
    body.topics[0].name = str_from(topic);
    body.topics[0].partitions_count = 1;
    body.topics[0].partitions = list_offsets_request_partition_new(&node.arena, 1);
    body.topics[0].partitions[0].timestamp = timestamp;
    node_call(&node, node_connect(&node), WIRE_LIST_OFFSETS, 7, &body, &response);
    cr_assert_eq(response.topics[0].partitions[0].error_code, ERR_NONE);
    return response.topics[0].partitions[0].offset;
}

static log_offset earliest(const char *topic)
{
    return query(topic, -2);
}

static struct delete_records_response_partition delete_records(const char *topic,
                                                               partition_id index,
                                                               log_offset offset)
{
    struct delete_records_request body;
    struct delete_records_response response;
    delete_records_request_init(&body);
    body.timeout_ms = 1000;
    body.topics_count = 1;
    body.topics = delete_records_request_topic_new(&node.arena, 1);
    body.topics[0].name = str_from(topic);
    body.topics[0].partitions_count = 1;
    body.topics[0].partitions = delete_records_request_partition_new(&node.arena, 1);
    body.topics[0].partitions[0].index = index;
    body.topics[0].partitions[0].offset = offset;
    node_call(&node, node_connect(&node), WIRE_DELETE_RECORDS, 2, &body, &response);
    cr_assert_eq(response.topics_count, 1);
    cr_assert_eq(response.topics[0].partitions_count, 1);
    return response.topics[0].partitions[0];
}

Test(retention, keeps_what_retention_bytes_asks_for_and_removes_the_files_of_the_rest)
{
    CREATE("t", {"segment.bytes", "2500"}, {"retention.bytes", "4000"});
    produce("t", 10);

    node_run(&node, 3 * CHECK_MS);

    cr_assert_eq(earliest("t"), 6);
    cr_assert_eq(query("t", -1), 10);
    cr_assert_eq(node_file_size(&node, "t-0/00000000000000000004.log"), 0);
    cr_assert_gt(node_file_size(&node, "t-0/00000000000000000006.log"), 0);
    cr_assert_eq(node_fetch(&node, node_connect(&node), "t", 5).error_code,
                 ERR_OFFSET_OUT_OF_RANGE);
    cr_assert_eq(node_fetch(&node, node_connect(&node), "t", 6).log_start_offset, 6);
}

Test(retention, removes_what_is_older_than_retention_ms_the_active_segment_too)
{
    CREATE("t", {"segment.bytes", "2500"}, {"retention.ms", "10000"});
    produce("t", 3);
    node_run(&node, 6000);
    produce("t", 2);

    node_run(&node, 6000);
    cr_assert_eq(earliest("t"), 2);
    node_run(&node, 10000);

    cr_assert_eq(earliest("t"), 5);
    cr_assert_eq(query("t", -1), 5);
    produce("t", 1);
    cr_assert_eq(query("t", -1), 6);
}

Test(retention, leaves_a_compacted_topic_alone)
{
    CREATE("t", {"cleanup.policy", "compact"}, {"retention.ms", "1"}, {"retention.bytes", "1"});
    cr_assert_eq(delete_records("t", 0, -1).error_code, ERR_POLICY_VIOLATION);
    node_run(&node, 3 * CHECK_MS);
    cr_assert_eq(earliest("t"), 0);
}

Test(retention, files_stay_for_file_delete_delay_ms)
{
    CREATE("t", {"segment.bytes", "2500"}, {"retention.bytes", "1"},
           {"file.delete.delay.ms", "20000"});
    produce("t", 5);

    node_run(&node, 3 * CHECK_MS);
    cr_assert_eq(earliest("t"), 4);
    cr_assert_gt(node_file_size(&node, "t-0/00000000000000000000.log"), 0);

    node_run(&node, 20000);
    cr_assert_eq(node_file_size(&node, "t-0/00000000000000000000.log"), 0);
}

Test(retention, the_brokers_settings_are_those_of_topics_that_say_nothing)
{
    node.config.retention_bytes = 1;
    node.config.segment_size = 2500;
    snprintf(node.config.compression_type, sizeof node.config.compression_type, "gzip");
    snprintf(node.config.timestamp_type, sizeof node.config.timestamp_type, "LogAppendTime");
    CREATE("t", {"max.message.bytes", "100000"});
    produce("t", 1);
    struct batch_info info;
    struct bytes batch;
    struct bytes rest = node_fetch(&node, node_connect(&node), "t", 0).records.memory;

    cr_assert_eq(batch_next(&rest, &info, &batch), ERR_NONE);
    cr_assert_eq((int)batch_codec(&info), CODEC_GZIP);
    cr_assert(info.attributes & BATCH_LOG_APPEND_TIME);
}

Test(retention, delete_records_moves_the_start_and_tells_the_low_watermark)
{
    CREATE("t", {"segment.bytes", "2500"});
    produce("t", 6);

    struct delete_records_response_partition answer = delete_records("t", 0, 3);
    cr_assert_eq(answer.error_code, ERR_NONE);
    cr_assert_eq(answer.low_watermark, 3);
    cr_assert_eq(earliest("t"), 3);
    answer = delete_records("t", 0, 1); /* That is so already. */
    cr_assert_eq(answer.error_code, ERR_NONE);
    cr_assert_eq(answer.low_watermark, 3);
    answer = delete_records("t", 0, -1);
    cr_assert_eq(answer.error_code, ERR_NONE);
    cr_assert_eq(answer.low_watermark, 6);

    node_run(&node, 3 * CHECK_MS);
    cr_assert_eq(node_file_size(&node, "t-0/00000000000000000004.log"), 0);
    node_restart(&node);
    cr_assert_eq(earliest("t"), 6);
    cr_assert_eq(query("t", -1), 6);
    produce("t", 1);
}

Test(retention, delete_records_refuses_what_it_cannot_do)
{
    CREATE("t", {"segment.bytes", "2500"});
    produce("t", 2);

    cr_assert_eq(delete_records("t", 0, 3).error_code, ERR_OFFSET_OUT_OF_RANGE);
    cr_assert_eq(delete_records("t", 0, -2).error_code, ERR_OFFSET_OUT_OF_RANGE);
    cr_assert_eq(delete_records("t", 0, INT64_MIN).error_code, ERR_OFFSET_OUT_OF_RANGE);
    cr_assert_eq(delete_records("t", 0, INT64_MAX).error_code, ERR_OFFSET_OUT_OF_RANGE);
    cr_assert_eq(delete_records("t", 1, 0).error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION);
    cr_assert_eq(delete_records("none", 0, 0).error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION);
    cr_assert_eq(delete_records("t", 0, 3).low_watermark, -1);
    cr_assert_eq(earliest("t"), 0);
}

Test(retention, delete_records_waits_until_the_start_is_durable)
{
    CREATE("t", {"segment.bytes", "2500"});
    produce("t", 2);
    node.fake.syncs_wait = true;

    struct delete_records_response_partition answer = delete_records("t", 0, 1);

    cr_assert_eq(answer.error_code, ERR_REQUEST_TIMED_OUT);
    cr_assert_eq(answer.low_watermark, 0);
    node.fake.syncs_wait = false;
    node_run(&node, 100);
    answer = delete_records("t", 0, 1);
    cr_assert_eq(answer.error_code, ERR_NONE);
    cr_assert_eq(answer.low_watermark, 1);
}

static struct delete_records_request delete_request(uint32_t count, int32_t timeout_ms)
{
    struct delete_records_request body;
    delete_records_request_init(&body);
    body.timeout_ms = timeout_ms;
    body.topics_count = 1;
    body.topics = delete_records_request_topic_new(&node.arena, 1);
    body.topics[0].name = STR("t");
    body.topics[0].partitions_count = count;
    body.topics[0].partitions = delete_records_request_partition_new(&node.arena, count);
    for (uint32_t i = 0; i < count; i++)
        body.topics[0].partitions[i].offset = 1;
    return body;
}

Test(retention, delete_records_takes_timeouts_that_nobody_means)
{
    static const int32_t timeouts[] = {INT32_MIN, -1, 0, INT32_MAX};
    CREATE("t", {"segment.bytes", "2500"});
    produce("t", 2);
    for (int i = 0; i < 4; i++) {
        struct delete_records_request body = delete_request(1, timeouts[i]);
        struct delete_records_response response;
        node_call(&node, node_connect(&node), WIRE_DELETE_RECORDS, 2, &body, &response);
        int16_t error = response.topics[0].partitions[0].error_code;
        cr_assert(error == ERR_NONE || error == ERR_REQUEST_TIMED_OUT);
        node_run(&node, 100);
    }
    cr_assert_eq(earliest("t"), 1);
}

/* Each of a million would wait by itself. */
Test(retention, delete_records_of_a_partition_that_is_named_often_asks_once)
{
    enum { TIMES = 200000 };
    struct delete_records_request body;
    struct delete_records_response response;
    CREATE("t", {"segment.bytes", "2500"});
    produce("t", 3);
    body = delete_request(TIMES, 1000);
    body.topics[0].partitions[TIMES - 1].offset = 2; /* The last one counts. */

    node_call(&node, node_connect(&node), WIRE_DELETE_RECORDS, 2, &body, &response);

    cr_assert_eq(response.topics_count, 1);
    cr_assert_eq(response.topics[0].partitions_count, 1);
    cr_assert_eq(response.topics[0].partitions[0].error_code, ERR_NONE);
    cr_assert_eq(response.topics[0].partitions[0].low_watermark, 2);
    cr_assert_eq(earliest("t"), 2);
}
