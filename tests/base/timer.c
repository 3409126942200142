/* timer.c -- deadlines in order. */
#include "base/base.h"

#include <criterion/criterion.h>

struct bell {
    struct timer timer;
    int number;
    struct timers *timers;
    struct timer *starts; /* When it rings, start this one, due at once. */
};

static int rung[64];
static uint32_t rung_count;

static void ring(struct timer *timer, mono_ms now)
{
    struct bell *bell = (struct bell *)(void *)timer;
    rung[rung_count++] = bell->number;
    if (bell->starts != NULL)
        timer_start(bell->timers, bell->starts, now);
}

Test(timers, fire_the_earliest_first_and_only_what_is_due)
{
    struct timers timers;
    struct bell a = {{.fire = ring}, .number = 1}, b = a, c = a;
    b.number = 2;
    c.number = 3;
    timers_init(&timers);
    timer_start(&timers, &a.timer, 30);
    timer_start(&timers, &b.timer, 10);
    timer_start(&timers, &c.timer, 20);

    timers_fire(&timers, 20);

    cr_assert_eq(rung_count, 2);
    cr_assert_eq(rung[0], 2);
    cr_assert_eq(rung[1], 3);
    cr_assert_eq(timers_next(&timers), 30);
    cr_assert(timer_is_running(&a.timer));
    cr_assert_not(timer_is_running(&b.timer));
    timers_free(&timers);
}

Test(timers, break_ties_by_the_order_in_which_they_were_started)
{
    struct timers timers;
    struct bell a = {{.fire = ring}, .number = 1}, b = a;
    b.number = 2;
    timers_init(&timers);
    timer_start(&timers, &a.timer, 10);
    timer_start(&timers, &b.timer, 10);
    timer_start(&timers, &a.timer, 10); /* A restart goes to the end of the line. */

    timers_fire(&timers, 10);

    cr_assert_eq(rung_count, 2);
    cr_assert_eq(rung[0], 2);
    cr_assert_eq(rung[1], 1);
    timers_free(&timers);
}

Test(timers, one_started_meanwhile_and_due_fires_too)
{
    struct timers timers;
    struct bell second = {{.fire = ring}, .number = 2};
    struct bell first = {{.fire = ring}, .number = 1, .timers = &timers, .starts = &second.timer};
    timers_init(&timers);
    timer_start(&timers, &first.timer, 5);

    timers_fire(&timers, 7);

    cr_assert_eq(rung_count, 2);
    cr_assert_eq(rung[1], 2);
    cr_assert_eq(timers_next(&timers), MONO_NEVER);
    timers_free(&timers);
}

Test(timers, a_stopped_one_never_fires)
{
    struct timers timers;
    struct bell a = {{.fire = ring}, .number = 1};
    timers_init(&timers);
    timer_start(&timers, &a.timer, 1);

    timer_stop(&timers, &a.timer);
    timer_stop(&timers, &a.timer);
    timers_fire(&timers, 100);

    cr_assert_eq(rung_count, 0);
    timers_free(&timers);
}

static mono_ms last_due;
static uint32_t fired, disordered;

static void note(struct timer *timer, mono_ms now)
{
    (void)now;
    disordered += timer->due < last_due;
    last_due = timer->due;
    fired++;
}

Test(timers, keep_their_order_through_random_starts_and_stops)
{
    static struct timer all[200];
    struct timers timers;
    struct rand rand;
    uint32_t running = 0;
    rand_init(&rand, 3);
    timers_init(&timers);

    for (uint32_t step = 0; step < 20000; step++) {
        struct timer *timer = &all[rand_below(&rand, 200)];
        timer->fire = note;
        if (rand_chance(&rand, 1, 3))
            timer_stop(&timers, timer);
        else
            timer_start(&timers, timer, (mono_ms)rand_below(&rand, 1000));
    }
    for (uint32_t i = 0; i < 200; i++)
        running += timer_is_running(&all[i]);
    timers_fire(&timers, 1000);

    cr_assert_gt(running, 50);
    cr_assert_eq(fired, running);
    cr_assert_eq(disordered, 0);
    timers_free(&timers);
}
