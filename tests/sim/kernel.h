/* kernel.h -- virtual time: a heap of events, ties broken by a stream of the seed.
 *
 * Nothing in the simulator waits or reads a clock; an event runs, may put others
 * on the heap, and time jumps to the next. Two events of one microsecond run in an
 * order that the seed draws, so orders are explored and not taken for granted. */
#ifndef SIM_KERNEL_H
#define SIM_KERNEL_H

#include "base/base.h"

typedef int64_t sim_us; /* Virtual microseconds since the start of the run. */

enum { SIM_MS = 1000, SIM_SECOND = 1000 * 1000 };

/* Independent streams, so that one fault more or less shifts no other draw. */
enum stream {
    STREAM_SCHED,
    STREAM_SWARM,
    STREAM_NET,
    STREAM_DISK,
    STREAM_CLOCK,
    STREAM_NODE,
    STREAM_FAULTS,
    STREAM_CLIENT,
    STREAM_TICK,
    STREAM_LOAD,
};

struct event;
typedef void event_run(struct event *event);

struct event {
    sim_us time;
    uint64_t tie;
    event_run *run;
    void *object;   /* What it happens to; never part of an order or of a hash. */
    uint64_t a, b;  /* The receiver's own. */
    uint32_t label; /* What it is, for the hash: an enum value, never an address. */
};

struct kernel {
    sim_us now;
    uint64_t seed;
    struct rand ties;
    struct event *heap;
    uint32_t count, capacity;
    uint64_t done; /* Events that ran. */
    uint64_t hash; /* Of all that ran and of what was added by kernel_mix(). */
};

void kernel_init(struct kernel *kernel, uint64_t seed);
void kernel_free(struct kernel *kernel);
void kernel_stream(const struct kernel *kernel, enum stream purpose, uint32_t node,
                   struct rand *out);
/* Run `event` `delay` from now; its time and tie are filled in here. */
void kernel_add(struct kernel *kernel, sim_us delay, struct event event);
/* Run the next event; false: there is none. */
bool kernel_step(struct kernel *kernel);
void kernel_mix(struct kernel *kernel, uint64_t value);

/* A delay of about `mean`, sometimes several times as long. Integers only. */
sim_us kernel_delay(struct rand *rand, sim_us mean);

static inline uint64_t sim_mix(uint64_t hash, uint64_t value)
{
    hash ^= value + UINT64_C(0x9e3779b97f4a7c15) + (hash << 6) + (hash >> 2);
    return hash * UINT64_C(0xff51afd7ed558ccd) ^ (hash >> 29);
}

#endif
