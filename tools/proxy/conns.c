/* conns.c -- a connection: the dialer's socket and the node's, joined by two flows.
 *
 * Its life: WAITING (a dial across a cut stays silent, and is made when the cut ends),
 * DIALING, OPEN, OVER. Every event does what it has to and ends in step(), the only
 * place that writes, tells ends, arms watches and frees.
 *
 * The end of a connection that a node closed is passed on once the node does not listen
 * any more, or goes on listening for a while (CLOSE_CHECKED_US): a process that dies closes
 * its descriptors in an order of its own, and who hears the end must be refused. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy.h"

enum { DIALER, NODE, SIDES };

enum conn_state { CONN_WAITING, CONN_DIALING, CONN_OPEN, CONN_OVER };

struct end {
    struct conn *conn;
    int side;
    int fd; /* -1: not dialled yet. */
    struct watch *watch;
    bool is_full;     /* A write came up short; it will be writable. */
    bool is_read_out; /* Nothing more comes from it. */
    bool has_failed;  /* Nothing can be written to it either. */
    bool is_told;     /* That the other end is shut. */
};

struct conn {
    struct list all, timed, closing;
    struct port *port;
    enum conn_state state;
    bool resets; /* CONN_OVER: both ends are reset. */
    uint32_t parties[SIDES];
    struct end ends[SIDES];
    struct flow flows[SIDES]; /* From that side to the other. */
    int64_t closed_us[SIDES]; /* When the node there closed, while it is not passed on; or 0. */
    int64_t due_us;           /* While in `timed`. */
};

static void step(struct conn *conn);

static void tune(int fd)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4); /* Without pacing; best effort. */
}

static void close_with_reset(int fd)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
}

/* ---- What came. */

static void end_connection(struct conn *conn, bool resets)
{
    conn->state = CONN_OVER;
    conn->resets |= resets;
}

/* Nothing more comes from `side`. */
static void finish(struct conn *conn, int side, enum flow_end how)
{
    struct proxy *proxy = conn->port->proxy;
    uint32_t party = conn->parties[side];
    conn->ends[side].is_read_out = true;
    flow_finish(&conn->flows[side], how, clock_us());
    if (conn->state == CONN_WAITING) { /* Nobody has heard of it yet. */
        end_connection(conn, false);
        return;
    }
    if (party == PARTY_CLIENT || conn->closed_us[side])
        return;
    bool is_first = list_is_empty(&proxy->closing);
    if (is_first) /* Else the next look is near, and one does for many. */
        ports_look(proxy, party);
    if (!ports_listen(proxy, party))
        return;
    conn->closed_us[side] = clock_us();
    if (list_is_empty(&conn->closing))
        list_append(&proxy->closing, &conn->closing);
    if (is_first)
        ports_look_soon(proxy);
}

/* A read or a write said that the connection of `side` is gone. */
static void fail(struct conn *conn, int side)
{
    if (conn->ends[side].has_failed)
        return;
    conn->ends[side].has_failed = true;
    flow_free(&conn->flows[!side]);
    finish(conn, side, FLOW_RESET);
}

/* Send to `side`; 0: no more can be sent now. */
static uint32_t send_some(struct conn *conn, int side, const void *data, uint32_t size)
{
    struct end *end = &conn->ends[side];
    if (end->is_full || end->has_failed || size == 0)
        return 0;
    ssize_t sent = send(end->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN) {
        fail(conn, side);
        return 0;
    }
    end->is_full = sent < (ssize_t)size;
    return sent > 0 ? (uint32_t)sent : 0;
}

