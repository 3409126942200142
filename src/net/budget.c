/* budget.c -- who is read from, and who is waited for, while the budget of bytes is spent. */
#include "budget.h"

#include "conn.h"
#include "node.h"

enum {
    STALL_CHECK_MS = 500,  /* While somebody waits for the budget. */
    STALL_MAX_MS = 2000,   /* Without a byte of a frame that holds some of it. */
    UNREAD_MAX_MS = 10000, /* Without a byte taken of replies that do. */
};

uint64_t budget_left(const struct shard *shard)
{
    uint64_t max = (uint64_t)shard->config->inflight_size_max;
    return shard->inflight_size < max ? max - shard->inflight_size : 0;
}

bool budget_is_spent(const struct shard *shard)
{
    return budget_left(shard) == 0;
}

void budget_take(struct shard *shard, uint64_t size)
{
    shard->inflight_size += size;
}

void budget_call_back(struct shard *shard, struct conn *conn)
{
    if (budget_is_spent(shard) && list_is_empty(&conn->cut_short))
        list_append(&shard->cut_short, &conn->cut_short);
}

void budget_release(struct shard *shard, uint64_t size)
{
    check(shard->inflight_size >= size);
    shard->inflight_size -= size;
    while (!budget_is_spent(shard) && !list_is_empty(&shard->cut_short))
        conn_mark_dirty(shard,
                        list_entry(list_take_first(&shard->cut_short), struct conn, cut_short));
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

bool budget_admits(struct shard *shard, struct conn *conn)
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
