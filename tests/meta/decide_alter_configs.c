/* decide_alter_configs.c -- what altering configs writes, and what it refuses. */
#include "world.h"

#include <stdio.h>

struct wanted {
    enum config_resource type;
    const char *resource, *key;
    enum alter_operation operation;
    const char *value;
};

static struct str message; /* Of the last one. */

static enum err alter_with(struct world *world, const struct wanted *wanted, bool replace,
                           bool validate_only)
{
    struct alter_config config = {.name = str_from(wanted->key),
                                  .operation = wanted->operation,
                                  .value = str_from(wanted->value)};
    struct alter_resource resource = {.type = (int32_t)wanted->type,
                                      .name = str_from(wanted->resource),
                                      .config_count = wanted->key == NULL ? 0 : 1,
                                      .configs = &config};
    struct alter_configs_command command = {.principal = STR("User:x"),
                                            .replace = replace,
                                            .validate_only = validate_only,
                                            .count = 1,
                                            .resources = &resource};
    struct alter_configs_reply reply;
    decide_alter_configs(world_begin(world), &command, &reply);
    world_accept(world);
    message = reply.resources[0].message;
    cr_assert_eq(reply.count, 1);
    cr_assert((reply.resources[0].err == ERR_NONE) == (message.data == NULL));
    return reply.resources[0].err;
}

static enum err alter(struct world *world, enum config_resource type, const char *resource,
                      const char *key, const char *value)
{
    struct wanted wanted = {type, resource, key, value == NULL ? ALTER_DELETE : ALTER_SET, value};
    return alter_with(world, &wanted, false, false);
}

static void assert_topic(const struct world *world, const char *key, const char *value)
{
    const struct image_topic *topic = image_topic_by_name(world->image, STR("orders"));
    cr_assert(str_equal(image_topic_config(topic, str_from(key)), str_from(value)));
}

static void start(struct world *world, int32_t brokers)
{
    world_open(world);
    world_start(world, brokers);
    world_create(world, "orders", 2, brokers);
}

Test(decide_alter_configs, sets_and_deletes_what_a_topic_says)
{
    struct world world;
    start(&world, 3);

    cr_assert_eq(alter(&world, CONFIG_OF_TOPIC, "orders", "retention.ms", "7"), ERR_NONE);
    assert_topic(&world, "retention.ms", "7");
    cr_assert_eq(world.last_count, 1, "the topic's record alone");

    cr_assert_eq(alter(&world, CONFIG_OF_TOPIC, "orders", "retention.ms", NULL), ERR_NONE);
    assert_topic(&world, "retention.ms", NULL);
    world_close(&world);
}

Test(decide_alter_configs, writes_nothing_that_is_so_already)
{
    struct world world;
    start(&world, 3);
    alter(&world, CONFIG_OF_TOPIC, "orders", "retention.ms", "7");
    uint32_t before = world.record_count;

    cr_assert_eq(alter(&world, CONFIG_OF_TOPIC, "orders", "retention.ms", "7"), ERR_NONE);
    cr_assert_eq(alter(&world, CONFIG_OF_TOPIC, "orders", "segment.ms", NULL), ERR_NONE);
    cr_assert_eq(alter(&world, CONFIG_OF_TOPIC, "orders", "no.such.key", NULL), ERR_NONE);

    cr_assert_eq(world.record_count, before);
    world_close(&world);
}

Test(decide_alter_configs, appends_to_lists_and_subtracts_from_them)
{
    struct world world;
    struct wanted compact = {CONFIG_OF_TOPIC, "orders", "cleanup.policy", ALTER_APPEND, "compact"};
    struct wanted delete = {CONFIG_OF_TOPIC, "orders", "cleanup.policy", ALTER_SUBTRACT, "delete"};
    start(&world, 3);

    cr_assert_eq(alter_with(&world, &compact, false, false), ERR_NONE);
    assert_topic(&world, "cleanup.policy", "delete,compact");
    cr_assert_eq(alter_with(&world, &compact, false, false), ERR_NONE, "it has it already");
    cr_assert_eq(alter_with(&world, &delete, false, false), ERR_NONE);
    assert_topic(&world, "cleanup.policy", "compact");

    struct wanted number = {CONFIG_OF_TOPIC, "orders", "retention.ms", ALTER_APPEND, "7"};
    cr_assert_eq(alter_with(&world, &number, false, false), ERR_INVALID_CONFIG);
    world_close(&world);
}

