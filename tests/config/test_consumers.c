/* test_consumers.c -- settings of the consumer protocol: group.consumer.*. */
#include <criterion/criterion.h>

#include "config_reader.h"

static struct config_reader reader;

Test(consumers, are_as_kafkas_without_any_setting)
{
    reader_read(&reader, "", NULL);
    cr_assert_eq(reader.config.consumer_session_timeout_ms, 45000);
    cr_assert_eq(reader.config.consumer_heartbeat_interval_ms, 5000);
    cr_assert_eq(reader.config.consumer_assignment_interval_ms, 1000);
    cr_assert_eq(reader.config.consumer_assignor_count, 2);
    cr_assert_eq(reader.config.consumer_assignors[0], CONFIG_ASSIGNOR_UNIFORM);
    cr_assert(reader.config.consumer_may_upgrade);
    cr_assert(reader.config.consumer_may_downgrade);
    reader_free(&reader);
}

Test(consumers, take_assignors_by_name_or_by_kafkas_class)
{
    reader_read(&reader,
                "group.consumer.assignors=range, "
                "org.apache.kafka.coordinator.group.assignor.UniformAssignor,range",
                NULL);
    cr_assert_eq(reader.config.consumer_assignor_count, 2);
    cr_assert_eq(reader.config.consumer_assignors[0], CONFIG_ASSIGNOR_RANGE);
    cr_assert_eq(reader.config.consumer_assignors[1], CONFIG_ASSIGNOR_UNIFORM);
    cr_assert_null(reader_find(&reader, "group.consumer"));
    reader_free(&reader);
    reader_read(&reader, "group.consumer.assignors=com.example.Mine", NULL);
    cr_assert(reader_refuses(&reader, "com.example.Mine is not there"));
    reader_free(&reader);
}

Test(consumers, follow_each_migration_policy)
{
    reader_read(&reader, "group.consumer.migration.policy=UPGRADE", NULL);
    cr_assert(reader.config.consumer_may_upgrade);
    cr_assert_not(reader.config.consumer_may_downgrade);
    reader_free(&reader);
    reader_read(&reader, "group.consumer.migration.policy=downgrade", NULL);
    cr_assert_not(reader.config.consumer_may_upgrade);
    cr_assert(reader.config.consumer_may_downgrade);
    reader_free(&reader);
    reader_read(&reader, "group.consumer.migration.policy=disabled", NULL);
    cr_assert_not(reader.config.consumer_may_upgrade);
    cr_assert_not(reader.config.consumer_may_downgrade);
    reader_free(&reader);
    reader_read(&reader, "group.consumer.migration.policy=sometimes", NULL);
    cr_assert(reader_refuses(&reader, "must be bidirectional"));
    reader_free(&reader);
}
