/* shard.c -- the tick: inbox, letters, timers, then writes, sends and letters.
 *
 * Nothing else in the broker runs on its own. A platform delivers events and
 * ticks; everything that a core owes the world leaves in shard_flush(). */
#include "shard.h"

#include "api/state.h"
#include "broker.h"
#include "controller_link.h"
#include "http/http.h"
#include "identity.h"
#include "node.h"
#include "office.h"
#include "partitions.h"
#include "quorum.h"
#include "request.h"
#include "watcher.h"

enum { SLABS_IDLE_MAX = 8, IDLE_CHECK_MS = 60 * 1000 };

static void shard_open_mail(struct shard *shard);

static void shard_check_idle(struct timer *timer, mono_ms now)
{
    struct shard *shard = list_entry(timer, struct shard, idle_timer);
    conn_reap_idle(shard, now);
    timer_start(&shard->timers, timer, now + IDLE_CHECK_MS);
}

static void shard_init(struct shard *shard, const struct config *config, uint32_t index,
                       struct env *env)
{
    *shard = (struct shard){.config = config,
                            .started_with = config,
                            .env = env,
                            .index = index,
                            .admitted = -1,
                            .broker_epoch = -1};
    shard->now = env_mono(env);
    rand_init(&shard->rand, env_random(env));
    list_init(&shard->mail);
    list_init(&shard->starved);
    list_init(&shard->waiting);
    list_init(&shard->cut_short);
    list_init(&shard->resuming);
    list_init(&shard->dirty_conns);
    list_init(&shard->dirty_peers);
    timers_init(&shard->timers);
    map_init(&shard->endpoints, sizeof(conn_id));
    shard->slabs = buf_pool_open(CONN_SLAB_SIZE, SLABS_IDLE_MAX);
    shard->codec_reader = codec_reader_open();
    shard->codec_writer = codec_writer_open();
    spare_init(&shard->requests, REQUEST_BLOCK_SIZE, REQUESTS_KEPT);
    conn_open_places(shard);
    shard->image = image_new();
    shard->http = http_open(shard);
    shard->idle_timer.fire = shard_check_idle;
    timer_start(&shard->timers, &shard->idle_timer, shard->now + IDLE_CHECK_MS);
}

enum err shard_open(struct shard **out, const struct config *config, uint32_t index,
                    struct env *env)
{
    struct shard *shard = mem_zalloc(sizeof *shard);
    shard_init(shard, config, index, env);
    shard->controller = controller_link_open(shard);
    api_state_open(shard);
    enum err result =
        index == 0 ? identity_open(shard) : ERR_NONE; /* Before anything is touched. */
    if (result == ERR_NONE)
        result = partitions_open(shard);
    if (result == ERR_NONE && index == 0) {
        shard->office = office_open(shard);
        shard->broker = broker_open(shard);
        result = quorum_open(shard);
    }
    if (result != ERR_NONE) {
        shard_close(shard);
        return result;
    }
    *out = shard;
    return ERR_NONE;
}

/* Everything that waits is answered, to connections that are gone: so each request, letter
 * and call ends on its own path and frees what it owns. */
static void shard_end_waits(struct shard *shard)
{
    request_end_waits(shard);
    if (shard->partitions)
        partitions_end_waits(shard->partitions);
    if (shard->quorum)
        quorum_end_waits(shard->quorum);
    shard_open_mail(shard);
    broker_close(shard->broker);
    controller_link_close(shard->controller);
    api_state_end_waits(shard);
    shard_open_mail(shard);
}

void shard_close(struct shard *shard)
{
    shard->closing = true;
    conn_close_all(shard);
    http_close_conns(shard->http);
    shard_end_waits(shard);
    if (shard->index == 0) {
        office_close(shard->office);
        quorum_close(shard->quorum);
    }
    api_state_close(shard);
    partitions_close(shard->partitions);
    check(shard->group_memory.kept == 0); /* All that was counted was given back. */
    image_unref(shard->image);
    http_close(shard->http);
    timers_free(&shard->timers);
    map_free(&shard->endpoints);
    buf_pool_close(shard->slabs);
    codec_reader_close(shard->codec_reader);
    codec_writer_close(shard->codec_writer);
    spare_free(&shard->requests);
    spare_free(&shard->places);
    mem_free(shard->events);
    mem_free(shard->altered);
    mem_free(shard);
}

void shard_deliver(struct shard *shard, const struct env_event *event)
{
    mem_grow(shard->events, shard->event_count, &shard->event_capacity);
    shard->events[shard->event_count++] = *event;
}

static void shard_take_socket(struct shard *shard, const struct env_event *event)
{
    struct endpoint *endpoint = map_get(&shard->endpoints, &event->conn);
    if (!endpoint)
        return; /* Hung up while the event was on its way. */
    if (endpoint->watcher) {
        watcher_dialed(shard, endpoint->watcher, event->result);
        return;
    }
    if (endpoint->conn) {
        if (event->kind == ENV_READABLE)
            conn_readable(shard, endpoint->conn);
        else
            conn_writable(shard, endpoint->conn);
        return;
    }
    if (endpoint->http) {
        if (event->kind == ENV_READABLE)
            http_readable(shard, endpoint->http);
        else
            http_writable(shard, endpoint->http);
        return;
    }
    struct peer *peer = endpoint->peer;
    if (event->kind == ENV_DIALED) {
        peer_dialed(shard, peer, event->result);
    } else if (event->kind == ENV_READABLE) {
        peer_readable(shard, peer);
    } else {
        peer->blocked = false;
        if (list_is_empty(&peer->dirty_link))
            list_append(&shard->dirty_peers, &peer->dirty_link);
    }
}

