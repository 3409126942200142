/* probing.c -- the schedule of fresh probes, and the loop that moves them on. */
#include "probing.h"

#include <stdio.h>

#include "say.h"

enum {
    AGAIN_NS = 20000000,
    LATE_MAX_NS = 100000000, /* What is due longer is passed over, not sent in a burst. */
};

static void tell(struct probing *probing, struct probe *probe, enum err err, int64_t offset)
{
    struct history *history = probing->workload.history;
    if (err) {
        probing->failed++;
        history_failed(history, probing->number, probe->value,
                       probe->request.has_left ? err_name(err) : "_NOT_SENT");
    } else {
        probing->acked++;
        history_acked(history, probing->number, probe->value, offset);
    }
}

static void close_asks(struct probing *probing, struct probe *probe)
{
    for (uint32_t i = 0; i < probing->bootstrap_count; i++)
        exchange_close(&probe->asks[i]);
}

static void end_probe(struct probing *probing, struct probe *probe, enum err err, int64_t offset)
{
    tell(probing, probe, err, offset);
    probe->is_over = true;
    if (probing->kind->after)
        probing->kind->after(probing, probe, err);
    close_asks(probing, probe);
    exchange_close(&probe->request);
}

static bool asks(const struct probing *probing, const struct probe *probe)
{
    for (uint32_t i = 0; i < probing->bootstrap_count; i++)
        if (probe->asks[i].fd >= 0)
            return true;
    return false;
}

static void ask_later(struct probing *probing, struct probe *probe)
{
    close_asks(probing, probe);
    exchange_close(&probe->request);
    probe->again_ns = workload_now_ns() + AGAIN_NS;
}

/* Metadata of every bootstrap broker, side by side. */
static void ask_all(struct probing *probing, struct probe *probe)
{
    struct arena arena = {0};
    struct metadata_request request;
    metadata_request_init(&request);
    request.allow_auto_topic_creation = false;
    request.topics_count = probing->kind->asks_topic;
    request.topics = metadata_request_topic_new(&arena, 1);
    request.topics[0].name = str_from(probing->workload.topic);
    probe->again_ns = 0;
    for (uint32_t i = 0; i < probing->bootstrap_count; i++)
        if (!exchange_dial(&probe->asks[i], &probing->bootstrap[i]))
            exchange_ask(&probe->asks[i], WIRE_METADATA, PROBE_METADATA_VERSION, &request);
    arena_free(&arena);
    if (!asks(probing, probe))
        ask_later(probing, probe);
}

bool probing_begin(struct probing *probing, uint64_t subject, bool deletes)
{
    if (probing->open_count == PROBE_OPEN_MAX) {
        probing->passed_over++;
        return false;
    }
    struct probe *probe = mem_zalloc(sizeof *probe);
    for (uint32_t i = 0; i < PROBE_BOOTSTRAP_MAX; i++)
        probe->asks[i] = exchange_none();
    probe->request = exchange_none();
    probe->value = probing->next_value++;
    probe->subject = subject;
    probe->deletes = deletes;
    probing->open[probing->open_count++] = probe;
    uint32_t partition =
        probing->kind->asks_topic ? (uint32_t)subject : (uint32_t)probing->workload.partitions;
    int64_t began_ns =
        history_begin(probing->workload.history, probing->number, probe->value, partition);
    probe->deadline_ns = began_ns + PROBE_DEADLINE_NS;
    ask_all(probing, probe);
    return true;
}

const struct address *probing_broker(struct probing *probing,
                                     const struct metadata_response_broker *broker)
{
    char host[256];
    uint16_t port = (uint16_t)broker->port;
    snprintf(host, sizeof host, "%.*s", (int)broker->host.size, broker->host.data);
    for (uint32_t i = 0; i < probing->known_count; i++)
        if (probing->known[i].port == port && strcmp(probing->known[i].host, host) == 0)
            return &probing->known[i].address;
    struct address address;
    if (address_resolve(&address, host, port))
        return NULL;
    mem_grow(probing->known, probing->known_count, &probing->known_capacity);
    struct known_address *known = &probing->known[probing->known_count++];
    *known = (struct known_address){.port = port, .address = address};
    memcpy(known->host, host, sizeof host);
    return &known->address;
}

/* The first broker that answers decides where the request goes. */
static void take_metadata(struct probing *probing, struct probe *probe, struct exchange *answered,
                          struct client_reply *reply)
{
    struct arena arena = {0};
    struct metadata_response metadata;
    bool is_asked = !metadata_response_read(&metadata, reply->version, &reply->reader, &arena) &&
                    probing->kind->ask(probing, probe, &metadata, answered);
    arena_free(&arena);
    if (is_asked)
        close_asks(probing, probe);
    else
        ask_later(probing, probe);
}