/* "0:0,1:0,..." of at least `size` bytes. */
static char *replica_list(struct world *world, uint32_t size)
{
    char *list = arena_alloc(&world->arena, size + 32);
    int used = 0;
    for (int partition = 0; used < (int)size; partition++)
        used += snprintf(list + used, 32, "%s%d:0", used > 0 ? "," : "", partition);
    return list;
}

Test(decide_alter_configs, joins_long_lists_in_little_memory)
{
    struct world world;
    const char *key = "leader.replication.throttled.replicas";
    start(&world, 3);
    char *list = replica_list(&world, 4000);
    struct wanted append = {CONFIG_OF_TOPIC, "orders", key, ALTER_APPEND, list};
    struct wanted subtract = {CONFIG_OF_TOPIC, "orders", key, ALTER_SUBTRACT, list + 4};
    size_t before = world.arena.total;

    cr_assert_eq(alter_with(&world, &append, false, false), ERR_NONE);
    assert_topic(&world, key, list);
    cr_assert_eq(alter_with(&world, &append, false, false), ERR_NONE, "it has it all already");
    cr_assert_eq(alter_with(&world, &subtract, false, false), ERR_NONE);
    assert_topic(&world, key, "0:0");

    cr_assert_lt(world.arena.total - before, 256 * 1024);
    world_close(&world);
}

Test(decide_alter_configs, refuses_long_values_before_it_joins_them)
{
    struct world world;
    const char *key = "leader.replication.throttled.replicas";
    start(&world, 3);
    char *list = replica_list(&world, 28000), *most = replica_list(&world, 4000);
    struct wanted append = {CONFIG_OF_TOPIC, "orders", key, ALTER_APPEND, list};
    struct wanted subtract = {CONFIG_OF_TOPIC, "orders", key, ALTER_SUBTRACT, list};
    struct wanted first = {CONFIG_OF_TOPIC, "orders", key, ALTER_APPEND, most};
    struct wanted second = {CONFIG_OF_TOPIC, "orders", key, ALTER_APPEND,
                            strchr(list + 26000, ',') + 1};
    size_t before = world.arena.total;

    cr_assert_eq(alter_with(&world, &append, false, true), ERR_INVALID_CONFIG);
    const char *text = arena_format(
        &world.arena, "%s: a value of %zu bytes is too long: at most 4096.", key, strlen(list));
    cr_assert(str_equal(message, str_from(text)), "%.*s", (int)message.size, message.data);
    cr_assert_eq(alter_with(&world, &subtract, false, false), ERR_INVALID_CONFIG);
    cr_assert_lt(world.arena.total - before, 64 * 1024);

    cr_assert_eq(alter_with(&world, &first, false, false), ERR_NONE);
    cr_assert_eq(alter_with(&world, &second, false, false), ERR_INVALID_CONFIG, "together");
    assert_topic(&world, key, most);
    world_close(&world);
}

Test(decide_alter_configs, replaces_all_that_a_topic_says)
{
    struct world world;
    struct wanted wanted = {CONFIG_OF_TOPIC, "orders", "segment.ms", ALTER_SET, "9"};
    start(&world, 3);
    alter(&world, CONFIG_OF_TOPIC, "orders", "retention.ms", "7");

    cr_assert_eq(alter_with(&world, &wanted, true, false), ERR_NONE);

    assert_topic(&world, "retention.ms", NULL);
    assert_topic(&world, "segment.ms", "9");
    world_close(&world);
}

