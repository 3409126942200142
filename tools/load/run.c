/* run.c -- the loop: who is due sends, what came is counted, who stalls ends it.
 *
 * Closed loop: a connection always has `depth` requests open. Open loop: connection c of n
 * sends its k-th request at (k n + c) / rate, whether or not earlier ones were answered; one that
 * finds all slots taken leaves late, and its latency counts from when it should have left.
 *
 *   warm up -> measure -> drain: nothing new is sent, what is open is awaited */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "conn.h"
#include "say.h"

enum {
    EVENTS_MAX = 64,
    LOOK_NS = 50 * 1000000, /* How often stalls and the end are looked for at least. */
    SECOND_NS = 1000000000,
};

struct run {
    const struct load_plan *plan;
    struct load_result *result;
    int epoll;
    uint32_t count;
    struct conn *conns;
    enum load_phase phase;
    int64_t measure_from_ns, measure_until_ns;
};

/* Whether requests leave without a reply that makes room for them. */
static bool sends_by_itself(const struct run *run)
{
    return run->plan->rate > 0 || (run->plan->mode == LOAD_PRODUCE && run->plan->acks == 0);
}

int64_t load_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * SECOND_NS + now.tv_nsec;
}

static int open_conns(struct run *run, const struct load_target *targets, uint32_t target_count)
{
    for (uint32_t i = 0; i < run->count; i++) {
        run->conns[i] = (struct conn){
            .fd = -1,
            .plan = run->plan,
            .target = &targets[i % target_count],
            .result = run->result,
            .phase = &run->phase,
        };
    }
    for (uint32_t i = 0; i < run->count; i++) {
        int code = conn_open(&run->conns[i]);
        if (code)
            return code;
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
        epoll_ctl(run->epoll, EPOLL_CTL_ADD, run->conns[i].fd, &event);
    }
    return EXIT_DONE;
}

/* Send, and be woken for writing as long as the socket is full. */
static int push(struct run *run, struct conn *conn)
{
    bool wanted = conn->wants_write;
    int code = conn_send(conn);
    if (conn->wants_write != wanted) {
        struct epoll_event event = {
            .events = EPOLLIN | (conn->wants_write ? (uint32_t)EPOLLOUT : 0),
            .data.u32 = (uint32_t)(conn - run->conns),
        };
        epoll_ctl(run->epoll, EPOLL_CTL_MOD, conn->fd, &event);
    }
    return code;
}

/* While draining only what should have left before, and found no room. */
static bool is_due_more(const struct run *run, const struct conn *conn)
{
    return run->phase != LOAD_DRAINS ||
           (run->plan->rate > 0 && conn->next_ns < run->measure_until_ns);
}

/* Queue all that is due on one connection, and send it. */
static int work(struct run *run, struct conn *conn, int64_t now_ns)
{
    const struct load_plan *plan = run->plan;
    while (is_due_more(run, conn) && conn_open_requests(conn) < plan->depth) {
        int64_t due_ns = plan->rate ? conn->next_ns : now_ns;
        if (due_ns > now_ns)
            break;
        conn_queue(conn, due_ns, now_ns);
        conn->next_ns += plan->rate ? (int64_t)SECOND_NS * run->count / plan->rate : 0;
    }
    return conn->sent == conn->queued ? EXIT_DONE : push(run, conn);
}

/* How long to wait for events: until the next request is due, or the next look. */
static int64_t patience(const struct run *run, int64_t now_ns)
{
    int64_t until_ns = now_ns + LOOK_NS;
    int64_t phase_ns = run->phase == LOAD_MEASURES ? run->measure_until_ns : run->measure_from_ns;
    if (run->phase != LOAD_DRAINS && phase_ns < until_ns)
        until_ns = phase_ns;
    for (uint32_t i = 0; i < run->count && sends_by_itself(run); i++) {
        const struct conn *conn = &run->conns[i];
        if (is_due_more(run, conn) && conn_open_requests(conn) < run->plan->depth &&
            conn->next_ns < until_ns)
            until_ns = conn->next_ns; /* Of a closed loop: long past. */
    }
    return until_ns > now_ns ? until_ns - now_ns : 0;
}

