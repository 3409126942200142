/* room.c -- requests whose answers would be large wait while the budget of bytes is spent.
 *
 * A request of a few bytes may ask for all topics, or for all that a group has committed. What is
 * said of it counts in the budget like a request until it has left (conn_line.c); while that is
 * spent, an answer that is not small is not made. Its request waits with its frame alone, and is
 * handled from the beginning later: when the budget is not spent any more, or when it is the one
 * that may exceed it. There is one of those at a time, until its answer has left, or answers that
 * need more than the whole budget, and those in line behind them, could wait for ever. */
#include "request.h"

#include "budget.h"
#include "node.h"

enum { WAITING_MAX = 1024 }; /* Requests of a shard. */

bool request_has_room(const struct request *request, uint64_t size)
{
    return request->internal || request->envelope || request->reply.exceeds ||
           budget_has_room(request->shard, size);
}

void request_wait(struct request *request)
{
    struct shard *shard = request->shard;
    check(request->origin == shard->index);
    check(request->frame.buf != NULL);
    if (shard->waiting_count >= WAITING_MAX || shard->closing) {
        request_close(request);
        return;
    }
    request_forget(request);
    budget_watch(shard);
    list_append(&shard->waiting, &request->letter.link);
    shard->waiting_count++;
}

void request_exceed_no_more(struct request *request)
{
    if (request->reply.exceeds)
        request->shard->exceeding = request->reply.exceeds = false;
}

/* One that came back without room held some of it itself, perhaps: it needs more than there is. */
static bool may_go_on(const struct shard *shard, const struct request *request)
{
    if (!shard->exceeding)
        return true;
    return !request->has_waited && !budget_is_spent(shard);
}

static struct request *first_waiting(struct shard *shard)
{
    return (struct request *)list_entry(shard->waiting.next, struct letter, link);
}

bool request_resume_all(struct shard *shard)
{
    bool any = false;
    while (!list_is_empty(&shard->waiting) && may_go_on(shard, first_waiting(shard))) {
        struct request *request = first_waiting(shard);
        list_remove(&request->letter.link);
        shard->waiting_count--;
        any = true;
        const struct endpoint *endpoint = map_get(&shard->endpoints, &request->conn);
        if (!endpoint || !endpoint->conn) {
            request_drop(request);
            continue;
        }
        request->has_waited = true;
        if (!shard->exceeding)
            shard->exceeding = request->reply.exceeds = true;
        request_begin_again(request);
    }
    return any;
}

void request_end_waits(struct shard *shard)
{
    while (!list_is_empty(&shard->waiting)) {
        struct request *request = first_waiting(shard);
        list_remove(&request->letter.link);
        shard->waiting_count--;
        request_close(request);
    }
}
