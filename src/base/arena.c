/* arena.c -- blocks that grow with what one request asks for.
 *
 * Only the newest block is allocated from. A request that would waste much of it
 * gets a block of its own, which is put behind the newest one. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

enum {
    BLOCK_FIRST = 1000, /* Bytes of the first block; each further one has twice as many. With its
                         * head it is still small enough for malloc to keep it at hand. */
    BLOCK_MAX = 1 << 16,
    ALIGNMENT = 16,
};

#define REQUEST_MAX ((size_t)1 << 31)

struct arena_block {
    struct arena_block *next;
    size_t capacity;
    _Alignas(ALIGNMENT) uint8_t data[];
};

static struct arena_block *add_block(struct arena *arena, size_t capacity)
{
    struct arena_block *block = mem_zalloc(sizeof *block + capacity);
    block->capacity = capacity;
    arena->total += sizeof *block + capacity;
    return block;
}

void arena_start(struct arena *arena, void *memory, size_t size)
{
    check(arena->blocks == NULL);
    check(size > sizeof(struct arena_block));
    arena->lent = memory;
    arena->lent->next = NULL;
    arena->lent->capacity = size - sizeof(struct arena_block);
    arena->blocks = arena->lent;
    arena->used = 0;
}

static void *alloc_apart(struct arena *arena, size_t size)
{
    struct arena_block *block = add_block(arena, size);
    block->next = arena->blocks->next;
    arena->blocks->next = block;
    return block->data;
}

static void begin_block(struct arena *arena)
{
    size_t capacity = arena->blocks == NULL ? BLOCK_FIRST : 2 * arena->blocks->capacity;
    struct arena_block *block = add_block(arena, capacity < BLOCK_MAX ? capacity : BLOCK_MAX);
    block->next = arena->blocks;
    arena->blocks = block;
    arena->used = 0;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    check(size <= REQUEST_MAX);
    size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);

    if (arena->blocks == NULL)
        begin_block(arena);
    if (arena->blocks->capacity - arena->used < size) {
        if (size > arena->blocks->capacity / 2)
            return alloc_apart(arena, size);
        begin_block(arena);
    }
    void *memory = arena->blocks->data + arena->used;
    arena->used += (uint32_t)size;
    return memory;
}

void *arena_copy(struct arena *arena, const void *data, size_t size)
{
    void *copy = arena_alloc(arena, size);
    if (size > 0)
        memcpy(copy, data, size);
    return copy;
}

struct str arena_str(struct arena *arena, struct str str)
{
    if (str.data == NULL)
        return str;
    char *copy = arena_alloc(arena, (size_t)str.size + 1); /* Terminated, for those who print. */
    if (str.size > 0)
        memcpy(copy, str.data, str.size);
    return (struct str){.data = copy, .size = str.size};
}

char *arena_format(struct arena *arena, const char *format, ...)
{
    va_list list, again;
    va_start(list, format);
    va_copy(again, list);
    int size = vsnprintf(NULL, 0, format, list);
    va_end(list);
    check(size >= 0);

    char *text = arena_alloc(arena, (size_t)size + 1);
    vsnprintf(text, (size_t)size + 1, format, again);
    va_end(again);
    return text;
}

void arena_free(struct arena *arena)
{
    while (arena->blocks != NULL) {
        struct arena_block *block = arena->blocks;
        arena->blocks = block->next;
        if (block != arena->lent)
            mem_free(block);
    }
    *arena = (struct arena){0};
}
