/* page.c -- writes docs/configs.md from the tables of all configs; a test compares the two.
 *
 *     build/config_page > docs/configs.md */
#include <stdio.h>

#include "config.h"

enum { NODES = 3 }; /* Defaults are those of a quorum of three. */

static const char *const types[] = {"",     "boolean", "string", "int",   "short",
                                    "long", "double",  "list",   "class", "password"};

static const char *reach_text(const struct config_key *key, enum config_resource resource)
{
    switch (key->reach) {
    case CONFIG_LIVE:
        return "at once";
    case CONFIG_CLUSTER:
        return "at once, all brokers alike";
    case CONFIG_START:
        return resource == CONFIG_OF_TOPIC ? "when the topic is made" : "at a start";
    default:
        return "";
    }
}

static void print_takes(const struct config_key *key)
{
    int64_t most = key->type == CONFIG_LONG ? INT64_MAX : INT32_MAX;
    bool is_number = key->type >= CONFIG_INT && key->type <= CONFIG_LONG;
    if (key->choices)
        printf("%s", key->choices);
    else if (is_number && key->is_never_zero)
        printf("-1, or 1 or more");
    else if (is_number && key->max == most)
        printf("%lld or more", (long long)key->min);
    else if (is_number)
        printf("%lld to %lld", (long long)key->min, (long long)key->max);
}

/* Text in a cell of a table. */
static void print_cell(const char *text)
{
    for (; text && *text; text++)
        printf(*text == '|' ? "\\|" : "%c", *text);
    printf(" |");
}

static void print_key(const struct config *config, enum config_resource resource,
                      const struct config_key *key, struct arena *arena)
{
    const char *value = resource == CONFIG_OF_BROKER ? config_text(config, key, NODES, arena)
                                                     : config_topic_text(config, key, NODES, arena);
    printf("| `%s` | %s | ", key->name, types[key->type]);
    print_cell(value);
    printf(" ");
    print_takes(key);
    printf(" | %s | ", reach_text(key, resource));
    print_cell(key->doc);
    printf("\n");
}

static bool has_effect(const struct config_key *key)
{
    return key->reach == CONFIG_LIVE || key->reach == CONFIG_CLUSTER || key->reach == CONFIG_START;
}

static void print_table(const struct config *config, enum config_resource resource,
                        const char *title, struct arena *arena)
{
    const struct config_key *key;
    printf("\n## %s\n\n| config | type | default | takes | felt | what it is |\n"
           "|---|---|---|---|---|---|\n",
           title);
    for (uint32_t i = 0; (key = config_key_at(resource, i)); i++)
        if (has_effect(key))
            print_key(config, resource, key, arena);
}

static void print_idle(enum config_resource resource, const char *title)
{
    const struct config_key *key;
    printf("\n### %s\n\n", title);
    for (uint32_t i = 0; (key = config_key_at(resource, i)); i++)
        if (key->reach == CONFIG_IDLE)
            printf("- `%s`: %s\n", key->name, key->doc);
}

int main(void)
{
    struct arena arena = {0};
    struct config config;
    config_init(&config);
    printf(
        "# Configs\n\nAll that Skiff knows, by Kafka's names, as the tables in `src/config` have "
        "it. This page is made by `build/config_page`, and a\ntest compares the two. Defaults "
        "are those of a quorum of three nodes; `skiff.defaults=kafka` gives Kafka's.\n\n"
        "`skiff topic config`, `skiff cluster config` and Kafka's own tools show what counts, "
        "and from where it is. What is felt at once can be\naltered while brokers run.\n");
    print_table(&config, CONFIG_OF_TOPIC, "Of topics", &arena);
    print_table(&config, CONFIG_OF_BROKER, "Of brokers", &arena);
    print_table(&config, CONFIG_OF_GROUP, "Of groups", &arena);
    printf("\n## Without effect here\n\nTaken and shown, because files and tools of Kafka's set "
           "them.\n");
    print_idle(CONFIG_OF_TOPIC, "Topics");
    print_idle(CONFIG_OF_BROKER, "Brokers");
    print_idle(CONFIG_OF_GROUP, "Groups");
    arena_free(&arena);
    return 0;
}
