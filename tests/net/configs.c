/* configs.c -- DescribeConfigs, AlterConfigs and IncrementalAlterConfigs, and that what they change
 * is felt without a restart. */
#include <criterion/criterion.h>

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
    node_keep_record(&node);
}

static void stop(void)
{
    node_check_record(&node);
    node_stop(&node);
}

TestSuite(configs, .init = start, .fini = stop);

/* ---- Asking. */

/* `keys` NULL: all. */
static struct describe_configs_response_result describe_keys(int16_t version,
                                                             enum config_resource type,
                                                             const char *name, struct str *keys,
                                                             uint32_t count)
{
    struct describe_configs_request body;
    struct describe_configs_response response;
    describe_configs_request_init(&body);
    body.resources_count = 1;
    body.resources = describe_configs_request_resource_new(&node.arena, 1);
    body.resources[0].resource_type = (int8_t)type;
    body.resources[0].resource_name = str_from(name);
    body.resources[0].configuration_keys = keys;
    body.resources[0].configuration_keys_count = count;
    body.include_synonyms = version >= 1;
    body.include_documentation = version >= 3;
    node_call(&node, node_connect(&node), WIRE_DESCRIBE_CONFIGS, version, &body, &response);
    cr_assert_eq(response.results_count, 1);
    return response.results[0];
}

static struct describe_configs_response_result describe_in(int16_t version,
                                                           enum config_resource type,
                                                           const char *name, const char *key)
{
    struct str wanted = str_from(key);
    return describe_keys(version, type, name, key ? &wanted : NULL, key ? 1 : 0);
}

static struct describe_configs_response_result describe(enum config_resource type, const char *name)
{
    return describe_in(4, type, name, NULL);
}

static struct describe_configs_response_config describe_key(enum config_resource type,
                                                            const char *name, const char *key)
{
    struct describe_configs_response_result result = describe_in(4, type, name, key);
    cr_assert_eq(result.error_code, ERR_NONE);
    cr_assert_eq(result.configs_count, 1);
    return result.configs[0];
}

static void assert_value(enum config_resource type, const char *name, const char *key,
                         const char *value, int source)
{
    struct describe_configs_response_config config = describe_key(type, name, key);
    cr_assert(str_equal(config.value, str_from(value)), "%s is %.*s", key, (int)config.value.size,
              config.value.data);
    cr_assert_eq(config.config_source, source);
}

static struct str refusal; /* What alter() was told in words. */

static enum err alter_in(int16_t version, enum config_resource type, const char *name,
                         const char *key, const char *value)
{
    struct incremental_alter_configs_request body;
    struct incremental_alter_configs_response response;
    incremental_alter_configs_request_init(&body);
    body.resources_count = 1;
    body.resources = incremental_alter_configs_request_resource_new(&node.arena, 1);
    body.resources[0].resource_type = (int8_t)type;
    body.resources[0].resource_name = str_from(name);
    body.resources[0].configs_count = 1;
    body.resources[0].configs = incremental_alter_configs_request_config_new(&node.arena, 1);
    body.resources[0].configs[0].name = str_from(key);
    body.resources[0].configs[0].config_operation = value ? 0 : 1;
    body.resources[0].configs[0].value = str_from(value);
    node_call(&node, node_connect(&node), WIRE_INCREMENTAL_ALTER_CONFIGS, version, &body,
              &response);
    cr_assert_eq(response.responses_count, 1);
    cr_assert_eq(response.responses[0].resource_type, (int)type);
    cr_assert(str_equal(response.responses[0].resource_name, str_from(name)));
    refusal = response.responses[0].error_message;
    return (enum err)response.responses[0].error_code;
}

static enum err alter(enum config_resource type, const char *name, const char *key,
                      const char *value)
{
    return alter_in(1, type, name, key, value);
}

