/* buf.c -- counted buffers, and a pool that keeps warm slabs warm.
 *
 * The last reference may fall on another shard, so slabs come home over a lock-free
 * stack: anyone pushes, only the pool's owner pops (so a popped head cannot come
 * back between load and exchange). The pool itself lives until it is closed and
 * its last slab is home; whoever is last frees what lies in it. */
#include "base/buf.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"

struct slab {
    struct buf buf;
    struct slab *next; /* While idle. */
    _Alignas(16) uint8_t data[];
};

struct buf_pool {
    uint32_t slab_size;
    uint32_t idle_max;
    _Atomic uint32_t idle;
    _Atomic uint32_t users; /* The opener, and each slab that is out. */
    _Atomic bool closed;
    struct slab *_Atomic head;
};

static struct buf *new_slab(uint32_t capacity, struct buf_pool *pool)
{
    struct slab *slab = mem_alloc(sizeof *slab + capacity);
    atomic_init(&slab->buf.refs, 1);
    slab->buf.size = 0;
    slab->buf.capacity = capacity;
    slab->buf.pool = pool;
    slab->buf.data = slab->data;
    slab->next = NULL;
    return &slab->buf;
}

struct buf *buf_new(uint32_t capacity)
{
    return new_slab(capacity, NULL);
}

struct buf *buf_copy(const void *data, uint32_t size)
{
    struct buf *buf = buf_new(size);
    if (size > 0)
        memcpy(buf->data, data, size);
    buf->size = size;
    return buf;
}

void buf_make_room(struct buf **buf, uint32_t more)
{
    struct buf *old = *buf;
    check(old->pool == NULL);
    check(atomic_load_explicit(&old->refs, memory_order_relaxed) == 1);
    if (old->capacity - old->size >= more)
        return;
    uint64_t needed = (uint64_t)old->size + more;
    uint64_t capacity = 2 * (uint64_t)old->capacity > needed ? 2 * (uint64_t)old->capacity : needed;
    check(capacity <= UINT32_MAX);
    struct slab *slab = mem_realloc(old, sizeof *slab + (size_t)capacity);
    slab->buf.capacity = (uint32_t)capacity;
    slab->buf.data = slab->data;
    *buf = &slab->buf;
}

struct buf *buf_ref(struct buf *buf)
{
    uint32_t before = atomic_fetch_add_explicit(&buf->refs, 1, memory_order_relaxed);
    check(before > 0);
    return buf;
}

static struct slab *pop(struct buf_pool *pool)
{
    struct slab *head = atomic_load_explicit(&pool->head, memory_order_acquire);
    while (head != NULL &&
           !atomic_compare_exchange_weak_explicit(&pool->head, &head, head->next,
                                                  memory_order_acq_rel, memory_order_acquire))
        ;
    return head;
}

static void push(struct buf_pool *pool, struct slab *slab)
{
    slab->next = atomic_load_explicit(&pool->head, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&pool->head, &slab->next, slab,
                                                  memory_order_acq_rel, memory_order_relaxed))
        ;
}

/* One user less; the last one frees what is idle, and the pool. */
static void leave_pool(struct buf_pool *pool)
{
    if (atomic_fetch_sub_explicit(&pool->users, 1, memory_order_acq_rel) != 1)
        return;
    for (struct slab *slab = pop(pool); slab != NULL; slab = pop(pool))
        mem_free(slab);
    mem_free(pool);
}

static void bring_home(struct buf_pool *pool, struct slab *slab)
{
    bool keep = !atomic_load_explicit(&pool->closed, memory_order_relaxed);
    if (keep && atomic_fetch_add_explicit(&pool->idle, 1, memory_order_relaxed) >= pool->idle_max) {
        atomic_fetch_sub_explicit(&pool->idle, 1, memory_order_relaxed);
        keep = false;
    }
    if (keep)
        push(pool, slab);
    else
        mem_free(slab);
    leave_pool(pool);
}

void buf_unref(struct buf *buf)
{
    if (buf == NULL)
        return;
    uint32_t before = atomic_fetch_sub_explicit(&buf->refs, 1, memory_order_acq_rel);
    check(before > 0);
    if (before > 1)
        return;
    struct slab *slab = (struct slab *)(void *)buf; /* `buf` is its first member. */
    if (buf->pool == NULL)
        mem_free(slab);
    else
        bring_home(buf->pool, slab);
}

struct buf_pool *buf_pool_open(uint32_t slab_size, uint32_t idle_max)
{
    struct buf_pool *pool = mem_zalloc(sizeof *pool);
    pool->slab_size = slab_size;
    pool->idle_max = idle_max;
    atomic_init(&pool->users, 1);
    return pool;
}

void buf_pool_close(struct buf_pool *pool)
{
    atomic_store_explicit(&pool->closed, true, memory_order_relaxed);
    leave_pool(pool);
}

struct buf *buf_pool_take(struct buf_pool *pool)
{
    check(!atomic_load_explicit(&pool->closed, memory_order_relaxed));
    atomic_fetch_add_explicit(&pool->users, 1, memory_order_relaxed);

    struct slab *slab = pop(pool);
    if (slab == NULL)
        return new_slab(pool->slab_size, pool);
    atomic_fetch_sub_explicit(&pool->idle, 1, memory_order_relaxed);
    atomic_store_explicit(&slab->buf.refs, 1, memory_order_relaxed);
    slab->buf.size = 0;
    return &slab->buf;
}