static void shard_take_synced(struct shard *shard, const struct env_event *event)
{
    /* The quorum first: it looks again at what it waits for, the identity's sync included. */
    if (shard->index == 0 && (quorum_synced(shard->quorum, event->ticket, event->result) ||
                              identity_synced(shard, event->ticket, event->result)))
        return;
    partitions_synced(shard->partitions, event->ticket, event->result);
}

static void shard_take(struct shard *shard, const struct env_event *event)
{
    switch (event->kind) {
    case ENV_ACCEPTED:
        if (shard->config->listeners[event->listener].http)
            http_accept(shard, event->conn);
        else
            conn_accept(shard, event->conn, event->listener);
        break;
    case ENV_DIALED:
    case ENV_READABLE:
    case ENV_WRITABLE:
        shard_take_socket(shard, event);
        break;
    case ENV_SYNCED:
        shard_take_synced(shard, event);
        break;
    case ENV_LOADED:
        partitions_loaded(shard->partitions, event->ticket);
        break;
    case ENV_LETTER:
        list_append(&shard->mail, &event->letter->link);
        break;
    case ENV_STOP:
        if (shard->broker)
            broker_stop(shard->broker);
        break;
    }
}

static void shard_open_mail(struct shard *shard)
{
    for (struct list *node; (node = list_take_first(&shard->mail));) {
        struct letter *letter = list_entry(node, struct letter, link);
        letter->open(shard, letter);
    }
}

static void shard_take_inbox(struct shard *shard)
{
    /* What arrives while this runs (a platform may deliver from within) is taken too. */
    for (uint32_t i = 0; i < shard->event_count; i++) {
        struct env_event event = shard->events[i];
        shard_take(shard, &event);
        shard_open_mail(shard);
    }
    shard->event_count = 0;
    shard_open_mail(shard);
}

/* Writes first: they make replies, and replies make sends. */
static void shard_flush_cores(struct shard *shard)
{
    do {
        if (shard->quorum)
            quorum_flush(shard->quorum);
        partitions_flush(shard->partitions);
        shard_open_mail(shard);
    } while (partitions_are_dirty(shard->partitions) ||
             (shard->quorum && quorum_is_dirty(shard->quorum)));
}

/* A send that failed ended calls, and what these left behind is due in this tick, too. */
static bool shard_is_restless(const struct shard *shard)
{
    return !list_is_empty(&shard->mail) || !list_is_empty(&shard->dirty_peers) ||
           !list_is_empty(&shard->dirty_conns) || partitions_are_dirty(shard->partitions) ||
           (shard->quorum && quorum_is_dirty(shard->quorum));
}

static void shard_flush(struct shard *shard)
{
    http_step(shard);
    do {
        shard_flush_cores(shard);
        peer_flush_all(shard);
        conn_flush_all(shard);
    } while (conn_resume_all(shard) || request_resume_all(shard) || shard_is_restless(shard));
}

void shard_tick(struct shard *shard, mono_ms now)
{
    check(now >= shard->now);
    shard->now = now;
    shard->now_us = env_mono_us(shard->env);
    if (shard->broker)
        broker_begin_tick(shard->broker);
    shard_open_mail(shard);
    shard_take_inbox(shard);
    timers_fire(&shard->timers, now);
    shard_open_mail(shard);
    shard_flush(shard);
    if (partitions_work(shard->partitions)) /* What others wait for has left. */
        shard_flush(shard);
    durations_add(&shard->counters.ticks, env_mono_us(shard->env) - shard->now_us);
}

mono_ms shard_deadline(const struct shard *shard)
{
    if (!list_is_empty(&shard->mail) || shard->event_count > 0 ||
        partitions_work_goes_on(shard->partitions))
        return shard->now;
    return timers_next(&shard->timers);
}

bool shard_is_stopped(const struct shard *shard)
{
    return shard->stopped;
}

bool node_address(struct shard *shard, node_id id, struct env_address *out)
{
    /* The configuration first: what a broker registered is of its last start, and cannot be
     * corrected by one that is looked for at its old place. */
    for (uint32_t i = 0; i < shard->config->voter_count; i++)
        if (shard->config->voters[i].id == id) {
            *out = shard->config->voters[i].address;
            return true;
        }
    const struct image_broker *broker = image_broker(shard->image, id);
    const struct record_endpoint *endpoint =
        broker ? image_endpoint(broker, (struct str){0}) : NULL;
    if (endpoint && endpoint->host.size < sizeof out->host) {
        memcpy(out->host, endpoint->host.data, endpoint->host.size);
        out->host[endpoint->host.size] = '\0';
        out->port = endpoint->port;
        return true;
    }
    return false;
}