static enum err replace_in(int16_t version, const char *topic, const char *key, const char *value)
{
    struct alter_configs_request body;
    struct alter_configs_response response;
    alter_configs_request_init(&body);
    body.resources_count = 1;
    body.resources = alter_configs_request_resource_new(&node.arena, 1);
    body.resources[0].resource_type = CONFIG_OF_TOPIC;
    body.resources[0].resource_name = str_from(topic);
    body.resources[0].configs_count = 1;
    body.resources[0].configs = alter_configs_request_config_new(&node.arena, 1);
    body.resources[0].configs[0].name = str_from(key);
    body.resources[0].configs[0].value = str_from(value);
    node_call(&node, node_connect(&node), WIRE_ALTER_CONFIGS, version, &body, &response);
    return (enum err)response.responses[0].error_code;
}

/* ---- Describing. */

Test(configs, of_a_topic_are_told_with_kafkas_defaults)
{
    node_create_topic(&node, "t");
    struct describe_configs_response_result result = describe(CONFIG_OF_TOPIC, "t");
    cr_assert_eq(result.error_code, ERR_NONE);
    cr_assert_gt(result.configs_count, 30);
    assert_value(CONFIG_OF_TOPIC, "t", "cleanup.policy", "delete", 5);
    assert_value(CONFIG_OF_TOPIC, "t", "segment.bytes", "1073741824", 5);
    assert_value(CONFIG_OF_TOPIC, "t", "min.insync.replicas", "1", 5);
    assert_value(CONFIG_OF_TOPIC, "t", "flush.messages", "1", 5);
    struct describe_configs_response_config config =
        describe_key(CONFIG_OF_TOPIC, "t", "retention.ms");
    cr_assert_eq(config.config_type, CONFIG_LONG);
    cr_assert_not(config.read_only);
    cr_assert_gt(config.documentation.size, 0);
}

Test(configs, are_told_in_every_version)
{
    node_create_topic(&node, "t");
    for (int16_t version = 0; version <= 4; version++) {
        struct describe_configs_response_result result =
            describe_in(version, CONFIG_OF_TOPIC, "t", "retention.ms");
        cr_assert_eq(result.configs_count, 1);
        cr_assert(str_equal(result.configs[0].value, STR("604800000")));
        cr_assert_eq(result.configs[0].is_default, version == 0);
        cr_assert_eq(result.configs[0].synonyms_count > 0, version >= 1);
        cr_assert_eq(result.configs[0].documentation.size > 0, version >= 3);
    }
}

Test(configs, stand_before_what_would_count_without_them)
{
    static const int sources[] = {1, 2, 3, 5};
    node_create_topic(&node, "t");
    cr_assert_eq(alter(CONFIG_OF_BROKER, "", "log.segment.bytes", "3000000"), ERR_NONE);
    cr_assert_eq(alter(CONFIG_OF_BROKER, "1", "log.segment.bytes", "2000000"), ERR_NONE);
    cr_assert_eq(alter(CONFIG_OF_TOPIC, "t", "segment.bytes", "1000000"), ERR_NONE);

    struct describe_configs_response_config config =
        describe_key(CONFIG_OF_TOPIC, "t", "segment.bytes");

    cr_assert(str_equal(config.value, STR("1000000")));
    cr_assert_eq(config.synonyms_count, 4);
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(config.synonyms[i].source, sources[i]);
        cr_assert(str_equal(config.synonyms[i].name,
                            i == 0 ? STR("segment.bytes") : STR("log.segment.bytes")));
    }
    cr_assert(str_equal(config.synonyms[3].value, STR("1073741824")));
    assert_value(CONFIG_OF_BROKER, "1", "log.segment.bytes", "2000000", 2);
    assert_value(CONFIG_OF_BROKER, "", "log.segment.bytes", "3000000", 3);
}

Test(configs, of_a_broker_are_all_that_kafka_knows)
{
    struct describe_configs_response_result result = describe(CONFIG_OF_BROKER, "1");
    cr_assert_eq(result.error_code, ERR_NONE);
    cr_assert_gt(result.configs_count, 200);
    for (uint32_t i = 0; i < result.configs_count; i++)
        cr_assert_neq(result.configs[i].name.data[result.configs[i].name.size - 1], '.');
    struct describe_configs_response_config threads =
        describe_key(CONFIG_OF_BROKER, "1", "num.io.threads");
    cr_assert(threads.read_only);
    cr_assert(str_equal(threads.value, STR("8")));
    struct describe_configs_response_config secret =
        describe_key(CONFIG_OF_BROKER, "1", "ssl.keystore.password");
    cr_assert(secret.is_sensitive);
    cr_assert_null(secret.value.data);
    cr_assert_eq(describe(CONFIG_OF_BROKER, "").configs_count, 0);
}

