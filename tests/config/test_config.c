/* test_config.c -- whole files, and what follows from several keys. */
#include <criterion/criterion.h>

#include "config_reader.h"

static struct config_reader reader;

/* Key by key what Kafka ships as config/server.properties. */
static const char kraft_file[] = "process.roles=broker,controller\n"
                                 "node.id=1\n"
                                 "controller.quorum.bootstrap.servers=localhost:9093\n"
                                 "listeners=PLAINTEXT://:9092,CONTROLLER://:9093\n"
                                 "inter.broker.listener.name=PLAINTEXT\n"
                                 "advertised.listeners=PLAINTEXT://localhost:9092,"
                                 "CONTROLLER://localhost:9093\n"
                                 "controller.listener.names=CONTROLLER\n"
                                 "listener.security.protocol.map=CONTROLLER:PLAINTEXT,"
                                 "PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,"
                                 "SASL_SSL:SASL_SSL\n"
                                 "num.network.threads=3\n"
                                 "num.io.threads=8\n"
                                 "socket.send.buffer.bytes=102400\n"
                                 "socket.receive.buffer.bytes=102400\n"
                                 "socket.request.max.bytes=104857600\n"
                                 "log.dirs=/tmp/kraft-combined-logs\n"
                                 "num.partitions=1\n"
                                 "num.recovery.threads.per.data.dir=2\n"
                                 "offsets.topic.replication.factor=1\n"
                                 "share.coordinator.state.topic.replication.factor=1\n"
                                 "share.coordinator.state.topic.min.isr=1\n"
                                 "transaction.state.log.replication.factor=1\n"
                                 "transaction.state.log.min.isr=1\n"
                                 "log.retention.hours=168\n"
                                 "log.segment.bytes=1073741824\n"
                                 "log.retention.check.interval.ms=300000\n";

static const char zookeeper_file[] = "broker.id=0\n"
                                     "num.network.threads=3\n"
                                     "num.io.threads=8\n"
                                     "socket.send.buffer.bytes=102400\n"
                                     "socket.receive.buffer.bytes=102400\n"
                                     "socket.request.max.bytes=104857600\n"
                                     "log.dirs=/tmp/kafka-logs\n"
                                     "num.partitions=1\n"
                                     "num.recovery.threads.per.data.dir=1\n"
                                     "offsets.topic.replication.factor=1\n"
                                     "transaction.state.log.replication.factor=1\n"
                                     "transaction.state.log.min.isr=1\n"
                                     "log.retention.hours=168\n"
                                     "log.retention.check.interval.ms=300000\n"
                                     "zookeeper.connect=localhost:2181\n"
                                     "zookeeper.connection.timeout.ms=18000\n"
                                     "group.initial.rebalance.delay.ms=0\n";

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
    reader_read(&reader, kraft_file, NULL);
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
    reader_read(&reader, zookeeper_file, NULL);
    cr_assert_eq(reader.result, ERR_NONE);
    cr_assert_eq(surprises(), 0);
    cr_assert_eq(reader.config.node_id, 0);
    cr_assert_eq(reader.config.voter_count, 1);
    cr_assert_eq(reader.config.voters[0].id, 0);
    cr_assert_not_null(reader_find(&reader, "zookeeper.connect=localhost:2181"));
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
    reader_read(&reader, "message.max.bytes=2000\nsocket.request.max.bytes=1999", NULL);
    cr_assert(reader_refuses(&reader, "must not exceed socket.request.max.bytes=1999"));
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
