/* key_map.c -- open addressing over one block of memory that never grows.
 *
 * An entry whose offset is 0 is empty: offsets are kept one higher. The slot is taken from the
 * digest by a multiplication, so that the number of slots need not be a power of two. */
#include "key_map.h"

struct entry {
    struct hash_digest digest;
    uint64_t offset; /* One higher; 0: empty. */
};

struct key_map {
    uint64_t secret[2];
    uint64_t slots, room, count;
    struct entry *entries;
};

static_assert(sizeof(struct entry) == KEY_MAP_ENTRY_SIZE, "the buffer's size is counted with it");

struct key_map *key_map_open(uint64_t size, uint32_t load_percent, uint64_t entries_max,
                             const uint64_t secret[2])
{
    check(load_percent >= 1);
    check(load_percent <= 99); /* A free slot ends each search. */
    struct key_map *map = mem_zalloc(sizeof *map);
    uint64_t slots = size / KEY_MAP_ENTRY_SIZE;

    if (slots > UINT32_MAX)
        slots = UINT32_MAX;
    if (entries_max < slots * load_percent / 100) /* Fewer will do. */
        slots = entries_max * 100 / load_percent + 2;
    map->slots = slots < 2 ? 2 : slots;
    map->room = map->slots * load_percent / 100;
    if (map->room == 0)
        map->room = 1;
    check(map->room < map->slots);
    map->secret[0] = secret[0];
    map->secret[1] = secret[1];
    map->entries = mem_zalloc(map->slots * sizeof *map->entries);
    return map;
}

void key_map_close(struct key_map *map)
{
    if (!map)
        return;
    mem_free(map->entries);
    mem_free(map);
}

/* The entry of the digest, or the free one where it would stand. */
static struct entry *find(const struct key_map *map, struct hash_digest digest)
{
    uint64_t slot = (digest.low >> 32) * map->slots >> 32;

    for (;; slot = slot + 1 == map->slots ? 0 : slot + 1) {
        struct entry *entry = &map->entries[slot];
        if (entry->offset == 0)
            return entry;
        if (entry->digest.low == digest.low && entry->digest.high == digest.high)
            return entry;
    }
}

bool key_map_put(struct key_map *map, struct bytes key, log_offset offset)
{
    struct hash_digest digest = hash_digest(map->secret, key);
    struct entry *entry = find(map, digest);

    check(offset >= 0);
    if (entry->offset == 0) {
        if (map->count == map->room)
            return false;
        map->count++;
        entry->digest = digest;
    }
    check((uint64_t)offset + 1 >= entry->offset);
    entry->offset = (uint64_t)offset + 1;
    return true;
}

log_offset key_map_get(const struct key_map *map, struct bytes key)
{
    return (log_offset)find(map, hash_digest(map->secret, key))->offset - 1;
}

uint64_t key_map_count(const struct key_map *map)
{
    return map->count;
}

uint64_t key_map_room(const struct key_map *map)
{
    return map->room;
}

uint64_t key_map_size(const struct key_map *map)
{
    return map->slots * sizeof *map->entries;
}
