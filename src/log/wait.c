/* wait.c -- waits of one watermark, in one list by offset, then by start.
 *
 * A wait is taken out of every list before its `done` runs, so that `done` may free
 * it, start it anew or cancel others. */
#include "wait.h"

void waits_init(struct waits *waits)
{
    list_init(&waits->queue);
}

static void end_wait(struct wait *wait, enum err result)
{
    wait_cancel(wait);
    wait->done(wait, result);
}

static void fire_deadline(struct timer *timer, mono_ms now)
{
    (void)now;
    end_wait(list_entry(timer, struct wait, timer), ERR_REQUEST_TIMED_OUT);
}

void wait_init(struct wait *wait, void (*done)(struct wait *wait, enum err result))
{
    *wait = (struct wait){.done = done, .timer = {.fire = fire_deadline}};
    list_init(&wait->link);
}

bool wait_is_started(const struct wait *wait)
{
    return !list_is_empty(&wait->link);
}

void wait_start(struct waits *waits, struct wait *wait, log_offset offset, struct timers *timers,
                mono_ms deadline)
{
    check(!wait_is_started(wait));
    check(deadline == MONO_NEVER || timers != NULL);

    /* Offsets mostly rise, so the place is found at the back. */
    struct list *before = waits->queue.prev;
    while (before != &waits->queue && list_entry(before, struct wait, link)->offset > offset)
        before = before->prev;
    list_insert_before(before->next, &wait->link);
    wait->offset = offset;
    wait->timers = timers;
    if (deadline != MONO_NEVER)
        timer_start(timers, &wait->timer, deadline);
}

void wait_cancel(struct wait *wait)
{
    list_remove(&wait->link);
    if (timer_is_running(&wait->timer))
        timer_stop(wait->timers, &wait->timer);
}

void waits_release(struct waits *waits, log_offset watermark)
{
    while (!list_is_empty(&waits->queue)) {
        struct wait *first = list_entry(waits->queue.next, struct wait, link);
        if (first->offset > watermark)
            return;
        end_wait(first, ERR_NONE);
    }
}

void waits_cancel(struct waits *waits, enum err result)
{
    struct list ending;

    /* Those that `done` starts meanwhile are not ours to end. */
    list_init(&ending);
    while (!list_is_empty(&waits->queue))
        list_append(&ending, list_take_first(&waits->queue));
    while (!list_is_empty(&ending))
        end_wait(list_entry(ending.next, struct wait, link), result);
}
