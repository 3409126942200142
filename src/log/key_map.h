/* key_map.h -- the greatest offset of each key, in memory that was fixed beforehand.
 *
 * Keys are held as digests of 128 bits: a collision would drop a live record, so the digest is
 * keyed (base/hash.h), and nobody who writes records can look for one. */
#ifndef LOG_KEY_MAP_H
#define LOG_KEY_MAP_H

#include "base/base.h"

struct key_map;

enum { KEY_MAP_ENTRY_SIZE = 24 }; /* Bytes: digest and offset, as in Kafka. */

/* A map of `size` bytes at most, of which `load_percent` may be taken, and no larger than
 * `entries_max` entries need. At least one entry fits. */
struct key_map *key_map_open(uint64_t size, uint32_t load_percent, uint64_t entries_max,
                             const uint64_t secret[2]);
void key_map_close(struct key_map *map); /* NULL is fine. */

/* Note that `key` stands at `offset`, which is above all offsets noted before.
 * False: the key is new and there is no room. */
bool key_map_put(struct key_map *map, struct bytes key, log_offset offset);
log_offset key_map_get(const struct key_map *map, struct bytes key); /* -1: not there. */

uint64_t key_map_count(const struct key_map *map);
uint64_t key_map_room(const struct key_map *map); /* Entries that fit in all. */
uint64_t key_map_size(const struct key_map *map); /* Bytes taken. */

#endif
