/* mem.h -- memory that is there, or the process ends. Refuse by size before asking. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t size);  /* Not cleared. */
void *mem_zalloc(size_t size); /* Cleared. */
void *mem_realloc(void *memory, size_t size);
char *mem_strdup(const char *text);
void mem_free(void *memory); /* NULL is fine. */

/* Make room for one more element of `array` that holds `count` of `*capacity`. */
#define mem_grow(array, count, capacity)                                                           \
    do {                                                                                           \
        if ((count) == *(capacity)) {                                                              \
            *(capacity) = *(capacity) ? 2 * *(capacity) : 8;                                       \
            (array) = mem_realloc((array), *(capacity) * sizeof *(array));                         \
        }                                                                                          \
    } while (0)

#endif
