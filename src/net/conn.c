/* conn.c -- accepted connections, from the first byte to the last: cut what comes into frames.
 *
 * Invariants
 * - At most one read a readiness event, into a slab that the next tick reuses.
 * - A frame's claimed size is checked against socket.request.max.bytes, and memory
 *   for it grows with what has arrived, never with what was claimed.
 * - Frames of one read wait too when the line or its replies are at their limit, which is low
 *   while the budget is spent. */
#include "conn.h"

#include "budget.h"
#include "node.h"
#include "request.h"

enum {
    PARTIAL_START = 64 * 1024,
    FRAME_SIZE_MIN = 8,
    STARVED_READ_SIZE = 4 * 1024, /* Of one read while the budget is spent. */
};

struct conn *conn_next(struct shard *shard, uint32_t *cursor)
{
    void *value;
    while (map_next(&shard->endpoints, cursor, &value)) {
        struct endpoint *endpoint = value;
        if (endpoint->conn)
            return endpoint->conn;
    }
    return NULL;
}

void conn_set_pause(struct shard *shard, struct conn *conn, enum conn_pause pause, bool on)
{
    uint8_t before = conn->pauses;
    conn->pauses = (uint8_t)(on ? before | pause : before & ~(unsigned)pause);
    if ((before == 0) != (conn->pauses == 0))
        env_want_read(shard->env, conn->id, conn->pauses == 0);
}

void conn_mark_dirty(struct shard *shard, struct conn *conn)
{
    if (list_is_empty(&conn->dirty))
        list_append(&shard->dirty_conns, &conn->dirty);
}

/* ---- Frames. */

static void partial_free(struct shard *shard, struct conn *conn)
{
    if (!conn->partial)
        return;
    if (shard->admitted == conn->id)
        shard->admitted = -1;
    budget_release(shard, conn->partial->capacity);
    buf_unref(conn->partial);
    conn->partial = NULL;
}

/* Make room for more of a frame of which `have` bytes are here. */
static void partial_grow(struct shard *shard, struct conn *conn)
{
    struct buf *old = conn->partial;
    uint32_t capacity = old ? old->capacity : 0;
    uint32_t start = budget_is_spent(shard) ? STARVED_READ_SIZE : PARTIAL_START;
    uint32_t room = capacity ? 2 * capacity : start;
    if (room > conn->partial_size)
        room = conn->partial_size;
    struct buf *grown = buf_new(room);
    budget_take(shard, room);
    if (old) {
        memcpy(grown->data, old->data, old->size);
        grown->size = old->size;
        budget_release(shard, capacity);
        buf_unref(old);
    }
    conn->partial = grown;
}

static bool frame_size_ok(struct shard *shard, struct conn *conn, uint32_t size)
{
    if (size >= FRAME_SIZE_MIN && size <= (uint32_t)shard->config->request_size_max)
        return true;
    trace_warn(
        shard->env->trace,
        "connection %d: frame of %d bytes, allowed are %d to socket.request.max.bytes=%d; closed",
        conn->id, (int32_t)size, FRAME_SIZE_MIN, shard->config->request_size_max);
    conn_close(shard, conn);
    return false;
}

/* `slice` borrowed; the request takes a reference of its own. */
static bool conn_frame(struct shard *shard, struct conn *conn, struct buf *buf, uint32_t from,
                       uint32_t size)
{
    struct slice frame = {.buf = buf_ref(buf), .bytes = {.data = buf->data + from, .size = size}};
    if (request_begin(shard, conn, frame))
        return true;
    conn_close(shard, conn);
    return false;
}

/* Keep what follows the last whole frame of a slab. */
static void conn_keep_rest(struct shard *shard, struct conn *conn, const uint8_t *rest,
                           uint32_t size)
{
    if (size < 4) {
        memcpy(conn->head, rest, size);
        conn->head_count = size;
        return;
    }
    conn->partial_size = load_be32(rest) + 4;
    while (!conn->partial || conn->partial->capacity < size)
        partial_grow(shard, conn);
    memcpy(conn->partial->data, rest, size);
    conn->partial->size = size;
}

