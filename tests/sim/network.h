/* network.h -- hosts, and connections of bytes between them, in virtual time.
 *
 * A connection is two pipes. What is sent waits for its delay, arrives in order and
 * in pieces as small as one byte, and may be stalled, cut off one way, or reset. The
 * bytes of a file's extent are read when they arrive, not when they are sent.
 *
 * A killed host's kernel closes its connections and refuses dials; one without
 * power says nothing until it is back; a stopped one goes on accepting. A recorded
 * connection can be played to its acceptor once more: TCP repeats nothing, but peers
 * that retry over a new connection while the old one's bytes still travel do. */
#ifndef SIM_NETWORK_H
#define SIM_NETWORK_H

#include "disk.h"
#include "env.h"
#include "kernel.h"

enum {
    NET_HOSTS_MAX = 32,
    NET_RECORDING_MAX = 16 * 1024, /* Bytes of a connection that can be played again. */
    NET_RECORDINGS_MAX = 16,       /* Closed connections kept for that. */
};

struct net_end;

/* What a host's owner is told. */
struct net_owner {
    void (*accepted)(void *context, struct net_end *end, uint32_t listener);
    void (*dialed)(void *context, struct net_end *end, enum err result);
    void (*readable)(void *context, struct net_end *end);
    void (*writable)(void *context, struct net_end *end);
    void *context;
};

struct net_chunk {
    struct net_chunk *next;
    sim_us arrival;
    struct disk_file *file; /* NULL: the bytes stand in `data`. */
    uint64_t position;
    uint32_t size, taken;
    uint8_t data[];
};

struct net_pipe {
    struct net_chunk *first, *last;
    uint32_t queued;      /* Bytes on their way. */
    struct blob received; /* Not yet read; `read` bytes of it are gone. */
    uint64_t read;
    bool ending, ended; /* The end was sent; has arrived. */
    bool pumping;       /* An event is under way. */
    bool starved;       /* The sender was told to wait. */
    sim_us last_arrival, stalled_until;
};

struct net_end {
    struct net_conn *conn;
    uint32_t side; /* 0 dialed, 1 accepted. */
    uint32_t host;
    bool open;
    void *user; /* The owner's. */
    int32_t id; /* The owner's. */
};

struct net_conn {
    struct net *net;
    uint64_t number;
    uint32_t listener;
    bool established, ghost; /* Ghost: played again; nobody reads the answers. */
    bool recorded, kept;     /* Its bytes can be played again; kept for that alone. */
    uint32_t events;         /* On the heap; it is freed with the last. */
    uint32_t tries;
    struct net_end ends[2];
    struct net_pipe pipes[2]; /* [0] from the dialer to the acceptor. */
    struct blob recording;
    struct net_conn *next, *prev;
};

struct net_host {
    struct net_owner owner;
    bool listening; /* Dials are taken. */
    bool silent;    /* Without power: nothing is answered. */
};

struct net_config {
    sim_us delay_mean;
    uint32_t capacity; /* Bytes that a pipe takes in flight and unread, each. */
    uint32_t split;    /* One in so many deliveries comes in pieces; 0: none. */
    uint32_t refuse;   /* Chance in a million that a good dial is refused. */
    uint32_t drop;     /* Chance in a million a delivery that a stall and a reset follow. */
    uint32_t stall;    /* The same, a stall alone. */
    uint32_t record;   /* One in so many internal connections is recorded; 0: none. */
};

struct net_counts {
    uint64_t dials, refused, unanswered, resets, stalls, replays, delivered;
};

struct net {
    struct kernel *kernel;
    struct rand rand;
    struct net_config config;
    uint32_t hosts_count;
    struct net_host hosts[NET_HOSTS_MAX];
    bool cut[NET_HOSTS_MAX][NET_HOSTS_MAX]; /* [from][to] */
    struct net_conn *conns;                 /* Newest first. */
    uint64_t conn_count;
    uint32_t kept_count;
    struct net_counts counts;
};

void net_init(struct net *net, struct kernel *kernel);
void net_free(struct net *net);

struct net_end *net_dial(struct net *net, uint32_t from, uint32_t to, uint32_t listener);
int64_t net_recv(struct net *net, struct net_end *end, void *into, uint32_t size);
int64_t net_send(struct net *net, struct net_end *end, const struct bytes *parts, uint32_t count);
int64_t net_send_file(struct net *net, struct net_end *end, struct disk_file *file,
                      uint64_t position, uint32_t size);
bool net_is_readable(const struct net_end *end); /* Bytes or the end are waiting. */
void net_hang_up(struct net *net, struct net_end *end);

/* The process is gone: its kernel resets what it had. */
void net_kill(struct net *net, uint32_t host);
/* The machine is gone: nobody hears of it until net_power_on(). */
void net_power_off(struct net *net, uint32_t host);
void net_power_on(struct net *net, uint32_t host);
/* Reset one connection of `host`, drawn at random, once a stall has passed. */
void net_reset_one(struct net *net, uint32_t host, sim_us stall);
/* Play a recorded connection to `host` once more. */
void net_replay(struct net *net, uint32_t host);

/* net_pipe.c */
void pipe_push(struct net *net, struct net_conn *conn, uint32_t side, struct net_chunk *chunk);
void pipe_pump(struct net *net, struct net_conn *conn, uint32_t side);
void pipe_clear(struct net_pipe *pipe);
void pipe_materialise(struct net_pipe *pipe);
void net_release(struct net *net, struct net_conn *conn);

#endif
