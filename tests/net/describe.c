/* describe.c -- what administrators are told by DescribeLogDirs, DescribeProducers,
 * DescribeTopicPartitions, ListConfigResources, and the APIs of access rules. */
#include <criterion/criterion.h>

#include "batch.h"
#include "node.h"
#include "node_fixture.h"

static struct node node;

enum { PAGE_MAX = 5, BUDGET = 1 << 20 };

static void tune(struct config *config)
{
    config->request_partitions_max = PAGE_MAX;
    config->inflight_size_max = BUDGET;
}

static void start(void)
{
    node_start(&node, tune);
    node_keep_record(&node);
}

static void stop(void)
{
    node_check_record(&node);
    node_stop(&node);
}

TestSuite(describe, .init = start, .fini = stop);

/* ---- Log directories. */

static struct describe_log_dirs_response log_dirs(int16_t version, const char *topic, int32_t index)
{
    struct describe_log_dirs_request body;
    struct describe_log_dirs_response response;
    int32_t *partitions = arena_copy(&node.arena, &index, sizeof index);
    describe_log_dirs_request_init(&body);
    body.topics = NULL;
    if (topic) {
        body.topics_count = 1;
        body.topics = describe_log_dirs_request_topic_new(&node.arena, 1);
        body.topics[0].name = str_from(topic);
        body.topics[0].partitions = partitions;
        body.topics[0].partitions_count = 1;
    }
    node_call(&node, node_connect(&node), WIRE_DESCRIBE_LOG_DIRS, version, &body, &response);
    cr_assert_eq(response.error_code, ERR_NONE);
    cr_assert_eq(response.results_count, 1);
    cr_assert_eq(response.results[0].error_code, ERR_NONE);
    cr_assert(str_equal(response.results[0].log_dir, str_from(node.config.log_dir)));
    return response;
}

Test(describe, log_dirs_are_told_in_every_version)
{
    for (int16_t version = 0; version <= 5; version++) {
        struct describe_log_dirs_response response = log_dirs(version, NULL, 0);
        const struct describe_log_dirs_response_result *dir = &response.results[0];
        cr_assert_eq(dir->topics_count, 1);
        cr_assert(str_equal(dir->topics[0].name, STR("kept")));
        cr_assert_eq(dir->topics[0].partitions_count, 1);
        cr_assert_eq(dir->topics[0].partitions[0].size,
                     (int64_t)node_file_size(&node, "kept-0/00000000000000000000.log"));
        cr_assert_eq(dir->topics[0].partitions[0].offset_lag, 0);
        cr_assert_eq(dir->total_bytes, version >= 4 ? (int64_t)100 << 30 : -1);
        cr_assert_eq(dir->usable_bytes, version >= 4 ? (int64_t)40 << 30 : -1);
    }
}

Test(describe, log_dirs_tell_of_those_partitions_alone_that_are_named)
{
    node_create_partitions(&node, "other", 3);
    struct describe_log_dirs_response response = log_dirs(4, "other", 2);
    cr_assert_eq(response.results[0].topics_count, 1);
    cr_assert_eq(response.results[0].topics[0].partitions_count, 1);
    cr_assert_eq(response.results[0].topics[0].partitions[0].index, 2);
    cr_assert_eq(log_dirs(4, NULL, 0).results[0].topics_count, 2);
}

Test(describe, log_dirs_hold_nothing_of_what_is_not_there)
{
    cr_assert_eq(log_dirs(4, "none", 0).results[0].topics_count, 0);
    cr_assert_eq(log_dirs(4, "kept", -1).results[0].topics_count, 0);
    cr_assert_eq(log_dirs(4, "kept", INT32_MAX).results[0].topics_count, 0);
}

/* ---- Producers. */

