/* broker_configs.c -- see broker_configs.h.
 *
 * A broker's own word counts before that for all brokers, and that before what it was started
 * with, which is taken to be what this node was started with. What contradicts already may stay
 * as it is, or get better. */
#include "broker_configs.h"

#include <stdio.h>

#include "number.h"

struct word {
    const struct record_config *configs;
    uint32_t count;
};

/* What one broker is told, before and after the change. */
struct view {
    const struct decision *decision;
    struct word own, all;
};

static bool number_of(const struct view *view, const char *key, int64_t *number)
{
    const struct controller_config *started = &view->decision->controller->config;
    struct str name = str_from(key);
    const struct record_config *found = find_config(view->own.configs, view->own.count, name);
    if (found == NULL)
        found = find_config(view->all.configs, view->all.count, name);
    if (found == NULL)
        found = find_config(started->paired_settings, started->paired_setting_count, name);
    return found != NULL && number_parse(found->value, number);
}

static bool numbers_of(const struct view *view, const struct config_pair *pair,
                       struct config_pair_numbers *numbers)
{
    return number_of(view, pair->lesser, &numbers->lesser) &&
           number_of(view, pair->greater, &numbers->greater);
}

static enum err check_pair(const struct view *before, const struct view *after,
                           const struct config_pair *pair, struct str *message)
{
    struct config_pair_numbers was, is;
    if (!numbers_of(after, pair, &is))
        return ERR_NONE;
    if (numbers_of(before, pair, &was) && is.lesser <= was.lesser && is.greater >= was.greater)
        return ERR_NONE;
    return config_pair_check(pair, is, after->decision->arena, message);
}

static enum err check_view(const struct view *before, const struct view *after, struct str *message)
{
    const struct config_pair *pair;
    for (uint32_t i = 0; (pair = config_pair_at(i)) != NULL; i++)
        if (check_pair(before, after, pair, message) != ERR_NONE)
            return ERR_INVALID_CONFIG;
    return ERR_NONE;
}

static struct word word_of(const struct decision *decision, struct str name)
{
    const struct image_configs *found = image_configs(decision->image, CONFIG_OF_BROKER, name);
    return found == NULL ? (struct word){0} : (struct word){found->configs, found->config_count};
}

enum err broker_configs_check(const struct decision *decision, struct str name,
                              const struct record_config *configs, uint32_t count,
                              struct str *message)
{
    struct word changed = {configs, count}, all = word_of(decision, STR(""));
    struct view before = {.decision = decision, .all = all}, after = before;
    if (name.size > 0) {
        before.own = word_of(decision, name);
        after.own = changed;
        return check_view(&before, &after, message);
    }
    after.all = changed;
    enum err err = check_view(&before, &after, message);
    const struct image_broker *broker = NULL;
    while (err == ERR_NONE &&
           (broker = image_broker_after(decision->image, broker == NULL ? -1 : broker->id))) {
        char id[16];
        snprintf(id, sizeof id, "%d", (int)broker->id);
        before.own = after.own = word_of(decision, str_from(id));
        err = check_view(&before, &after, message);
        if (err != ERR_NONE)
            *message = str_from(arena_format(decision->arena, "%.*s (broker %d)",
                                             (int)message->size, message->data, (int)broker->id));
    }
    return err;
}
