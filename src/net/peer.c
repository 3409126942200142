/* peer.c -- dial, keep up, match replies to calls, fail all calls together. */
#include "peer.h"

#include "node.h"

enum { PEER_REPLY_SIZE_MAX = 64 * 1024 * 1024, OUTPUT_PARTS = 16 };

struct peer_call {
    struct list link;
    int32_t correlation_id;
    mono_ms deadline;
    peer_done *done;
    void *context;
};

static void peer_fire(struct timer *timer, mono_ms now);

void peer_init(struct shard *shard, struct peer *peer, node_id node,
               const struct env_address *address)
{
    *peer = (struct peer){.shard = shard, .node = node, .address = *address, .conn = -1};
    peer->timer.fire = peer_fire;
    list_init(&peer->calls);
    list_init(&peer->dirty_link);
}

static void peer_forget_conn(struct peer *peer)
{
    if (peer->conn < 0)
        return;
    mem_free(map_remove(&peer->shard->endpoints, &peer->conn));
    peer->conn = -1;
    peer->up = false;
    peer->blocked = false;
}

static void peer_free_calls(struct list *calls, struct shard *shard, enum err why)
{
    for (struct list *node; (node = list_take_first(calls));) {
        struct peer_call *call = list_entry(node, struct peer_call, link);
        call->done(shard, call->context, why, NULL);
        mem_free(call);
    }
}

void peer_free(struct peer *peer)
{
    if (peer->conn >= 0)
        env_hang_up(peer->shard->env, peer->conn);
    peer_forget_conn(peer);
    timer_stop(&peer->shard->timers, &peer->timer);
    list_remove(&peer->dirty_link);
    peer_free_calls(&peer->calls, peer->shard, ERR_CLOSED);
    client_close(peer->client);
    peer->client = NULL;
}

/* The connection is over: every open call fails, and a later one dials anew. */
static void peer_fail(struct peer *peer, enum err why)
{
    struct list calls;
    list_init(&calls);
    for (struct list *node; (node = list_take_first(&peer->calls));)
        list_append(&calls, node);
    peer->call_count = 0;
    client_close(peer->client);
    peer->client = NULL;
    if (peer->up && why == ERR_CLOSED)
        suspects_lost(peer->shard, peer->node);
    peer_forget_conn(peer);
    peer->dial_after = peer->shard->now + PEER_BACKOFF_MS;
    timer_stop(&peer->shard->timers, &peer->timer);
    if (peer->changed)
        peer->changed(peer->shard, peer, why);
    peer_free_calls(&calls, peer->shard, why);
}

void peer_drop(struct peer *peer, enum err why)
{
    if (peer->conn >= 0)
        env_hang_up(peer->shard->env, peer->conn);
    peer_fail(peer, why);
}

void peer_set_address(struct peer *peer, const struct env_address *address)
{
    bool same =
        strcmp(peer->address.host, address->host) == 0 && peer->address.port == address->port;
    peer->address = *address;
    if (same)
        return;
    if (peer->conn >= 0 || peer->call_count > 0)
        peer_drop(peer, ERR_CLOSED);
    peer->dial_after = peer->shard->now; /* It was the old address that failed. */
}

static void peer_arm(struct peer *peer)
{
    mono_ms due = MONO_NEVER;
    if (!list_is_empty(&peer->calls))
        due = list_entry(peer->calls.next, struct peer_call, link)->deadline;
    if (peer->conn < 0 && peer->call_count > 0 && peer->dial_after < due)
        due = peer->dial_after;
    if (due == MONO_NEVER)
        timer_stop(&peer->shard->timers, &peer->timer);
    else
        timer_start(&peer->shard->timers, &peer->timer, due);
}

static void peer_dial(struct peer *peer)
{
    peer->conn = env_dial(peer->shard->env, &peer->address);
    struct endpoint *endpoint = mem_zalloc(sizeof *endpoint);
    endpoint->peer = peer;
    map_put(&peer->shard->endpoints, &peer->conn, endpoint);
}

static void peer_mark_dirty(struct peer *peer)
{
    if (list_is_empty(&peer->dirty_link))
        list_append(&peer->shard->dirty_peers, &peer->dirty_link);
}

