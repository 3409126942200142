/* dial.c -- connections that this node opens: resolve, try each address, tell the result.
 *
 * Refused and unreachable are different facts: a refusal proves that the process is dead
 * (ARCHITECTURE.md, "The controller"), silence proves nothing. So a dial is
 * refused only if some address refused and none stayed silent. The result always comes as
 * an event in a later round, never out of env_dial() itself. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "uv_shard.h"

struct uv_dial {
    uv_timer_t timer;
    uv_getaddrinfo_t request;
    struct uv_conn *conn; /* NULL: given up. */
    struct uv_endpoint endpoints[DIAL_ADDRESSES_MAX];
    uint32_t count, next;
    bool resolving;
    bool timer_closed;
    bool refused;
    bool silent;
    bool over; /* No address is left; the timer tells the shard. */
};

static void try_next(struct uv_dial *dial);

static void free_if_done(struct uv_dial *dial)
{
    if (dial->conn == NULL && dial->timer_closed && !dial->resolving)
        mem_free(dial);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct uv_dial *dial = handle->data;
    dial->timer_closed = true;
    free_if_done(dial);
}

/* Part the connection from its dial, connected or not. */
void dial_release(struct uv_conn *conn)
{
    struct uv_dial *dial = conn->dial;
    if (dial == NULL)
        return;
    conn->dial = NULL;
    dial->conn = NULL;
    if (dial->resolving)
        uv_cancel((uv_req_t *)&dial->request); /* If it is too late, its answer is dropped. */
    uv_close((uv_handle_t *)&dial->timer, on_timer_closed);
}

static enum err result_of(const struct uv_dial *dial)
{
    return dial->refused && !dial->silent ? ERR_REFUSED : ERR_UNREACHABLE;
}

static void on_timer(uv_timer_t *timer)
{
    struct uv_dial *dial = timer->data;
    struct uv_conn *conn = dial->conn;
    if (conn == NULL)
        return;
    if (!dial->over) { /* This address, or the resolver, has had its time. */
        dial->silent = true;
        conn_unwatch(conn);
        try_next(dial);
        if (!dial->over)
            return;
    }
    struct uv_shard *owner = conn->owner;
    struct env_event event = {.kind = ENV_DIALED, .conn = conn->id, .result = result_of(dial)};
    conn_drop(conn);
    uv_shard_deliver(owner, &event);
}

/* Start connecting. False, with errno set: this address is of no use. */
static bool connect_start(struct uv_conn *conn, const struct uv_endpoint *endpoint)
{
    conn->fd = socket(endpoint->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (conn->fd < 0)
        return false;
    socket_tune(conn->fd, &endpoint->address);
    if (connect(conn->fd, (const struct sockaddr *)&endpoint->address, endpoint->size) == 0)
        return true;
    return errno == EINPROGRESS;
}

static void try_next(struct uv_dial *dial)
{
    struct uv_conn *conn = dial->conn;
    uint64_t wait_ms = DIAL_TIMEOUT_MS / (dial->count > 0 ? dial->count : 1);

    while (dial->next < dial->count) {
        if (connect_start(conn, &dial->endpoints[dial->next++])) {
            conn_watch(conn);
            conn_arm(conn);
            uv_timer_start(&dial->timer, on_timer, wait_ms, 0);
            return;
        }
        dial->refused |= errno == ECONNREFUSED;
        conn_unwatch(conn);
    }
    dial->over = true;
    uv_timer_start(&dial->timer, on_timer, 0, 0);
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct uv_dial *dial = request->data;
    dial->resolving = false;
    if (status == 0 && dial->conn != NULL)
        dial->count = address_resolved(found, dial->endpoints, DIAL_ADDRESSES_MAX);
    uv_freeaddrinfo(found);
    if (dial->conn != NULL && !dial->over)
        try_next(dial);
    free_if_done(dial);
}

static void resolve(struct uv_dial *dial, const struct env_address *address)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    char port[8];
    snprintf(port, sizeof port, "%u", (unsigned)address->port);
    dial->request.data = dial;
    dial->resolving = uv_getaddrinfo(&dial->conn->owner->loop, &dial->request, on_resolved,
                                     address->host, port, &hints) == 0;
    if (dial->resolving)
        uv_timer_start(&dial->timer, on_timer, DIAL_TIMEOUT_MS, 0);
    else
        try_next(dial);
}

conn_id dial_start(struct env *env, const struct env_address *address)
{
    struct uv_shard *owner = uv_shard_of(env);
    struct uv_conn *conn = conn_add(owner, -1);
    struct uv_dial *dial = mem_zalloc(sizeof *dial);
    static_assert(DIAL_ADDRESSES_MAX >= 2, "localhost has two");

    conn->dial = dial;
    dial->conn = conn;
    uv_timer_init(&owner->loop, &dial->timer);
    dial->timer.data = dial;
    dial->count = address_literal(address->host, address->port, dial->endpoints);
    if (dial->count > 0)
        try_next(dial);
    else
        resolve(dial, address);
    return conn->id;
}

/* A port of our own that nobody listens on may answer itself: both ends are one socket. */
static bool is_self(int fd)
{
    struct uv_endpoint here = {.size = sizeof here.address};
    struct uv_endpoint there = {.size = sizeof there.address};
    if (getsockname(fd, (struct sockaddr *)&here.address, &here.size) != 0)
        return false;
    if (getpeername(fd, (struct sockaddr *)&there.address, &there.size) != 0)
        return false;
    return here.size == there.size && memcmp(&here.address, &there.address, here.size) == 0;
}

/* The socket under way is connected, or has failed. */
void dial_step(struct uv_conn *conn)
{
    struct uv_dial *dial = conn->dial;
    int failed = 0;
    socklen_t size = sizeof failed;
    if (getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &failed, &size) != 0)
        failed = errno;
    if (failed == 0 && is_self(conn->fd))
        failed = ECONNREFUSED;
    if (failed != 0) {
        dial->refused |= failed == ECONNREFUSED;
        dial->silent |= failed == ETIMEDOUT;
        conn_unwatch(conn);
        try_next(dial);
        return;
    }
    dial_release(conn);
    struct env_event event = {.kind = ENV_DIALED, .conn = conn->id, .result = ERR_NONE};
    uv_shard_deliver(conn->owner, &event);
    conn_arm(conn);
}
