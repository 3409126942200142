/* stall.h -- a thread that notices when the host itself stood still.
 *
 * It sleeps 10 ms again and again; a sleep that took 100 ms more was not the cluster's
 * fault, and a gap in the acknowledgements of that time is not either. */
#ifndef WORKLOAD_STALL_H
#define WORKLOAD_STALL_H

#include "history.h"

struct stall_watch;

/* Write a line g for each stall from now on.
 * Owns    the caller's, until stall_watch_close(), before the history is closed.
 *         NULL: no thread could be started. */
struct stall_watch *stall_watch_open(struct history *history);
void stall_watch_close(struct stall_watch *watch); /* NULL is fine. */

#endif