static void receive(struct conn *conn, int side)
{
    struct flow *flow = &conn->flows[side];
    uint8_t *scratch = conn->port->proxy->scratch;
    uint32_t room = flow_room(flow);
    uint32_t sent = 0;
    if (room == 0 || conn->ends[side].is_read_out || conn->ends[!side].has_failed)
        return;
    ssize_t got =
        recv(conn->ends[side].fd, scratch, room < SCRATCH_SIZE ? room : SCRATCH_SIZE, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got < 0) {
        fail(conn, side);
        return;
    }
    if (got == 0) {
        finish(conn, side, FLOW_SHUT);
        return;
    }
    if (conn->state == CONN_OPEN && flow_is_clear(flow)) {
        sent = send_some(conn, !side, scratch, (uint32_t)got);
        flow_passed(flow, sent);
    }
    if (!conn->ends[!side].has_failed)
        flow_add(flow, scratch + sent, (uint32_t)got - sent, clock_us());
}

/* ---- The dial to the node. */

/* Nobody is there: the port goes first, then the connection that came through it. */
static void refuse(struct conn *conn)
{
    ports_look(conn->port->proxy, conn->port->node);
    end_connection(conn, true);
}

static bool is_cut(const struct conn *conn, int64_t now_us)
{
    return rule_holds(&conn->flows[DIALER].link->rule, now_us) ||
           rule_holds(&conn->flows[NODE].link->rule, now_us);
}

/* A refusal does not cross a cut: after it, it is dialled again. */
static void dial_later(struct conn *conn)
{
    struct end *end = &conn->ends[NODE];
    watch_close(end->watch);
    end->watch = NULL;
    close(end->fd);
    end->fd = -1;
    conn->state = CONN_WAITING;
}

static void finish_dial(struct conn *conn)
{
    int failed = 0;
    socklen_t size = sizeof failed;
    if (getsockopt(conn->ends[NODE].fd, SOL_SOCKET, SO_ERROR, &failed, &size) != 0)
        failed = errno;
    if (failed && failed != ECONNRESET) {
        if (is_cut(conn, clock_us()))
            dial_later(conn);
        else
            refuse(conn);
        return;
    }
    conn->state = CONN_OPEN;
    if (failed) /* It was accepted, and reset before we looked. */
        fail(conn, NODE);
}

static void on_ready(void *owner, int events)
{
    struct end *end = owner;
    struct conn *conn = end->conn;
    if (conn->state == CONN_DIALING && end->side == NODE) {
        finish_dial(conn);
    } else {
        if (events & UV_WRITABLE)
            end->is_full = false;
        if (events & UV_READABLE)
            receive(conn, end->side);
        if (events == UV_PRIORITIZED)
            fail(conn, end->side);
    }
    step(conn);
}

static void dial(struct conn *conn)
{
    struct end *end = &conn->ends[NODE];
    const struct port *port = conn->port;
    end->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (end->fd < 0) {
        end_connection(conn, true);
        return;
    }
    tune(end->fd);
    if (connect(end->fd, (const struct sockaddr *)&port->target, sizeof port->target) == 0)
        conn->state = CONN_OPEN;
    else if (errno == EINPROGRESS)
        conn->state = CONN_DIALING;
    else
        refuse(conn);
    end->watch = watch_open(port->proxy, end->fd, on_ready, end);
}

/* ---- What goes on. */

static void pump(struct conn *conn, int side, int64_t now_us)
{
    struct flow *flow = &conn->flows[side];
    const uint8_t *data;
    uint32_t sent;
    do {
        uint32_t size = flow_peek(flow, now_us, &data);
        sent = send_some(conn, !side, data, size);
        if (sent > 0)
            flow_take(flow, sent);
    } while (sent > 0 && flow->link->rule.kind != RULE_THROTTLE); /* There it takes turns. */
}

static void tell_end(struct conn *conn, int side, int64_t now_us)
{
    struct end *to = &conn->ends[!side];
    if (conn->closed_us[side])
        return;
    switch (flow_end_now(&conn->flows[side], now_us)) {
    case FLOW_OPEN:
        return;
    case FLOW_RESET:
        end_connection(conn, true);
        return;
    case FLOW_SHUT:
        if (!to->is_told)
            shutdown(to->fd, SHUT_WR);
        to->is_told = true;
        if (conn->ends[side].is_told)
            end_connection(conn, false);
    }
}

