/* partition_clean.c -- compaction takes turns with requests. */
#include <criterion/criterion.h>

#include "batch.h"
#include "http_fixture.h"
#include "log_cleaner.h"
#include "node.h"
#include "node_fixture.h"
#include "partitions.h"

static struct node node;

enum { SLICES = 8, SLICE_SHARE = 16, SLICE_SIZE = 4096, BATCHES = 200, BACKOFF_MS = 600000 };

static void tune(struct config *config)
{
    config->cleaner_io_size = SLICE_SHARE * SLICE_SIZE;
    config->cleaner_backoff_ms = BACKOFF_MS;
    http_add_listener(config);
}

static void create(void)
{
    static const struct node_setting settings[] = {
        {"cleanup.policy", "compact"}, {"segment.bytes", "20000"}, {0}};
    struct create_topics_response_topic answer = node_create(&node, "t", 1, settings);
    cr_assert_eq(answer.error_code, ERR_NONE);
}

/* Batches of one record of some 1000 bytes; each of 50 keys comes twice. */
static void produce(void)
{
    for (uint32_t i = 0; i < BATCHES; i++) {
        struct batch_spec spec = batch_spec(0, -1, env_wall(&node.fake.env));
        uint8_t key = (uint8_t)(i % (BATCHES / 2)), value[1000] = {0};
        struct batch_record record = {.key = {.data = &key, .size = 1},
                                      .value = {.data = value, .size = sizeof value}};
        struct buf *batch = batch_build(&spec, &record, 1);
        struct produce_response_partition answer =
            node_produce(&node, node_connect(&node), "t",
                         (struct bytes){.data = batch->data, .size = batch->size});
        cr_assert_eq(answer.error_code, ERR_NONE);
        buf_unref(batch);
    }
}

static uint64_t read_size(void)
{
    struct cleaner_stats stats;
    partitions_clean_stats(node.shard->partitions, &stats);
    return stats.bytes_read;
}

/* One tick, when it is due. */
static void tick(void)
{
    mono_ms due = shard_deadline(node.shard);
    node.fake.now = due > node.fake.now ? due : node.fake.now;
    fake_env_deliver(&node.fake);
    shard_tick(node.shard, node.fake.now);
}

/* A log to compact, and the first slice of that is done. */
static void start(void)
{
    node_start(&node, tune);
    create();
    produce();
    while (read_size() == 0)
        tick();
}

static void stop(void)
{
    node_stop(&node);
}

TestSuite(partition_clean, .init = start, .fini = stop);

Test(partition_clean, does_a_slice_a_tick_and_eight_in_a_millisecond)
{
    mono_ms began = node.fake.now;
    uint32_t slices = 0;
    while (shard_deadline(node.shard) == began)
        tick(); /* The millisecond in which the cleaner chose the log. */
    cr_assert_eq(shard_deadline(node.shard), began + 1);

    do {
        uint64_t before = read_size();
        tick();
        slices++;
        cr_assert_geq(read_size() - before, SLICE_SIZE);
        cr_assert_leq(read_size() - before, SLICE_SIZE + 1200);
    } while (shard_deadline(node.shard) == began + 1);

    cr_assert_eq(slices, SLICES);
    cr_assert_eq(shard_deadline(node.shard), began + 2);
}

Test(partition_clean, lets_a_request_have_its_turn_between_two_slices)
{
    struct api_versions_request body;
    conn_id conn = node_connect(&node);
    mono_ms began = node.fake.now;
    api_versions_request_init(&body);
    body.client_software_name = STR("test");
    body.client_software_version = STR("1");
    node_ask(&node, conn, WIRE_API_VERSIONS, 3, &body);

    tick();

    cr_assert_eq(node.fake.now, began);
    cr_assert(node_reply(&node, conn).data);
}

static enum err set_backoff(const char *value)
{
    struct incremental_alter_configs_request body;
    struct incremental_alter_configs_response response;
    incremental_alter_configs_request_init(&body);
    body.resources_count = 1;
    body.resources = incremental_alter_configs_request_resource_new(&node.arena, 1);
    body.resources[0].resource_type = CONFIG_OF_BROKER;
    body.resources[0].resource_name = STR("");
    body.resources[0].configs_count = 1;
    body.resources[0].configs = incremental_alter_configs_request_config_new(&node.arena, 1);
    body.resources[0].configs[0].name = STR("log.cleaner.backoff.ms");
    body.resources[0].configs[0].value = str_from(value);
    node_call(&node, node_connect(&node), WIRE_INCREMENTAL_ALTER_CONFIGS, 1, &body, &response);
    return (enum err)response.responses[0].error_code;
}

static uint64_t runs(void)
{
    struct cleaner_stats stats;
    partitions_clean_stats(node.shard->partitions, &stats);
    return stats.runs;
}

Test(partition_clean, rests_as_long_as_the_broker_is_told_while_it_runs)
{
    node_run(&node, 1000);
    uint64_t before = runs();
    produce();
    node_run(&node, 1000);
    cr_assert_eq(runs(), before);

    cr_assert_eq(set_backoff("100"), ERR_NONE);

    node_run(&node, 1000);
    cr_assert_gt(runs(), before);
}

/* The records of a batch in each segment that has not been read yet; its checksum is right. */
static void break_batches(void)
{
    for (uint32_t i = 0; i < node.fake.inode_count; i++) {
        struct fake_inode *inode = node.fake.inodes[i];
        const char *end = strrchr(inode->path, '.');
        struct batch_info info;
        if (!strstr(inode->path, "t-0/") || !end || strcmp(end, ".log") != 0 ||
            strstr(inode->path, "/00000000000000000000.") ||
            batch_read((struct bytes){inode->data, (uint32_t)inode->size}, &info) != ERR_NONE)
            continue;
        memset(inode->data + BATCH_HEADER_SIZE, 0xff, 8);
        batch_seal(inode->data, info.size);
    }
}

Test(partition_clean, that_has_given_up_is_named_in_health)
{
    cr_assert_str_eq(http_get(&node, "/health"), "ok\n");
    break_batches();
    node_run(&node, 100);
    const char *said = http_get(&node, "/health");
    cr_assert(strstr(said, "ok, but compaction has given up on 1: t-0 ("), "%s", said);
}
