/* tables.c -- what the tables of configs say agrees with itself. */
#include <criterion/criterion.h>

#include "config_reader.h"

static const enum config_resource resources[] = {CONFIG_OF_TOPIC, CONFIG_OF_BROKER,
                                                 CONFIG_OF_GROUP};

Test(tables, have_each_name_once)
{
    const struct config_key *key;
    for (int r = 0; r < 3; r++)
        for (uint32_t i = 0; (key = config_key_at(resources[r], i)); i++)
            cr_expect_eq(config_key_find(resources[r], str_from(key->name)), key, "%s", key->name);
}

Test(tables, say_of_each_key_what_it_is)
{
    const struct config_key *key;
    for (int r = 0; r < 3; r++)
        for (uint32_t i = 0; (key = config_key_at(resources[r], i)); i++)
            cr_expect(key->reach == CONFIG_GONE || strlen(key->doc) > 10, "%s", key->name);
}

Test(tables, are_sorted_where_clients_see_them_in_order)
{
    const struct config_key *a, *b;
    for (uint32_t i = 0;
         (a = config_key_at(CONFIG_OF_TOPIC, i)) && (b = config_key_at(CONFIG_OF_TOPIC, i + 1));
         i++)
        cr_expect_lt(strcmp(a->name, b->name), 0, "%s", b->name);
}

Test(tables, name_synonyms_that_the_broker_has)
{
    const struct config_key *key;
    struct str rest, name;
    for (int r = 0; r < 3; r++)
        for (uint32_t i = 0; (key = config_key_at(resources[r], i)); i++)
            for (rest = str_from(key->synonyms); config_next_word(&rest, &name);)
                cr_expect_not_null(config_key_find(CONFIG_OF_BROKER, name), "%s", key->name);
}

/* What a topic or group says by default it would also take. */
Test(tables, have_defaults_that_their_keys_take)
{
    struct arena arena = {0};
    struct config config;
    const struct config_key *key;
    struct str kept, message;
    config_init(&config);
    for (int r = 0; r < 3; r++)
        for (uint32_t i = 0; (key = config_key_at(resources[r], i)); i++) {
            const char *text = resources[r] == CONFIG_OF_BROKER
                                   ? config_text(&config, key, 3, &arena)
                                   : config_topic_text(&config, key, 3, &arena);
            bool is_checked = key->reach != CONFIG_IDLE && key->reach != CONFIG_GONE &&
                              text != NULL && key->type <= CONFIG_DOUBLE &&
                              !(key->type == CONFIG_INT && key->max == 0);
            if (is_checked)
                cr_expect_eq(config_key_check(key, str_from(text), &arena, &kept, &message),
                             ERR_NONE, "%s=%s", key->name, text);
            cr_expect(text != NULL || resources[r] == CONFIG_OF_BROKER || key->reach == CONFIG_GONE,
                      "%s", key->name);
        }
    arena_free(&arena);
}

Test(tables, set_live_what_is_said_to_be_live)
{
    struct config config;
    config_init(&config);
    cr_assert(config_set(&config, STR("log.retention.ms"), STR("7")));
    cr_assert_eq(config.retention_ms, 7);
    cr_assert(config_set(&config, STR("log.cleanup.policy"), STR("compact, delete")));
    cr_assert_str_eq(config.cleanup_policy, "compact,delete");
    cr_assert(config_set(&config, STR("auto.create.topics.enable"), STR("false")));
    cr_assert_not(config.auto_create_topics);
    cr_assert_not(config_set(&config, STR("log.retention.ms"), STR("soon")));
    cr_assert(config_set(&config, STR("log.cleanup.policy"), STR("delete, delete,compact,delete")));
    cr_assert_str_eq(config.cleanup_policy, "delete,compact");
    cr_assert(config_set(&config, STR("compression.gzip.level"), STR("-1")));
    cr_assert_not(config_set(&config, STR("compression.gzip.level"), STR("0")));
    cr_assert_not(config_set(&config, STR("node.id"), STR("7")));
    cr_assert_not(config_set(&config, STR("num.io.threads"), STR("7")));
    cr_assert_not(config_set(&config, STR("no.such.key"), STR("7")));
}

static struct str kept_of_topic(const char *name, const char *text, struct arena *arena)
{
    struct str kept, message;
    const struct config_key *key = config_key_find(CONFIG_OF_TOPIC, str_from(name));
    enum err err = config_key_check(key, str_from(text), arena, &kept, &message);
    return err == ERR_NONE ? kept : message;
}

Test(tables, keep_a_word_of_a_list_once)
{
    struct arena arena = {0};
    cr_assert(
        str_equal(kept_of_topic("cleanup.policy", "compact,compact", &arena), STR("compact")));
    cr_assert(str_equal(kept_of_topic("cleanup.policy", "delete, compact,delete ", &arena),
                        STR("delete,compact")));
    arena_free(&arena);
}

Test(tables, take_the_levels_that_gzip_has_in_kafka)
{
    struct arena arena = {0};
    cr_assert(str_equal(kept_of_topic("compression.gzip.level", " 9", &arena), STR("9")));
    cr_assert(str_equal(kept_of_topic("compression.gzip.level", "-1", &arena), STR("-1")));
    cr_assert(str_equal(kept_of_topic("compression.gzip.level", "0", &arena),
                        STR("compression.gzip.level=0: must be one of -1, 1, 2, 3, 4, 5, 6, 7, 8, "
                            "9")));
    arena_free(&arena);
}

Test(tables, say_what_each_number_with_an_effect_takes)
{
    const struct config_key *key;
    for (uint32_t i = 0; (key = config_key_at(CONFIG_OF_BROKER, i)) != NULL; i++)
        if (key->reach != CONFIG_IDLE && (key->type == CONFIG_INT || key->type == CONFIG_LONG))
            cr_assert_lt(key->min, key->max, "%s takes one number only", key->name);
}

Test(tables, tell_what_was_given_without_effect)
{
    static struct config_reader reader;
    reader_read(&reader, "num.io.threads=16\nlog.retention.hours=2", NULL);
    const struct config_key *threads = config_key_find(CONFIG_OF_BROKER, STR("num.io.threads"));
    const struct config_key *network =
        config_key_find(CONFIG_OF_BROKER, STR("num.network.threads"));
    const struct config_key *retention = config_key_find(CONFIG_OF_TOPIC, STR("retention.ms"));

    cr_assert_str_eq(config_text(&reader.config, threads, 3, &reader.arena), "16");
    cr_assert_eq(config_given_by(&reader.config, threads), CONFIG_FROM_FILE);
    cr_assert_str_eq(config_text(&reader.config, network, 3, &reader.arena), "3");
    cr_assert_eq(config_given_by(&reader.config, network), CONFIG_FROM_DEFAULT);
    cr_assert_str_eq(config_topic_text(&reader.config, retention, 3, &reader.arena), "7200000");
    reader_free(&reader);
}

Test(tables, settle_what_depends_on_how_many_there_are)
{
    struct arena arena = {0};
    struct config config;
    const struct config_key *factor =
        config_key_find(CONFIG_OF_BROKER, STR("default.replication.factor"));
    const struct config_key *least = config_key_find(CONFIG_OF_TOPIC, STR("min.insync.replicas"));
    config_init(&config);
    cr_assert_str_eq(config_text(&config, factor, 1, &arena), "1");
    cr_assert_str_eq(config_text(&config, factor, 5, &arena), "3");
    cr_assert_str_eq(config_topic_text(&config, least, 2, &arena), "1");
    cr_assert_str_eq(config_topic_text(&config, least, 3, &arena), "2");
    arena_free(&arena);
}