Test(configs, that_are_not_there_are_left_out)
{
    node_create_topic(&node, "t");
    cr_assert_eq(describe_in(4, CONFIG_OF_TOPIC, "t", "no.such.key").configs_count, 0);
}

Test(configs, are_all_told_where_no_key_is_named)
{
    struct str none;
    node_create_topic(&node, "t");
    uint32_t all = describe(CONFIG_OF_TOPIC, "t").configs_count;
    cr_assert_eq(describe_keys(4, CONFIG_OF_TOPIC, "t", &none, 0).configs_count, all);
}

Test(configs, are_found_among_many_keys_that_are_not_there_and_told_once)
{
    enum { MANY = 100000 };
    struct str *keys = arena_array(&node.arena, struct str, MANY);
    for (int i = 0; i < MANY; i++)
        keys[i] = str_from(arena_format(&node.arena, "not.there.%d", i));
    keys[0] = keys[MANY - 1] = STR("node.id");
    keys[MANY / 2] = STR("num.partitions");

    struct describe_configs_response_result result =
        describe_keys(4, CONFIG_OF_BROKER, "1", keys, MANY);

    cr_assert_eq(result.configs_count, 2);
    cr_assert(str_equal(result.configs[0].name, STR("node.id")));
    cr_assert(str_equal(result.configs[1].name, STR("num.partitions")));
}

Test(configs, of_what_is_not_there_are_an_error)
{
    cr_assert_eq(describe(CONFIG_OF_TOPIC, "nothing").error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION);
    cr_assert_eq(describe(CONFIG_OF_TOPIC, "a b").error_code, ERR_INVALID_TOPIC_EXCEPTION);
    cr_assert_eq(describe(CONFIG_OF_BROKER, "2").error_code, ERR_INVALID_REQUEST);
    cr_assert_eq(describe(CONFIG_OF_BROKER, "x").error_code, ERR_INVALID_REQUEST);
    cr_assert_eq(describe(CONFIG_OF_LOGGER, "").error_code, ERR_INVALID_REQUEST);
    cr_assert_eq(describe(CONFIG_OF_GROUP, "").error_code, ERR_INVALID_REQUEST);
    cr_assert_eq(describe((enum config_resource)99, "x").error_code, ERR_INVALID_REQUEST);
}

Test(configs, of_a_group_are_what_its_broker_says)
{
    cr_assert_eq(alter(CONFIG_OF_BROKER, "1", "group.consumer.session.timeout.ms", "50000"),
                 ERR_NONE);
    assert_value(CONFIG_OF_GROUP, "g", "consumer.session.timeout.ms", "50000", 2);
    cr_assert_not(describe_key(CONFIG_OF_GROUP, "g", "consumer.session.timeout.ms").read_only);
    cr_assert(describe_key(CONFIG_OF_GROUP, "g", "share.session.timeout.ms").read_only);
}

Test(configs, of_one_group_stand_before_what_its_broker_says)
{
    static const char key[] = "consumer.session.timeout.ms";
    cr_assert_eq(alter(CONFIG_OF_GROUP, "g", key, "50000"), ERR_NONE);
    node_restart(&node);
    assert_value(CONFIG_OF_GROUP, "g", key, "50000", 8);
    assert_value(CONFIG_OF_GROUP, "h", key, "45000", 5);
    struct describe_configs_response_config config = describe_key(CONFIG_OF_GROUP, "g", key);
    cr_assert_eq(config.synonyms_count, 2);
    cr_assert(str_equal(config.synonyms[0].name, str_from(key)));
    cr_assert_eq(config.synonyms[0].source, 8);
    cr_assert(str_equal(config.synonyms[1].name, STR("group.consumer.session.timeout.ms")));
    cr_assert_eq(alter(CONFIG_OF_GROUP, "g", key, "1"), ERR_INVALID_CONFIG);
    cr_assert_eq(alter(CONFIG_OF_GROUP, "g", key, NULL), ERR_NONE);
    assert_value(CONFIG_OF_GROUP, "g", key, "45000", 5);
}