Test(decide_alter_configs, changes_nothing_when_it_only_validates)
{
    struct world world;
    struct wanted good = {CONFIG_OF_TOPIC, "orders", "retention.ms", ALTER_SET, "7"};
    struct wanted bad = {CONFIG_OF_TOPIC, "orders", "retention.ms", ALTER_SET, "-7"};
    start(&world, 3);
    uint32_t before = world.record_count;

    cr_assert_eq(alter_with(&world, &good, false, true), ERR_NONE);
    cr_assert_eq(alter_with(&world, &bad, false, true), ERR_INVALID_CONFIG);

    cr_assert_eq(world.record_count, before);
    assert_topic(&world, "retention.ms", NULL);
    world_close(&world);
}

Test(decide_alter_configs, refuses_what_a_topic_does_not_take)
{
    struct world world;
    start(&world, 3);

    cr_assert_eq(alter(&world, CONFIG_OF_TOPIC, "nothing", "retention.ms", "7"),
                 ERR_UNKNOWN_TOPIC_OR_PARTITION);
    cr_assert_eq(alter(&world, CONFIG_OF_TOPIC, "orders", "no.such.key", "7"), ERR_INVALID_CONFIG);
    cr_assert_eq(alter(&world, CONFIG_OF_TOPIC, "orders", "retention.ms", "soon"),
                 ERR_INVALID_CONFIG);
    cr_assert(str_equal(message, STR("retention.ms=soon: must be a whole number from -1 to "
                                     "9223372036854775807")));
    cr_assert_eq(alter(&world, (enum config_resource)16, "x", "interval.ms", "7"),
                 ERR_INVALID_REQUEST);
    struct wanted null = {CONFIG_OF_TOPIC, "orders", "retention.ms", ALTER_SET, NULL};
    cr_assert_eq(alter_with(&world, &null, false, false), ERR_INVALID_REQUEST);
    struct wanted operation = {CONFIG_OF_TOPIC, "orders", "retention.ms", (enum alter_operation)9,
                               "7"};
    cr_assert_eq(alter_with(&world, &operation, false, false), ERR_INVALID_REQUEST);
    world_close(&world);
}

Test(decide_alter_configs, refuses_what_does_not_go_together_with_what_there_is)
{
    struct world world;
    start(&world, 3);
    cr_assert_eq(alter(&world, CONFIG_OF_TOPIC, "orders", "max.compaction.lag.ms", "7"), ERR_NONE);

    cr_assert_eq(alter(&world, CONFIG_OF_TOPIC, "orders", "min.compaction.lag.ms", "8"),
                 ERR_INVALID_CONFIG);

    assert_topic(&world, "min.compaction.lag.ms", NULL);
    cr_assert_eq(alter(&world, CONFIG_OF_TOPIC, "orders", "min.compaction.lag.ms", "7"), ERR_NONE);
    world_close(&world);
}

Test(decide_alter_configs, keeps_values_without_blanks)
{
    struct world world;
    struct wanted delete = {CONFIG_OF_TOPIC, "orders", "cleanup.policy", ALTER_APPEND, " delete "};
    start(&world, 3);

    cr_assert_eq(alter(&world, CONFIG_OF_TOPIC, "orders", "retention.ms", " 5 "), ERR_NONE);
    cr_assert_eq(alter(&world, CONFIG_OF_TOPIC, "orders", "cleanup.policy", " compact "), ERR_NONE);
    cr_assert_eq(alter_with(&world, &delete, false, false), ERR_NONE);

    assert_topic(&world, "retention.ms", "5");
    assert_topic(&world, "cleanup.policy", "compact,delete");
    world_close(&world);
}

Test(decide_alter_configs, refuses_a_resource_or_key_that_is_named_twice)
{
    struct world world;
    const struct alter_config keys[] = {{.name = STR("retention.ms"), .value = STR("7")},
                                        {.name = STR("retention.ms"), .value = STR("8")}};
    const struct alter_resource resources[] = {
        {.type = CONFIG_OF_TOPIC, .name = STR("orders"), .config_count = 2, .configs = keys},
        {.type = CONFIG_OF_TOPIC, .name = STR("other"), .config_count = 1, .configs = keys},
        {.type = CONFIG_OF_TOPIC, .name = STR("other"), .config_count = 1, .configs = keys}};
    struct alter_configs_command command = {
        .principal = STR("User:x"), .count = 3, .resources = resources};
    struct alter_configs_reply reply;
    start(&world, 3);
    world_create(&world, "other", 1, 3);
    uint32_t before = world.record_count;

    decide_alter_configs(world_begin(&world), &command, &reply);
    world_accept(&world);

    cr_assert_eq(reply.resources[0].err, ERR_INVALID_REQUEST);
    cr_assert_eq(reply.resources[1].err, ERR_INVALID_REQUEST);
    cr_assert_eq(reply.resources[2].err, ERR_INVALID_REQUEST);
    cr_assert_eq(world.record_count, before);
    world_close(&world);
}

