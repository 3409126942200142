/* topic_settings.c -- what topic configs take. */
#include "controller_state.h"
#include "world.h"

static enum err check_one(const char *name, struct str value)
{
    struct arena arena = {0};
    struct record_config config = {.name = str_from(name), .value = value};
    struct record_topic kept;
    struct str message = {0};
    enum err err = topic_settings_check(&arena, &config, 1, &kept, &message);
    cr_assert((err == ERR_NONE) == (message.data == NULL));
    arena_free(&arena);
    return err;
}

Test(topic_settings, take_numbers_within_their_range)
{
    cr_assert_eq(check_one("retention.ms", STR("-1")), ERR_NONE);
    cr_assert_eq(check_one("retention.ms", STR("9223372036854775807")), ERR_NONE);
    cr_assert_eq(check_one("retention.ms", STR("9223372036854775808")), ERR_INVALID_CONFIG);
    cr_assert_eq(check_one("retention.ms", STR("-2")), ERR_INVALID_CONFIG);
    cr_assert_eq(check_one("retention.ms", STR("")), ERR_INVALID_CONFIG);
    cr_assert_eq(check_one("retention.ms", STR("1 1")), ERR_INVALID_CONFIG);
    cr_assert_eq(check_one("min.insync.replicas", STR("0")), ERR_INVALID_CONFIG);
    cr_assert_eq(check_one("segment.bytes", STR("2147483648")), ERR_INVALID_CONFIG);
}

Test(topic_settings, take_words_from_their_lists)
{
    cr_assert_eq(check_one("cleanup.policy", STR("compact")), ERR_NONE);
    cr_assert_eq(check_one("cleanup.policy", STR("compact,delete")), ERR_NONE);
    cr_assert_eq(check_one("cleanup.policy", STR("")), ERR_NONE);
    cr_assert_eq(check_one("cleanup.policy", STR("compact,")), ERR_INVALID_CONFIG);
    cr_assert_eq(check_one("cleanup.policy", STR("compac")), ERR_INVALID_CONFIG);
    cr_assert_eq(check_one("compression.type", STR("zstd")), ERR_NONE);
    cr_assert_eq(check_one("compression.type", STR("gzip,zstd")), ERR_INVALID_CONFIG);
    cr_assert_eq(check_one("compression.type", STR("")), ERR_INVALID_CONFIG);
    cr_assert_eq(check_one("preallocate", STR("yes")), ERR_INVALID_CONFIG);
    cr_assert_eq(check_one("preallocate", STR("true")), ERR_NONE);
}

Test(topic_settings, take_ratios_from_zero_to_one)
{
    cr_assert_eq(check_one("min.cleanable.dirty.ratio", STR("0.5")), ERR_NONE);
    cr_assert_eq(check_one("min.cleanable.dirty.ratio", STR("0")), ERR_NONE);
    cr_assert_eq(check_one("min.cleanable.dirty.ratio", STR("1.00")), ERR_NONE);
    cr_assert_eq(check_one("min.cleanable.dirty.ratio", STR("1.01")), ERR_INVALID_CONFIG);
    cr_assert_eq(check_one("min.cleanable.dirty.ratio", STR("2")), ERR_INVALID_CONFIG);
    cr_assert_eq(check_one("min.cleanable.dirty.ratio", STR("-0.1")), ERR_INVALID_CONFIG);
    cr_assert_eq(check_one("min.cleanable.dirty.ratio", STR("x")), ERR_INVALID_CONFIG);
}

Test(topic_settings, take_and_forget_what_kafka_4_dropped)
{
    struct arena arena = {0};
    struct record_config config = {.name = STR("message.format.version"), .value = STR("2.8")};
    struct record_topic kept = {.config_count = 9};
    struct str message = {0};

    cr_assert_eq(topic_settings_check(&arena, &config, 1, &kept, &message), ERR_NONE);

    cr_assert_eq(kept.config_count, 0);
    arena_free(&arena);
}

