/* test_config.c -- whole files, and what follows from several keys. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "config_reader.h"

static struct config_reader reader;

/* Files of Kafka's, as users have them; command_line.py starts nodes from the same ones. */
static void read_shipped(const char *name)
{
    char path[4096];
    char text[8192];
    snprintf(path, sizeof path, "%s/%s", CONFIG_FILES, name);
    FILE *file = fopen(path, "re");
    cr_assert_not_null(file, "%s", path);
    size_t size = fread(text, 1, sizeof text - 1, file);
    text[size] = '\0';
    fclose(file);
    reader_read(&reader, text, NULL);
}

/* Remarks that are neither notes nor the one about open listeners. */
static uint32_t surprises(void)
{
    uint32_t count = 0;
    for (const struct config_remark *remark = reader.remarks; remark != NULL; remark = remark->next)
        count += !remark->note && strstr(remark->text, "without authentication") == NULL;
    return count;
}

Test(config, starts_a_node_from_the_file_that_kafka_ships)
{
    read_shipped("kraft.properties");
    cr_assert_eq(reader.result, ERR_NONE);
    cr_assert_eq(surprises(), 0);
    cr_assert_eq(reader.config.node_id, 1);
    cr_assert_eq(reader.config.voter_count, 1);
    cr_assert_eq(reader.config.voters[0].address.port, 9093);
    cr_assert_str_eq(reader.config.voters[0].address.host, "localhost");
    cr_assert(reader.config.listeners[1].internal);
    cr_assert_str_eq(reader.config.log_dir, "/tmp/kraft-combined-logs");
    reader_free(&reader);
}

Test(config, starts_a_node_from_a_file_of_zookeepers_time)
{
    read_shipped("zookeeper.properties");
    cr_assert_eq(reader.result, ERR_NONE);
    cr_assert_eq(surprises(), 0);
    cr_assert_eq(reader.config.node_id, 0);
    cr_assert_eq(reader.config.voter_count, 1);
    cr_assert_eq(reader.config.voters[0].id, 0);
    cr_assert_not_null(reader_find(&reader, "zookeeper.connect, zookeeper.connection.timeout.ms"));
    cr_assert_eq(reader.config.group_initial_delay_ms, 0);
    cr_assert_eq(reader.config.offsets_replication_factor, 1);
    cr_assert_eq(reader.config.offsets_partitions, 50);
    reader_free(&reader);
}

Test(config, lets_a_later_key_win)
{
    reader_read(&reader, "node.id=1\nlog.dirs=/a\nnode.id=2", "log.dirs=/b");
    cr_assert_eq(reader.result, ERR_NONE);
    cr_assert_eq(reader.config.node_id, 2);
    cr_assert_str_eq(reader.config.log_dir, "/b");
    reader_free(&reader);
}

Test(config, is_safe_unless_told_otherwise)
{
    reader_read(&reader, "", NULL);
    cr_assert_eq(reader.config.flush_messages, 1);
    cr_assert_eq(reader.config.replication_factor_default, -1);
    cr_assert_eq(reader.config.min_insync_default, -1);
    cr_assert_not(reader.config.unclean_election);
    reader_free(&reader);
}

Test(config, restores_kafkas_defaults_but_not_over_what_was_said)
{
    reader_read(&reader, "min.insync.replicas=2\nskiff.defaults=kafka", NULL);
    cr_assert_eq(reader.result, ERR_NONE);
    cr_assert_eq(reader.config.flush_messages, INT64_MAX);
    cr_assert_eq(reader.config.replication_factor_default, 1);
    cr_assert_eq(reader.config.min_insync_default, 2);
    reader_free(&reader);
    reader_read(&reader, "skiff.defaults=redpanda", NULL);
    cr_assert(reader_refuses(&reader, "must be skiff or kafka"));
    reader_free(&reader);
}

Test(config, refuses_several_directories)
{
    reader_read(&reader, "log.dirs=/a,/b", NULL);
    cr_assert(reader_refuses(&reader, "log.dirs=/a,/b: one directory only"));
    reader_free(&reader);
}

Test(config, prefers_log_dirs_to_log_dir)
{
    reader_read(&reader, "log.dir=/a", NULL);
    cr_assert_str_eq(reader.config.log_dir, "/a");
    reader_free(&reader);
    reader_read(&reader, "log.dirs=/b\nlog.dir=/a", NULL);
    cr_assert_str_eq(reader.config.log_dir, "/b");
    reader_free(&reader);
}

