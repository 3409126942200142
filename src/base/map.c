/* map.c -- a table of numbers in front of a dense array of entries.
 *
 * An entry is the value's pointer, then the key, padded to eight bytes; the last one takes the
 * place of one that is removed. The table says where a key's entry stands: open addressing with
 * linear probing. Removal shifts the run back, so there are no tombstones and a lookup ends at the
 * first empty slot. At most three quarters of the slots are in use, and for so many entries there
 * is room.
 *
 * Keys come from clients, so their hash is keyed: nobody can choose many that begin at one slot.
 * It decides on slots alone, and what is visited is the array, in an order without secrets. */
#include "base/map.h"

#include "base/check.h"
#include "base/hash.h"
#include "base/mem.h"

enum { CAPACITY_FIRST = 8 };

static uint32_t entry_size(const struct map *map)
{
    return (uint32_t)sizeof(void *) + ((map->key_size + 7) & ~7U);
}

static uint8_t *entry_at(const struct map *map, uint32_t place)
{
    return map->entries + (size_t)place * entry_size(map);
}

static void *entry_value(const uint8_t *entry)
{
    void *value;
    memcpy(&value, entry, sizeof(void *));
    return value;
}

static const uint8_t *entry_key(const uint8_t *entry)
{
    return entry + sizeof(void *);
}

/* The entry that a slot in use stands for. */
static uint8_t *slot_entry(const struct map *map, uint32_t slot)
{
    return entry_at(map, map->table[slot] - 1);
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
    uint32_t slot = home_of(map, key);
    for (;; slot = (slot + 1) & (map->capacity - 1))
        if (map->table[slot] == 0 ||
            memcmp(entry_key(slot_entry(map, slot)), key, map->key_size) == 0)
            return slot;
}

/* Entries and table are one block of memory. */
static void resize(struct map *map, uint32_t capacity)
{
    size_t entries_size = (size_t)(capacity / 4 * 3) * entry_size(map);
    uint8_t *entries = mem_alloc(entries_size + capacity * sizeof *map->table);
    if (map->count > 0)
        memcpy(entries, map->entries, (size_t)map->count * entry_size(map));
    mem_free(map->entries);
    map->entries = entries;
    map->capacity = capacity;
    map->table = (uint32_t *)(void *)(entries + entries_size);
    memset(map->table, 0, capacity * sizeof *map->table);
    for (uint32_t place = 0; place < map->count; place++)
        map->table[find(map, entry_key(entry_at(map, place)))] = place + 1;
}

void map_init(struct map *map, uint32_t key_size)
{
    check(key_size > 0);
    *map = (struct map){.key_size = key_size};
}

void map_free(struct map *map)
{
    mem_free(map->entries);
    map_init(map, map->key_size);
}

void *map_get(const struct map *map, const void *key)
{
    if (map->count == 0)
        return NULL;
    uint32_t slot = find(map, key);
    return map->table[slot] == 0 ? NULL : entry_value(slot_entry(map, slot));
}

void *map_put(struct map *map, const void *key, void *value)
{
    check(value != NULL);
    check(map->key_size > 0);
    if (map->capacity == 0)
        resize(map, CAPACITY_FIRST);
    else if (map->count == map->capacity / 4 * 3)
        resize(map, 2 * map->capacity);

    uint32_t slot = find(map, key);
    void *before = NULL;
    if (map->table[slot] == 0) {
        map->table[slot] = ++map->count;
        memcpy(slot_entry(map, slot) + sizeof(void *), key, map->key_size);
    } else {
        before = entry_value(slot_entry(map, slot));
    }
    memcpy(slot_entry(map, slot), &value, sizeof(void *));
    return before;
}

/* Move each later slot of the run into the gap unless it stands at or after its home. */
static void close_gap(struct map *map, uint32_t gap)
{
    uint32_t mask = map->capacity - 1;
    for (uint32_t slot = (gap + 1) & mask; map->table[slot] != 0; slot = (slot + 1) & mask) {
        uint32_t home = home_of(map, entry_key(slot_entry(map, slot)));
        if (((slot - home) & mask) < ((slot - gap) & mask))
            continue;
        map->table[gap] = map->table[slot];
        gap = slot;
    }
    map->table[gap] = 0;
}

void *map_remove(struct map *map, const void *key)
{
    if (map->count == 0)
        return NULL;
    uint32_t slot = find(map, key);
    if (map->table[slot] == 0)
        return NULL;
    uint32_t place = map->table[slot] - 1, last = map->count - 1;
    void *value = entry_value(entry_at(map, place));
    close_gap(map, slot);
    if (place != last) {
        map->table[find(map, entry_key(entry_at(map, last)))] = place + 1;
        memcpy(entry_at(map, place), entry_at(map, last), entry_size(map));
    }
    map->count--;
    return value;
}

/* From the last entry to the first: the one that takes the place of one just visited
 * has been visited, too. */
bool map_next(const struct map *map, uint32_t *cursor, void **value)
{
    uint32_t left = *cursor == 0 ? map->count : *cursor - 1;
    if (left == 0)
        return false;
    *cursor = left;
    *value = entry_value(entry_at(map, left - 1));
    return true;
}
