/* stall.c -- a thread that notices when the host itself stood still. */
#include "stall.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "workload.h"

enum { NAP_NS = 10000000, LATE_NS = 100000000 };

struct stall_watch {
    pthread_t thread;
    struct history *history;
    atomic_bool ends;
};

static void *watch_sleeps(void *opaque)
{
    struct stall_watch *watch = opaque;
    const struct timespec nap = {.tv_nsec = NAP_NS};
    while (!atomic_load_explicit(&watch->ends, memory_order_relaxed)) {
        int64_t from_ns = workload_now_ns();
        nanosleep(&nap, NULL);
        int64_t to_ns = workload_now_ns();
        if (to_ns - from_ns > NAP_NS + LATE_NS)
            history_stall(watch->history, from_ns, to_ns);
    }
    return NULL;
}

struct stall_watch *stall_watch_open(struct history *history)
{
    struct stall_watch *watch = mem_zalloc(sizeof *watch);
    watch->history = history;
    if (pthread_create(&watch->thread, NULL, watch_sleeps, watch) == 0)
        return watch;
    mem_free(watch);
    return NULL;
}

void stall_watch_close(struct stall_watch *watch)
{
    if (!watch)
        return;
    atomic_store_explicit(&watch->ends, true, memory_order_relaxed);
    pthread_join(watch->thread, NULL);
    mem_free(watch);
}