Test(config, refuses_limits_that_contradict_each_other)
{
    reader_read(&reader, "broker.heartbeat.interval.ms=3000", NULL);
    cr_assert(reader_refuses(&reader, "must be below broker.session.timeout.ms=3000"));
    reader_free(&reader);
    reader_read(&reader, "group.min.session.timeout.ms=1800001", NULL);
    cr_assert(reader_refuses(&reader, "group.min.session.timeout.ms=1800001: must be at most "
                                      "group.max.session.timeout.ms=1800000"));
    reader_free(&reader);
    reader_read(&reader, "group.consumer.heartbeat.interval.ms=45000", NULL);
    cr_assert(reader_refuses(&reader, "must be below group.consumer.session.timeout.ms=45000"));
    reader_free(&reader);
    reader_read(&reader, "group.consumer.min.session.timeout.ms=60001", NULL);
    cr_assert(reader_refuses(&reader, "at most group.consumer.max.session.timeout.ms=60000"));
    reader_free(&reader);
    reader_read(&reader, "log.cleaner.max.compaction.lag.ms=7",
                "log.cleaner.min.compaction.lag.ms=8");
    cr_assert(reader_refuses(&reader, "log.cleaner.min.compaction.lag.ms=8: must be at most "
                                      "log.cleaner.max.compaction.lag.ms=7"));
    reader_free(&reader);
}

Test(config, takes_limits_that_are_the_same)
{
    reader_read(&reader,
                "group.min.session.timeout.ms=9\ngroup.max.session.timeout.ms=9\n"
                "log.cleaner.min.compaction.lag.ms=7\nlog.cleaner.max.compaction.lag.ms=7",
                NULL);
    cr_assert_eq(reader.result, ERR_NONE);
    reader_free(&reader);
}

/* Kafka starts with it, and files that say so are about. */
Test(config, takes_messages_that_are_greater_than_a_request)
{
    reader_read(&reader, "message.max.bytes=2000\nsocket.request.max.bytes=1999", NULL);
    cr_assert_eq(reader.result, ERR_NONE);
    cr_assert_eq(reader.config.message_size_max, 2000);
    cr_assert(reader_find(&reader, "a request may have socket.request.max.bytes=1999"));
    reader_free(&reader);
}

Test(config, knows_the_forms_of_its_own_lines)
{
    reader_read(&reader, "skiff.log.level=DEBUG\nskiff.log.format=json", NULL);
    cr_assert_eq(reader.result, ERR_NONE);
    cr_assert_eq(reader.config.trace_level, TRACE_DEBUG);
    cr_assert(reader.config.trace_json);
    reader_free(&reader);
    reader_read(&reader, "skiff.log.level=loud", NULL);
    cr_assert(reader_refuses(&reader, "skiff.log.level=loud"));
    reader_free(&reader);
}

Test(config, names_everything_that_is_wrong_at_once)
{
    reader_read(&reader, "num.partitions=0\nssl.protocol=TLSv1.3\nnum.partition=3", NULL);
    cr_assert(reader_refuses(&reader, "num.partitions=0"));
    cr_assert(reader_refuses(&reader, "ssl.protocol"));
    cr_assert(reader_refuses(&reader, "did you mean num.partitions?"));
    reader_free(&reader);
}

/* The value that would be used and where it is from; NULL: the key is not listed. */
static const struct config_setting *setting(const char *key)
{
    struct config_setting *settings;
    uint32_t count = config_settings(&reader.config, &reader.arena, &settings);
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(settings[i].key, key) == 0)
            return &settings[i];
    return NULL;
}

static bool has_setting(const char *key, const char *value, enum config_source source)
{
    const struct config_setting *found = setting(key);
    return found != NULL && strcmp(found->value, value) == 0 && found->source == source;
}

Test(config, tells_what_would_be_used_and_where_it_is_from)
{
    reader_read(&reader,
                "broker.id=4\nnum.partitions=3\nlog.dir=/a\nlisteners=PLAINTEXT://[::1]:9092",
                "num.partitions=6");
    cr_assert_eq(reader.result, ERR_NONE);
    cr_assert(has_setting("broker.id", "4", CONFIG_FROM_FILE));
    cr_assert_null(setting("node.id"), "it is the same setting");
    cr_assert(has_setting("num.partitions", "6", CONFIG_FROM_SET));
    cr_assert(has_setting("log.dirs", "/a", CONFIG_FROM_FILE));
    cr_assert(has_setting("broker.session.timeout.ms", "3000", CONFIG_FROM_DEFAULT));
    cr_assert(has_setting("auto.create.topics.enable", "true", CONFIG_FROM_DEFAULT));
    cr_assert(has_setting("default.replication.factor", "min(3, brokers)", CONFIG_FROM_DEFAULT));
    cr_assert(has_setting("log.flush.interval.messages", "1", CONFIG_FROM_DEFAULT));
    cr_assert(has_setting("listeners", "PLAINTEXT://[::1]:9092,SKIFF_INTERNAL://localhost:0",
                          CONFIG_FROM_FILE));
    cr_assert(has_setting("controller.quorum.voters", "4@localhost:0", CONFIG_FROM_DEFAULT));
    reader_free(&reader);
}
