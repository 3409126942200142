/* test_keys.c -- what is said about each kind of key. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "config_reader.h"

static struct config_reader reader;

Test(keys, takes_a_number_within_its_limits)
{
    reader_read(&reader, "broker.session.timeout.ms=9000\nlog.flush.interval.messages=10000", NULL);
    cr_assert_eq(reader.result, ERR_NONE);
    cr_assert_eq(reader.config.session_timeout_ms, 9000);
    cr_assert_eq(reader.config.flush_messages, 10000);
    reader_free(&reader);
}

Test(keys, refuses_a_wrong_number_with_key_value_and_limits)
{
    reader_read(&reader, "num.partitions=0", NULL);
    cr_assert(
        reader_refuses(&reader, "num.partitions=0: must be a whole number from 1 to 2147483647"));
    reader_free(&reader);
    reader_read(&reader, "num.partitions=three", NULL);
    cr_assert(reader_refuses(&reader, "num.partitions=three"));
    reader_free(&reader);
    reader_read(&reader, "connections.max.idle.ms=9223372036854775808", NULL);
    cr_assert(reader_refuses(&reader, "connections.max.idle.ms"));
    reader_free(&reader);
}

Test(keys, takes_the_greatest_number_there_is)
{
    reader_read(&reader, "flush.messages=9223372036854775807", NULL);
    cr_assert_eq(reader.result, ERR_NONE);
    cr_assert_eq(reader.config.flush_messages, INT64_MAX);
    reader_free(&reader);
}

Test(keys, takes_a_ratio_as_a_decimal_and_says_it_as_one)
{
    static const struct {
        const char *text;
        int32_t value;
    } ratios[] = {{"0.5", 500000},  {"1", 1000000},   {"0", 0},
                  {".25", 250000},  {"5e-1", 500000}, {"0.1234567890123456789", 123456},
                  {"1.0", 1000000}, {"2.5E-2", 25000}};
    struct arena arena = {0};
    char line[128];

    for (size_t i = 0; i < sizeof ratios / sizeof *ratios; i++) {
        snprintf(line, sizeof line, "log.cleaner.min.cleanable.ratio=%s", ratios[i].text);
        reader_read(&reader, line, NULL);
        cr_assert_eq(reader.result, ERR_NONE);
        cr_assert_eq(reader.config.dirty_ratio_min, ratios[i].value);
        reader_free(&reader);
    }
    cr_assert_str_eq(config_ratio_text(&arena, 500000), "0.5");
    cr_assert_str_eq(config_ratio_text(&arena, 1000000), "1.0");
    cr_assert_str_eq(config_ratio_text(&arena, 123456), "0.123456");
    arena_free(&arena);
}

Test(keys, refuses_what_is_no_ratio)
{
    static const char *const bad[] = {"1.1", "-0.5", "", ".", "half", "0.5x", "1e", "0..5", "1e99"};
    char line[128];

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(line, sizeof line, "log.cleaner.min.cleanable.ratio=%s", bad[i]);
        reader_read(&reader, line, NULL);
        cr_assert(reader_refuses(&reader, "must be a decimal from 0.0 to 1.0"), "%s", bad[i]);
        reader_free(&reader);
    }
}

Test(keys, takes_the_greatest_decimal_as_no_limit)
{
    reader_read(&reader, "log.cleaner.io.max.bytes.per.second=1.7976931348623157E308", NULL);
    cr_assert_eq(reader.result, ERR_NONE);
    cr_assert_eq(reader.config.cleaner_rate_max, INT64_MAX);
    reader_free(&reader);
    reader_read(&reader, "log.cleaner.io.max.bytes.per.second=1048576.7", NULL);
    cr_assert_eq(reader.config.cleaner_rate_max, 1048576);
    reader_free(&reader);
}

Test(keys, refuses_a_switch_that_is_neither_true_nor_false)
{
    reader_read(&reader, "auto.create.topics.enable=yes", NULL);
    cr_assert(reader_refuses(&reader, "auto.create.topics.enable=yes: must be true or false"));
    reader_free(&reader);
    reader_read(&reader, "auto.create.topics.enable=FALSE", NULL);
    cr_assert_eq(reader.result, ERR_NONE);
    cr_assert_not(reader.config.auto_create_topics);
    reader_free(&reader);
}

Test(keys, suggests_a_near_key_and_refuses_to_start)
{
    reader_read(&reader, "log.segment.byte=1000000", NULL);
    cr_assert(reader_refuses(&reader, "did you mean log.segment.bytes?"));
    reader_free(&reader);
}

Test(keys, only_warns_of_a_key_that_resembles_nothing)
{
    reader_read(&reader, "my.own.reporter=x", NULL);
    cr_assert_eq(reader.result, ERR_NONE);
    const struct config_remark *remark = reader_find(&reader, "my.own.reporter: unknown key");
    cr_assert_not_null(remark);
    cr_assert_not(remark->note);
    cr_assert_not(remark->fatal);
    reader_free(&reader);
}

Test(keys, notes_a_kafka_key_that_means_nothing_here)
{
    reader_read(&reader, "num.io.threads=8\nzookeeper.connect=localhost:2181", NULL);
    cr_assert_eq(reader.result, ERR_NONE);
    cr_assert(reader_find(&reader, "num.io.threads, zookeeper.connect (no meaning here)")->note);
    reader_free(&reader);
}

Test(keys, notes_all_that_has_no_effect_in_one_line_and_each_key_once)
{
    reader_read(&reader, "num.io.threads=8\nlog.preallocate=true\nnum.io.threads=9",
                "replica.fetch.max.bytes=1");
    cr_assert_eq(reader.result, ERR_NONE);
    const struct config_remark *remark = reader_find(&reader, "keys without effect");
    cr_assert_str_eq(remark->text, "keys without effect: num.io.threads (no meaning here); "
                                   "log.preallocate, replica.fetch.max.bytes (not built yet)");
    cr_assert_null(reader_find(&reader, "num.io.threads=8"));
    reader_free(&reader);
}

Test(keys, names_no_more_than_so_many_keys_without_effect)
{
    char text[64 * IGNORED_NAMES_MAX] = "";
    for (int i = 0; i < IGNORED_NAMES_MAX + 2; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "zookeeper.key.%d=x\n", i);
    reader_read(&reader, text, NULL);
    cr_assert_not_null(reader_find(&reader, "zookeeper.key.63 and 2 more (no meaning here)"));
    reader_free(&reader);
}

Test(keys, suggests_the_beginning_of_a_key_that_is_nearly_security)
{
    reader_read(&reader, "sal.jaas.config=x", NULL);
    cr_assert(reader_refuses(&reader, "did you mean sasl.*?"));
    reader_free(&reader);
    reader_read(&reader, "authoriser.class.name=org.example.Authorizer", NULL);
    cr_assert(reader_refuses(&reader, "did you mean authorizer.class.name?"));
    reader_free(&reader);
    reader_read(&reader, "zookeper.connect=localhost:2181", NULL);
    cr_assert(reader_refuses(&reader, "did you mean zookeeper.*?"));
    reader_free(&reader);
}

Test(keys, refuses_providers_of_values_that_it_cannot_ask)
{
    reader_read(&reader, "config.providers=env", NULL);
    cr_assert(reader_refuses(&reader, "config.providers=env: is not built yet"));
    reader_free(&reader);
}

Test(keys, refuses_security_that_is_not_built)
{
    reader_read(&reader, "ssl.client.auth=required", NULL);
    cr_assert(reader_refuses(&reader, "ssl.client.auth=required"));
    reader_free(&reader);
    reader_read(&reader, "sasl.enabled.mechanisms=PLAIN", NULL);
    cr_assert(reader_refuses(&reader, "sasl.enabled.mechanisms=PLAIN"));
    reader_free(&reader);
    reader_read(&reader, "authorizer.class.name=org.example.Authorizer", NULL);
    cr_assert(reader_refuses(&reader, "authorizer.class.name=org.example.Authorizer"));
    reader_free(&reader);
    reader_read(&reader, "listener.name.x.plain.sasl.enabled.mechanisms=PLAIN", NULL);
    cr_assert(reader_refuses(&reader, "listener.name.x.plain"));
    reader_free(&reader);
}

Test(keys, never_repeats_a_secret)
{
    reader_read(&reader, "ssl.keystore.password=sesame", NULL);
    cr_assert(reader_refuses(&reader, "ssl.keystore.password=[hidden]"));
    cr_assert_null(reader_find(&reader, "sesame"));
    reader_free(&reader);
}

Test(keys, repeats_no_secret_of_a_key_without_meaning)
{
    reader_read(&reader, "zookeeper.ssl.keystore.password=sesame", NULL);
    cr_assert_not_null(reader_find(&reader, "zookeeper.ssl.keystore.password"));
    cr_assert_null(reader_find(&reader, "sesame"));
    reader_free(&reader);
}

Test(keys, refuses_a_value_with_a_zero_byte)
{
    reader_read(&reader, "log.dirs=\\u0000", NULL);
    cr_assert(reader_refuses(&reader, "log.dirs: holds a zero byte"));
    reader_free(&reader);
}
