/* spare.h -- blocks of one size that were freed, at hand for the next of their kind.
 *
 * For what a busy shard makes and frees by the hundred in one tick; malloc keeps only a
 * few of a size at hand. With AddressSanitizer nothing is kept, so that it sees each use
 * after a free. */
#ifndef BASE_SPARE_H
#define BASE_SPARE_H

#include <stddef.h>
#include <stdint.h>

struct spare {
    size_t size; /* Bytes of a block. */
    uint32_t max;
    uint32_t count; /* Blocks kept, at most `max`. */
    void *head;
};

void spare_init(struct spare *spare, size_t size, uint32_t max);
void spare_free(struct spare *spare); /* What is kept; what was taken is still its taker's. */

void *spare_take(struct spare *spare); /* Cleared. */
void spare_give(struct spare *spare, void *block);

#endif
