/* conn_line.c -- the replies of a connection, which stand in line and leave.
 *
 * Invariant
 * - The oldest place of the line is the only one that sends; a ready reply behind an open one
 *   waits, so replies leave in the order of their requests. */
#include "conn.h"

#include "budget.h"
#include "node.h"
#include "request.h"

enum { GATHER_MAX = 64 }; /* Replies in one system call. */

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

static uint64_t output_max(const struct shard *shard, const struct conn *conn)
{
    return !conn->internal && budget_is_spent(shard) ? CONN_OUTPUT_SPENT : CONN_OUTPUT_MAX;
}

static bool output_is_full(const struct shard *shard, const struct conn *conn)
{
    return conn->output_size > output_max(shard, conn);
}

static_assert((int)CONN_INFLIGHT_SPENT * (int)BUDGET_SMALL_SIZE <= (int)CONN_OUTPUT_SPENT,
              "whose answers are all made at once");

static uint32_t line_max(const struct shard *shard, const struct conn *conn)
{
    return !conn->internal && budget_is_spent(shard) ? CONN_INFLIGHT_SPENT : CONN_INFLIGHT_MAX;
}

bool conn_is_full(const struct shard *shard, const struct conn *conn)
{
    return conn->line_count >= line_max(shard, conn) || output_is_full(shard, conn);
}

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

static struct conn *conn_find(struct shard *shard, conn_id id)
{
    struct endpoint *endpoint = map_get(&shard->endpoints, &id);
    return endpoint && endpoint->conn ? endpoint->conn : NULL;
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
        conn_set_pause(shard, conn, CONN_PAUSE_OUTPUT, output_is_full(shard, conn));
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

void conn_free_line(struct shard *shard, struct conn *conn)
{
    while (!list_is_empty(&conn->line))
        place_free(shard, conn, list_entry(conn->line.next, struct place, link));
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

void conn_flush(struct shard *shard, struct conn *conn)
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
    conn_set_pause(shard, conn, CONN_PAUSE_OUTPUT, output_is_full(shard, conn));
    conn_set_pause(shard, conn, CONN_PAUSE_LINE, conn->line_count >= CONN_INFLIGHT_MAX);
    if (conn->pauses == CONN_PAUSE_REST && !conn->closing && list_is_empty(&conn->resuming))
        list_append(&shard->resuming, &conn->resuming);
}