static void conn_set_aside(struct shard *shard, struct conn *conn, const uint8_t *rest,
                           uint32_t size)
{
    check(!conn->rest);
    conn->rest = buf_new(size);
    memcpy(conn->rest->data, rest, size);
    conn->rest->size = size;
    budget_take(shard, size);
    budget_call_back(shard, conn);
    conn_set_pause(shard, conn, CONN_PAUSE_REST, true);
}

static void rest_free(struct shard *shard, struct conn *conn)
{
    if (!conn->rest)
        return;
    budget_release(shard, conn->rest->size);
    buf_unref(conn->rest);
    conn->rest = NULL;
}

static void conn_cut(struct shard *shard, struct conn *conn, struct buf *slab)
{
    uint32_t at = 0;
    while (slab->size - at >= 4) {
        if (conn_is_full(shard, conn)) {
            conn_set_aside(shard, conn, slab->data + at, slab->size - at);
            return;
        }
        uint32_t size = load_be32(slab->data + at);
        if (!frame_size_ok(shard, conn, size))
            return;
        if (slab->size - at - 4 < size)
            break;
        if (!conn_frame(shard, conn, slab, at + 4, size))
            return;
        at += 4 + size;
    }
    if (at < slab->size)
        conn_keep_rest(shard, conn, slab->data + at, slab->size - at);
}

static void conn_resume(struct shard *shard, struct conn *conn)
{
    struct buf *rest = buf_ref(conn->rest);
    rest_free(shard, conn);
    conn_set_pause(shard, conn, CONN_PAUSE_REST, false);
    conn_cut(shard, conn, rest);
    buf_unref(rest);
}

bool conn_resume_all(struct shard *shard)
{
    bool any = false;
    for (struct list *node; (node = list_take_first(&shard->resuming)); any = true)
        conn_resume(shard, list_entry(node, struct conn, resuming));
    return any;
}

static void conn_received_nothing(struct shard *shard, struct conn *conn, int64_t result)
{
    if (result == ERR_AGAIN)
        return;
    conn_close(shard, conn);
}

static void conn_read_slab(struct shard *shard, struct conn *conn)
{
    struct buf *slab = buf_pool_take(shard->slabs);
    memcpy(slab->data, conn->head, conn->head_count);
    bool is_short = !conn->internal && budget_is_spent(shard);
    uint32_t room = is_short ? STARVED_READ_SIZE : slab->capacity - conn->head_count;
    int64_t got = env_recv(shard->env, conn->id, slab->data + conn->head_count, room);
    if (got > 0) {
        slab->size = conn->head_count + (uint32_t)got;
        conn->head_count = 0;
        conn_cut(shard, conn, slab);
    } else {
        conn_received_nothing(shard, conn, got);
    }
    buf_unref(slab);
}

static void conn_read_partial(struct shard *shard, struct conn *conn)
{
    if (conn->partial->size == conn->partial->capacity)
        partial_grow(shard, conn);
    struct buf *partial = conn->partial;
    int64_t got = env_recv(shard->env, conn->id, partial->data + partial->size,
                           partial->capacity - partial->size);
    if (got <= 0) {
        conn_received_nothing(shard, conn, got);
        return;
    }
    partial->size += (uint32_t)got;
    if (partial->size < conn->partial_size)
        return;
    buf_ref(partial);
    partial_free(shard, conn);
    conn_frame(shard, conn, partial, 4, partial->size - 4);
    buf_unref(partial);
}

void conn_readable(struct shard *shard, struct conn *conn)
{
    if (conn->closing || conn->pauses || !budget_admits(shard, conn))
        return;
    conn->last_active = shard->now;
    if (conn->partial)
        conn_read_partial(shard, conn);
    else
        conn_read_slab(shard, conn);
    if (conn->line_count >= CONN_INFLIGHT_MAX)
        conn_set_pause(shard, conn, CONN_PAUSE_LINE, true);
}

