/* http_metrics.c -- /metrics: what it counts, its format, and how little of it a tick writes. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "group_fixture.h"
#include "http_fixture.h"

enum { MANY = 1200, PIECE_LINES = 32, PIECE_SIZE_MAX = 16 * 1024, TICKS_MAX = 10000 };

static struct node node;

static void start(void)
{
    node_start(&node, http_add_listener);
    node_keep_record(&node);
}

static void stop(void)
{
    node_check_record(&node);
    node_stop(&node);
}

TestSuite(http_metrics, .init = start, .fini = stop);

static uint32_t count_of(const char *text, const char *part)
{
    uint32_t count = 0;
    while ((text = strstr(text, part))) {
        count++;
        text += strlen(part);
    }
    return count;
}

Test(http_metrics, counts_what_producers_append_and_consumers_fetch)
{
    struct bytes batch = node_batch(&node, "counted");
    const char *before = http_get(&node, "/metrics");

    node_produce(&node, node_connect(&node), "kept", batch);
    node_produce(&node, node_connect(&node), "kept", batch);
    node_fetch(&node, node_connect(&node), "kept", 1);
    const char *after = http_get(&node, "/metrics");

#define GREW_BY(name) (http_sample(after, name) - http_sample(before, name))
    cr_assert_eq(GREW_BY("kafka_server_brokertopicmetrics_messagesin_total"), 2);
    cr_assert_eq(GREW_BY("kafka_server_brokertopicmetrics_bytesin_total"), 2 * batch.size);
    cr_assert_eq(GREW_BY("kafka_server_brokertopicmetrics_bytesout_total"), 2 * batch.size);
    cr_assert_eq(GREW_BY("kafka_network_requestmetrics_totaltimems_count{request=\"Produce\"}"), 2);
    cr_assert_eq(GREW_BY("kafka_log_log_logendoffset{topic=\"kept\",partition=\"0\"}"), 2);
    cr_assert_eq(GREW_BY("skiff_partition_high_watermark{topic=\"kept\",partition=\"0\"}"), 2);
    cr_assert_eq(GREW_BY("kafka_log_log_size{topic=\"kept\",partition=\"0\"}"), 2 * batch.size);
    cr_assert_eq(GREW_BY("skiff_sync_batches_total{log=\"data\"}"), 2);
    cr_assert_eq(GREW_BY("skiff_connections_accepted_total"), 3);
    cr_assert_geq(GREW_BY("skiff_sync_seconds_count{log=\"data\"}"), 2);
    cr_assert_gt(GREW_BY("skiff_tick_seconds_count"), 0);
}

Test(http_metrics, counts_groups_and_their_generations)
{
    struct client client = client_new(&node, "g");
    const char *before = http_get(&node, "/metrics");
    client_find(&node, "g", 4);
    node_run(&node, 1000);
    client_enter(&client);
    const char *after = http_get(&node, "/metrics");
    cr_assert_eq(GREW_BY("kafka_coordinator_group_groupmetadatamanager_numgroups"), 1);
    cr_assert_eq(GREW_BY("kafka_server_group_coordinator_metrics_group_completed_rebalance_total"),
                 1);
}

Test(http_metrics, counts_a_batch_that_was_refused_as_failed)
{
    struct bytes batch = node_batch(&node, "for nobody");
    const char *before = http_get(&node, "/metrics");

    uint8_t *rotten = arena_copy(&node.arena, batch.data, batch.size);
    rotten[batch.size - 1] ^= 1;
    node_produce(&node, node_connect(&node), "kept",
                 (struct bytes){.data = rotten, .size = batch.size});
    const char *after = http_get(&node, "/metrics");

    cr_assert_eq(GREW_BY("kafka_server_brokertopicmetrics_failedproducerequests_total"), 1);
    cr_assert_eq(GREW_BY("kafka_server_brokertopicmetrics_messagesin_total"), 0);
}

Test(http_metrics, tells_of_the_cluster_and_the_node)
{
    const char *metrics = http_get(&node, "/metrics");

    cr_assert_eq(http_sample(metrics, "kafka_controller_kafkacontroller_activecontrollercount"), 1);
    cr_assert_eq(http_sample(metrics, "kafka_controller_kafkacontroller_activebrokercount"), 1);
    cr_assert_eq(http_sample(metrics, "kafka_controller_kafkacontroller_fencedbrokercount"), 0);
    cr_assert_eq(http_sample(metrics, "kafka_controller_kafkacontroller_globaltopiccount"), 1);
    cr_assert_eq(http_sample(metrics, "kafka_controller_kafkacontroller_offlinepartitionscount"),
                 0);
    cr_assert_eq(http_sample(metrics, "kafka_server_replicamanager_partitioncount"), 1);
    cr_assert_eq(http_sample(metrics, "kafka_server_replicamanager_leadercount"), 1);
    cr_assert_eq(http_sample(metrics, "kafka_server_replicamanager_underreplicatedpartitions"), 0);
    cr_assert_eq(http_sample(metrics, "kafka_server_replicamanager_offlinereplicacount"), 0);
    cr_assert_eq(http_sample(metrics, "kafka_server_raft_metrics_current_leader"), 1);
    cr_assert_eq(http_sample(metrics, "process_resident_memory_bytes"), 11 << 20);
    cr_assert(strstr(metrics, "\nprocess_cpu_seconds_total 2.5\n"));
    cr_assert_eq(http_sample(metrics, "skiff_request_bytes_limit"), 32 << 20);
}

Test(http_metrics, gives_each_family_a_help_and_a_type_once)
{
    const char *metrics = http_get(&node, "/metrics");

    uint32_t families = count_of(metrics, "# TYPE ");
    cr_assert_gt(families, 40);
    cr_assert_eq(count_of(metrics, "# HELP "), families);
    cr_assert_eq(metrics[strlen(metrics) - 1], '\n');
}

Test(http_metrics, ends_each_histogram_with_its_count)
{
    const char *metrics = http_get(&node, "/metrics");

    int64_t count = http_sample(metrics, "skiff_sync_seconds_count{log=\"data\"}");
    cr_assert_gt(count, 0);
    cr_assert_eq(http_sample(metrics, "skiff_sync_seconds_bucket{log=\"data\",le=\"+Inf\"}"),
                 count);
    cr_assert(strstr(metrics, "skiff_sync_seconds_bucket{log=\"data\",le=\"0.00025\"}"));
    cr_assert(strstr(metrics, "totaltimems_bucket{request=\"Produce\",le=\"2.5\"}"));
}

/* The bound is on the work of a tick, not on a clock. */
Test(http_metrics, writes_at_most_a_small_piece_in_a_tick_however_many_scrape)
{
    enum { READERS = 5 };
    conn_id readers[READERS];
    uint32_t before[READERS] = {0};
    uint32_t ticks = 0;
    node_create_partitions(&node, "many", MANY);
    node_run(&node, 2000);
    for (int i = 0; i < READERS; i++) {
        readers[i] = http_connect(&node);
        http_send(&node, readers[i], "GET /metrics HTTP/1.1\r\nHost: node\r\n\r\n");
    }
    fake_env_deliver(&node.fake);

    for (bool more = true; more && ticks < TICKS_MAX; ticks++) {
        shard_tick(node.shard, node.fake.now);
        uint32_t spoke = 0;
        for (int i = 0; i < READERS; i++) {
            uint32_t grew = node.fake.conns[readers[i]].out_size - before[i];
            before[i] += grew;
            spoke += ticks > 0 && grew > 0;
            cr_assert_leq(grew, PIECE_SIZE_MAX);
        }
        cr_assert_leq(spoke, 1);
        more = fake_env_deliver(&node.fake) || shard_deadline(node.shard) <= node.fake.now;
    }

    cr_assert_gt(ticks, READERS * 5 * MANY / PIECE_LINES);
    cr_assert_lt(ticks, TICKS_MAX);
    const char *metrics = http_join_chunks(&node, http_take(&node, readers[READERS - 1]));
    cr_assert_eq(count_of(metrics, "\nkafka_log_log_logendoffset{topic=\"many\""), MANY);
    cr_assert_eq(http_sample(metrics, "kafka_server_replicamanager_partitioncount"), MANY + 1);
}

