/* topic_form.c -- topics whose settings change what is stored, and what clients are told of it. */
#include <criterion/criterion.h>

#include "batch.h"
#include "cluster_clock.h"
#include "node.h"
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

TestSuite(topic_form, .init = start, .fini = stop);

static enum err create(const char *topic, const char *name, const char *value)
{
    struct node_setting settings[] = {{name, value}, {0}};
    return (enum err)node_create(&node, topic, 1, settings).error_code;
}

static struct batch_info stored(const char *topic)
{
    struct batch_info info;
    struct bytes batch;
    struct bytes rest = node_fetch(&node, node_connect(&node), topic, 0).records.memory;
    cr_assert_eq(batch_next(&rest, &info, &batch), ERR_NONE);
    return info;
}

Test(topic_form, stores_the_topics_codec)
{
    static const char *const types[] = {"uncompressed", "gzip", "snappy", "lz4", "zstd"};
    for (int codec = 0; codec <= CODEC_ZSTD; codec++) {
        cr_assert_eq(create(types[codec], "compression.type", types[codec]), ERR_NONE);
        struct produce_response_partition answer =
            node_produce(&node, node_connect(&node), types[codec], node_batch(&node, "a value"));
        cr_assert_eq(answer.error_code, ERR_NONE);
        struct batch_info info = stored(types[codec]);
        cr_assert_eq((int)batch_codec(&info), codec);
    }
}

Test(topic_form, tells_the_time_of_the_append)
{
    cr_assert_eq(create("t", "message.timestamp.type", "LogAppendTime"), ERR_NONE);
    struct produce_response_partition answer =
        node_produce(&node, node_connect(&node), "t", node_batch(&node, "a value"));
    struct batch_info info = stored("t");
    cr_assert_eq(answer.error_code, ERR_NONE);
    cr_assert_gt(answer.log_append_time_ms, 0);
    cr_assert_eq(info.max_timestamp, answer.log_append_time_ms);
    cr_assert(info.attributes & BATCH_LOG_APPEND_TIME);
}

Test(topic_form, names_the_records_that_a_compacted_topic_refuses)
{
    cr_assert_eq(create("c", "cleanup.policy", "delete,compact"), ERR_NONE);
    struct produce_response_partition answer =
        node_produce(&node, node_connect(&node), "c", node_batch(&node, "without a key"));
    cr_assert_eq(answer.error_code, ERR_INVALID_RECORD);
    cr_assert_eq(answer.record_errors_count, 1);
    cr_assert_eq(answer.record_errors[0].batch_index, 0);
    cr_assert_gt(answer.record_errors[0].message.size, 0);
    cr_assert_gt(answer.error_message.size, 0);
}

static int16_t fetch_error(int16_t version)
{
    struct fetch_request body;
    struct fetch_response response;
    fetch_request_init(&body);
    body.topics_count = 1;
    body.topics = fetch_request_topic_new(&node.arena, 1);
    body.topics[0].name = STR("z");
    body.topics[0].partitions_count = 1;
    body.topics[0].partitions = fetch_request_partition_new(&node.arena, 1);
    body.topics[0].partitions[0].partition_max_bytes = 1 << 20;
    node_call(&node, node_connect(&node), WIRE_FETCH, version, &body, &response);
    return response.topics[0].partitions[0].error_code;
}

Test(topic_form, keeps_zstd_from_versions_of_fetch_before_it)
{
    cr_assert_eq(create("z", "compression.type", "zstd"), ERR_NONE);
    node_produce(&node, node_connect(&node), "z", node_batch(&node, "a value"));
    cr_assert_eq(fetch_error(9), ERR_UNSUPPORTED_COMPRESSION_TYPE);
    cr_assert_eq(fetch_error(2), ERR_UNSUPPORTED_COMPRESSION_TYPE);
    cr_assert_eq(fetch_error(10), ERR_NONE);
}

#define YEAR_MS 31536000000LL

static wall_ms append_time_when_cluster_is_ahead(int64_t ahead_ms)
{
    wall_ms cluster = env_wall(node.shard->env) + ahead_ms;
    cluster_clock_tell(node.shard, (struct wall_span){.earliest = cluster, .latest = cluster});
    return node_produce(&node, node_connect(&node), "t", node_batch(&node, "a value"))
        .log_append_time_ms;
}

/* It is judged by the cluster's clock later, and must not be old at once. */
Test(topic_form, stamps_no_record_earlier_than_the_cluster_has_it)
{
    wall_ms now = env_wall(node.shard->env);
    cr_assert_eq(create("t", "message.timestamp.type", "LogAppendTime"), ERR_NONE);
    cr_assert_geq(append_time_when_cluster_is_ahead(YEAR_MS), now + YEAR_MS);
    cr_assert_geq(append_time_when_cluster_is_ahead(-YEAR_MS), now);
}