static void produce_as(int64_t id, int16_t epoch, int32_t sequence)
{
    struct batch_spec spec = batch_spec(0, -1, 1700000000000);
    struct batch_record record = {.value = bytes_of_str(STR("sequenced"))};
    spec.producer_id = id;
    spec.producer_epoch = epoch;
    spec.base_sequence = sequence;
    struct buf *batch = batch_build(&spec, &record, 1);
    struct bytes bytes = {.data = arena_copy(&node.arena, batch->data, batch->size),
                          .size = batch->size};
    buf_unref(batch);
    cr_assert_eq(node_produce(&node, node_connect(&node), "kept", bytes).error_code, ERR_NONE);
}

static struct describe_producers_response producers(const char *topic, const int32_t *indexes,
                                                    uint32_t count)
{
    struct describe_producers_request body;
    struct describe_producers_response response;
    describe_producers_request_init(&body);
    body.topics_count = 1;
    body.topics = describe_producers_request_topic_new(&node.arena, 1);
    body.topics[0].name = str_from(topic);
    body.topics[0].partitions = (int32_t *)indexes;
    body.topics[0].partitions_count = count;
    node_call(&node, node_connect(&node), WIRE_DESCRIBE_PRODUCERS, 0, &body, &response);
    cr_assert_eq(response.topics_count, 1);
    cr_assert(str_equal(response.topics[0].name, str_from(topic)));
    cr_assert_eq(response.topics[0].partitions_count, count);
    return response;
}

Test(describe, producers_are_told_with_their_last_sequence)
{
    static const int32_t first[] = {0};
    produce_as(77, 0, 0);
    produce_as(77, 0, 1);
    produce_as(9, 3, 0);

    struct describe_producers_response response = producers("kept", first, 1);
    const struct describe_producers_response_partition *told = response.topics[0].partitions;

    cr_assert_eq(told->error_code, ERR_NONE);
    cr_assert_eq(told->active_producers_count, 2);
    cr_assert_eq(told->active_producers[0].producer_id, 77);
    cr_assert_eq(told->active_producers[0].last_sequence, 1);
    cr_assert_eq(told->active_producers[0].last_timestamp, 1700000000000);
    cr_assert_eq(told->active_producers[0].coordinator_epoch, -1);
    cr_assert_eq(told->active_producers[0].current_txn_start_offset, -1);
    cr_assert_eq(told->active_producers[1].producer_id, 9);
    cr_assert_eq(told->active_producers[1].producer_epoch, 3);
}

Test(describe, producers_of_a_partition_that_is_not_there_are_an_error)
{
    static const int32_t odd[] = {0, 1, -1, INT32_MAX};
    struct describe_producers_response response = producers("kept", odd, 4);
    cr_assert_eq(response.topics[0].partitions[0].error_code, ERR_NONE);
    for (uint32_t i = 1; i < 4; i++) {
        cr_assert_eq(response.topics[0].partitions[i].index, odd[i]);
        cr_assert_eq(response.topics[0].partitions[i].error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION);
    }
    response = producers("none", odd, 1);
    cr_assert_eq(response.topics[0].partitions[0].error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION);
}

Test(describe, producers_of_a_partition_that_is_named_often_stay_within_the_budget)
{
    enum { TIMES = 900, PRODUCERS = 25 };
    int32_t *same = arena_array(&node.arena, int32_t, TIMES);
    uint32_t told = 0;
    for (int32_t id = 0; id < PRODUCERS; id++)
        produce_as(id, 0, 0);
    struct describe_producers_response response = producers("kept", same, TIMES);
    for (uint32_t i = 0; i < TIMES; i++)
        told += response.topics[0].partitions[i].error_code == ERR_NONE;
    cr_assert_gt(told, 1);
    cr_assert_lt(told, TIMES);
    cr_assert_eq(response.topics[0].partitions[TIMES - 1].error_code, ERR_INVALID_REQUEST);
}