Test(topic_settings, refuse_a_null_value)
{
    cr_assert_eq(check_one("retention.ms", (struct str){0}), ERR_INVALID_CONFIG);
    cr_assert_eq(check_one("cleanup.policy", (struct str){0}), ERR_INVALID_CONFIG);
    cr_assert_eq(check_one("no.such.key", (struct str){0}), ERR_INVALID_CONFIG);
}

static void assert_kept(const char *name, struct str value, const char *expected)
{
    struct arena arena = {0};
    struct record_config config = {.name = str_from(name), .value = value};
    struct record_topic kept;
    struct str message = {0};
    cr_assert_eq(topic_settings_check(&arena, &config, 1, &kept, &message), ERR_NONE);
    cr_assert_eq(kept.config_count, 1);
    cr_assert(str_equal(kept.configs[0].value, str_from(expected)), "%s: '%.*s'", name,
              (int)kept.configs[0].value.size, kept.configs[0].value.data);
    arena_free(&arena);
}

Test(topic_settings, are_kept_in_the_one_form_that_clients_are_told)
{
    assert_kept("retention.ms", STR(" 5 "), "5");
    assert_kept("retention.ms", STR("+007"), "7");
    assert_kept("retention.ms", STR("-01"), "-1");
    assert_kept("cleanup.policy", STR(" compact "), "compact");
    assert_kept("cleanup.policy", STR("compact , delete"), "compact,delete");
    assert_kept("cleanup.policy", STR("  "), "");
    assert_kept("compression.type", STR("\tzstd "), "zstd");
    assert_kept("preallocate", STR(" TRUE"), "true");
    assert_kept("min.cleanable.dirty.ratio", STR(" 0.25 "), "0.25");
    assert_kept("leader.replication.throttled.replicas", STR("0:1 , 1:2"), "0:1,1:2");
}

Test(topic_settings, take_throttled_replicas_as_pairs_or_as_all)
{
    static const char *const names[] = {"leader.replication.throttled.replicas",
                                        "follower.replication.throttled.replicas"};
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(check_one(names[i], STR("")), ERR_NONE);
        cr_assert_eq(check_one(names[i], STR("*")), ERR_NONE);
        cr_assert_eq(check_one(names[i], STR("0:1")), ERR_NONE);
        cr_assert_eq(check_one(names[i], STR("0:1,15:2147483647,")), ERR_NONE);
        cr_assert_eq(check_one(names[i], STR("0:1,1")), ERR_INVALID_CONFIG);
        cr_assert_eq(check_one(names[i], STR("*,0:1")), ERR_INVALID_CONFIG);
        cr_assert_eq(check_one(names[i], STR(",0:1")), ERR_INVALID_CONFIG);
        cr_assert_eq(check_one(names[i], STR("0:")), ERR_INVALID_CONFIG);
        cr_assert_eq(check_one(names[i], STR(":1")), ERR_INVALID_CONFIG);
        cr_assert_eq(check_one(names[i], STR("0:1:2")), ERR_INVALID_CONFIG);
        cr_assert_eq(check_one(names[i], STR("0 :1")), ERR_INVALID_CONFIG);
        cr_assert_eq(check_one(names[i], STR("-1:1")), ERR_INVALID_CONFIG);
        cr_assert_eq(check_one(names[i], STR("0:2147483648")), ERR_INVALID_CONFIG);
    }
}

Test(topic_settings, refuse_a_key_given_twice)
{
    struct arena arena = {0};
    struct record_config configs[] = {{.name = STR("retention.ms"), .value = STR("1")},
                                      {.name = STR("retention.ms"), .value = STR("2")}};
    struct record_topic kept;
    struct str message = {0};

    cr_assert_eq(topic_settings_check(&arena, configs, 2, &kept, &message), ERR_INVALID_CONFIG);
    arena_free(&arena);
}

Test(topic_settings, repeat_only_printable_text_of_a_client)
{
    struct arena arena = {0};
    struct record_config config = {.name = STR("bad\nkey\x7f"), .value = STR("1")};
    struct record_topic kept;
    struct str message = {0};

    topic_settings_check(&arena, &config, 1, &kept, &message);

    cr_assert(str_equal(message, STR("Unknown topic config 'bad?key?'.")));
    arena_free(&arena);
}