/* Five thousand times all that a broker knows is more than requests may hold here. */
Test(configs, of_too_many_resources_at_once_are_refused)
{
    struct describe_configs_request body;
    struct describe_configs_response response;
    enum { MANY = 5000 };
    describe_configs_request_init(&body);
    body.resources_count = MANY;
    body.resources = describe_configs_request_resource_new(&node.arena, MANY);
    for (int i = 0; i < MANY; i++) {
        body.resources[i].resource_type = CONFIG_OF_BROKER;
        body.resources[i].resource_name = STR("1");
        body.resources[i].configuration_keys = NULL;
    }
    body.resources[MANY - 1].resource_type = CONFIG_OF_TOPIC;
    body.resources[MANY - 1].resource_name = STR("nowhere");
    body.include_documentation = true;
    node_call(&node, node_connect(&node), WIRE_DESCRIBE_CONFIGS, 4, &body, &response);
    cr_assert_eq(response.results[0].error_code, ERR_NONE);
    cr_assert_eq(response.results[MANY - 2].error_code, ERR_INVALID_REQUEST);
    cr_assert_eq(response.results[MANY - 1].error_code, ERR_INVALID_REQUEST, "it was looked up");
}

/* ---- Altering. */

Test(configs, are_altered_in_every_version)
{
    node_create_topic(&node, "t");
    for (int16_t version = 0; version <= 1; version++)
        cr_assert_eq(alter_in(version, CONFIG_OF_TOPIC, "t", "retention.ms", version ? "8" : "7"),
                     ERR_NONE);
    assert_value(CONFIG_OF_TOPIC, "t", "retention.ms", "8", 1);
    for (int16_t version = 0; version <= 2; version++)
        cr_assert_eq(replace_in(version, "t", "segment.ms", version ? "8" : "7"), ERR_NONE);
    assert_value(CONFIG_OF_TOPIC, "t", "segment.ms", "8", 1);
    assert_value(CONFIG_OF_TOPIC, "t", "retention.ms", "604800000", 5);
}

Test(configs, that_were_altered_outlive_a_restart)
{
    node_create_topic(&node, "t");
    alter(CONFIG_OF_TOPIC, "t", "retention.ms", "86400000");
    alter(CONFIG_OF_BROKER, "", "message.max.bytes", "2000");
    node_restart(&node);
    assert_value(CONFIG_OF_TOPIC, "t", "retention.ms", "86400000", 1);
    assert_value(CONFIG_OF_TOPIC, "t", "max.message.bytes", "2000", 3);
}

Test(configs, are_refused_with_kafkas_codes)
{
    node_create_topic(&node, "t");
    cr_assert_eq(alter(CONFIG_OF_TOPIC, "nothing", "retention.ms", "7"),
                 ERR_UNKNOWN_TOPIC_OR_PARTITION);
    cr_assert_eq(alter(CONFIG_OF_TOPIC, "t", "no.such.key", "7"), ERR_INVALID_CONFIG);
    cr_assert_eq(alter(CONFIG_OF_TOPIC, "t", "retention.ms", "soon"), ERR_INVALID_CONFIG);
    cr_assert_eq(alter(CONFIG_OF_BROKER, "1", "num.io.threads", "7"), ERR_INVALID_REQUEST);
    cr_assert_eq(replace_in(2, "t", "retention.ms", NULL), ERR_INVALID_REQUEST);
}

