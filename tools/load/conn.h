/* conn.h -- one connection of skiff-load: its open requests, what is unsent, what came. */
#ifndef LOAD_CONN_H
#define LOAD_CONN_H

#include "load.h"

enum { CONN_HEAD_SIZE = 12 }; /* Size, key, version, correlation id: what differs by request. */

/* A request that was asked for, and is not answered. */
struct conn_slot {
    uint8_t head[CONN_HEAD_SIZE];
    int64_t intended_ns; /* When it should have left. */
    bool is_measured;    /* Open loop: it was due while it was measured. */
};

enum load_phase { LOAD_WARMS_UP, LOAD_MEASURES, LOAD_DRAINS };

struct conn {
    const struct load_plan *plan;
    const struct load_target *target;
    struct load_result *result;
    const enum load_phase *phase;

    int fd;
    bool wants_write; /* The socket took less than there was. */

    struct buf *frame;       /* What all open requests look like behind their heads. */
    struct conn_slot *slots; /* A ring of plan->depth. */
    uint64_t answered;       /* These three count requests; modulo depth their slots. */
    uint64_t sent;           /* Whole requests that the socket took. */
    uint64_t queued;
    uint32_t sent_bytes; /* Of the request at `sent`. */
    int64_t next_ns;     /* Open loop: when the next request is due. */
    int64_t progress_ns; /* When bytes last came, or waiting began. */

    log_offset offset; /* Consuming: of the next fetch. */

    uint8_t *input; /* Part of a reply, or several. */
    uint32_t input_size, input_capacity;
};

/* Connect to the target.
 * Errors  an exit code, told. */
int conn_open(struct conn *conn);
void conn_close(struct conn *conn);

static inline uint32_t conn_open_requests(const struct conn *conn)
{
    return (uint32_t)(conn->queued - conn->answered);
}

/* Ask for one more request, due at `intended_ns`; there must be room. */
void conn_queue(struct conn *conn, int64_t intended_ns, int64_t now_ns);

/* Send what is queued, as far as the socket takes it.
 * Errors  an exit code, told. */
int conn_send(struct conn *conn);

/* Receive once, and count the replies that are complete.
 * Errors  an exit code, told. */
int conn_receive(struct conn *conn);

/* Errors  EXIT_TIMED_OUT, told: nothing has come for the plan's timeout. */
int conn_check_stall(const struct conn *conn, int64_t now_ns);

#endif
