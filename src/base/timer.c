/* timer.c -- a binary heap of running timers.
 *
 * heap[i] is not after heap[2i+1] and heap[2i+2]; heap[i]->place == i + 1. */
#include "base/timer.h"

#include <stddef.h>

#include "base/check.h"
#include "base/mem.h"

static bool is_before(const struct timer *a, const struct timer *b)
{
    return a->due != b->due ? a->due < b->due : a->order < b->order;
}

static void put_at(struct timers *timers, uint32_t slot, struct timer *timer)
{
    timers->heap[slot] = timer;
    timer->place = slot + 1;
}

static void move_up(struct timers *timers, uint32_t slot, struct timer *timer)
{
    while (slot > 0 && is_before(timer, timers->heap[(slot - 1) / 2])) {
        put_at(timers, slot, timers->heap[(slot - 1) / 2]);
        slot = (slot - 1) / 2;
    }
    put_at(timers, slot, timer);
}

static void move_down(struct timers *timers, uint32_t slot, struct timer *timer)
{
    for (;;) {
        uint32_t child = 2 * slot + 1;
        if (child >= timers->count)
            break;
        if (child + 1 < timers->count && is_before(timers->heap[child + 1], timers->heap[child]))
            child++;
        if (!is_before(timers->heap[child], timer))
            break;
        put_at(timers, slot, timers->heap[child]);
        slot = child;
    }
    put_at(timers, slot, timer);
}

void timers_init(struct timers *timers)
{
    *timers = (struct timers){.heap = NULL};
}

void timers_free(struct timers *timers)
{
    mem_free(timers->heap);
    timers_init(timers);
}

void timer_start(struct timers *timers, struct timer *timer, mono_ms due)
{
    timer_stop(timers, timer);
    timer->due = due;
    timer->order = timers->started++;
    mem_grow(timers->heap, timers->count, &timers->capacity);
    move_up(timers, timers->count++, timer);
}

void timer_stop(struct timers *timers, struct timer *timer)
{
    if (timer->place == 0)
        return;
    uint32_t slot = timer->place - 1;
    check(slot < timers->count);
    check(timers->heap[slot] == timer);

    struct timer *last = timers->heap[--timers->count];
    timer->place = 0;
    if (last == timer)
        return;
    if (slot > 0 && is_before(last, timers->heap[(slot - 1) / 2]))
        move_up(timers, slot, last);
    else
        move_down(timers, slot, last);
}

bool timer_is_running(const struct timer *timer)
{
    return timer->place != 0;
}

mono_ms timers_next(const struct timers *timers)
{
    return timers->count == 0 ? MONO_NEVER : timers->heap[0]->due;
}

void timers_fire(struct timers *timers, mono_ms now)
{
    while (timers->count > 0 && timers->heap[0]->due <= now) {
        struct timer *timer = timers->heap[0];
        timer_stop(timers, timer);
        timer->fire(timer, now);
    }
}
