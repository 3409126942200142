/* map.c -- open addressing with linear probing; removal shifts the run back, so
 * there are no tombstones and a lookup ends at the first empty slot.
 *
 * A slot is the value's pointer, then the key, padded to eight bytes. An empty slot
 * has a null value. At most three quarters of the slots are in use. Keys come from clients, so
 * their hash is keyed: nobody can choose many that begin at one slot. */
#include "base/map.h"

#include "base/check.h"
#include "base/hash.h"
#include "base/mem.h"

enum { CAPACITY_FIRST = 8 };

static uint32_t slot_size(const struct map *map)
{
    return (uint32_t)sizeof(void *) + ((map->key_size + 7) & ~7U);
}

static uint8_t *slot_at(const struct map *map, uint32_t place)
{
    return map->slots + (size_t)place * slot_size(map);
}

static void *slot_value(const uint8_t *slot)
{
    void *value;
    memcpy(&value, slot, sizeof(void *));
    return value;
}

static const uint8_t *slot_key(const uint8_t *slot)
{
    return slot + sizeof(void *);
}

static void set_slot(const struct map *map, uint32_t place, const void *key, void *value)
{
    uint8_t *slot = slot_at(map, place);
    memcpy(slot, &value, sizeof(void *));
    memcpy(slot + sizeof(void *), key, map->key_size);
}

/* The slot where a search for `key` begins. */
static uint32_t home_of(const struct map *map, const void *key)
{
    struct bytes bytes = {.data = key, .size = map->key_size};
    return (uint32_t)hash_key(bytes) & (map->capacity - 1);
}

/* The slot of `key`, or the empty one where it would go. */
static uint32_t find(const struct map *map, const void *key)
{
    uint32_t place = home_of(map, key);
    for (;; place = (place + 1) & (map->capacity - 1)) {
        const uint8_t *slot = slot_at(map, place);
        if (slot_value(slot) == NULL || memcmp(slot_key(slot), key, map->key_size) == 0)
            return place;
    }
}

static void resize(struct map *map, uint32_t capacity)
{
    struct map old = *map;
    map->capacity = capacity;
    map->slots = mem_zalloc((size_t)capacity * slot_size(map));
    for (uint32_t place = 0; place < old.capacity; place++) {
        const uint8_t *slot = slot_at(&old, place);
        if (slot_value(slot) != NULL)
            set_slot(map, find(map, slot_key(slot)), slot_key(slot), slot_value(slot));
    }
    mem_free(old.slots);
}

void map_init(struct map *map, uint32_t key_size)
{
    check(key_size > 0);
    *map = (struct map){.key_size = key_size};
}

void map_free(struct map *map)
{
    mem_free(map->slots);
    map_init(map, map->key_size);
}

void *map_get(const struct map *map, const void *key)
{
    if (map->count == 0)
        return NULL;
    return slot_value(slot_at(map, find(map, key)));
}

void *map_put(struct map *map, const void *key, void *value)
{
    check(value != NULL);
    check(map->key_size > 0);
    if (map->capacity == 0)
        resize(map, CAPACITY_FIRST);
    else if ((uint64_t)(map->count + 1) * 4 > (uint64_t)map->capacity * 3)
        resize(map, 2 * map->capacity);

    uint32_t place = find(map, key);
    void *before = slot_value(slot_at(map, place));
    set_slot(map, place, key, value);
    map->count += before == NULL;
    return before;
}

/* Move each later entry of the run into the gap unless it stands at or after its home. */
static void close_gap(struct map *map, uint32_t gap)
{
    uint32_t mask = map->capacity - 1;
    uint32_t place = (gap + 1) & mask;
    for (;; place = (place + 1) & mask) {
        const uint8_t *slot = slot_at(map, place);
        if (slot_value(slot) == NULL)
            break;
        uint32_t home = home_of(map, slot_key(slot));
        if (((place - home) & mask) < ((place - gap) & mask))
            continue;
        memcpy(slot_at(map, gap), slot, slot_size(map));
        gap = place;
    }
    memset(slot_at(map, gap), 0, slot_size(map));
}

void *map_remove(struct map *map, const void *key)
{
    if (map->count == 0)
        return NULL;
    uint32_t place = find(map, key);
    void *value = slot_value(slot_at(map, place));
    if (value == NULL)
        return NULL;
    map->count--;
    close_gap(map, place);
    return value;
}

bool map_next(const struct map *map, uint32_t *cursor, void **value)
{
    while (*cursor < map->capacity) {
        *value = slot_value(slot_at(map, (*cursor)++));
        if (*value != NULL)
            return true;
    }
    return false;
}