static void enter_phase(struct run *run, int64_t now_ns)
{
    if (run->phase == LOAD_WARMS_UP && now_ns >= run->measure_from_ns) {
        run->phase = LOAD_MEASURES;
        run->measure_from_ns = now_ns;
        run->measure_until_ns = now_ns + run->plan->length_ns;
    }
    if (run->phase == LOAD_MEASURES &&
        (now_ns >= run->measure_until_ns || run->result->bytes >= run->plan->bytes_max)) {
        run->phase = LOAD_DRAINS;
        run->measure_until_ns = now_ns;
        run->result->measured_ns = now_ns - run->measure_from_ns;
    }
}

static int wait_for_events(struct run *run)
{
    struct epoll_event events[EVENTS_MAX];
    int64_t wait_ns = patience(run, load_now_ns());
    struct timespec wait = {.tv_sec = wait_ns / SECOND_NS, .tv_nsec = wait_ns % SECOND_NS};
    int ready = epoll_pwait2(run->epoll, events, EVENTS_MAX, &wait, NULL);
    if (ready < 0 && errno != EINTR)
        return say_error(EXIT_FAILED, "epoll: %s", strerror(errno));
    for (int i = 0; i < ready; i++) {
        struct conn *conn = &run->conns[events[i].data.u32];
        int code = EXIT_DONE;
        if (events[i].events & ~(uint32_t)EPOLLOUT)
            code = conn_receive(conn);
        if (!code && (run->plan->rate == 0 || conn->wants_write))
            code = work(run, conn, load_now_ns());
        if (code)
            return code;
    }
    return EXIT_DONE;
}

/* Look after every connection: what is due, and whether it stalls. */
static int look_after(struct run *run, bool *is_open)
{
    int64_t now_ns = load_now_ns();
    *is_open = false;
    for (uint32_t i = 0; i < run->count; i++) {
        struct conn *conn = &run->conns[i];
        int code = work(run, conn, now_ns);
        if (!code)
            code = conn_check_stall(conn, now_ns);
        if (code)
            return code;
        *is_open |= conn_open_requests(conn) > 0 || (run->plan->rate > 0 && is_due_more(run, conn));
    }
    return EXIT_DONE;
}

static int loop(struct run *run)
{
    int64_t start_ns = load_now_ns();
    int64_t looked_ns = 0;
    bool is_open = true;
    run->measure_from_ns = start_ns + run->plan->warmup_ns;
    for (uint32_t i = 0; i < run->count; i++)
        run->conns[i].next_ns =
            start_ns + (run->plan->rate ? (int64_t)SECOND_NS * i / run->plan->rate : 0);
    while (run->phase != LOAD_DRAINS || is_open) {
        int64_t now_ns = load_now_ns();
        enter_phase(run, now_ns);
        if (sends_by_itself(run) || run->phase == LOAD_DRAINS || now_ns - looked_ns >= LOOK_NS) {
            int code = look_after(run, &is_open);
            if (code)
                return code;
            looked_ns = now_ns;
        }
        int code = run->phase != LOAD_DRAINS || is_open ? wait_for_events(run) : EXIT_DONE;
        if (code)
            return code;
    }
    return EXIT_DONE;
}

int load_run(const struct load_plan *plan, struct load_result *result)
{
    struct load_target *targets;
    uint32_t target_count;
    memset(result, 0, sizeof *result);
    int code = load_find_leaders(plan, &targets, &target_count);
    if (code)
        return code;
    prctl(PR_SET_TIMERSLACK, 1); /* Or a request leaves up to 50 microseconds late. */
    struct run run = {
        .plan = plan,
        .result = result,
        .epoll = epoll_create1(EPOLL_CLOEXEC),
        .count = plan->connections ? plan->connections : target_count,
    };
    run.conns = mem_zalloc(run.count * sizeof *run.conns);
    result->connections = run.count;
    result->partitions = run.count < target_count ? run.count : target_count;
    code = open_conns(&run, targets, target_count);
    if (!code)
        code = loop(&run);
    for (uint32_t i = 0; i < run.count; i++)
        conn_close(&run.conns[i]);
    close(run.epoll);
    mem_free(run.conns);
    mem_free(targets);
    return code;
}