Test(decide_alter_configs, brings_min_insync_replicas_to_the_partitions)
{
    struct world world;
    start(&world, 3);
    cr_assert_eq(world_partition(&world, "orders", 0)->min_insync, 2);

    cr_assert_eq(alter(&world, CONFIG_OF_TOPIC, "orders", "min.insync.replicas", "3"), ERR_NONE);
    cr_assert_eq(world_partition(&world, "orders", 0)->min_insync, 3);
    cr_assert_eq(world_partition(&world, "orders", 1)->min_insync, 3);

    cr_assert_eq(alter(&world, CONFIG_OF_TOPIC, "orders", "min.insync.replicas", "9"), ERR_NONE);
    cr_assert_eq(world_partition(&world, "orders", 0)->min_insync, 3, "never above the replicas");
    world_close(&world);
}

Test(decide_alter_configs, takes_the_elr_away_with_a_smaller_min_isr_rule_5)
{
    struct world world;
    start(&world, 3);
    world_kill(&world, 1);
    world_kill(&world, 2);
    cr_assert_gt(world_partition(&world, "orders", 0)->elr.count, 0);

    cr_assert_eq(alter(&world, CONFIG_OF_TOPIC, "orders", "min.insync.replicas", "1"), ERR_NONE);

    assert_nobody(world_partition(&world, "orders", 0)->elr);
    world_close(&world);
}

Test(decide_alter_configs, elects_uncleanly_as_soon_as_a_topic_allows_it)
{
    struct world world;
    world_open(&world);
    world_start(&world, 3);
    const struct create_assignment place = {.replica_count = 2, .replicas = (node_id[]){1, 2}};
    world_create_with(&world, (struct create_topic){.name = STR("orders"),
                                                    .partition_count = -1,
                                                    .replication_factor = -1,
                                                    .assignment_count = 1,
                                                    .assignments = &place});
    world_kill(&world, 2);
    world_kill(&world, 1);
    world_register(&world, 2);
    world_heartbeat(&world, 2);
    cr_assert_eq(world_partition(&world, "orders", 0)->leader, -1);

    cr_assert_eq(alter(&world, CONFIG_OF_TOPIC, "orders", "unclean.leader.election.enable", "TRUE"),
                 ERR_NONE);

    cr_assert_eq(world_partition(&world, "orders", 0)->leader, 2);
    assert_topic(&world, "unclean.leader.election.enable", "true");
    world_close(&world);
}

Test(decide_alter_configs, leaves_the_durability_class_of_a_topic_as_it_is)
{
    struct world world;
    struct wanted other = {CONFIG_OF_TOPIC, "cached", "retention.ms", ALTER_SET, "7"};
    start(&world, 3);
    struct record_config cached = {.name = STR("flush.messages"), .value = STR("1000")};
    world_create_with(&world, (struct create_topic){.name = STR("cached"),
                                                    .partition_count = 1,
                                                    .replication_factor = 3,
                                                    .config_count = 1,
                                                    .configs = &cached});

    cr_assert_eq(alter(&world, CONFIG_OF_TOPIC, "orders", "flush.messages", "1000"),
                 ERR_INVALID_CONFIG);
    cr_assert_eq(alter(&world, CONFIG_OF_TOPIC, "orders", "flush.messages", "1"), ERR_NONE);
    cr_assert_eq(alter(&world, CONFIG_OF_TOPIC, "cached", "flush.messages", NULL),
                 ERR_INVALID_CONFIG);
    cr_assert_eq(alter(&world, CONFIG_OF_TOPIC, "cached", "flush.messages", "2000"), ERR_NONE);
    cr_assert_eq(alter_with(&world, &other, true, false), ERR_NONE);
    const struct image_topic *topic = image_topic_by_name(world.image, STR("cached"));
    cr_assert(str_equal(image_topic_config(topic, STR("flush.messages")), STR("2000")));
    world_close(&world);
}

