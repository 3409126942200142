/* timer.h -- due deadlines, earliest first, ties by the order in which they were started. */
#ifndef BASE_TIMER_H
#define BASE_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

struct timer {
    mono_ms due;
    uint64_t order; /* Start order; breaks ties. */
    uint32_t place; /* Slot in the heap plus one; 0: not running. */
    void (*fire)(struct timer *timer, mono_ms now);
};

struct timers {
    struct timer **heap;
    uint32_t count, capacity;
    uint64_t started;
};

void timers_init(struct timers *timers);
void timers_free(struct timers *timers); /* Does not touch the timers in it. */
void timer_start(struct timers *timers, struct timer *timer,
                 mono_ms due);                               /* Restarts a running one. */
void timer_stop(struct timers *timers, struct timer *timer); /* Stopped already: no effect. */
bool timer_is_running(const struct timer *timer);
mono_ms timers_next(const struct timers *timers); /* MONO_NEVER: none. */
/* Fire all that are due at `now`; one started meanwhile and due already fires too. */
void timers_fire(struct timers *timers, mono_ms now);

#endif