void conn_writable(struct shard *shard, struct conn *conn)
{
    conn->blocked = false;
    conn->last_active = shard->now;
    conn_mark_dirty(shard, conn);
}

/* ---- Life. */

void conn_accept(struct shard *shard, conn_id id, uint32_t listener)
{
    struct conn *conn = mem_zalloc(sizeof *conn);
    conn->id = id;
    conn->listener = listener;
    conn->internal = shard->config->listeners[listener].internal;
    conn->last_active = shard->now;
    list_init(&conn->line);
    list_init(&conn->dirty);
    list_init(&conn->starved);
    list_init(&conn->cut_short);
    list_init(&conn->resuming);
    list_init(&conn->watches);
    struct endpoint *endpoint = mem_zalloc(sizeof *endpoint);
    endpoint->conn = conn;
    map_put(&shard->endpoints, &id, endpoint);
    shard->conn_count++;
    shard->client_count += !conn->internal;
    shard->counters.connections_accepted++;
    if (!conn->internal && !shard->serving)
        conn_set_pause(shard, conn, CONN_PAUSE_SERVING, true);
    if (!conn->internal && shard->client_count > (uint32_t)shard->config->connections_max) {
        trace_warn(shard->env->trace, "connection %d: over max.connections=%d; closed", id,
                   shard->config->connections_max);
        conn_close(shard, conn);
    }
}

void conn_close(struct shard *shard, struct conn *conn)
{
    conn->closing = true;
    conn_mark_dirty(shard, conn);
}

static void conn_free(struct shard *shard, struct conn *conn)
{
    env_hang_up(shard->env, conn->id);
    list_remove(&conn->dirty);
    list_remove(&conn->starved); /* Before its budget is released: nobody may read from it. */
    list_remove(&conn->cut_short);
    list_remove(&conn->resuming);
    for (struct list *node; (node = list_take_first(&conn->watches));) {
        struct conn_watch *watch = list_entry(node, struct conn_watch, link);
        watch->closed(shard, watch);
    }
    partial_free(shard, conn);
    rest_free(shard, conn);
    conn_free_line(shard, conn);
    mem_free(map_remove(&shard->endpoints, &conn->id));
    shard->conn_count--;
    shard->client_count -= !conn->internal;
    mem_free(conn);
}

void conn_flush_all(struct shard *shard)
{
    if (!list_is_empty(&shard->dirty_conns))
        shard->sent_us = env_mono_us(shard->env);
    for (struct list *node; (node = list_take_first(&shard->dirty_conns));) {
        struct conn *conn = list_entry(node, struct conn, dirty);
        conn_flush(shard, conn);
        if (conn->closing)
            conn_free(shard, conn);
    }
}

void conn_set_serving(struct shard *shard, bool serving)
{
    shard->serving = serving;
    uint32_t cursor = 0;
    for (struct conn *conn; (conn = conn_next(shard, &cursor));)
        if (!conn->internal) {
            conn_set_pause(shard, conn, CONN_PAUSE_SERVING, !serving);
            conn_mark_dirty(shard, conn); /* What it sent before may go on. */
        }
}

void conn_reap_idle(struct shard *shard, mono_ms now)
{
    uint32_t cursor = 0;
    if (shard->config->connections_max_idle_ms < 0)
        return;
    for (struct conn *conn; (conn = conn_next(shard, &cursor));)
        if ((conn->line_count == 0 || conn->blocked) && /* Or its replies are not taken. */
            now - conn->last_active > shard->config->connections_max_idle_ms)
            conn_close(shard, conn);
}

void conn_close_all(struct shard *shard)
{
    uint32_t cursor = 0;
    for (struct conn *conn; (conn = conn_next(shard, &cursor)); cursor = 0)
        conn_free(shard, conn);
}
