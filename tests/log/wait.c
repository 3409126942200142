/* wait.c -- waits end once, in order, by watermark, deadline or cancellation. */
#include <criterion/criterion.h>

#include "wait.h"

enum { WAITERS = 4 };

struct waiter {
    struct wait wait;
    enum err result;
    uint32_t told; /* 0: not yet, else its turn. */
};

struct scene {
    struct waits waits;
    struct timers timers;
    struct waiter waiters[WAITERS];
};

static uint32_t *turn_counter(void)
{
    static uint32_t turn;
    return &turn;
}

static void on_done(struct wait *wait, enum err result)
{
    struct waiter *waiter = list_entry(wait, struct waiter, wait);
    waiter->result = result;
    waiter->told = ++*turn_counter();
}

static void scene_open(struct scene *scene)
{
    waits_init(&scene->waits);
    timers_init(&scene->timers);
    for (int i = 0; i < WAITERS; i++) {
        wait_init(&scene->waiters[i].wait, on_done);
        scene->waiters[i].told = 0;
    }
}

static void start(struct scene *scene, int i, log_offset offset, mono_ms deadline)
{
    wait_start(&scene->waits, &scene->waiters[i].wait, offset, &scene->timers, deadline);
}

Test(wait, releases_in_order_of_offset_then_start)
{
    struct scene s;
    scene_open(&s);
    start(&s, 0, 20, MONO_NEVER);
    start(&s, 1, 10, MONO_NEVER);
    start(&s, 2, 20, MONO_NEVER);
    start(&s, 3, 30, MONO_NEVER);

    waits_release(&s.waits, 20);

    cr_assert_lt(s.waiters[1].told, s.waiters[0].told);
    cr_assert_lt(s.waiters[0].told, s.waiters[2].told);
    cr_assert_eq(s.waiters[3].told, 0);
    cr_assert_eq(s.waiters[0].result, ERR_NONE);
    cr_assert(wait_is_started(&s.waiters[3].wait));
    wait_cancel(&s.waiters[3].wait);
    timers_free(&s.timers);
}

Test(wait, ends_at_its_deadline_and_not_again)
{
    struct scene s;
    scene_open(&s);
    start(&s, 0, 20, 100);

    timers_fire(&s.timers, 99);
    cr_assert_eq(s.waiters[0].told, 0);
    timers_fire(&s.timers, 100);
    cr_assert_eq(s.waiters[0].result, ERR_REQUEST_TIMED_OUT);
    uint32_t told = s.waiters[0].told;
    waits_release(&s.waits, 50);
    cr_assert_eq(s.waiters[0].told, told);
    timers_free(&s.timers);
}

Test(wait, released_before_its_deadline_leaves_no_timer)
{
    struct scene s;
    scene_open(&s);
    start(&s, 0, 20, 100);

    waits_release(&s.waits, 20);

    cr_assert_eq(timers_next(&s.timers), MONO_NEVER);
    timers_free(&s.timers);
}

Test(wait, cancelled_together_with_one_error)
{
    struct scene s;
    scene_open(&s);
    start(&s, 0, 20, 100);
    start(&s, 1, 10, MONO_NEVER);

    waits_cancel(&s.waits, ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND);

    cr_assert_eq(s.waiters[0].result, ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND);
    cr_assert_eq(s.waiters[1].result, ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND);
    cr_assert_eq(timers_next(&s.timers), MONO_NEVER);
    timers_free(&s.timers);
}

Test(wait, taken_back_silently)
{
    struct scene s;
    scene_open(&s);
    start(&s, 0, 20, 100);

    wait_cancel(&s.waiters[0].wait);
    wait_cancel(&s.waiters[0].wait);
    waits_release(&s.waits, 50);
    timers_fire(&s.timers, 1000);

    cr_assert_eq(s.waiters[0].told, 0);
    timers_free(&s.timers);
}