Test(describe, producers_of_more_partitions_than_there_are_are_refused_in_few_words)
{
    enum { TIMES = 3000 };
    const int32_t *same = arena_array(&node.arena, int32_t, TIMES);
    struct describe_producers_response response = producers("kept", same, TIMES);
    const struct describe_producers_response_partition *told = response.topics[0].partitions;
    cr_assert(
        str_equal(told[0].error_message, STR("The request names more partitions than there are.")));
    for (uint32_t i = 0; i < TIMES; i++)
        cr_assert_eq(told[i].error_code, ERR_INVALID_REQUEST);
    cr_assert_null(told[TIMES - 1].error_message.data);
}

Test(describe, producers_of_more_partitions_than_the_budget_could_refuse_end_the_connection)
{
    enum { TIMES = 50000 };
    struct describe_producers_request body;
    conn_id conn = node_connect(&node);
    describe_producers_request_init(&body);
    body.topics_count = 1;
    body.topics = describe_producers_request_topic_new(&node.arena, 1);
    body.topics[0].name = STR("kept");
    body.topics[0].partitions = arena_array(&node.arena, int32_t, TIMES);
    body.topics[0].partitions_count = TIMES;
    node_ask(&node, conn, WIRE_DESCRIBE_PRODUCERS, 0, &body);
    node_run(&node, 10);
    cr_assert(node_has_closed(&node, conn));
    cr_assert_eq(node_inflight_size(&node), 0);
}

/* ---- Partitions of topics. */

static struct describe_topic_partitions_response partitions(const char *topic, int32_t limit,
                                                            const char *from, int32_t index)
{
    struct describe_topic_partitions_request body;
    struct describe_topic_partitions_response response;
    describe_topic_partitions_request_init(&body);
    if (topic) {
        body.topics_count = 1;
        body.topics = describe_topic_partitions_request_topic_new(&node.arena, 1);
        body.topics[0].name = str_from(topic);
    }
    body.response_partition_limit = limit;
    if (from) {
        body.cursor = describe_topic_partitions_request_cursor_new(&node.arena, 1);
        body.cursor->topic_name = str_from(from);
        body.cursor->partition_index = index;
    }
    node_call(&node, node_connect(&node), WIRE_DESCRIBE_TOPIC_PARTITIONS, 0, &body, &response);
    return response;
}

Test(describe, partitions_of_a_topic_are_told_with_who_leads_them)
{
    struct describe_topic_partitions_response response = partitions("kept", 2000, NULL, 0);
    cr_assert_eq(response.topics_count, 1);
    cr_assert_null(response.next_cursor);
    const struct describe_topic_partitions_response_topic *topic = &response.topics[0];
    cr_assert_eq(topic->error_code, ERR_NONE);
    cr_assert(str_equal(topic->name, STR("kept")));
    cr_assert_eq(topic->partitions_count, 1);
    cr_assert_eq(topic->partitions[0].leader_id, 1);
    cr_assert_eq(topic->partitions[0].replica_nodes_count, 1);
    cr_assert_eq(topic->partitions[0].isr_nodes_count, 1);
    cr_assert_eq(topic->partitions[0].eligible_leader_replicas_count, 0);
    cr_assert_not_null(topic->partitions[0].eligible_leader_replicas);
    cr_assert_eq(topic->partitions[0].offline_replicas_count, 0);
    cr_assert_neq(topic->topic_authorized_operations, INT32_MIN);
}

