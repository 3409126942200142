/* arena.h -- what one request needs lives here until its reply has left. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct arena_block;

struct arena {
    struct arena_block *blocks; /* Newest first; NULL when nothing was asked for yet. */
    uint32_t used;              /* Bytes of the newest block. */
    size_t total;               /* Bytes of all blocks, for the memory budget. */
    struct arena_block *lent;   /* Not ours to free; or NULL. */
};

/* Start an empty arena on memory of the caller's: cleared, 16-byte aligned, alive as long as the
 * arena is used. Most of what is small never asks for more. */
void arena_start(struct arena *arena, void *memory, size_t size);

/* Zeroed is a valid empty arena. Memory comes cleared and 16-byte aligned. */
void *arena_alloc(struct arena *arena, size_t size);
void *arena_copy(struct arena *arena, const void *data, size_t size);
struct str arena_str(struct arena *arena, struct str str);
char *arena_format(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void arena_free(struct arena *arena); /* Leaves it empty and usable. */

#define arena_array(arena, type, count)                                                            \
    ((type *)arena_alloc((arena), sizeof(type) * (size_t)(count)))

#endif