/* UV_PRIORITIZED is for the error that comes with any events: a reset is news also while nothing
 * is read. A socket that is shut both ways would announce that for ever. */
static int events_wanted(const struct conn *conn, int side)
{
    const struct end *end = &conn->ends[side];
    bool reads =
        !end->is_read_out && !conn->ends[!side].has_failed && flow_room(&conn->flows[side]) > 0;
    if (conn->state == CONN_DIALING && side == NODE)
        return UV_WRITABLE;
    if (end->has_failed)
        return 0;
    return (reads ? UV_READABLE : 0) | (end->is_full ? UV_WRITABLE : 0) |
           (end->is_told ? 0 : UV_PRIORITIZED);
}

/* When something is to be done that no event announces. */
static int64_t due_us(struct conn *conn, int64_t now_us)
{
    int64_t due = INT64_MAX;
    for (int side = 0; side < SIDES; side++) {
        struct flow *flow = &conn->flows[side];
        int64_t then = INT64_MAX;
        if (conn->state == CONN_WAITING)
            then = rule_turns_us(&flow->link->rule, now_us);
        else if (conn->state == CONN_OPEN && !conn->ends[!side].is_full &&
                 !(conn->ends[!side].is_told && flow->end == FLOW_SHUT) && !conn->closed_us[side])
            then = flow_due_us(flow, now_us);
        due = then < due ? then : due;
    }
    return due;
}

static void start_timer(struct proxy *proxy, int64_t next_us);

static void wait_until(struct conn *conn, int64_t when_us)
{
    struct proxy *proxy = conn->port->proxy;
    list_remove(&conn->timed);
    if (when_us == INT64_MAX)
        return;
    conn->due_us = when_us;
    list_append(&proxy->timed, &conn->timed);
    if (when_us < proxy->next_due_us)
        start_timer(proxy, when_us);
}

static void free_conn(struct conn *conn)
{
    struct proxy *proxy = conn->port->proxy;
    for (int side = 0; side < SIDES; side++) {
        struct end *end = &conn->ends[side];
        watch_close(end->watch);
        flow_free(&conn->flows[side]);
        if (end->fd >= 0 && conn->resets)
            close_with_reset(end->fd);
        else if (end->fd >= 0)
            close(end->fd);
    }
    list_remove(&conn->all);
    list_remove(&conn->timed);
    list_remove(&conn->closing);
    conn->flows[DIALER].link->connections--;
    proxy->conn_count--;
    if (proxy->is_full) {
        proxy->is_full = false;
        ports_arm(proxy);
    }
    mem_free(conn);
}

/* Bring it to where rules and sockets let it go. `conn` may be gone afterwards. */
static void step(struct conn *conn)
{
    int64_t now_us = clock_us();
    if (conn->state == CONN_WAITING && !is_cut(conn, now_us))
        dial(conn);
    for (int side = 0; conn->state == CONN_OPEN && side < SIDES; side++)
        pump(conn, side, now_us);
    for (int side = 0; conn->state == CONN_OPEN && side < SIDES; side++)
        tell_end(conn, side, now_us);
    if (conn->ends[DIALER].has_failed && (conn->state != CONN_OPEN || conn->ends[NODE].has_failed))
        end_connection(conn, true);
    if (conn->state == CONN_OVER) {
        free_conn(conn);
        return;
    }
    for (int side = 0; side < SIDES; side++)
        if (conn->ends[side].watch)
            watch_arm(conn->ends[side].watch, events_wanted(conn, side));
    wait_until(conn, due_us(conn, now_us));
}

/* ---- All of them. */

static void on_due(uv_timer_t *timer)
{
    struct proxy *proxy = timer->data;
    struct list now;
    struct list *node;
    int64_t now_us = clock_us();
    list_init(&now);
    while ((node = list_take_first(&proxy->timed)))
        list_append(&now, node);
    proxy->next_due_us = INT64_MAX;
    while ((node = list_take_first(&now))) {
        struct conn *conn = list_entry(node, struct conn, timed);
        if (conn->due_us <= now_us)
            step(conn);
        else
            wait_until(conn, conn->due_us);
    }
}

