/* conn.c -- accepted connections: cut frames, keep the line, send replies.
 *
 * Invariants
 * - The oldest place of the line is the only one that sends; a ready reply behind
 *   an open one waits, so replies leave in the order of their requests.
 * - At most one read a readiness event, into a slab that the next tick reuses.
 * - A frame's claimed size is checked against socket.request.max.bytes, and memory
 *   for it grows with what has arrived, never with what was claimed.
 * - Frames of one read wait too when the line or its replies are at their limit. */
#include "conn.h"

#include "node.h"
#include "request.h"

enum {
    PARTIAL_START = 64 * 1024,
    FRAME_SIZE_MIN = 8,
    STARVED_READ_SIZE = 4 * 1024, /* Of one read while the budget is spent. */
    STALL_CHECK_MS = 500,         /* While somebody waits for the budget. */
    STALL_MAX_MS = 2000,          /* Without a byte of a frame that holds some of it. */
    UNREAD_MAX_MS = 10000,        /* Without a byte taken of replies that do. */
};

struct place {
    struct list link;
    uint64_t number;
    int64_t began_us; /* When the tick began that read the request. */
    uint32_t kind;
    bool ready;
    struct reply reply;
    uint32_t sent;        /* Bytes of reply.bytes that have left. */
    uint32_t splice;      /* Next splice. */
    uint32_t splice_sent; /* Bytes of it that have left. */
};

void reply_free(struct shard *shard, struct reply *reply)
{
    for (uint32_t i = 0; i < reply->frame.splice_count; i++)
        env_close(shard->env, reply->frame.splices[i].file);
    if (reply->frame.head)
        wire_frame_free(&reply->frame);
    if (reply->exceeds)
        shard->exceeding = false;
    budget_release(shard, reply->held);
    *reply = (struct reply){0};
}

static struct conn *conn_find(struct shard *shard, conn_id id)
{
    struct endpoint *endpoint = map_get(&shard->endpoints, &id);
    return endpoint && endpoint->conn ? endpoint->conn : NULL;
}

static void conn_set_pause(struct shard *shard, struct conn *conn, enum conn_pause pause, bool on)
{
    uint8_t before = conn->pauses;
    conn->pauses = (uint8_t)(on ? before | pause : before & ~(unsigned)pause);
    if ((before == 0) != (conn->pauses == 0))
        env_want_read(shard->env, conn->id, conn->pauses == 0);
}

static void conn_mark_dirty(struct shard *shard, struct conn *conn)
{
    if (list_is_empty(&conn->dirty))
        list_append(&shard->dirty_conns, &conn->dirty);
}

/* ---- Budget of the bytes of requests and replies. */

static bool budget_is_spent(const struct shard *shard)
{
    return shard->inflight_size >= (uint64_t)shard->config->inflight_size_max;
}

void budget_take(struct shard *shard, uint64_t size)
{
    shard->inflight_size += size;
}

void budget_release(struct shard *shard, uint64_t size)
{
    check(shard->inflight_size >= size);
    shard->inflight_size -= size;
    if (budget_is_spent(shard) && shard->admitted != -1)
        return;
    for (struct list *node; (node = list_take_first(&shard->starved));) {
        struct conn *conn = list_entry(node, struct conn, starved);
        conn_set_pause(shard, conn, CONN_PAUSE_BUDGET, false);
        conn->last_active = shard->now; /* It was not heard. */
        if (budget_is_spent(shard))
            return; /* The first in line alone, to be the one that may exceed it. */
    }
}

static struct conn *conn_next(struct shard *shard, uint32_t *cursor);

bool budget_has_room(const struct shard *shard, uint64_t size)
{
    return size <= BUDGET_SMALL_SIZE || !budget_is_spent(shard);
}

/* Others wait for what a peer holds that began a frame and then fell silent, or that does not read
 * what it asked for. */
static const char *stall_of(const struct conn *conn, mono_ms now)
{
    if (conn->partial && !conn->pauses && now - conn->last_active > STALL_MAX_MS)
        return "silent in the middle of a frame";
    if (conn->blocked && !conn->internal && conn->output_size > CONN_OUTPUT_SPENT &&
        now - conn->last_active > UNREAD_MAX_MS)
        return "does not read its replies";
    return NULL;
}

static void budget_check_stalls(struct timer *timer, mono_ms now)
{
    struct shard *shard = list_entry(timer, struct shard, stall_timer);
    uint32_t cursor = 0;
    if (list_is_empty(&shard->starved) && list_is_empty(&shard->waiting))
        return;
    for (struct conn *conn; (conn = conn_next(shard, &cursor));) {
        const char *stall = stall_of(conn, now);
        if (!stall)
            continue;
        trace_warn(shard->env->trace,
                   "connection %d: %s while queued.max.request.bytes=%lld is spent; closed",
                   conn->id, stall, (long long)shard->config->inflight_size_max);
        conn_close(shard, conn);
    }
    timer_start(&shard->timers, timer, now + STALL_CHECK_MS);
}

