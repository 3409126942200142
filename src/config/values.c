/* values.c -- what a key takes, said once: for a file, for a client's request, and for what is
 * altered while the node runs. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "config_parts.h"

enum { SHOWN_MAX = 100 };

/* Long or odd text is cut and cleaned before it is repeated. */
static const char *shown(struct arena *arena, struct str text)
{
    int size = text.size < SHOWN_MAX ? (int)text.size : SHOWN_MAX;
    char *copy = arena_format(arena, "%.*s", size, text.data == NULL ? "" : text.data);
    for (char *c = copy; *c != '\0'; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
    return copy;
}

bool config_next_word(struct str *rest, struct str *word)
{
    return next_part(rest, ',', word);
}

static bool is_choice(const char *choices, struct str word)
{
    struct str rest = str_from(choices), choice;
    while (next_part(&rest, ',', &choice))
        if (str_equal(choice, word))
            return true;
    return false;
}

static bool are_choices(const char *choices, struct str value)
{
    struct str rest = value, word;
    if (value.size > 0 && value.data[value.size - 1] == ',')
        return false;
    while (next_part(&rest, ',', &word))
        if (!is_choice(choices, word))
            return false;
    return true;
}

/* What stands in a list again is left out, as Kafka does; `word` is a part of the list. */
static bool is_first(struct str list, struct str word)
{
    struct str other;
    while (next_part(&list, ',', &other) && other.data != word.data)
        if (str_equal(other, word))
            return false;
    return true;
}

static bool is_number(const struct config_key *key, struct str value)
{
    int64_t number = 0;
    return parse_number(value, &number) && number >= key->min && number <= key->max &&
           !(number == 0 && key->is_never_zero) &&
           (key->choices == NULL || is_choice(key->choices, value));
}

static bool is_rate(const struct config_key *key)
{
    return key->max == INT64_MAX;
}

static bool is_decimal(const struct config_key *key, struct str value)
{
    int64_t number = 0;
    return parse_decimal(value, is_rate(key) ? 1 : CONFIG_RATIO_ONE, &number) &&
           number >= key->min && number <= key->max;
}

static bool is_text(struct str value)
{
    for (uint32_t i = 0; i < value.size; i++)
        if (value.data[i] < ' ' || value.data[i] > '~')
            return false;
    return true;
}

/* A number that Kafka reads as an int, and nothing beside it. */
static bool is_id(struct str text)
{
    int64_t number = 0;
    return text.size > 0 && isdigit((unsigned char)text.data[0]) && parse_number(text, &number) &&
           number <= INT32_MAX;
}

static bool is_replica(struct str word)
{
    struct str rest = word, partition;
    return memchr(word.data, ':', word.size) != NULL && next_part(&rest, ':', &partition) &&
           partition.size + 1 + rest.size == word.size && is_id(partition) && is_id(rest);
}

/* What is empty is taken at the end alone. */
static bool are_replicas(struct str value)
{
    struct str rest = value, word;
    bool has_ended = false;
    if (str_equal(value, STR("*")))
        return true;
    while (next_part(&rest, ',', &word)) {
        if (word.size > 0 && (has_ended || !is_replica(word)))
            return false;
        has_ended = word.size == 0;
    }
    return is_text(value);
}

static bool takes(const struct config_key *key, struct str value)
{
    bool on = false;
    switch (key->type) {
    case CONFIG_INT:
    case CONFIG_SHORT:
    case CONFIG_LONG:
        return is_number(key, value);
    case CONFIG_DOUBLE:
        return is_decimal(key, value);
    case CONFIG_BOOLEAN:
        return parse_bool(value, &on) && (key->choices == NULL || is_choice(key->choices, value));
    case CONFIG_LIST:
        if (key->is_replicas)
            return are_replicas(value);
        return key->choices == NULL ? is_text(value) : are_choices(key->choices, value);
    case CONFIG_STRING:
    case CONFIG_CLASS:
    case CONFIG_PASSWORD:
        break;
    }
    return key->choices == NULL ? is_text(value) : is_choice(key->choices, value);
}

/* "delete, compact". */
static const char *spaced(struct arena *arena, const char *choices)
{
    struct str rest = str_from(choices), choice;
    const char *text = "";
    while (next_part(&rest, ',', &choice))
        text = arena_format(arena, "%s%s%.*s", text, *text ? ", " : "", STR_ARGS(choice));
    return text;
}

static const char *allowed(const struct config_key *key, struct arena *arena)
{
    switch (key->type) {
    case CONFIG_INT:
    case CONFIG_SHORT:
    case CONFIG_LONG:
        if (key->choices != NULL)
            break;
        return arena_format(arena, "must be %sa whole number from %lld to %lld",
                            key->is_never_zero ? "-1 or " : "",
                            key->is_never_zero ? 1 : (long long)key->min, (long long)key->max);
    case CONFIG_DOUBLE:
        if (is_rate(key))
            return arena_format(arena, "must be a number of at least %lld", (long long)key->min);
        return arena_format(arena, "must be a decimal from %s to %s",
                            config_ratio_text(arena, (int32_t)key->min),
                            config_ratio_text(arena, (int32_t)key->max));
    case CONFIG_BOOLEAN:
        return key->choices == NULL ? "must be true or false" : "must be false";
    default:
        break;
    }
    if (key->is_replicas)
        return "must be * or partition:broker, several with commas";
    if (key->choices == NULL)
        return "must be printable characters";
    return arena_format(arena, "must be one of %s%s", spaced(arena, key->choices),
                        key->type == CONFIG_LIST ? ", or several with commas" : "");
}

static struct str joined(const struct config_key *key, struct str list, struct arena *arena)
{
    struct str rest = list;
    char *text = arena_alloc(arena, (size_t)list.size + 1);
    uint32_t size = 0;
    struct str word;
    while (next_part(&rest, ',', &word)) {
        if (key->choices != NULL && !is_first(list, word))
            continue;
        if (size > 0)
            text[size++] = ',';
        memcpy(text + size, word.data, word.size);
        size += word.size;
    }
    return (struct str){.data = text, .size = size};
}

static struct str in_one_form(const struct config_key *key, struct str value, struct arena *arena)
{
    int64_t number = 0;
    bool on = false;
    switch (key->type) {
    case CONFIG_INT:
    case CONFIG_SHORT:
    case CONFIG_LONG:
        check(parse_number(value, &number));
        return str_from(arena_format(arena, "%lld", (long long)number));
    case CONFIG_BOOLEAN:
        check(parse_bool(value, &on));
        return on ? STR("true") : STR("false");
    case CONFIG_LIST:
        return joined(key, value, arena);
    default:
        return value;
    }
}

enum err config_key_check_size(const struct config_key *key, struct str value, struct arena *arena,
                               struct str *message)
{
    if (value.size <= CONFIG_TEXT_MAX)
        return ERR_NONE;
    *message = str_from(arena_format(arena, "%s: a value of %u bytes is too long: at most %d.",
                                     key->name, value.size, CONFIG_TEXT_MAX));
    return ERR_INVALID_CONFIG;
}

enum err config_key_check(const struct config_key *key, struct str value, struct arena *arena,
                          struct str *kept, struct str *message)
{
    struct str trimmed = trim(value);
    *kept = value;
    if (key->reach == CONFIG_GONE)
        return ERR_NONE;
    if (config_key_check_size(key, trimmed, arena, message) != ERR_NONE)
        return ERR_INVALID_CONFIG;
    if (takes(key, trimmed)) {
        *kept = in_one_form(key, trimmed, arena);
        return ERR_NONE;
    }
    *message = str_from(
        arena_format(arena, "%s=%s: %s", key->name, shown(arena, value), allowed(key, arena)));
    return ERR_INVALID_CONFIG;
}

/* Without spaces between them: so other folders compare them. */
static void store_words(char *field, struct str value)
{
    size_t used = 0;
    struct str rest = value, word;
    field[0] = '\0';
    while (next_part(&rest, ',', &word) && used < CONFIG_WORD_MAX)
        if (is_first(value, word))
            used += (size_t)snprintf(field + used, CONFIG_WORD_MAX - used, "%s%.*s",
                                     used > 0 ? "," : "", STR_ARGS(word));
    check(used < CONFIG_WORD_MAX);
}

void key_store(struct config *config, const struct key *key, struct str value)
{
    char *field = (char *)config + key->offset;
    int64_t number = 0;
    int32_t narrow;
    bool on = false;
    switch (key->kind) {
    case KEY_INT64:
    case KEY_INT32:
        check(parse_number(value, &number));
        break;
    case KEY_RATIO:
        check(parse_decimal(value, CONFIG_RATIO_ONE, &number));
        break;
    case KEY_RATE:
        check(parse_decimal(value, 1, &number));
        break;
    case KEY_BOOL:
        check(parse_bool(value, &on));
        memcpy(field, &on, sizeof on);
        return;
    case KEY_WORDS:
        store_words(field, value);
        return;
    default:
        check(false);
    }
    narrow = (int32_t)number;
    if (key->kind == KEY_INT64 || key->kind == KEY_RATE)
        memcpy(field, &number, sizeof number);
    else
        memcpy(field, &narrow, sizeof narrow);
}

bool config_set(struct config *config, struct str name, struct str value)
{
    const struct key *key = key_find(name);
    if (key == NULL || (key->about.reach != CONFIG_LIVE && key->about.reach != CONFIG_CLUSTER) ||
        !takes(&key->about, value))
        return false;
    key_store(config, key, value);
    return true;
}
