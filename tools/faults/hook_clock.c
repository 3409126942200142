/* hook_clock.c -- the clock of the day, stepped and drifting; the monotonic clocks are let alone.
 *
 * Moved: clock_gettime() of CLOCK_REALTIME, CLOCK_REALTIME_COARSE and CLOCK_TAI, gettimeofday(),
 * time() and timespec_get(). Not moved: times of files, and what a program asks the kernel itself.
 *
 * A wait until a time of day is given to the kernel, whose clock did not move, so its deadline is
 * moved back first: a wait of a second remains one under any step. Such waits are
 * pthread_cond_timedwait() on a condition of that clock, pthread_cond_clockwait(),
 * pthread_mutex_timedlock(), sem_timedwait(), sem_clockwait(), and clock_nanosleep() until a time.
 * Relative waits (poll, epoll_wait, nanosleep) never asked that clock. Two things differ from a
 * machine whose clock is stepped: a wait that is under way keeps its length, and timerfd_settime()
 * and pthread_rwlock_timed*() are not moved. As there, a wait whose deadline was computed before a
 * step back and begun after it is longer by it. */
#include <dlfcn.h>
#include <errno.h>
#include <semaphore.h>
#include <sys/time.h>
#include <time.h>

#include "faults.h"

enum { NS_PER_S = 1000000000, NS_PER_MS = 1000000 };

/* Of the C library: these are not system calls, or have a faster way than one. */
static int (*_Atomic libc_clock_gettime)(clockid_t, struct timespec *);

static int read_clock(clockid_t clock, struct timespec *out)
{
    int (*known)(clockid_t, struct timespec *) =
        atomic_load_explicit(&libc_clock_gettime, memory_order_relaxed);
    if (!known) {
        *(void **)(&known) = dlsym(RTLD_NEXT, "clock_gettime");
        atomic_store_explicit(&libc_clock_gettime, known, memory_order_relaxed);
    }
    return known(clock, out);
}

/* How far the clock of the day is off at this moment. */
static int64_t shift_ns(void)
{
    struct fault_rules *rules = faults.rules;
    int64_t shift = atomic_load_explicit(&rules->clock_step_ms, memory_order_relaxed) * NS_PER_MS;
    int64_t ppm = atomic_load_explicit(&rules->clock_drift_ppm, memory_order_relaxed);
    if (ppm) {
        struct timespec now;
        read_clock(CLOCK_MONOTONIC, &now);
        int64_t since = (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec -
                        atomic_load_explicit(&rules->clock_drift_from_ns, memory_order_relaxed);
        shift += since / 1000000 * ppm;
    }
    return shift;
}

static struct timespec moved(const struct timespec *time, int64_t by_ns)
{
    int64_t seconds = time->tv_sec + by_ns / NS_PER_S;
    int64_t ns = time->tv_nsec + by_ns % NS_PER_S;
    if (ns < 0) {
        ns += NS_PER_S;
        seconds--;
    } else if (ns >= NS_PER_S) {
        ns -= NS_PER_S;
        seconds++;
    }
    return (struct timespec){.tv_sec = seconds, .tv_nsec = ns};
}

static bool is_of_the_day(clockid_t clock)
{
    return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI;
}

EXPORT int clock_gettime(clockid_t clock, struct timespec *out)
{
    int result = read_clock(clock, out);
    if (result == 0 && is_of_the_day(clock)) {
        int64_t shift = shift_ns();
        if (shift) {
            *out = moved(out, shift);
            count(&faults.rules->clocks_shifted, 1);
        }
    }
    return result;
}

EXPORT int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (zone)
        *(struct timezone *)zone = (struct timezone){0};
    out->tv_sec = now.tv_sec;
    out->tv_usec = now.tv_nsec / 1000;
    return 0;
}

EXPORT time_t time(time_t *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}

EXPORT int timespec_get(struct timespec *out, int base)
{
    if (base != TIME_UTC)
        return 0;
    clock_gettime(CLOCK_REALTIME, out);
    return base;
}

/* A deadline of the day as the kernel's clock would have it. */
static struct timespec for_kernel(const struct timespec *deadline)
{
    if (deadline->tv_nsec < 0 || deadline->tv_nsec >= NS_PER_S)
        return *deadline; /* The caller's mistake remains one. */
    struct timespec out = moved(deadline, -shift_ns());
    if (out.tv_sec < 0)
        out = (struct timespec){0}; /* Long ago, and still a time. */
    return out;
}

/* glibc keeps a condition's clock in the second bit of this word (pthread_condattr_setclock). */
static clockid_t condition_clock(const pthread_cond_t *condition)
{
    return condition->__data.__wrefs & 2 ? CLOCK_MONOTONIC : CLOCK_REALTIME;
}

typedef int cond_clockwait(pthread_cond_t *, pthread_mutex_t *, clockid_t, const struct timespec *);

EXPORT int pthread_cond_clockwait(pthread_cond_t *restrict condition,
                                  pthread_mutex_t *restrict mutex, clockid_t clock,
                                  const struct timespec *restrict deadline)
{
    static cond_clockwait *_Atomic next;
    if (!next) {
        cond_clockwait *found;
        *(void **)(&found) = dlsym(RTLD_NEXT, "pthread_cond_clockwait");
        next = found;
    }
    if (clock != CLOCK_REALTIME)
        return next(condition, mutex, clock, deadline);
    struct timespec real = for_kernel(deadline);
    return next(condition, mutex, clock, &real);
}

EXPORT int pthread_cond_timedwait(pthread_cond_t *restrict condition,
                                  pthread_mutex_t *restrict mutex,
                                  const struct timespec *restrict deadline)
{
    return pthread_cond_clockwait(condition, mutex, condition_clock(condition), deadline);
}

EXPORT int pthread_mutex_timedlock(pthread_mutex_t *restrict mutex,
                                   const struct timespec *restrict deadline)
{
    struct timespec real = for_kernel(deadline);
    return pthread_mutex_clocklock(mutex, CLOCK_REALTIME, &real);
}

typedef int semaphore_clockwait(sem_t *, clockid_t, const struct timespec *);

EXPORT int sem_clockwait(sem_t *restrict semaphore, clockid_t clock,
                         const struct timespec *restrict deadline)
{
    static semaphore_clockwait *_Atomic next;
    if (!next) {
        semaphore_clockwait *found;
        *(void **)(&found) = dlsym(RTLD_NEXT, "sem_clockwait");
        next = found;
    }
    if (clock != CLOCK_REALTIME)
        return next(semaphore, clock, deadline);
    struct timespec real = for_kernel(deadline);
    return next(semaphore, clock, &real);
}

EXPORT int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict deadline)
{
    return sem_clockwait(semaphore, CLOCK_REALTIME, deadline);
}

EXPORT int clock_nanosleep(clockid_t clock, int flags, const struct timespec *request,
                           struct timespec *remaining)
{
    struct timespec real = *request;
    if ((flags & TIMER_ABSTIME) && is_of_the_day(clock))
        real = for_kernel(request);
    int before = errno;
    int result = (int)syscall(SYS_clock_nanosleep, clock, flags, &real, remaining) == 0 ? 0 : errno;
    errno = before;
    return result;
}
