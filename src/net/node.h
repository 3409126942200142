/* node.h -- what the files of src/net share of a shard. Private to this folder. */
#ifndef NET_NODE_H
#define NET_NODE_H

#include "base/base.h"
#include "codec.h"
#include "config.h"
#include "conn.h"
#include "counters.h"
#include "env.h"
#include "group.h"
#include "image.h"
#include "mailbox.h"
#include "peer.h"
#include "probe.h"
#include "shard.h"
#include "suspects.h"

struct api_state;
struct http;
struct http_conn;
struct quorum;
struct broker;
struct office;
struct partitions;
struct watcher;

/* What a connection id stands for; one of them is set. */
struct endpoint {
    struct conn *conn;       /* Accepted. */
    struct peer *peer;       /* Dialled to talk. */
    struct watcher *watcher; /* Dialled only to see whether somebody listens. */
    struct http_conn *http;  /* Accepted, on the HTTP port. */
};

/* Who this node is, from meta.properties. */
struct identity {
    struct uuid directory_id;
    struct uuid incarnation_id; /* Of this start. */
    struct uuid cluster_id;     /* Zero until the quorum has formed. */
};

struct shard {
    const struct config *config;       /* As it counts now: `started_with`, or `altered`. */
    const struct config *started_with; /* The platform's. */
    struct config *altered;            /* live_settings.h; NULL: nothing ever was. */
    struct env *env;
    uint32_t index;
    mono_ms now;    /* Of this tick. */
    int64_t now_us; /* The same, finer: to measure by, not to decide by. */
    struct counters counters;
    struct identity identity;
    struct rand rand;
    uint64_t ticket_next; /* For env_sync(): one sequence a shard. */
    bool identity_durable;
    int identity_step; /* identity.c: 0 when nothing is being written. */
    uint64_t identity_sync;
    file_id identity_file;

    /* Inbox. */
    struct env_event *events;
    uint32_t event_count, event_capacity;
    struct list mail; /* Letters to oneself. */
    struct timers timers;

    /* Sockets. */
    struct map endpoints; /* conn_id -> struct endpoint. */
    uint32_t conn_count;
    uint32_t client_count; /* Of them, those that are not internal. */
    struct buf_pool *slabs;
    struct spare requests;             /* request.h */
    struct spare places;               /* conn_line.c */
    struct codec_reader *codec_reader; /* Of record batches, one at a time. */
    struct codec_writer *codec_writer;
    uint64_t inflight_size;
    conn_id admitted;    /* The one that may exceed the budget; -1: none. */
    struct list starved; /* struct conn.starved */
    struct list waiting; /* Requests, for room for their answers (room.c). */
    uint32_t waiting_count;
    bool exceeding;           /* One of them may exceed the budget, and its reply has not left. */
    struct timer stall_timer; /* Runs while somebody is starved. */
    struct list cut_short;    /* struct conn.cut_short */
    struct list resuming;     /* struct conn.resuming */
    struct list dirty_conns;  /* struct conn.dirty */
    struct list dirty_peers;  /* struct peer.dirty_link */
    int64_t sent_us;          /* When the connections' replies began to leave, last. */
    bool serving;             /* Clients are read from. */
    struct timer idle_timer;

    /* Metadata as this shard has applied it. */
    struct image *image;
    broker_epoch broker_epoch;      /* Of this incarnation, once its registration is applied; -1. */
    bool fenced_self;               /* No heartbeat was accepted for a session: stop leading. */
    bool has_cluster_clock;         /* cluster_clock.h */
    struct wall_span cluster_ahead; /* The cluster's time, above our monotonic one. */

    struct suspects suspects;
    struct group_memory group_memory; /* Of all coordinators. */

    struct api_state *api;
    struct http *http;
    struct partitions *partitions;
    struct controller_link *controller; /* To the active controller. */

    /* Only on shard 0; NULL elsewhere. */
    struct quorum *quorum;
    struct office *office;
    struct broker *broker;
    bool stopped;
    bool closing; /* shard_close(): nothing is dialled or decided any more. */
};

/* The request frames of node `id`'s internal listener; false: not known. */
bool node_address(struct shard *shard, node_id id, struct env_address *out);

#endif
