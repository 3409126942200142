/* mem.c -- the only home of malloc.
 *
 * Nobody handles a lack of memory: sizes are held against limits before anything
 * is asked for, so running out means that the machine, not a request, is at fault. */
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum { SMALL_MAX = 1032 }; /* Bytes that glibc's cache of a thread takes at most. */

void *mem_alloc(size_t size)
{
    void *memory = malloc(size ? size : 1);
    check(memory != NULL);
    return memory;
}

/* glibc keeps small blocks that were freed at hand for malloc, and until 2.41 not for calloc;
 * large ones may come cleared from the kernel, which only calloc knows. */
void *mem_zalloc(size_t size)
{
    if (size > SMALL_MAX) {
        void *memory = calloc(1, size);
        check(memory != NULL);
        return memory;
    }
    return memset(mem_alloc(size), 0, size);
}

void *mem_realloc(void *memory, size_t size)
{
    void *moved = realloc(memory, size ? size : 1);
    check(moved != NULL);
    return moved;
}

char *mem_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = mem_alloc(size);
    memcpy(copy, text, size);
    return copy;
}

void mem_free(void *memory)
{
    free(memory);
}
