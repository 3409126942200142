/* time.h -- kinds of time, told apart by name. Cores get them as arguments. */
#ifndef BASE_TIME_H
#define BASE_TIME_H

#include <stdint.h>

typedef int64_t mono_ms; /* Monotonic milliseconds since some start; for every timeout. */
typedef int64_t wall_ms; /* Milliseconds since 1970; for record timestamps only. */

/* What time it is, to those who do not trust a single clock: not before the one, not after the
 * other. An age is told from the earliest, what is written carries the latest: then nothing is ever
 * taken for older than it is. */
struct wall_span {
    wall_ms earliest, latest;
};

#define MONO_NEVER INT64_MAX

#endif
