/* ports.c -- listens for a node while the node does.
 *
 * Whoever dials a dead process is refused, and failover rests on that; so a port that
 * nobody listens on any more is closed before the end of a connection to it is passed
 * on (conns.c), and opened again when its node does. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy.h"

static void accept_some(void *owner, int events)
{
    struct port *port = owner;
    (void)events;
    for (int i = 0; i < ACCEPTS_MAX && port->fd >= 0 && !port->proxy->is_full; i++) {
        struct sockaddr_in from = {0};
        socklen_t size = sizeof from;
        int fd = accept4(port->fd, (struct sockaddr *)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            break; /* Nobody, or it has gone again; the watch tells when there is more. */
        conn_accept(port, fd, &from);
    }
}

static void open_port(struct port *port)
{
    int on = 1;
    port->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (port->fd < 0)
        return;
    setsockopt(port->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(port->fd, (struct sockaddr *)&port->listen, sizeof port->listen) != 0 ||
        listen(port->fd, SOMAXCONN) != 0) {
        if (!port->is_told)
            say("node %u: cannot listen on port %u: %s", port->node, ntohs(port->listen.sin_port),
                strerror(errno));
        port->is_told = true;
        close(port->fd);
        port->fd = -1;
        return;
    }
    port->is_told = false;
    port->watch = watch_open(port->proxy, port->fd, accept_some, port);
    watch_arm(port->watch, port->proxy->is_full ? 0 : UV_READABLE);
    say("node %u listens on port %u", port->node, ntohs(port->listen.sin_port));
}

static void close_port(struct port *port)
{
    watch_close(port->watch);
    port->watch = NULL;
    if (port->fd >= 0)
        close(port->fd);
    port->fd = -1;
}

void ports_look(struct proxy *proxy, uint32_t node)
{
    for (uint32_t i = 0; i < proxy->port_count; i++) {
        struct port *port = &proxy->ports[i];
        if (node && port->node != node)
            continue;
        bool listens = listens_on(&proxy->listens, &port->target);
        if (listens && port->fd < 0) {
            open_port(port);
        } else if (!listens && port->fd >= 0) {
            close_port(port);
            say("node %u listens on port %u no more", port->node, ntohs(port->listen.sin_port));
        }
    }
}

bool ports_listen(const struct proxy *proxy, uint32_t node)
{
    for (uint32_t i = 0; i < proxy->port_count; i++)
        if (proxy->ports[i].node == node && proxy->ports[i].fd >= 0)
            return true;
    return false;
}

void ports_arm(struct proxy *proxy)
{
    for (uint32_t i = 0; i < proxy->port_count; i++)
        if (proxy->ports[i].watch)
            watch_arm(proxy->ports[i].watch, proxy->is_full ? 0 : UV_READABLE);
}

static void on_look(uv_timer_t *timer)
{
    struct proxy *proxy = timer->data;
    ports_look(proxy, 0);
    conns_check_closing(proxy);
    ports_look_soon(proxy);
}

void ports_look_soon(struct proxy *proxy)
{
    uint64_t period_ms = list_is_empty(&proxy->closing) ? LOOK_PERIOD_MS : LOOK_AGAIN_MS;
    if (proxy->listens.netlink < 0)
        period_ms = LOOK_PERIOD_PROC_MS;
    uv_timer_start(&proxy->look_timer, on_look, period_ms, 0);
}

void ports_start(struct proxy *proxy)
{
    listens_open(&proxy->listens);
    uv_timer_init(&proxy->loop, &proxy->look_timer);
    proxy->look_timer.data = proxy;
    on_look(&proxy->look_timer);
}

void ports_stop(struct proxy *proxy)
{
    uv_close((uv_handle_t *)&proxy->look_timer, NULL);
    for (uint32_t i = 0; i < proxy->port_count; i++)
        close_port(&proxy->ports[i]);
    listens_close(&proxy->listens);
}