void budget_watch(struct shard *shard)
{
    if (!list_is_empty(&shard->starved) || !list_is_empty(&shard->waiting))
        return;
    shard->stall_timer.fire = budget_check_stalls;
    timer_start(&shard->timers, &shard->stall_timer, shard->now + STALL_CHECK_MS);
}

/* A budget that is spent holds back frames that have begun, one excepted: two half-read frames
 * could wait for each other for ever. Small requests pass, a few kilobytes at a time, or a few
 * peers with half of a large frame would stop all others. Nodes are always read: what clients
 * hold may wait for a follower's fetch, or for a heartbeat. */
static bool budget_admits(struct shard *shard, struct conn *conn)
{
    if (conn->internal || !conn->partial || !budget_is_spent(shard))
        return true;
    if (shard->admitted == -1)
        shard->admitted = conn->id;
    if (shard->admitted == conn->id)
        return true;
    conn_set_pause(shard, conn, CONN_PAUSE_BUDGET, true);
    budget_watch(shard);
    if (list_is_empty(&conn->starved))
        list_append(&shard->starved, &conn->starved);
    return false;
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

static uint64_t output_max(const struct shard *shard, const struct conn *conn)
{
    return !conn->internal && budget_is_spent(shard) ? CONN_OUTPUT_SPENT : CONN_OUTPUT_MAX;
}

/* No more requests of it now: the peer does not read its replies, or asks faster than we answer. */
static bool conn_is_full(const struct shard *shard, const struct conn *conn)
{
    return conn->line_count >= CONN_INFLIGHT_MAX || conn->output_size > output_max(shard, conn);
}

static void conn_set_aside(struct shard *shard, struct conn *conn, const uint8_t *rest,
                           uint32_t size)
{
    check(!conn->rest);
    conn->rest = buf_new(size);
    memcpy(conn->rest->data, rest, size);
    conn->rest->size = size;
    budget_take(shard, size);
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

/* ---- Replies. */

void conn_open_places(struct shard *shard)
{
    spare_init(&shard->places, sizeof(struct place), REQUESTS_KEPT);
}

uint64_t conn_take_place(struct shard *shard, struct conn *conn, uint32_t kind)
{
    struct place *place = spare_take(&shard->places);
    list_init(&place->link);
    place->number = conn->next_place++;
    place->began_us = shard->now_us;
    place->kind = kind;
    list_append(&conn->line, &place->link);
    conn->line_count++;
    return place->number;
}

void conn_answer(struct shard *shard, conn_id id, uint64_t number, struct reply *reply)
{
    struct conn *conn = conn_find(shard, id);
    if (!conn) {
        reply_free(shard, reply);
        return;
    }
    struct list *node, *after;
    list_each (node, after, &conn->line) {
        struct place *place = list_entry(node, struct place, link);
        if (place->number != number)
            continue;
        check(!place->ready);
        place->ready = true;
        place->reply = *reply;
        *reply = (struct reply){0};
        conn->output_size += place->reply.frame.size;
        place->reply.held = place->reply.frame.head ? place->reply.frame.head->capacity : 0;
        budget_take(shard, place->reply.held);
        if (!conn->blocked)
            conn->last_active = shard->now; /* There was nothing for it to read until now. */
        conn_set_pause(shard, conn, CONN_PAUSE_OUTPUT, conn->output_size > output_max(shard, conn));
        conn_mark_dirty(shard, conn);
        return;
    }
    check(false); /* A place stays until its reply has left. */
}

static void place_free(struct shard *shard, struct conn *conn, struct place *place)
{
    list_remove(&place->link);
    conn->line_count--;
    reply_free(shard, &place->reply);
    spare_give(&shard->places, place);
}

/* Its reply has left; how long that took is known to the tick. */
static void place_done(struct shard *shard, struct conn *conn, struct place *place)
{
    durations_add(&shard->counters.requests[place->kind], shard->sent_us - place->began_us);
    place_free(shard, conn, place);
}

/* Bytes before the next splice, or to the end. */
static struct bytes place_run(const struct place *place)
{
    const struct wire_frame *frame = &place->reply.frame;
    uint32_t end =
        place->splice < frame->splice_count ? frame->splices[place->splice].at : frame->head->size;
    return (struct bytes){.data = frame->head->data + place->sent, .size = end - place->sent};
}

static int64_t place_send_splice(struct shard *shard, struct conn *conn, struct place *place)
{
    const struct wire_splice *splice = &place->reply.frame.splices[place->splice];
    uint32_t left = splice->size - place->splice_sent;
    return env_send_file(shard->env, conn->id, splice->file, splice->position + place->splice_sent,
                         left);
}

/* One step of one reply; false: the socket is full or gone. */
static bool place_step(struct shard *shard, struct conn *conn, struct place *place)
{
    struct bytes run = place_run(place);
    int64_t sent = run.size ? env_send(shard->env, conn->id, &run, 1,
                                       place->splice < place->reply.frame.splice_count)
                            : place_send_splice(shard, conn, place);
    if (sent == ERR_AGAIN || sent == 0) {
        conn->blocked = true;
        return false;
    }
    if (sent < 0) {
        conn_close(shard, conn);
        return false;
    }
    conn->output_size -= (uint64_t)sent;
    if (run.size) {
        place->sent += (uint32_t)sent;
        conn->blocked = (uint32_t)sent < run.size;
        return !conn->blocked;
    }
    place->splice_sent += (uint32_t)sent;
    if (place->splice_sent < place->reply.frame.splices[place->splice].size) {
        conn->blocked = true;
        return false;
    }
    place->splice++;
    place->splice_sent = 0;
    return true;
}

static bool place_is_sent(const struct place *place)
{
    if (!place->reply.frame.head)
        return true;
    return place->splice == place->reply.frame.splice_count &&
           place->sent == place->reply.frame.head->size;
}

enum { GATHER_MAX = 64 };

/* All plain replies at the head of the line leave in one system call. */
static bool line_send_gathered(struct shard *shard, struct conn *conn)
{
    struct bytes parts[GATHER_MAX];
    uint32_t count = 0;
    uint64_t total = 0;
    struct list *node, *after;
    list_each (node, after, &conn->line) {
        struct place *place = list_entry(node, struct place, link);
        if (!place->ready || place->reply.close || place->reply.frame.splice_count > 0 ||
            count == GATHER_MAX)
            break;
        if (!place->reply.frame.head)
            continue;
        parts[count++] = place_run(place);
        total += parts[count - 1].size;
    }
    if (count < 2)
        return true;
    int64_t sent = env_send(shard->env, conn->id, parts, count, false);
    if (sent < 0 && sent != ERR_AGAIN) {
        conn_close(shard, conn);
        return false;
    }
    uint64_t left = sent > 0 ? (uint64_t)sent : 0;
    conn->output_size -= left;
    conn->blocked = left < total;
    list_each (node, after, &conn->line) {
        struct place *place = list_entry(node, struct place, link);
        if (count == 0)
            break;
        if (place->reply.frame.head) {
            uint32_t run = place_run(place).size;
            uint32_t step = left < run ? (uint32_t)left : run;
            place->sent += step;
            left -= step;
            count--;
            if (!place_is_sent(place))
                break;
        }
        place_done(shard, conn, place);
    }
    return !conn->blocked;
}

static void conn_flush(struct shard *shard, struct conn *conn)
{
    while (!conn->blocked && !conn->closing && !list_is_empty(&conn->line)) {
        struct place *place = list_entry(conn->line.next, struct place, link);
        if (!place->ready)
            break;
        if (place->reply.close) {
            conn_close(shard, conn);
            break;
        }
        if (!line_send_gathered(shard, conn))
            break;
        if (list_is_empty(&conn->line))
            break;
        place = list_entry(conn->line.next, struct place, link);
        if (!place->ready || place->reply.close)
            continue;
        while (!place_is_sent(place))
            if (!place_step(shard, conn, place))
                break;
        if (!place_is_sent(place))
            break;
        place_done(shard, conn, place);
    }
    conn_set_pause(shard, conn, CONN_PAUSE_OUTPUT, conn->output_size > output_max(shard, conn));
    conn_set_pause(shard, conn, CONN_PAUSE_LINE, conn->line_count >= CONN_INFLIGHT_MAX);
    if (conn->pauses == CONN_PAUSE_REST && !conn->closing && list_is_empty(&conn->resuming))
        list_append(&shard->resuming, &conn->resuming);
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
    list_init(&conn->resuming);
    list_init(&conn->watches);
    struct endpoint *endpoint = mem_zalloc(sizeof *endpoint);
    endpoint->conn = conn;
    map_put(&shard->endpoints, &id, endpoint);
    shard->conn_count++;
    shard->counters.connections_accepted++;
    if (!conn->internal && !shard->serving)
        conn_set_pause(shard, conn, CONN_PAUSE_SERVING, true);
    if (!conn->internal && shard->conn_count > (uint32_t)shard->config->connections_max) {
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
    list_remove(&conn->resuming);
    for (struct list *node; (node = list_take_first(&conn->watches));) {
        struct conn_watch *watch = list_entry(node, struct conn_watch, link);
        watch->closed(shard, watch);
    }
    partial_free(shard, conn);
    rest_free(shard, conn);
    while (!list_is_empty(&conn->line))
        place_free(shard, conn, list_entry(conn->line.next, struct place, link));
    mem_free(map_remove(&shard->endpoints, &conn->id));
    shard->conn_count--;
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

/* The map's order depends on ids alone, so it is the same in each run of a seed. */
static struct conn *conn_next(struct shard *shard, uint32_t *cursor)
{
    void *value;
    while (map_next(&shard->endpoints, cursor, &value)) {
        struct endpoint *endpoint = value;
        if (endpoint->conn)
            return endpoint->conn;
    }
    return NULL;
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