Test(describe, who_may_lead_though_it_is_not_in_sync_is_told)
{
    struct follower follower;
    node_add_follower(&node, &follower);
    node_create_replicated(&node, "pair", 1);
    struct incremental_alter_configs_request body;
    struct incremental_alter_configs_response altered;
    incremental_alter_configs_request_init(&body);
    body.resources_count = 1;
    body.resources = incremental_alter_configs_request_resource_new(&node.arena, 1);
    body.resources[0].resource_type = CONFIG_OF_TOPIC;
    body.resources[0].resource_name = STR("pair");
    body.resources[0].configs_count = 1;
    body.resources[0].configs = incremental_alter_configs_request_config_new(&node.arena, 1);
    body.resources[0].configs[0].name = STR("min.insync.replicas");
    body.resources[0].configs[0].value = STR("2");
    node_call(&node, node_connect(&node), WIRE_INCREMENTAL_ALTER_CONFIGS, 1, &body, &altered);
    cr_assert_eq(altered.responses[0].error_code, ERR_NONE);

    node_run(&node, 10000); /* It is not heard of, and fenced. */

    struct describe_topic_partitions_response response = partitions("pair", 2000, NULL, 0);
    const struct describe_topic_partitions_response_partition *told =
        &response.topics[0].partitions[0];
    cr_assert_eq(told->isr_nodes_count, 1);
    cr_assert_eq(told->eligible_leader_replicas_count, 1);
    cr_assert_eq(told->eligible_leader_replicas[0], 2);
    cr_assert_eq(told->offline_replicas_count, 1);
    cr_assert_eq(told->offline_replicas[0], 2);
}

/* Reads all pages; how many partitions and pages there were. */
static void read_pages(int32_t limit, uint32_t *total, uint32_t *pages)
{
    const char *from = NULL;
    int32_t index = 0;
    *total = 0;
    for (*pages = 1; *pages < 100; (*pages)++) {
        struct describe_topic_partitions_response response = partitions(NULL, limit, from, index);
        for (uint32_t i = 0; i < response.topics_count; i++)
            *total += response.topics[i].partitions_count;
        if (!response.next_cursor)
            return;
        from = arena_format(&node.arena, "%.*s", (int)response.next_cursor->topic_name.size,
                            response.next_cursor->topic_name.data);
        index = response.next_cursor->partition_index;
    }
}

Test(describe, partitions_come_in_pages_that_leave_none_out)
{
    uint32_t total, pages;
    node_create_partitions(&node, "a.b", 4);
    node_create_partitions(&node, "a-b", 3);
    node_create_partitions(&node, "z", 2);
    read_pages(3, &total, &pages);
    cr_assert_eq(total, 10);
    cr_assert_eq(pages, 4);
    read_pages(1, &total, &pages);
    cr_assert_eq(total, 10);
    cr_assert_eq(pages, 10);
}

Test(describe, a_page_is_never_larger_than_the_broker_allows_or_empty)
{
    node_create_partitions(&node, "many", PAGE_MAX + 2);
    struct describe_topic_partitions_response response = partitions("many", INT32_MAX, NULL, 0);
    cr_assert_eq(response.topics[0].partitions_count, PAGE_MAX);
    cr_assert(str_equal(response.next_cursor->topic_name, STR("many")));
    cr_assert_eq(response.next_cursor->partition_index, PAGE_MAX);
    cr_assert_eq(partitions("many", 0, NULL, 0).topics[0].partitions_count, 1);
    cr_assert_eq(partitions("many", INT32_MIN, NULL, 0).topics[0].partitions_count, 1);
}

Test(describe, a_cursor_past_the_end_finds_nothing)
{
    struct describe_topic_partitions_response response =
        partitions("kept", 2000, "kept", INT32_MAX);
    cr_assert_eq(response.topics_count, 1);
    cr_assert_eq(response.topics[0].partitions_count, 0);
    cr_assert_null(response.next_cursor);
    cr_assert_eq(partitions("kept", 2000, "zzz", 0).topics_count, 0);
}

Test(describe, a_cursor_before_the_start_is_refused)
{
    cr_assert_eq(partitions("kept", 2000, "kept", -1).topics[0].error_code, ERR_INVALID_REQUEST);
    cr_assert_eq(partitions(NULL, 2000, "kept", INT32_MIN).topics[0].error_code,
                 ERR_INVALID_REQUEST);
}

Test(describe, partitions_of_topics_that_are_not_there_are_an_error)
{
    cr_assert_eq(partitions("none", 2000, NULL, 0).topics[0].error_code,
                 ERR_UNKNOWN_TOPIC_OR_PARTITION);
    cr_assert_eq(partitions("no name", 2000, NULL, 0).topics[0].error_code,
                 ERR_INVALID_TOPIC_EXCEPTION);
}

