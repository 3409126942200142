/* spare.c -- a stack through the first word of each block. */
#include "base/spare.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"

#ifdef __has_feature
#define HAS_FEATURE(name) __has_feature(name)
#else
#define HAS_FEATURE(name) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || HAS_FEATURE(address_sanitizer)
enum { KEEPS = 0 };
#else
enum { KEEPS = 1 };
#endif

void spare_init(struct spare *spare, size_t size, uint32_t max)
{
    check(size >= sizeof(void *));
    *spare = (struct spare){.size = size, .max = KEEPS ? max : 0};
}

void spare_free(struct spare *spare)
{
    while (spare->head) {
        void *block = spare->head;
        memcpy(&spare->head, block, sizeof(void *));
        mem_free(block);
    }
    spare->count = 0;
}

void *spare_take(struct spare *spare)
{
    if (!spare->head)
        return mem_zalloc(spare->size);
    void *block = spare->head;
    memcpy(&spare->head, block, sizeof(void *));
    spare->count--;
    return memset(block, 0, spare->size);
}

void spare_give(struct spare *spare, void *block)
{
    if (spare->count == spare->max) {
        mem_free(block);
        return;
    }
    memcpy(block, &spare->head, sizeof(void *));
    spare->head = block;
    spare->count++;
}
