/* map.h -- two maps; the keys may be anybody's choice, because both hash them with a secret.
 *
 * struct map changes in place: small integers or fixed-size keys to pointers.
 * struct pmap is path-copying: an update gives a new root and the old root keeps
 * its content, so a shard may go on reading the image that it was mailed. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

/* Mutable hash map; keys are `key_size` bytes, copied in. The caller zeroes padding in a key. */
struct map {
    uint32_t key_size;
    uint32_t count;
    uint32_t capacity; /* Slots of the table: a power of two, or 0. */
    uint32_t *table;   /* One more than the place of an entry; 0: empty. */
    uint8_t *entries;
};

void map_init(struct map *map, uint32_t key_size);
void map_free(struct map *map);                               /* Not the values. */
void *map_get(const struct map *map, const void *key);        /* NULL: absent. */
void *map_put(struct map *map, const void *key, void *value); /* Returns what stood there. */
void *map_remove(struct map *map, const void *key);           /* Returns what stood there. */
/* Iterate in an order that follows from the puts and removals alone, never from hashes or
 * addresses: start with *cursor = 0; false at the end. Meanwhile what was just visited may be
 * removed, and nothing else may change. */
bool map_next(const struct map *map, uint32_t *cursor, void **value);

/* Path-copying ordered map from byte strings to counted values; NULL is empty.
 * Nodes and values are counted atomically: roots travel between shards. */
struct pmap;

struct pmap_kind {
    void (*value_ref)(void *value);
    void (*value_unref)(void *value);
};

/* Counts one more reference on `value` (value_ref; the caller keeps its own), borrows `root`;
 * returns a new root (one reference). A null kind, or nulls in it: values are not counted. */
struct pmap *pmap_put(const struct pmap_kind *kind, struct pmap *root, struct bytes key,
                      void *value);
struct pmap *pmap_remove(const struct pmap_kind *kind, struct pmap *root, struct bytes key);
void *pmap_get(const struct pmap *root, struct bytes key); /* Borrowed; NULL: absent. */
uint32_t pmap_count(const struct pmap *root);
struct pmap *pmap_ref(struct pmap *root);
void pmap_unref(const struct pmap_kind *kind, struct pmap *root);
/* The first entry with a key at or after `key` (`after`: strictly after); NULL at the end. */
void *pmap_seek(const struct pmap *root, struct bytes key, bool after, struct bytes *found);

#endif
