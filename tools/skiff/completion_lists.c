/* completion_lists.c -- configs and errors that a shell completes. */
#include "completion_lists.h"

#include <stdio.h>
#include <string.h>

#include "config_key.h"
#include "error_texts.h"

static bool is_live(const struct config_key *key)
{
    return key->reach == CONFIG_LIVE || key->reach == CONFIG_CLUSTER;
}

static bool has_effect(const struct config_key *key)
{
    return is_live(key) || key->reach == CONFIG_START;
}

static const struct config_choice {
    const char *name;
    enum config_resource resource;
    bool (*is_in)(const struct config_key *key);
} lists[] = {
    {"topic", CONFIG_OF_TOPIC, has_effect},
    {"cluster", CONFIG_OF_BROKER, is_live},
    {"node", CONFIG_OF_BROKER, has_effect},
};

enum { LIST_COUNT = sizeof lists / sizeof lists[0] };

const char *completion_list_of(const char *verb)
{
    size_t size = strcspn(verb, " ");
    for (uint32_t i = 0; i < LIST_COUNT; i++)
        if (strlen(lists[i].name) == size && strncmp(lists[i].name, verb, size) == 0)
            return lists[i].name;
    return "node";
}

static void print_key(const struct config_key *key)
{
    const char *choices = key->type == CONFIG_BOOLEAN ? "true,false" : key->choices;
    if (key->name[strlen(key->name) - 1] != '.')
        printf("%s%s%s ", key->name, choices ? "=" : "", choices ? choices : "");
}

void completion_lists_print(void)
{
    const struct config_key *key;
    for (uint32_t i = 0; i < LIST_COUNT; i++) {
        printf("_skiff_list_%s='", lists[i].name);
        for (uint32_t j = 0; (key = config_key_at(lists[i].resource, j)); j++)
            if (lists[i].is_in(key))
                print_key(key);
        printf("'\n");
    }
    printf("_skiff_list_errors='");
    for (uint32_t i = 0; i < error_text_count; i++)
        printf("%s ", err_name(error_texts[i].err));
    printf("'\n\n");
}
