/* log.c -- a log's life: what it creates, keeps, finds again. */
#include <criterion/criterion.h>

#include "log_fixture.h"

Test(log, creates_nothing_before_the_first_append)
{
    struct log_fixture f;
    log_fixture_open(&f, 0);

    cr_assert(log_is_ready(f.log));
    cr_assert_eq(memory_env_size(f.memory, "t-7"), -1);
    cr_assert_eq(log_ends(f.log)->end, 0);
    log_fixture_close(&f);
}

Test(log, moves_each_watermark_in_its_turn)
{
    struct log_fixture f;
    log_fixture_open(&f, 0);

    cr_assert_eq(fixture_append(&f, 1, 3, 10, NULL), ERR_NONE);
    cr_assert_eq(log_ends(f.log)->end, 3);
    cr_assert_eq(log_ends(f.log)->written, 0);
    log_fixture_flush(&f);
    cr_assert_eq(log_ends(f.log)->written, 3);
    cr_assert_eq(log_ends(f.log)->durable, 0);
    while (log_ends(f.log)->durable < 3) {
        cr_assert(log_fixture_end_sync(&f));
        log_fixture_flush(&f);
    }
    cr_assert_eq(f.durable_told, 1);
    cr_assert_eq(log_commit(f.log, 10), 3);
    cr_assert_eq(log_commit(f.log, 2), 3);
    log_fixture_close(&f);
}

Test(log, keeps_all_after_a_clean_stop)
{
    struct log_fixture f;
    log_fixture_open(&f, 0);
    fixture_append(&f, 1, 3, 10, NULL);
    log_fixture_flush(&f);
    fixture_append(&f, 2, 2, 10, NULL);

    log_fixture_stop(&f, true);
    log_fixture_start(&f);

    cr_assert_eq(log_error(f.log), ERR_NONE, "%s", log_error_text(f.log));
    cr_assert_eq(log_ends(f.log)->end, 5);
    cr_assert_eq(log_ends(f.log)->durable, 5);
    cr_assert_eq(log_last_epoch(f.log), 2);
    cr_assert_eq(log_epoch_of(f.log, 2), 1);
    cr_assert_eq(log_epoch_of(f.log, 3), 2);
    log_fixture_settle(&f);
    cr_assert(log_is_ready(f.log));
    log_fixture_close(&f);
}

Test(log, keeps_what_was_written_after_kill_but_counts_it_durable_only_after_a_sync)
{
    struct log_fixture f;
    log_fixture_open(&f, 0);
    fixture_append(&f, 1, 3, 10, NULL);
    log_fixture_flush(&f);

    log_fixture_stop(&f, false);
    log_fixture_start(&f);

    cr_assert_not(log_is_ready(f.log));
    cr_assert_eq(log_ends(f.log)->end, 3);
    cr_assert_eq(log_ends(f.log)->durable, 0);
    log_fixture_settle(&f);
    cr_assert(log_is_ready(f.log));
    cr_assert_eq(log_ends(f.log)->durable, 3);
    log_fixture_close(&f);
}

Test(log, rule_8_writes_again_what_a_failed_sync_left_in_the_cache)
{
    struct log_fixture f;
    log_fixture_open(&f, 0);
    log_fixture_settle(&f);
    fixture_append(&f, 1, 3, 10, NULL);
    log_fixture_flush(&f);
    f.memory->fails_sync = true;
    cr_assert(log_fixture_end_sync(&f));
    cr_assert_eq(log_error(f.log), ERR_IO);
    cr_assert_eq(f.offline_told, 1);

    log_fixture_stop(&f, false);
    log_fixture_start(&f);
    log_fixture_settle(&f);
    cr_assert_eq(log_ends(f.log)->durable, 3);
    log_fixture_power_loss(&f, NULL);

    cr_assert_eq(log_error(f.log), ERR_NONE, "%s", log_error_text(f.log));
    cr_assert_eq(log_ends(f.log)->end, 3);
    log_fixture_close(&f);
}

Test(log, names_its_files_and_identity_as_kafka_does)
{
    struct log_fixture f;
    struct uuid id;
    log_fixture_open(&f, 5000);
    for (int i = 0; i < 5; i++)
        fixture_append(&f, 4, 2, 1000, NULL);
    log_fixture_settle(&f);

    cr_assert_gt(memory_env_size(f.memory, "t-7/00000000000000000000.log"), 4000);
    cr_assert_gt(memory_env_size(f.memory, "t-7/00000000000000000004.log"), 0);
    cr_assert_geq(memory_env_size(f.memory, "t-7/00000000000000000000.index"), 0);
    cr_assert_eq(memory_env_size(f.memory, "t-7/00000000000000000000.timeindex"), 12);
    cr_assert_gt(memory_env_size(f.memory, "t-7/00000000000000000004.snapshot"), 0);
    struct bytes epochs = memory_env_bytes(f.memory, "t-7/leader-epoch-checkpoint");
    cr_assert(bytes_equal(epochs, bytes_of_str(STR("0\n1\n4 0\n"))));
    cr_assert_eq(log_identify(&f.memory->env, "t-7", &id), ERR_NONE);
    cr_assert(uuid_equal(id, fixture_key.topic_id));
    log_fixture_close(&f);
}

Test(log, refuses_the_directory_of_another_topic_id)
{
    struct log_fixture f;
    log_fixture_open(&f, 0);
    fixture_append(&f, 1, 1, 10, NULL);
    log_fixture_stop(&f, true);

    f.config.key.topic_id.bytes[0] = 99;
    log_fixture_start(&f);

    cr_assert_eq(log_error(f.log), ERR_EXISTS);
    cr_assert_eq(fixture_append(&f, 1, 1, 10, NULL), ERR_EXISTS);
    log_delete(f.log);
    log_fixture_settle(&f);
    cr_assert_eq(f.deleted_told, 1);
    cr_assert_eq(memory_env_size(f.memory, "t-7"), -1);
    log_fixture_close(&f);
}

Test(log, in_the_page_cache_class_is_durable_when_written)
{
    struct log_fixture f;
    log_fixture_open(&f, 0);
    log_fixture_settle(&f);
    log_fixture_stop(&f, true);
    f.config.durability = LOG_CLASS_PAGE_CACHE;
    log_fixture_start(&f);
    fixture_append(&f, 1, 3, 10, NULL);

    log_fixture_flush(&f);

    cr_assert_eq(log_ends(f.log)->durable, 3);
    log_fixture_close(&f);
}