Test(configs, of_a_logger_that_is_named_twice_are_left_alone)
{
    struct incremental_alter_configs_request body;
    struct incremental_alter_configs_response response;
    incremental_alter_configs_request_init(&body);
    body.resources_count = 2;
    body.resources = incremental_alter_configs_request_resource_new(&node.arena, 2);
    for (int i = 0; i < 2; i++) {
        body.resources[i].resource_type = CONFIG_OF_LOGGER;
        body.resources[i].resource_name = STR("1");
        body.resources[i].configs_count = 1;
        body.resources[i].configs = incremental_alter_configs_request_config_new(&node.arena, 1);
        body.resources[i].configs[0].name = STR("root");
        body.resources[i].configs[0].value = i == 0 ? STR("ERROR") : STR("WARN");
    }
    struct str before = describe_key(CONFIG_OF_LOGGER, "1", "root").value;

    node_call(&node, node_connect(&node), WIRE_INCREMENTAL_ALTER_CONFIGS, 1, &body, &response);

    cr_assert_eq(response.responses[0].error_code, ERR_INVALID_REQUEST);
    cr_assert_eq(response.responses[1].error_code, ERR_INVALID_REQUEST);
    cr_assert(str_equal(describe_key(CONFIG_OF_LOGGER, "1", "root").value, before));
}

/* ---- Of a topic that is made. */

Test(configs, of_a_new_topic_are_told_as_describing_it_tells_them)
{
    static const struct node_setting own[] = {{"retention.ms", "7"}, {NULL, NULL}};
    cr_assert_eq(alter(CONFIG_OF_BROKER, "", "log.segment.bytes", "3000000"), ERR_NONE);
    cr_assert_eq(alter(CONFIG_OF_BROKER, "1", "log.roll.ms", "5000"), ERR_NONE);

    struct create_topics_response_topic made = node_create(&node, "t", 1, own);

    struct describe_configs_response_result told = describe(CONFIG_OF_TOPIC, "t");
    cr_assert_eq(made.configs_count, told.configs_count);
    uint32_t sources[9] = {0};
    for (uint32_t i = 0; i < made.configs_count; i++) {
        cr_assert(str_equal(made.configs[i].name, told.configs[i].name));
        cr_assert(str_equal(made.configs[i].value, told.configs[i].value));
        cr_assert_eq(made.configs[i].config_source, told.configs[i].config_source);
        cr_assert_eq(made.configs[i].read_only, told.configs[i].read_only);
        sources[made.configs[i].config_source]++;
        cr_assert_eq(made.configs[i].read_only,
                     str_equal(made.configs[i].name, STR("flush.messages")));
    }
    cr_assert_eq(sources[1], 1);
    cr_assert_eq(sources[2], 1);
    cr_assert_eq(sources[3], 1);
}

/* ---- What is felt. */

static int64_t earliest(const char *topic)
{
    struct list_offsets_request body;
    struct list_offsets_response response;
    list_offsets_request_init(&body);
    body.replica_id = -1;
    body.topics_count = 1;
    body.topics = list_offsets_request_topic_new(&node.arena, 1);
    body.topics[0].name = str_from(topic);
    body.topics[0].partitions_count = 1;
    body.topics[0].partitions = list_offsets_request_partition_new(&node.arena, 1);
    body.topics[0].partitions[0].timestamp = -2;
    node_call(&node, node_connect(&node), WIRE_LIST_OFFSETS, 7, &body, &response);
    return response.topics[0].partitions[0].offset;
}

static void produce(const char *topic, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        cr_assert_eq(node_produce(&node, node_connect(&node), topic, node_large_batch(&node, 1000))
                         .error_code,
                     ERR_NONE);
}

static enum err produce_large(const char *topic, uint32_t size)
{
    return (enum err)node_produce(&node, node_connect(&node), topic, node_large_batch(&node, size))
        .error_code;
}

Test(configs, of_retention_and_segments_are_felt_at_once)
{
    node_create_topic(&node, "t");
    cr_assert_eq(alter(CONFIG_OF_TOPIC, "t", "segment.bytes", "2500"), ERR_NONE);
    produce("t", 5);
    node_run(&node, WAIT_MS);
    cr_assert_eq(earliest("t"), 0);

    cr_assert_eq(alter(CONFIG_OF_TOPIC, "t", "retention.bytes", "1"), ERR_NONE);
    node_run(&node, WAIT_MS);
    cr_assert_eq(earliest("t"), 4);
}

static void wait_for_checks(const char *interval_ms)
{
    cr_assert_eq(alter(CONFIG_OF_BROKER, "", "log.retention.check.interval.ms", interval_ms),
                 ERR_NONE);
    node_run(&node, 11000); /* The first one comes within ten seconds. */
}