Test(decide_alter_configs, keeps_what_was_altered_for_all_brokers_or_one)
{
    struct world world;
    start(&world, 3);

    cr_assert_eq(alter(&world, CONFIG_OF_BROKER, "", "log.retention.ms", "7"), ERR_NONE);
    cr_assert_eq(alter(&world, CONFIG_OF_BROKER, "2", "log.retention.ms", "8"), ERR_NONE);

    cr_assert(str_equal(image_broker_config(world.image, STR("log.retention.ms")), STR("7")));
    cr_assert_not_null(image_configs(world.image, CONFIG_OF_BROKER, STR("2")));
    cr_assert_eq(alter(&world, CONFIG_OF_BROKER, "", "log.retention.ms", "0"), ERR_INVALID_CONFIG);
    cr_assert_eq(alter(&world, CONFIG_OF_BROKER, "", "max.connections", "0"), ERR_INVALID_CONFIG);
    cr_assert_eq(alter(&world, CONFIG_OF_BROKER, "2", "log.retention.ms", NULL), ERR_NONE);
    cr_assert_null(image_configs(world.image, CONFIG_OF_BROKER, STR("2")));
    world_close(&world);
}

Test(decide_alter_configs, refuses_what_a_broker_does_not_take_while_it_runs)
{
    struct world world;
    start(&world, 3);

    cr_assert_eq(alter(&world, CONFIG_OF_BROKER, "", "node.id", "7"), ERR_INVALID_REQUEST);
    cr_assert_eq(alter(&world, CONFIG_OF_BROKER, "", "num.io.threads", "7"), ERR_INVALID_REQUEST);
    cr_assert_eq(alter(&world, CONFIG_OF_BROKER, "", "ssl.", "7"), ERR_INVALID_CONFIG);
    cr_assert_eq(alter(&world, CONFIG_OF_BROKER, "", "log.segment.bytes", "7"), ERR_INVALID_CONFIG);
    cr_assert_eq(alter(&world, CONFIG_OF_BROKER, "1", "min.insync.replicas", "1"),
                 ERR_INVALID_CONFIG);
    cr_assert_eq(alter(&world, CONFIG_OF_BROKER, "77", "log.retention.ms", "7"),
                 ERR_INVALID_REQUEST);
    cr_assert_eq(alter(&world, CONFIG_OF_BROKER, "01", "log.retention.ms", "7"),
                 ERR_INVALID_REQUEST);
    world_close(&world);
}

static enum err alter_group(struct world *world, const char *key, const char *value)
{
    return alter(world, CONFIG_OF_GROUP, "g", key, value);
}

Test(decide_alter_configs, keeps_what_was_altered_for_one_group)
{
    struct world world;
    start(&world, 3);

    cr_assert_eq(alter_group(&world, "consumer.session.timeout.ms", "50000"), ERR_NONE);
    cr_assert_eq(alter_group(&world, "consumer.heartbeat.interval.ms", "6000"), ERR_NONE);

    const struct image_configs *own = image_configs(world.image, CONFIG_OF_GROUP, STR("g"));
    cr_assert_eq(image_configs_number(own, STR("consumer.session.timeout.ms"), -1), 50000);
    cr_assert_eq(image_configs_number(own, STR("consumer.heartbeat.interval.ms"), -1), 6000);
    cr_assert_eq(image_configs_number(own, STR("consumer.assignment.interval.ms"), -1), -1);
    cr_assert_null(image_configs(world.image, CONFIG_OF_GROUP, STR("h")));
    alter_group(&world, "consumer.session.timeout.ms", NULL);
    alter_group(&world, "consumer.heartbeat.interval.ms", NULL);
    cr_assert_null(image_configs(world.image, CONFIG_OF_GROUP, STR("g")));
    world_close(&world);
}

