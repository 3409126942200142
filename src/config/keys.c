/* keys.c -- which key a name stands for, and which one a wrong name was meant to be. */
#include <string.h>

#include "config_parts.h"

static bool matches(const struct config_key *key, struct str name)
{
    size_t size = strlen(key->name);
    if (key->name[size - 1] == '.')
        return name.size >= size && memcmp(name.data, key->name, size) == 0;
    return name.size == size && memcmp(name.data, key->name, size) == 0;
}

const struct key *key_at(uint32_t index)
{
    if (index < used_key_count)
        return &used_keys[index];
    return index < key_count() ? &idle_keys[index - used_key_count] : NULL;
}

uint32_t key_index(const struct key *key)
{
    if (key >= used_keys && key < used_keys + used_key_count)
        return (uint32_t)(key - used_keys);
    return used_key_count + (uint32_t)(key - idle_keys);
}

uint32_t key_count(void)
{
    return used_key_count + idle_key_count;
}

const struct key *key_find(struct str name)
{
    const struct key *key;
    for (uint32_t i = 0; (key = key_at(i)) != NULL; i++)
        if (matches(&key->about, name))
            return key;
    return NULL;
}

const struct config_key *config_key_at(enum config_resource resource, uint32_t index)
{
    const struct key *key = NULL;
    switch (resource) {
    case CONFIG_OF_TOPIC:
        return index < topic_key_count ? &topic_keys[index] : NULL;
    case CONFIG_OF_GROUP:
        return index < group_key_count ? &group_keys[index] : NULL;
    case CONFIG_OF_BROKER:
        key = key_at(index);
        return key == NULL ? NULL : &key->about;
    case CONFIG_OF_LOGGER:
        break;
    }
    return NULL;
}

const struct config_key *config_key_find(enum config_resource resource, struct str name)
{
    const struct config_key *key;
    for (uint32_t i = 0; (key = config_key_at(resource, i)) != NULL; i++)
        if (matches(key, name))
            return key;
    return NULL;
}

static uint32_t least(uint32_t a, uint32_t b, uint32_t c)
{
    uint32_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Levenshtein: how many single-character changes make one of the other. */
static uint32_t distance(struct str a, struct str b)
{
    uint32_t row[KEY_SIZE_MAX + 1];
    for (uint32_t j = 0; j <= b.size; j++)
        row[j] = j;
    for (uint32_t i = 1; i <= a.size; i++) {
        uint32_t diagonal = row[0];
        row[0] = i;
        for (uint32_t j = 1; j <= b.size; j++) {
            uint32_t above = row[j];
            uint32_t changed = a.data[i - 1] == b.data[j - 1] ? 0 : 1;
            row[j] = least(above + 1, row[j - 1] + 1, diagonal + changed);
            diagonal = above;
        }
    }
    return row[b.size];
}

/* As many words of `name` as `known` has, which ends in '.': "sal.enabled" is near "sasl.". */
static struct str same_words(struct str name, struct str known)
{
    uint32_t dots = 0;
    for (uint32_t i = 0; i < known.size; i++)
        dots += known.data[i] == '.';
    for (uint32_t i = 0; i < name.size; i++)
        if (name.data[i] == '.' && --dots == 0)
            return (struct str){.data = name.data, .size = i + 1};
    return (struct str){NULL, 0};
}

const char *key_suggest(struct str name)
{
    const char *nearest = NULL;
    uint32_t least_distance = KEY_DISTANCE_MAX + 1;
    if (name.size > KEY_SIZE_MAX)
        return NULL;
    for (uint32_t i = 0; i < key_count(); i++) {
        struct str known = str_from(key_at(i)->about.name);
        bool is_start = known.data[known.size - 1] == '.';
        struct str part = is_start ? same_words(name, known) : name;
        uint32_t apart = part.size > 0 ? distance(part, known) : UINT32_MAX / 2;
        if (apart >= least_distance ||
            (is_start ? apart * 4 > known.size : apart * 2 >= known.size))
            continue;
        least_distance = apart;
        nearest = known.data;
    }
    return nearest;
}

bool key_is_secret(struct str name)
{
    static const char *const words[] = {"password", "secret", "jaas", "keystore.key"};
    for (uint32_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (memmem(name.data, name.size, words[i], strlen(words[i])) != NULL)
            return true;
    return false;
}
