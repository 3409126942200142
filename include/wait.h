/* wait.h -- one kind of wait: until a watermark of a log reaches an offset, or a deadline.
 *
 * acks=all, long polls, metadata changes and offset commits are all this. A wait
 * lives inside what waits; nothing here allocates. Each wait that was started ends
 * exactly once: `done` is called, or wait_cancel() took it back silently.
 *
 * Shard   that of the log. */
#ifndef WAIT_H
#define WAIT_H

#include "base/base.h"

enum wait_mark {
    WAIT_COMMITTED,     /* The high watermark. */
    WAIT_DURABLE,       /* The local synced end. */
    WAIT_WRITTEN,       /* The end that followers may read to. */
    WAIT_LOW_WATERMARK, /* Where the log starts on every live replica. */
    WAIT_MARKS,
};

struct wait {
    struct list link;   /* In its queue, by offset, then start order. */
    struct timer timer; /* Runs when there is a deadline. */
    struct timers *timers;
    log_offset offset; /* Over once the watermark is at or past it. */
    /* Result: ERR_NONE, ERR_REQUEST_TIMED_OUT at the deadline, or what waits_cancel() said.
     * The wait is out of every list by then: it may be freed or started anew. */
    void (*done)(struct wait *wait, enum err result);
};

struct waits {
    struct list queue;
};

void waits_init(struct waits *waits);

/* A wait that is nowhere; wait_cancel() on it has no effect. */
void wait_init(struct wait *wait, void (*done)(struct wait *wait, enum err result));
bool wait_is_started(const struct wait *wait);

/* Queue `wait` for `offset`; `deadline` MONO_NEVER needs no `timers`. The caller has
 * seen that the watermark is below: one that is reached already is released at the next move. */
void wait_start(struct waits *waits, struct wait *wait, log_offset offset, struct timers *timers,
                mono_ms deadline);

/* Take it back; `done` is not called. */
void wait_cancel(struct wait *wait);

/* Release, lowest first, all that `watermark` has reached. `done` may start and cancel waits. */
void waits_release(struct waits *waits, log_offset watermark);

/* End all that are queued now with `result`. */
void waits_cancel(struct waits *waits, enum err result);

#endif
