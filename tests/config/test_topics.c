/* topics.c -- defaults of topics: times in several units, and words. */
#include <criterion/criterion.h>

#include "config_reader.h"

static struct config_reader reader;

Test(topics, have_kafkas_defaults)
{
    reader_read(&reader, "", NULL);
    cr_assert_eq(reader.config.retention_ms, 604800000);
    cr_assert_eq(reader.config.retention_bytes, -1);
    cr_assert_eq(reader.config.segment_ms, 604800000);
    cr_assert_eq(reader.config.segment_jitter_ms, 0);
    cr_assert_eq(reader.config.delete_delay_ms, 60000);
    cr_assert_eq(reader.config.retention_check_interval_ms, 300000);
    cr_assert_str_eq(reader.config.cleanup_policy, "delete");
    cr_assert_str_eq(reader.config.compression_type, "producer");
    cr_assert_str_eq(reader.config.timestamp_type, "CreateTime");
    reader_free(&reader);
}

Test(topics, the_finest_unit_that_was_given_counts)
{
    reader_read(&reader, "log.retention.hours=2\nlog.roll.hours=3\nlog.roll.jitter.hours=1", NULL);
    cr_assert_eq(reader.config.retention_ms, 7200000);
    cr_assert_eq(reader.config.segment_ms, 10800000);
    cr_assert_eq(reader.config.segment_jitter_ms, 3600000);
    reader_free(&reader);

    reader_read(&reader, "log.retention.minutes=5\nlog.retention.hours=2", NULL);
    cr_assert_eq(reader.config.retention_ms, 300000);
    reader_free(&reader);

    reader_read(&reader, "log.retention.ms=7\nlog.roll.ms=8",
                "log.retention.minutes=5\nlog.roll.hours=1");
    cr_assert_eq(reader.config.retention_ms, 7);
    cr_assert_eq(reader.config.segment_ms, 8);
    reader_free(&reader);

    reader_read(&reader, "log.retention.hours=-1", NULL);
    cr_assert_eq(reader.config.retention_ms, -1);
    reader_free(&reader);
}

Test(topics, refuse_times_that_mean_nothing)
{
    reader_read(&reader, "log.retention.ms=0", NULL);
    cr_assert(reader_refuses(&reader, "log.retention.ms=0: must be -1 or a whole number from 1"));
    reader_free(&reader);
    reader_read(&reader, "log.retention.hours=soon", NULL);
    cr_assert(reader_refuses(&reader, "log.retention.hours=soon: must be -1 or a whole number"));
    reader_free(&reader);
    reader_read(&reader, "log.retention.minutes=0", NULL);
    cr_assert(reader_refuses(&reader, "log.retention.minutes=0: must be -1 or a whole number"));
    reader_free(&reader);
    reader_read(&reader, "log.roll.hours=0", NULL);
    cr_assert(reader_refuses(&reader, "log.roll.hours=0: must be a whole number from 1"));
    reader_free(&reader);
}

Test(topics, take_kafkas_words_and_no_others)
{
    reader_read(&reader,
                "log.cleanup.policy=compact,delete\ncompression.type=zstd\n"
                "log.message.timestamp.type=LogAppendTime",
                NULL);
    cr_assert_eq(reader.result, ERR_NONE);
    cr_assert_str_eq(reader.config.cleanup_policy, "compact,delete");
    cr_assert_str_eq(reader.config.compression_type, "zstd");
    cr_assert_str_eq(reader.config.timestamp_type, "LogAppendTime");
    reader_free(&reader);

    reader_read(&reader, "log.cleanup.policy=archive", NULL);
    cr_assert(
        reader_refuses(&reader, "log.cleanup.policy=archive: must be one of delete, compact"));
    reader_free(&reader);
    reader_read(&reader, "compression.type=brotli", NULL);
    cr_assert(reader_refuses(&reader, "compression.type=brotli: must be one of producer"));
    reader_free(&reader);
}

Test(topics, a_time_that_was_given_in_hours_is_shown_as_given)
{
    struct config_setting *settings;
    reader_read(&reader, "log.retention.hours=2", NULL);
    uint32_t count = config_settings(&reader.config, &reader.arena, &settings);
    bool found = false;
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(settings[i].key, "log.retention.ms") != 0)
            continue;
        found = true;
        cr_assert_str_eq(settings[i].value, "7200000");
        cr_assert_eq(settings[i].source, CONFIG_FROM_FILE);
    }
    cr_assert(found);
    reader_free(&reader);
}
