/* broker_configs.c -- numbers of brokers that bound each other, when one of them is altered. */
#include "world.h"

#define LEAST "group.min.session.timeout.ms"
#define MOST "group.max.session.timeout.ms"

static struct world world;
static struct str message; /* Of the last one. */

static void start(void)
{
    world_open(&world);
    world_start(&world, 2);
}

static void stop(void)
{
    world_close(&world);
}

TestSuite(broker_configs, .init = start, .fini = stop);

/* `values` of both; NULL: deleted, "": not named. */
static enum err alter(const char *broker, const char *least, const char *most)
{
    struct alter_config configs[2];
    struct alter_resource resource = {
        .type = CONFIG_OF_BROKER, .name = str_from(broker), .configs = configs};
    struct alter_configs_command command = {
        .principal = STR("User:x"), .count = 1, .resources = &resource};
    struct alter_configs_reply reply;
    if (least == NULL || least[0] != '\0')
        configs[resource.config_count++] =
            (struct alter_config){.name = STR(LEAST),
                                  .operation = least == NULL ? ALTER_DELETE : ALTER_SET,
                                  .value = str_from(least)};
    if (most == NULL || most[0] != '\0')
        configs[resource.config_count++] =
            (struct alter_config){.name = STR(MOST),
                                  .operation = most == NULL ? ALTER_DELETE : ALTER_SET,
                                  .value = str_from(most)};
    decide_alter_configs(world_begin(&world), &command, &reply);
    world_accept(&world);
    message = reply.resources[0].message;
    return reply.resources[0].err;
}

Test(broker_configs, do_not_contradict_what_brokers_were_started_with)
{
    cr_assert_eq(alter("", "1800001", ""), ERR_INVALID_CONFIG);
    cr_assert(str_equal(message, STR(LEAST "=1800001: must be at most " MOST "=1800000")));
    cr_assert_eq(alter("1", "", "5999"), ERR_INVALID_CONFIG);
    cr_assert_eq(alter("", "1800000", ""), ERR_NONE);
}

Test(broker_configs, do_not_contradict_what_was_altered_before)
{
    cr_assert_eq(alter("", "7000", "8000"), ERR_NONE);
    cr_assert_eq(alter("1", "", "6999"), ERR_INVALID_CONFIG);
    cr_assert_eq(alter("", "", "6999"), ERR_INVALID_CONFIG);
    cr_assert_eq(alter("", "9000", "10000"), ERR_NONE, "both at once");
}

Test(broker_configs, of_all_do_not_contradict_those_of_one)
{
    cr_assert_eq(alter("2", "", "7000"), ERR_NONE);
    cr_assert_eq(alter("", "7001", ""), ERR_INVALID_CONFIG);
    cr_assert(str_equal(message, STR(LEAST "=7001: must be at most " MOST "=7000 (broker 2)")));
}

Test(broker_configs, are_not_deleted_where_what_is_left_contradicts)
{
    cr_assert_eq(alter("", "2000000", "3000000"), ERR_NONE);
    cr_assert_eq(alter("", "", NULL), ERR_INVALID_CONFIG);
    cr_assert_eq(alter("", NULL, NULL), ERR_NONE);
}

Test(broker_configs, keep_topics_without_lags_of_their_own_possible)
{
    struct alter_config configs[] = {
        {.name = STR("log.cleaner.min.compaction.lag.ms"), .value = STR("8")},
        {.name = STR("log.cleaner.max.compaction.lag.ms"), .value = STR("7")}};
    struct alter_resource resource = {
        .type = CONFIG_OF_BROKER, .name = STR(""), .config_count = 2, .configs = configs};
    struct alter_configs_command command = {
        .principal = STR("User:x"), .count = 1, .resources = &resource};
    struct alter_configs_reply reply;
    decide_alter_configs(world_begin(&world), &command, &reply);
    world_accept(&world);
    cr_assert_eq(reply.resources[0].err, ERR_INVALID_CONFIG);
    world_create(&world, "orders", 1, 2);
}
