/* buf.c -- counted buffers and their pool. */
#include "base/base.h"

#include <criterion/criterion.h>
#include <pthread.h>

Test(buf, lives_until_its_last_reference_goes)
{
    struct buf *buf = buf_copy("abc", 3);

    buf_ref(buf);
    buf_unref(buf);

    cr_assert_eq(buf->size, 3);
    cr_assert_eq(memcmp(buf->data, "abc", 3), 0);
    buf_unref(buf);
}

Test(buf, begins_empty_with_the_room_that_was_asked_for)
{
    struct buf *buf = buf_new(100);

    cr_assert_eq(buf->size, 0);
    cr_assert_eq(buf->capacity, 100);
    buf_unref(buf);
    buf_unref(NULL);
}

Test(buf, keeps_its_bytes_when_it_makes_room)
{
    struct buf *buf = buf_copy("abc", 3);

    buf_make_room(&buf, 100000);

    cr_assert_geq(buf->capacity, 100003);
    cr_assert_eq(buf->size, 3);
    cr_assert_eq(memcmp(buf->data, "abc", 3), 0);
    buf_unref(buf);
}

Test(buf, does_not_move_while_there_is_room)
{
    struct buf *buf = buf_new(100), *before = buf;

    buf_make_room(&buf, 100);

    cr_assert_eq(buf, before);
    buf_unref(buf);
}

Test(buf_pool, hands_out_the_slab_that_came_home_last)
{
    struct buf_pool *pool = buf_pool_open(4096, 4);
    struct buf *first = buf_pool_take(pool), *second = buf_pool_take(pool);
    second->size = 17;
    buf_unref(first);
    buf_unref(second);

    struct buf *again = buf_pool_take(pool);

    cr_assert_eq(again, second);
    cr_assert_eq(again->size, 0);
    cr_assert_eq(again->refs, 1);
    buf_unref(again);
    buf_pool_close(pool);
}

Test(buf_pool, keeps_no_more_idle_slabs_than_its_limit)
{
    struct buf_pool *pool = buf_pool_open(64, 1);
    struct buf *first = buf_pool_take(pool), *second = buf_pool_take(pool);
    buf_unref(first);
    buf_unref(second); /* One too many: freed. */

    struct buf *kept = buf_pool_take(pool);

    cr_assert_eq(kept, first);
    buf_unref(kept);
    buf_pool_close(pool);
}

Test(buf_pool, may_be_closed_while_a_slab_is_out)
{
    struct buf_pool *pool = buf_pool_open(64, 4);
    struct buf *out = buf_pool_take(pool);

    buf_pool_close(pool);
    memset(out->data, 1, out->capacity);

    cr_assert_eq(out->capacity, 64);
    buf_unref(out);
}

enum { HANDED_OVER = 20000 };

struct handover {
    struct buf *_Atomic slot;
};

static void *bring_home(void *argument)
{
    struct handover *handover = argument;
    for (uint32_t taken = 0; taken < HANDED_OVER;) {
        struct buf *buf = atomic_exchange(&handover->slot, NULL);
        taken += buf != NULL;
        buf_unref(buf);
    }
    return NULL;
}

Test(buf_pool, takes_slabs_back_from_another_thread)
{
    struct buf_pool *pool = buf_pool_open(64, 2);
    struct handover handover = {NULL};
    pthread_t thread;
    uint32_t shared = 0;

    pthread_create(&thread, NULL, bring_home, &handover);
    for (uint32_t i = 0; i < HANDED_OVER; i++) {
        struct buf *buf = buf_pool_take(pool), *expected = NULL;
        shared += buf->refs != 1;
        while (!atomic_compare_exchange_weak(&handover.slot, &expected, buf))
            expected = NULL;
    }
    pthread_join(thread, NULL);

    cr_assert_eq(shared, 0);
    buf_pool_close(pool);
}
