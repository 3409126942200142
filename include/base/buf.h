/* buf.h -- counted record bytes: disk, followers and readers share one copy.
 *
 * Counts are atomic because a letter may carry a buf to another shard. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/bytes.h"

struct buf_pool; /* A LIFO of touched slabs of one size, owned by one shard. */

struct buf {
    _Atomic uint32_t refs;
    uint32_t size;         /* Bytes in use. */
    uint32_t capacity;     /* Bytes there are. */
    struct buf_pool *pool; /* Where it goes back to; NULL: the heap. */
    uint8_t *data;
};

/* One reference, size 0. */
struct buf *buf_new(uint32_t capacity);
struct buf *buf_copy(const void *data, uint32_t size);
struct buf *buf_ref(struct buf *buf);
void buf_unref(struct buf *buf); /* NULL is fine. */
/* Make room for `more` bytes behind those in use; *buf may move, and grows by doubling.
 * Owns    *buf is of the heap, and its only reference the caller's. */
void buf_make_room(struct buf **buf, uint32_t more);

/* Owns    slabs still referenced when the pool closes free themselves later.
 * Limit   keeps at most `idle_max` unused slabs. */
struct buf_pool *buf_pool_open(uint32_t slab_size, uint32_t idle_max);
void buf_pool_close(struct buf_pool *pool);
struct buf *buf_pool_take(struct buf_pool *pool);

/* Some bytes and the buf that keeps them alive. */
struct slice {
    struct buf *buf; /* One reference, unless said to be borrowed. */
    struct bytes bytes;
};

#endif
