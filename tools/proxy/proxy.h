/* proxy.h -- skiff-proxy: what its files share. One thread, one loop, descriptors of its own.
 *
 * Ports listen for nodes while these do (ports.c), connections join two sockets through two
 * flows (conns.c), the control socket changes rules (control.c), settings.c reads proxy.conf.
 *
 * Who dials is told by the source address: 127.0.3.N is node N, every other is a client. */
#ifndef PROXY_PROXY_H
#define PROXY_PROXY_H

#include <netinet/in.h>
#include <uv.h>

#include "base/base.h"
#include "flow.h"
#include "listens.h"

enum {
    PORTS_MAX = 32,
    ACCEPTS_MAX = 64,         /* A turn of the loop. */
    DESCRIPTORS_KEPT = 128,   /* Not for connections: ports, control, the loop's own. */
    LOOK_PERIOD_MS = 5,       /* How often it is looked who listens. */
    LOOK_PERIOD_PROC_MS = 50, /* Where /proc has to be read for it. */
    LOOK_AGAIN_MS = 1,        /* While a node's close is not passed on. */
    CLOSE_CHECKED_US = 20000, /* After so long a close is passed on though the node listens. */
    SCRATCH_SIZE = 256 * 1024,
    SOURCE_NET = 0x7f0003, /* 127.0.3: where nodes dial from. */
};

struct proxy;
struct watch; /* A descriptor on the loop. */

/* A listener of a node: where it really listens, and where we do in its place. */
struct port {
    struct proxy *proxy;
    uint32_t node;
    struct sockaddr_in listen, target;
    int fd; /* -1: the node does not listen, so we don't. */
    struct watch *watch;
    bool is_told; /* That its address cannot be bound. */
};

struct proxy {
    uv_loop_t loop;
    uv_timer_t look_timer;
    uv_timer_t due_timer;
    struct listens listens;
    struct network network;
    uint32_t port_count;
    struct port ports[PORTS_MAX];
    bool nodes[PARTY_COUNT]; /* Which ones there are. */
    struct list conns;       /* All of them. */
    struct list timed;       /* Those that wait for a time. */
    struct list closing;     /* Those that a node closed, not passed on yet. */
    int64_t next_due_us;     /* Of `timed`; INT64_MAX: none. */
    uint32_t conn_count, conn_max;
    bool is_full; /* No more connections; ports are not read. */
    uint8_t *scratch;
    struct control *control;
};

int64_t clock_us(void);
/* A line with the time in front, to standard output. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Fill ports from lines "<node> <listen addr:port> <target addr:port>".
 * Errors  false, told. */
bool settings_read(struct proxy *proxy, const char *path);

/* watch.c: a descriptor that is polled; the callback may close the watch. */
typedef void (*watch_ready)(void *owner, int events);
struct watch *watch_open(struct proxy *proxy, int fd, watch_ready ready, void *owner);
void watch_arm(struct watch *watch, int events);
void watch_close(struct watch *watch); /* The descriptor stays open. NULL is fine. */

/* ports.c: look who listens, and do as they do. */
void ports_start(struct proxy *proxy);
void ports_look(struct proxy *proxy, uint32_t node); /* 0: all. */
void ports_look_soon(struct proxy *proxy);           /* All, as soon as it makes sense. */
bool ports_listen(const struct proxy *proxy, uint32_t node);
void ports_arm(struct proxy *proxy); /* After proxy->is_full has changed. */
void ports_stop(struct proxy *proxy);

/* conns.c */
void conns_init(struct proxy *proxy);
/* Take over an accepted socket. */
void conn_accept(struct port *port, int fd, const struct sockaddr_in *from);
void conns_rule_changed(struct proxy *proxy, uint32_t from, uint32_t to);
void conns_check_closing(struct proxy *proxy); /* After ports_look(). */
void conns_stop(struct proxy *proxy);

/* control.c: proxy.sock in the current directory. Errors: false, told. */
bool control_start(struct proxy *proxy);
void control_stop(struct proxy *proxy);

#endif