Test(decide_alter_configs, refuses_what_the_broker_does_not_allow_a_group)
{
    struct world world;
    start(&world, 3);
    char long_name[300];
    memset(long_name, 'g', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';

    cr_assert_eq(alter_group(&world, "consumer.session.timeout.ms", "44999"), ERR_INVALID_CONFIG);
    cr_assert_eq(alter_group(&world, "consumer.session.timeout.ms", "60001"), ERR_INVALID_CONFIG);
    cr_assert_eq(alter_group(&world, "consumer.heartbeat.interval.ms", "4999"), ERR_INVALID_CONFIG);
    cr_assert_eq(alter_group(&world, "consumer.heartbeat.interval.ms", "50001"),
                 ERR_INVALID_CONFIG);
    cr_assert_eq(alter_group(&world, "consumer.assignment.interval.ms", "-1"), ERR_INVALID_CONFIG);
    cr_assert_eq(alter_group(&world, "share.session.timeout.ms", "45000"), ERR_INVALID_REQUEST);
    cr_assert_eq(alter_group(&world, "no.such.key", "1"), ERR_INVALID_CONFIG);
    cr_assert_eq(alter(&world, CONFIG_OF_GROUP, "", NULL, NULL), ERR_INVALID_REQUEST);
    cr_assert_eq(alter(&world, CONFIG_OF_GROUP, long_name, "consumer.session.timeout.ms", "50000"),
                 ERR_INVALID_REQUEST);
    cr_assert_null(image_configs(world.image, CONFIG_OF_GROUP, STR("g")));
    world_close(&world);
}

Test(decide_alter_configs, leaves_members_of_a_group_time_for_a_heartbeat)
{
    struct world world;
    start(&world, 3);

    cr_assert_eq(alter_group(&world, "consumer.heartbeat.interval.ms", "45000"),
                 ERR_INVALID_CONFIG);
    cr_assert_eq(alter_group(&world, "consumer.heartbeat.interval.ms", "44999"), ERR_NONE);
    cr_assert_eq(alter_group(&world, "consumer.session.timeout.ms", "46000"), ERR_NONE);
    world_close(&world);
}

Test(decide_alter_configs, brings_a_default_of_all_brokers_to_topics_that_say_nothing)
{
    struct world world;
    start(&world, 3);
    struct record_config own = {.name = STR("min.insync.replicas"), .value = STR("2")};
    world_create_with(&world, (struct create_topic){.name = STR("own"),
                                                    .partition_count = 1,
                                                    .replication_factor = 3,
                                                    .config_count = 1,
                                                    .configs = &own});

    cr_assert_eq(alter(&world, CONFIG_OF_BROKER, "", "min.insync.replicas", "3"), ERR_NONE);
    cr_assert_eq(alter(&world, CONFIG_OF_BROKER, "", "num.partitions", "5"), ERR_NONE);
    cr_assert_eq(alter(&world, CONFIG_OF_BROKER, "", "default.replication.factor", "1"), ERR_NONE);

    cr_assert_eq(world_partition(&world, "orders", 1)->min_insync, 3);
    cr_assert_eq(world_partition(&world, "own", 0)->min_insync, 2);
    struct create_topic_reply made = world_create(&world, "made", -1, -1);
    cr_assert_eq(made.partition_count, 5);
    cr_assert_eq(made.replication_factor, 1);
    cr_assert_eq(alter(&world, CONFIG_OF_BROKER, "", "min.insync.replicas", NULL), ERR_NONE);
    cr_assert_eq(world_partition(&world, "orders", 1)->min_insync, 2);
    world_close(&world);
}

/* More partitions than a request may make. */
enum { PARTITIONS = CONTROLLER_RECORDS_MAX + 2 };

static void start_large(struct world *world)
{
    start(world, 3);
    cr_assert_eq(world_create(world, "large", PARTITIONS - 10, 3).err, ERR_NONE);
    cr_assert_eq(world_grow(world, "large", PARTITIONS).err, ERR_NONE);
}

Test(decide_alter_configs, changes_all_partitions_of_a_large_topic)
{
    struct world world;
    start_large(&world);
    uint32_t before = world.record_count;

    cr_assert_eq(alter(&world, CONFIG_OF_TOPIC, "large", "retention.ms", "7"), ERR_NONE);
    cr_assert_eq(world.record_count, before + 1);
    cr_assert_eq(alter(&world, CONFIG_OF_TOPIC, "large", "min.insync.replicas", "3"), ERR_NONE);
    cr_assert_eq(world.record_count, before + 1 + 1 + PARTITIONS);
    cr_assert_eq(world_partition(&world, "large", PARTITIONS - 1)->min_insync, 3);
    cr_assert_eq(world_partition(&world, "orders", 0)->min_insync, 2);
    world_close(&world);
}

Test(decide_alter_configs, brings_a_default_of_all_brokers_to_however_many_partitions)
{
    struct world world;
    start_large(&world);
    uint32_t before = world.record_count;

    cr_assert_eq(alter(&world, CONFIG_OF_BROKER, "", "min.insync.replicas", "3"), ERR_NONE);
    cr_assert_eq(world.record_count, before + 1 + 2 + PARTITIONS);
    cr_assert_eq(world_partition(&world, "large", PARTITIONS - 1)->min_insync, 3);
    before = world.record_count;
    cr_assert_eq(alter(&world, CONFIG_OF_BROKER, "", "log.retention.ms", "7"), ERR_NONE);
    cr_assert_eq(world.record_count, before + 1, "no partition changes");
    cr_assert_eq(alter(&world, CONFIG_OF_BROKER, "", "min.insync.replicas", NULL), ERR_NONE);
    cr_assert_eq(world_partition(&world, "large", PARTITIONS - 1)->min_insync, 2);
    world_close(&world);
}

Test(decide_alter_configs, refuses_a_request_that_names_too_much)
{
    enum { COUNT = CONTROLLER_RECORDS_MAX + 1 };
    struct world world;
    const struct alter_config config = {.name = STR("consumer.session.timeout.ms"),
                                        .value = STR("50000")};
    struct alter_configs_reply reply;
    start(&world, 3);
    struct alter_resource *resources = arena_array(&world.arena, struct alter_resource, COUNT);
    for (int i = 0; i < COUNT; i++)
        resources[i] =
            (struct alter_resource){.type = CONFIG_OF_GROUP,
                                    .name = str_from(arena_format(&world.arena, "g%d", i)),
                                    .config_count = 1,
                                    .configs = &config};
    struct alter_configs_command command = {
        .principal = STR("User:x"), .count = COUNT, .resources = resources};
    uint32_t before = world.record_count;

    decide_alter_configs(world_begin(&world), &command, &reply);
    world_accept(&world);

    cr_assert_eq(reply.resources[0].err, ERR_POLICY_VIOLATION);
    cr_assert_eq(reply.resources[COUNT - 1].err, ERR_POLICY_VIOLATION);
    cr_assert_eq(world.record_count, before);
    world_close(&world);
}

Test(decide_alter_configs, are_told_in_a_line)
{
    struct world world;
    char line[RECORD_DESCRIPTION_MAX];
    start(&world, 3);
    alter(&world, CONFIG_OF_TOPIC, "orders", "retention.ms", "7");
    struct image *before = image_ref(world.image);

    alter(&world, CONFIG_OF_TOPIC, "orders", "retention.ms", "8");
    record_describe(&world.last[0], before, line, sizeof line);
    cr_assert_str_eq(line, "topic orders retention.ms 7 -> 8 cause IncrementalAlterConfigs of "
                           "User:x");
    alter(&world, CONFIG_OF_BROKER, "", "log.retention.ms", "9");
    record_describe(&world.last[0], before, line, sizeof line);
    cr_assert_str_eq(line, "all nodes log.retention.ms - -> 9 cause IncrementalAlterConfigs of "
                           "User:x");
    image_unref(before);
    world_close(&world);
}