static void peer_fire(struct timer *timer, mono_ms now)
{
    struct peer *peer = list_entry(timer, struct peer, timer);
    if (!list_is_empty(&peer->calls) &&
        list_entry(peer->calls.next, struct peer_call, link)->deadline <= now) {
        peer_drop(peer, ERR_REQUEST_TIMED_OUT);
        return;
    }
    if (peer->conn < 0 && peer->call_count > 0)
        peer_dial(peer);
    peer_arm(peer);
}

enum err peer_call(struct peer *peer, int16_t api_key, int16_t version, const void *request,
                   int32_t timeout_ms, peer_done *done, void *context)
{
    if (peer->call_count == PEER_CALLS_MAX || peer->shard->closing)
        return ERR_BUSY;
    if (!peer->client)
        client_open(&peer->client, STR("skiff"), PEER_REPLY_SIZE_MAX);
    struct peer_call *call = mem_zalloc(sizeof *call);
    list_init(&call->link);
    call->correlation_id = client_send(peer->client, api_key, version, request);
    call->deadline = peer->shard->now + timeout_ms;
    call->done = done;
    call->context = context;
    list_append(&peer->calls, &call->link);
    peer->call_count++;
    if (peer->conn < 0 && peer->shard->now >= peer->dial_after)
        peer_dial(peer);
    peer_mark_dirty(peer);
    peer_arm(peer);
    return ERR_NONE;
}

void peer_dialed(struct shard *shard, struct peer *peer, enum err result)
{
    if (result != ERR_NONE) {
        peer_fail(peer, result);
        return;
    }
    peer->up = true;
    suspects_answered(shard, peer->node);
    peer_mark_dirty(peer);
    if (peer->changed)
        peer->changed(peer->shard, peer, ERR_NONE);
}

/* Hand over every whole reply. A call's end may drop the connection. */
static void peer_take_replies(struct peer *peer)
{
    struct client_reply reply;
    while (peer->client && client_take(peer->client, &reply)) {
        struct peer_call *call = list_entry(list_take_first(&peer->calls), struct peer_call, link);
        peer->call_count--;
        peer_arm(peer);
        check(call->correlation_id == reply.correlation_id);
        call->done(peer->shard, call->context, ERR_NONE, &reply);
        mem_free(call);
        client_reply_free(&reply);
    }
}

void peer_readable(struct shard *shard, struct peer *peer)
{
    if (!peer->client)
        client_open(&peer->client, STR("skiff"), PEER_REPLY_SIZE_MAX);
    uint8_t *into;
    uint32_t room;
    client_input(peer->client, &into, &room);
    int64_t got = env_recv(shard->env, peer->conn, into, room);
    if (got == ERR_AGAIN)
        return;
    if (got <= 0) {
        peer_drop(peer, ERR_CLOSED);
        return;
    }
    if (client_received(peer->client, (uint32_t)got) != ERR_NONE) {
        peer_drop(peer, ERR_CORRUPT);
        return;
    }
    peer_take_replies(peer);
}

static void peer_flush(struct peer *peer)
{
    if (!peer->up || peer->blocked || !peer->client)
        return;
    struct bytes parts[OUTPUT_PARTS];
    for (uint32_t count; (count = client_output(peer->client, parts, OUTPUT_PARTS)) > 0;) {
        int64_t sent = env_send(peer->shard->env, peer->conn, parts, count, false);
        if (sent == ERR_AGAIN) {
            peer->blocked = true;
            return;
        }
        if (sent < 0) {
            peer_drop(peer, ERR_CLOSED);
            return;
        }
        client_sent(peer->client, (uint32_t)sent);
        uint64_t wanted = 0;
        for (uint32_t i = 0; i < count; i++)
            wanted += parts[i].size;
        if ((uint64_t)sent < wanted) {
            peer->blocked = true;
            return;
        }
    }
}

void peer_flush_all(struct shard *shard)
{
    for (struct list *node; (node = list_take_first(&shard->dirty_peers));)
        peer_flush(list_entry(node, struct peer, dirty_link));
}