Test(configs, of_the_checks_of_retention_are_felt_at_once)
{
    node_create_topic(&node, "t");
    cr_assert_eq(alter(CONFIG_OF_TOPIC, "t", "segment.bytes", "2500"), ERR_NONE);
    cr_assert_eq(alter(CONFIG_OF_TOPIC, "t", "retention.bytes", "1"), ERR_NONE);
    wait_for_checks("300000");
    produce("t", 5);
    node_run(&node, WAIT_MS);
    cr_assert_eq(earliest("t"), 0);

    wait_for_checks("1000");
    cr_assert_eq(earliest("t"), 4);
}

Test(configs, of_the_largest_batch_are_felt_at_once)
{
    node_create_topic(&node, "t");
    cr_assert_eq(produce_large("t", 3000), ERR_NONE);
    cr_assert_eq(alter(CONFIG_OF_TOPIC, "t", "max.message.bytes", "2000"), ERR_NONE);
    cr_assert_eq(produce_large("t", 3000), ERR_MESSAGE_TOO_LARGE);
    cr_assert_eq(alter(CONFIG_OF_TOPIC, "t", "max.message.bytes", NULL), ERR_NONE);
    cr_assert_eq(produce_large("t", 3000), ERR_NONE);
}

Test(configs, of_all_brokers_are_felt_by_topics_that_say_nothing)
{
    node_create_topic(&node, "t");
    node_create_topic(&node, "own");
    cr_assert_eq(alter(CONFIG_OF_TOPIC, "own", "max.message.bytes", "5000"), ERR_NONE);

    cr_assert_eq(alter(CONFIG_OF_BROKER, "", "message.max.bytes", "2000"), ERR_NONE);
    cr_assert_eq(produce_large("t", 3000), ERR_MESSAGE_TOO_LARGE);
    cr_assert_eq(produce_large("own", 3000), ERR_NONE);

    cr_assert_eq(alter(CONFIG_OF_BROKER, "1", "message.max.bytes", "4000"), ERR_NONE);
    cr_assert_eq(produce_large("t", 3000), ERR_NONE);
    cr_assert_eq(alter(CONFIG_OF_BROKER, "1", "message.max.bytes", NULL), ERR_NONE);
    cr_assert_eq(produce_large("t", 3000), ERR_MESSAGE_TOO_LARGE);
    cr_assert_eq(alter(CONFIG_OF_BROKER, "", "message.max.bytes", NULL), ERR_NONE);
    cr_assert_eq(produce_large("t", 3000), ERR_NONE);
}

Test(configs, make_a_topic_compacted_and_back)
{
    node_create_topic(&node, "t");
    produce("t", 1);
    cr_assert_eq(alter(CONFIG_OF_TOPIC, "t", "cleanup.policy", "compact"), ERR_NONE);
    cr_assert_eq(
        node_produce(&node, node_connect(&node), "t", node_batch(&node, "no key")).error_code,
        ERR_INVALID_RECORD);
    cr_assert_eq(alter(CONFIG_OF_TOPIC, "t", "cleanup.policy", NULL), ERR_NONE);
    produce("t", 1);
}

Test(configs, say_how_much_a_node_tells_about_itself)
{
    enum trace_level before = node.fake.env.trace->level;
    cr_assert_eq(alter(CONFIG_OF_LOGGER, "1", "root", "ERROR"), ERR_NONE);
    cr_assert_eq((int)node.fake.env.trace->level, TRACE_ERROR);
    assert_value(CONFIG_OF_LOGGER, "1", "root", "ERROR", 6);
    cr_assert_eq(alter(CONFIG_OF_LOGGER, "1", "root", "LOUD"), ERR_INVALID_CONFIG);
    cr_assert(
        str_equal(refusal, STR("root: must be one of TRACE, DEBUG, INFO, WARN, ERROR, FATAL")));
    cr_assert_eq(alter(CONFIG_OF_LOGGER, "1", "kafka.server", "INFO"), ERR_INVALID_CONFIG);
    cr_assert_eq(alter(CONFIG_OF_LOGGER, "2", "root", "INFO"), ERR_INVALID_REQUEST);
    node.fake.env.trace->level = before;
}