static void step_request(struct probing *probing, struct probe *probe)
{
    struct client_reply reply;
    bool has_reply;
    enum err err = exchange_step(&probe->request, &reply, &has_reply);
    if (err && !probe->request.has_left) {
        ask_later(probing, probe);
    } else if (err) {
        end_probe(probing, probe, err, -1);
    } else if (has_reply) {
        struct arena arena = {0};
        int64_t offset = -1;
        err = probing->kind->take(probe, &reply, &arena, &offset);
        arena_free(&arena);
        client_reply_free(&reply);
        end_probe(probing, probe, err, offset);
    }
}

static void step(struct probing *probing, const struct polled *polled)
{
    struct probe *probe = polled->probe;
    struct client_reply reply;
    bool has_reply;
    if (polled->exchange->fd < 0)
        return; /* An earlier step closed it. */
    if (polled->exchange == &probe->request) {
        step_request(probing, probe);
        return;
    }
    enum err err = exchange_step(polled->exchange, &reply, &has_reply);
    if (err) {
        exchange_close(polled->exchange);
        if (!asks(probing, probe))
            ask_later(probing, probe);
    } else if (has_reply) {
        take_metadata(probing, probe, polled->exchange, &reply);
        client_reply_free(&reply);
    }
}

static void add_polled(struct probing *probing, struct probe *probe, struct exchange *exchange,
                       uint32_t *count)
{
    if (exchange->fd < 0)
        return;
    probing->fds[*count] = (struct pollfd){.fd = exchange->fd, .events = exchange_events(exchange)};
    probing->polled[(*count)++] = (struct polled){probe, exchange};
}

/* Wait until a descriptor is ready, or until `until_ns`, and move on what is. */
static void poll_probes(struct probing *probing, int64_t until_ns)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < probing->open_count; i++) {
        struct probe *probe = probing->open[i];
        for (uint32_t j = 0; j < probing->bootstrap_count; j++)
            add_polled(probing, probe, &probe->asks[j], &count);
        add_polled(probing, probe, &probe->request, &count);
    }
    probing->fds[count] = (struct pollfd){.fd = probing->workload.signals, .events = POLLIN};
    int64_t left_ns = until_ns - workload_now_ns();
    left_ns = left_ns > 0 ? left_ns : 0;
    struct timespec left = {.tv_sec = left_ns / 1000000000, .tv_nsec = left_ns % 1000000000};
    if (ppoll(probing->fds, count + 1, &left, NULL) <= 0)
        return;
    for (uint32_t i = 0; i < count; i++)
        if (probing->fds[i].revents)
            step(probing, &probing->polled[i]);
}

/* What time alone changes. */
static void check_times(struct probing *probing, int64_t now_ns)
{
    uint32_t count = probing->open_count; /* One that begins now has time. */
    for (uint32_t i = 0; i < count; i++) {
        struct probe *probe = probing->open[i];
        if (!probe->is_over && now_ns >= probe->deadline_ns)
            end_probe(probing, probe, ERR_REQUEST_TIMED_OUT, -1);
        else if (!probe->is_over && probe->again_ns && now_ns >= probe->again_ns)
            ask_all(probing, probe);
    }
}

static void sweep(struct probing *probing)
{
    for (uint32_t i = 0; i < probing->open_count;) {
        if (!probing->open[i]->is_over) {
            i++;
            continue;
        }
        mem_free(probing->open[i]);
        probing->open[i] = probing->open[--probing->open_count];
    }
}

/* When something is due without any answer: a probe, a try, a deadline, the history's flush. */
static int64_t next_time(const struct probing *probing, int64_t due_ns, int64_t now_ns)
{
    int64_t next_ns = now_ns + WORKLOAD_HISTORY_FLUSH_NS;
    if (!probing->workload.ends && due_ns < next_ns)
        next_ns = due_ns;
    for (uint32_t i = 0; i < probing->open_count; i++) {
        const struct probe *probe = probing->open[i];
        int64_t time_ns = probe->again_ns && probe->again_ns < probe->deadline_ns
                              ? probe->again_ns
                              : probe->deadline_ns;
        next_ns = time_ns < next_ns ? time_ns : next_ns;
    }
    return next_ns;
}

int probing_run(struct probing *probing)
{
    int code = EXIT_DONE;
    int64_t due_ns = workload_now_ns();
    while (!code && (!probing->workload.ends || probing->open_count > 0)) {
        int64_t now_ns = workload_now_ns();
        if (now_ns - due_ns > LATE_MAX_NS) {
            probing->passed_over += (uint64_t)((now_ns - due_ns) / probing->every_ns);
            due_ns = now_ns;
        }
        for (; !probing->workload.ends && due_ns <= now_ns; due_ns += probing->every_ns)
            probing_begin(probing, probing->kind->next(probing), false);
        poll_probes(probing, next_time(probing, due_ns, now_ns));
        check_times(probing, workload_now_ns());
        sweep(probing);
        code = workload_wait(&probing->workload, 0);
    }
    return code;
}
