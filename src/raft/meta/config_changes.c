/* config_changes.c -- what a resource's configs are after what a client asks (KIP-339): SET,
 * DELETE, APPEND and SUBTRACT one by one, or all of them replaced. Nothing is decided here. */
#include "config_changes.h"

void config_changes_begin(struct config_changes *changes, const struct record_config *old,
                          uint32_t count, uint32_t wanted_count, bool replace)
{
    struct arena *arena = changes->arena;
    uint64_t room = (uint64_t)count + wanted_count;
    changes->capacity = room < RECORD_CONFIGS_MAX ? (uint32_t)room : RECORD_CONFIGS_MAX;
    changes->configs = arena_array(arena, struct record_config, changes->capacity);
    check(count <= changes->capacity);
    for (uint32_t i = 0; i < count; i++) {
        const struct config_key *key = config_key_find(changes->resource, old[i].name);
        if (!replace || (key != NULL && key->reach == CONFIG_START))
            changes->configs[changes->count++] = (struct record_config){
                .name = arena_str(arena, old[i].name), .value = arena_str(arena, old[i].value)};
    }
}

static uint32_t place_of(const struct config_changes *changes, struct str name)
{
    uint32_t place = 0;
    while (place < changes->count && !str_equal(changes->configs[place].name, name))
        place++;
    return place;
}

static void drop(struct config_changes *changes, struct str name)
{
    uint32_t place = place_of(changes, name);
    if (place < changes->count)
        changes->configs[place] = changes->configs[--changes->count];
}

static enum err put(struct config_changes *changes, const struct config_key *key, struct str value,
                    struct str *message)
{
    struct str name = str_from(key->name), kept;
    enum err err = config_key_check(key, value, changes->arena, &kept, message);
    if (err != ERR_NONE || key->reach == CONFIG_GONE)
        return err;
    uint32_t place = place_of(changes, name);
    if (place == changes->capacity)
        return refuse_with(message, ERR_INVALID_CONFIG, STR("Too many configs."));
    if (place == changes->count)
        changes->count++;
    changes->configs[place] = (struct record_config){.name = name, .value = kept};
    return ERR_NONE;
}

static const struct pmap_kind plain;

static struct bytes key_of(struct str word)
{
    return (struct bytes){.data = (const uint8_t *)word.data, .size = word.size};
}

/* Only keys matter; any value will do. */
static struct pmap *with_word(struct arena *arena, struct pmap *words, struct str word)
{
    struct pmap *result = pmap_put(&plain, words, key_of(word), arena);
    pmap_unref(&plain, words);
    return result;
}

/* There is room for it. */
static void join(struct str *list, char *room, struct str word)
{
    if (list->size > 0)
        room[list->size++] = ',';
    memcpy(room + list->size, word.data, word.size);
    list->size += word.size;
}

/* `list` with the words of `value` that it has not, or without those that it has. Words are looked
 * up and not searched for, and joined once: a request may bring many. */
static struct str combined(struct arena *arena, struct str list, struct str value, bool append)
{
    char *room = arena_alloc(arena, (size_t)list.size + 1 + value.size);
    struct str result = {.data = room}, word;
    struct pmap *known = NULL;
    for (struct str rest = value; !append && config_next_word(&rest, &word);)
        known = with_word(arena, known, word);
    while (config_next_word(&list, &word)) {
        if (append)
            known = with_word(arena, known, word);
        if (append || pmap_get(known, key_of(word)) == NULL)
            join(&result, room, word);
    }
    while (append && config_next_word(&value, &word)) {
        if (pmap_get(known, key_of(word)) == NULL)
            join(&result, room, word);
        known = with_word(arena, known, word);
    }
    pmap_unref(&plain, known);
    return result;
}

static struct str list_now(const struct config_changes *changes, const struct config_key *key)
{
    uint32_t place = place_of(changes, str_from(key->name));
    return place < changes->count ? changes->configs[place].value
                                  : changes->fallback(changes->context, key);
}

static enum err change_one(struct config_changes *changes, const struct alter_config *wanted,
                           struct str *message)
{
    struct arena *arena = changes->arena;
    const struct config_key *key = config_key_find(changes->resource, wanted->name);
    bool is_known = key != NULL && key->name[strlen(key->name) - 1] != '.';
    if (wanted->operation == ALTER_DELETE && !is_known)
        return ERR_NONE; /* It is not there, as was asked. */
    if (!is_known)
        return refuse_with(message, ERR_INVALID_CONFIG,
                           setting_unknown(arena, changes->kind, wanted->name));
    enum err err =
        changes->may_alter == NULL ? ERR_NONE : changes->may_alter(changes->context, key, message);
    if (err != ERR_NONE)
        return err;
    switch (wanted->operation) {
    case ALTER_DELETE:
        drop(changes, wanted->name);
        return ERR_NONE;
    case ALTER_SET:
        return put(changes, key, wanted->value, message);
    case ALTER_APPEND:
    case ALTER_SUBTRACT:
        break;
    }
    if (key->type != CONFIG_LIST)
        return refuse_with(
            message, ERR_INVALID_CONFIG,
            str_from(arena_format(arena, "%s is no list: nothing can be %s it.", key->name,
                                  wanted->operation == ALTER_APPEND ? "appended to"
                                                                    : "subtracted from")));
    err = config_key_check_size(key, wanted->value, arena, message);
    if (err != ERR_NONE)
        return err;
    return put(
        changes, key,
        combined(arena, list_now(changes, key), wanted->value, wanted->operation == ALTER_APPEND),
        message);
}

static enum err check_wanted(const struct alter_config *wanted, uint32_t count, struct arena *arena,
                             struct str *message)
{
    if (count > RECORD_CONFIGS_MAX)
        return refuse_with(message, ERR_INVALID_REQUEST, STR("Too many configs."));
    for (uint32_t i = 0; i < count; i++) {
        const struct alter_config *one = &wanted[i];
        const char *name = setting_quoted(arena, one->name);
        if (one->operation < ALTER_SET || one->operation > ALTER_SUBTRACT)
            return refuse_with(message, ERR_INVALID_REQUEST,
                               str_from(arena_format(arena, "%s: %d is no operation.", name,
                                                     (int)one->operation)));
        if (one->value.data == NULL && one->operation != ALTER_DELETE)
            return refuse_with(message, ERR_INVALID_REQUEST,
                               str_from(arena_format(arena, "%s: the value is null.", name)));
        for (uint32_t j = 0; j < i; j++)
            if (str_equal(wanted[j].name, one->name))
                return refuse_with(
                    message, ERR_INVALID_REQUEST,
                    str_from(arena_format(arena, "%s is named more than once.", name)));
    }
    return ERR_NONE;
}

enum err config_changes_make(struct config_changes *changes, const struct alter_config *wanted,
                             uint32_t count, struct str *message)
{
    enum err err = check_wanted(wanted, count, changes->arena, message);
    for (uint32_t i = 0; i < count && err == ERR_NONE; i++)
        err = change_one(changes, &wanted[i], message);
    return err;
}

bool config_changes_differ(const struct config_changes *changes, const struct record_config *old,
                           uint32_t old_count)
{
    if (changes->count != old_count)
        return true;
    for (uint32_t i = 0; i < old_count; i++) {
        const struct record_config *now =
            find_config(changes->configs, changes->count, old[i].name);
        if (now == NULL || !str_equal(now->value, old[i].value))
            return true;
    }
    return false;
}