/* ---- Resources. */

static struct list_config_resources_response resources(int16_t version, const int8_t *types,
                                                       uint32_t count)
{
    struct list_config_resources_request body;
    struct list_config_resources_response response;
    list_config_resources_request_init(&body);
    body.resource_types = (int8_t *)types;
    body.resource_types_count = count;
    node_call(&node, node_connect(&node), WIRE_LIST_CONFIG_RESOURCES, version, &body, &response);
    return response;
}

Test(describe, resources_of_all_types_are_listed)
{
    struct list_config_resources_response response = resources(1, NULL, 0);
    cr_assert_eq(response.error_code, ERR_NONE);
    cr_assert_eq(response.resources_count, 3);
    cr_assert_eq(response.resources[0].type, CONFIG_OF_LOGGER);
    cr_assert(str_equal(response.resources[0].name, STR("1")));
    cr_assert_eq(response.resources[1].type, CONFIG_OF_BROKER);
    cr_assert_eq(response.resources[2].type, CONFIG_OF_TOPIC);
    cr_assert(str_equal(response.resources[2].name, STR("kept")));
}

Test(describe, resources_of_a_type_that_is_named_often_are_listed_once)
{
    static const int8_t topics[] = {CONFIG_OF_TOPIC, CONFIG_OF_TOPIC, 16};
    cr_assert_eq(resources(1, topics, 3).resources_count, 1);
}

Test(describe, resources_of_a_type_that_nobody_knows_are_an_error)
{
    static const int8_t odd[] = {CONFIG_OF_TOPIC, 3};
    static const int8_t negative[] = {INT8_MIN};
    cr_assert_eq(resources(1, odd, 2).error_code, ERR_UNSUPPORTED_VERSION);
    cr_assert_eq(resources(1, odd, 2).resources_count, 0);
    cr_assert_eq(resources(1, negative, 1).error_code, ERR_UNSUPPORTED_VERSION);
}

Test(describe, resources_of_version_0_are_metrics_of_clients_and_there_are_none)
{
    struct list_config_resources_response response = resources(0, NULL, 0);
    cr_assert_eq(response.error_code, ERR_NONE);
    cr_assert_eq(response.resources_count, 0);
}

/* ---- Access rules. */

Test(describe, rules_are_refused_in_every_version_as_there_is_no_authorizer)
{
    for (int16_t version = 0; version <= 3; version++) {
        struct describe_acls_request asked;
        struct describe_acls_response told;
        describe_acls_request_init(&asked);
        node_call(&node, node_connect(&node), WIRE_DESCRIBE_ACLS, version, &asked, &told);
        cr_assert_eq(told.error_code, ERR_SECURITY_DISABLED);
        cr_assert_eq(told.resources_count, 0);

        struct create_acls_request rules;
        struct create_acls_response created;
        create_acls_request_init(&rules);
        rules.creations_count = 2;
        rules.creations = create_acls_request_creation_new(&node.arena, 2);
        node_call(&node, node_connect(&node), WIRE_CREATE_ACLS, version, &rules, &created);
        cr_assert_eq(created.results_count, 2);
        cr_assert_eq(created.results[1].error_code, ERR_SECURITY_DISABLED);

        struct delete_acls_request filters;
        struct delete_acls_response deleted;
        delete_acls_request_init(&filters);
        filters.filters_count = 2;
        filters.filters = delete_acls_request_filter_new(&node.arena, 2);
        node_call(&node, node_connect(&node), WIRE_DELETE_ACLS, version, &filters, &deleted);
        cr_assert_eq(deleted.filter_results_count, 2);
        cr_assert_eq(deleted.filter_results[1].error_code, ERR_SECURITY_DISABLED);
        cr_assert_eq(deleted.filter_results[1].matching_acls_count, 0);
    }
}
