/* conn.h -- one accepted connection: frames in, replies out in the order of their requests.
 *
 * A frame is parsed where it was received; only one that spans two reads is copied.
 * Each request holds a place in line; its reply leaves when all before it have left.
 * Reading stops while the node's budget of requests and replies is spent, while the
 * peer does not read its replies, and while too many requests of it are open.
 *
 * Source  kafka-protocol framing; KIP-511 for what closes a connection. */
#ifndef NET_CONN_H
#define NET_CONN_H

#include "base/base.h"
#include "env.h"
#include "wire.h"

enum {
    CONN_SLAB_SIZE = 256 * 1024,
    CONN_INFLIGHT_MAX = 1024,          /* Open requests of one connection. */
    CONN_OUTPUT_MAX = 4 * 1024 * 1024, /* Queued reply bytes at which reading stops. */
    CONN_OUTPUT_SPENT = 64 * 1024,     /* The same while the budget is spent. */
    CONN_INFLIGHT_SPENT = 4,           /* Open requests of one connection then. */
};

struct shard;

/* A reply, owned by whoever holds it; each extent in it has one hold of its file. */
struct reply {
    struct wire_frame frame; /* head NULL: nothing to send (acks=0). */
    bool close;              /* Hang up instead of answering. */
    bool exceeds;            /* The one that may exceed the budget (room.c). */
    uint64_t held;           /* Bytes of the budget, once it stands in line. */
};

enum conn_pause {
    CONN_PAUSE_SERVING = 1,
    CONN_PAUSE_BUDGET = 2,
    CONN_PAUSE_LINE = 4,
    CONN_PAUSE_OUTPUT = 8,
    CONN_PAUSE_REST = 16
};

/* Somebody who wants to know when a connection ends. */
struct conn_watch {
    struct list link;
    void (*closed)(struct shard *shard, struct conn_watch *watch);
};

struct conn {
    conn_id id;
    uint32_t listener;
    bool internal;
    bool closing;    /* Hang up when the tick ends. */
    bool blocked;    /* Waits for ENV_WRITABLE. */
    uint8_t pauses;  /* enum conn_pause bits; 0: reading. */
    uint8_t head[4]; /* Start of a frame whose size is not known yet. */
    uint32_t head_count;
    struct buf *partial;   /* A frame that spans reads, its size field included; or NULL. */
    uint32_t partial_size; /* Of that frame, with the size field. */
    struct buf *rest;      /* Frames of a read that wait until replies have left; or NULL. */
    struct list line;      /* struct place, oldest first. */
    uint32_t line_count;
    uint64_t next_place;
    uint64_t output_size; /* Bytes of ready replies, extents included. */
    mono_ms last_active;
    struct list dirty;     /* In shard->dirty_conns when output may leave. */
    struct list starved;   /* In shard->starved while the budget is spent. */
    struct list cut_short; /* In shard->cut_short while the budget is spent. */
    struct list resuming;  /* In shard->resuming when `rest` may go on. */
    struct list watches;
};

void conn_accept(struct shard *shard, conn_id id, uint32_t listener);
void conn_readable(struct shard *shard, struct conn *conn);
void conn_writable(struct shard *shard, struct conn *conn);
/* Send what is ready, hang up what is closing; once a tick. */
void conn_flush_all(struct shard *shard);
/* Cut frames that waited for replies to leave; false: there are none. */
bool conn_resume_all(struct shard *shard);
void conn_close(struct shard *shard, struct conn *conn); /* At the end of the tick. */
void conn_close_all(struct shard *shard);                /* At once, for shard_close(). */
/* The node serves clients now (or not yet): start or stop reading from client listeners. */
void conn_set_serving(struct shard *shard, bool serving);
void conn_reap_idle(struct shard *shard, mono_ms now);

/* The next of a shard's; NULL: that was the last. *cursor begins with 0. */
struct conn *conn_next(struct shard *shard, uint32_t *cursor);
/* Read from it, or not, for one reason; it is read from when none is left. */
void conn_set_pause(struct shard *shard, struct conn *conn, enum conn_pause pause, bool on);
void conn_mark_dirty(struct shard *shard, struct conn *conn); /* Flush it when the tick ends. */

/* conn_line.c */
void conn_open_places(struct shard *shard); /* Before the first of them. */
/* A place in line for a request that came in this tick; `kind` as request_kind() says. */
uint64_t conn_take_place(struct shard *shard, struct conn *conn, uint32_t kind);
/* Put the reply of the request in `place` into line; dropped if the connection is gone.
 * Owns    takes `reply`. */
void conn_answer(struct shard *shard, conn_id id, uint64_t place, struct reply *reply);
/* No more requests of it now: the peer does not read its replies, or asks faster than we answer. */
bool conn_is_full(const struct shard *shard, const struct conn *conn);
void conn_flush(struct shard *shard, struct conn *conn); /* Send what may leave. */
void conn_free_line(struct shard *shard, struct conn *conn);

/* Also gives back the files of its extents. */
void reply_free(struct shard *shard, struct reply *reply);

#endif
