/* edn.h -- a history in the form of Jepsen's kafka workload. */
#ifndef CHAOS_EDN_H
#define CHAOS_EDN_H

#include "merge.h"

enum { EDN_POLL_MAX = 512, EDN_POLL_NS = 10000000 }; /* What is one poll. */

/* Write the operations to `path`, one map a line. Value number V of writer W becomes the integer
 * W * 10^12 + V, and partitions are the keys. A process of Jepsen's does one thing at a time: each
 * write that is open has one for itself, and a reader goes on as another when it is moved back.
 * Errors  false, and why. */
bool edn_write(const char *path, const struct history_source *sources, uint32_t count,
               char *problem, size_t problem_size);

#endif
