/* flow.h -- one direction of one connection: bytes that came, and when they may go on.
 *
 * A state machine without sockets or clock: the caller adds what it has read and asks
 * what may be written. Order is kept whatever the rules do, and the end of the stream
 * (a half-close or a reset) waits in line behind the bytes. */
#ifndef PROXY_FLOW_H
#define PROXY_FLOW_H

#include "base/rand.h"
#include "rules.h"

enum {
    FLOW_BYTES_MAX = 256 * 1024, /* Held a direction; beyond it the sender is not read. */
    FLOW_PIECES_MAX = 128,       /* Stretches of bytes with a time of their own. */
    FLOW_SPARE_MAX = 16,         /* Stores kept for reuse. */
    PARTY_CLIENT = 0,            /* Whoever is no node; nodes are parties by their numbers. */
    PARTY_COUNT = 10,
};

struct flow_store;

/* All connections between an ordered pair of parties, in this direction. */
struct link {
    struct rule rule;
    uint64_t bytes;       /* That went on, since the start. */
    uint64_t held;        /* That wait now. */
    uint64_t delayed;     /* That a rule made wait when they came, since the start. */
    uint32_t holders;     /* Flows in which they do; a throttle lets these take turns. */
    uint32_t connections; /* Open ones that the first party has dialled. */
    int64_t tokens;       /* Bytes that a throttle lets through now. */
    int64_t filled_us;    /* Up to when tokens were given. */
};

struct network {
    struct link links[PARTY_COUNT][PARTY_COUNT]; /* [from][to] */
    struct rand rand;
    uint32_t spare_count;
    struct flow_store *spares[FLOW_SPARE_MAX];
};

enum flow_end { FLOW_OPEN, FLOW_SHUT, FLOW_RESET };

struct flow {
    struct network *network;
    struct link *link;
    struct flow_store *store; /* NULL while nothing is held. */
    int64_t newest_us;        /* When the last byte added may go. */
    enum flow_end end;
    int64_t end_us; /* When it may be told. */
};

void network_init(struct network *network, uint64_t seed);
void network_free(struct network *network);

void flow_init(struct flow *flow, struct network *network, uint32_t from, uint32_t to);
void flow_free(struct flow *flow); /* What is held is dropped. */

/* Bytes that may be added. */
uint32_t flow_room(const struct flow *flow);
/* Nothing is held, and what comes may pass by without being added: flow_passed() counts it. */
bool flow_is_clear(const struct flow *flow);
void flow_passed(struct flow *flow, uint32_t size);
/* Add what came; at most flow_room(). */
void flow_add(struct flow *flow, const void *data, uint32_t size, int64_t now_us);
/* The sender is done. A reset replaces a half-close. */
void flow_finish(struct flow *flow, enum flow_end end, int64_t now_us);

/* What may go on now: the size of a first part of it, and where that lies. */
uint32_t flow_peek(struct flow *flow, int64_t now_us, const uint8_t **data);
/* So much of it went on. */
void flow_take(struct flow *flow, uint32_t size);
/* The end, once all before it has gone and it may be told; FLOW_OPEN: not yet. */
enum flow_end flow_end_now(const struct flow *flow, int64_t now_us);
/* When more may go by itself; INT64_MAX: only after another event. */
int64_t flow_due_us(struct flow *flow, int64_t now_us);

#endif