Test(http_metrics, counts_lines_of_a_tick_and_not_only_bytes)
{
    uint32_t lines_max = 0;
    uint32_t seen = 0;
    node_create_partitions(&node, "many", MANY);
    node_run(&node, 2000);
    conn_id reader = http_connect(&node);
    http_send(&node, reader, "GET /metrics HTTP/1.1\r\nHost: node\r\n\r\n");
    fake_env_deliver(&node.fake);
    shard_tick(node.shard, node.fake.now); /* The header. */

    for (uint32_t i = 0; i < TICKS_MAX && shard_deadline(node.shard) <= node.fake.now; i++) {
        seen = node.fake.conns[reader].out_size;
        shard_tick(node.shard, node.fake.now);
        uint32_t lines = 0;
        for (uint32_t at = seen; at < node.fake.conns[reader].out_size; at++)
            lines += node.fake.conns[reader].out[at] == '\n';
        lines_max = lines > lines_max ? lines : lines_max;
    }

    /* The last thing of a piece may be a title and a histogram; two lines are a chunk's own. */
    cr_assert_leq(lines_max, PIECE_LINES + 2 + 17 + 4);
    cr_assert_geq(lines_max, PIECE_LINES);
}

Test(http_metrics, names_no_partition_twice_while_topics_come_and_go)
{
    conn_id reader = http_connect(&node);
    node_create_partitions(&node, "many", MANY);
    node_run(&node, 2000);
    http_send(&node, reader, "GET /metrics HTTP/1.1\r\nHost: node\r\n\r\n");
    fake_env_deliver(&node.fake);
    for (uint32_t i = 0; i < 30; i++)
        shard_tick(node.shard, node.fake.now);

    cr_assert_eq(node_create_topic(&node, "another"), ERR_NONE);
    node_run(&node, 100);

    const char *metrics = http_join_chunks(&node, http_take(&node, reader));
    cr_assert_eq(count_of(metrics, "kafka_log_log_size{topic=\"many\""), MANY);
    cr_assert_eq(count_of(metrics, "topic=\"another\""), 0);
}