static void start_timer(struct proxy *proxy, int64_t next_us)
{
    int64_t wait_us = next_us - clock_us();
    proxy->next_due_us = next_us;
    uv_timer_start(&proxy->due_timer, on_due, wait_us > 0 ? (uint64_t)(wait_us + 999) / 1000 : 0,
                   0);
}

/* 127.0.3.N is node N. */
static uint32_t party_of(const struct proxy *proxy, const struct sockaddr_in *from)
{
    uint32_t address = ntohl(from->sin_addr.s_addr);
    uint32_t node = address & 0xff;
    bool is_node = address >> 8 == SOURCE_NET && node < PARTY_COUNT && proxy->nodes[node];
    return is_node ? node : PARTY_CLIENT;
}

void conn_accept(struct port *port, int fd, const struct sockaddr_in *from)
{
    struct proxy *proxy = port->proxy;
    struct conn *conn = mem_zalloc(sizeof *conn);
    uint32_t parties[SIDES] = {party_of(proxy, from), port->node};
    conn->port = port;
    for (int side = 0; side < SIDES; side++) {
        conn->ends[side] = (struct end){.conn = conn, .side = side, .fd = -1};
        conn->parties[side] = parties[side];
        flow_init(&conn->flows[side], &proxy->network, parties[side], parties[!side]);
    }
    conn->ends[DIALER].fd = fd;
    conn->ends[DIALER].watch = watch_open(proxy, fd, on_ready, &conn->ends[DIALER]);
    list_append(&proxy->conns, &conn->all);
    list_init(&conn->timed);
    list_init(&conn->closing);
    conn->flows[DIALER].link->connections++;
    if (++proxy->conn_count == proxy->conn_max) {
        say("%u connections are open; no more are taken", proxy->conn_count);
        proxy->is_full = true;
        ports_arm(proxy);
    }
    tune(fd);
    if (conn->flows[DIALER].link->rule.kind == RULE_RESET ||
        conn->flows[NODE].link->rule.kind == RULE_RESET)
        end_connection(conn, true);
    step(conn);
}

void conns_init(struct proxy *proxy)
{
    list_init(&proxy->conns);
    list_init(&proxy->timed);
    list_init(&proxy->closing);
    proxy->next_due_us = INT64_MAX;
    uv_timer_init(&proxy->loop, &proxy->due_timer);
    proxy->due_timer.data = proxy;
}

void conns_rule_changed(struct proxy *proxy, uint32_t from, uint32_t to)
{
    struct list *node;
    struct list *after;
    bool resets = proxy->network.links[from][to].rule.kind == RULE_RESET;
    list_each (node, after, &proxy->conns) {
        struct conn *conn = list_entry(node, struct conn, all);
        bool is_there = conn->parties[DIALER] == from && conn->parties[NODE] == to;
        bool is_back = conn->parties[DIALER] == to && conn->parties[NODE] == from;
        if (!is_there && !is_back)
            continue;
        if (resets)
            end_connection(conn, true);
        step(conn);
    }
}

void conns_check_closing(struct proxy *proxy)
{
    struct list *node;
    struct list *after;
    int64_t now_us = clock_us();
    list_each (node, after, &proxy->closing) {
        struct conn *conn = list_entry(node, struct conn, closing);
        for (int side = 0; side < SIDES; side++)
            if (now_us - conn->closed_us[side] >= CLOSE_CHECKED_US ||
                !ports_listen(proxy, conn->parties[side]))
                conn->closed_us[side] = 0;
        if (conn->closed_us[DIALER] == 0 && conn->closed_us[NODE] == 0)
            list_remove(&conn->closing);
        step(conn);
    }
}

void conns_stop(struct proxy *proxy)
{
    struct list *node;
    while (!list_is_empty(&proxy->conns)) {
        node = proxy->conns.next;
        free_conn(list_entry(node, struct conn, all));
    }
    uv_close((uv_handle_t *)&proxy->due_timer, NULL);
}
