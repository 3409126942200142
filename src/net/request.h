/* request.h -- one request from its frame to its reply, on whichever shard handles it.
 *
 * A handler borrows the request until it calls request_reply() (or _close, _drop),
 * which ends it; it may do so in a later tick. What it needs until then lives in
 * the request's arena. The frame is held until request_release_frame(), which a
 * handler that parks calls after it has copied what it needs. */
#ifndef NET_REQUEST_H
#define NET_REQUEST_H

#include "base/base.h"
#include "conn.h"
#include "mailbox.h"
#include "wire.h"

struct request;

/* Bytes of arrays that one request may make, however large its frame is: a Fetch of a hundred
 * thousand partitions fits. What a handler makes of them is a few times as much. */
enum { REQUEST_ARRAYS_MAX = 8 * 1024 * 1024 };

enum api_home { API_ANY_SHARD, API_QUORUM_SHARD }; /* Where its handler runs. */

struct api {
    int16_t key;
    bool client, internal; /* On which listeners it is there. */
    bool forwarded;        /* May come inside an Envelope. */
    bool tells_much;       /* It is not begun while there is no room for a large answer. */
    bool tells_each;       /* Nor this one, if it asks about much: the answer names it again. */
    enum api_home home;
    void (*handle)(struct shard *shard, struct request *request);
};

struct request {
    struct letter letter; /* First: a request travels to the quorum's shard and back. */
    struct shard *shard;  /* Where it is now. */
    uint32_t origin;      /* Shard of its connection. */
    conn_id conn;
    uint64_t place;
    const struct api *api;
    const struct wire_api *wire;
    int16_t version;
    int32_t correlation_id;
    struct str client_id;
    uint32_t listener;
    bool internal;
    bool has_waited; /* For room, before. */
    struct slice frame;
    uint64_t held;             /* Bytes of the budget. */
    struct wire_reader reader; /* Stands at the body. */
    struct arena arena;
    struct request *envelope; /* Arrived inside it; NULL: directly. */
    void *context;            /* The handler's own. */
    struct reply reply;       /* On the way back. */
};

/* Taken from shard->requests: the request and the start of its arena in one block. */
enum { REQUEST_BLOCK_SIZE = (sizeof(struct request) + 15) / 16 * 16 + 1024, REQUESTS_KEPT = 512 };

/* A frame without its size field. Owns `frame`'s reference. False: the connection must close. */
bool request_begin(struct shard *shard, struct conn *conn, struct slice frame);
/* Handle what arrived inside `envelope`; false: malformed or not allowed, nothing was begun. */
bool request_begin_inside(struct request *envelope, struct bytes frame);
/* Answer with a response struct of the request's API and version, and end it. */
void request_reply(struct request *request, const void *response);
void request_close(struct request *request); /* Ends it; the connection closes. */
void request_drop(struct request *request);  /* Ends it without a reply (acks=0). */
void request_release_frame(struct request *request);
/* All but the frame goes, and of the frame a copy stays, without what was read with it. Only
 * request_begin_again(), or the end, may follow. */
void request_forget(struct request *request);
/* Handle it once more, from its frame. */
void request_begin_again(struct request *request);

/* room.c: whether its answer of `size` bytes, in memory and on the wire, may be made now. */
bool request_has_room(const struct request *request, uint64_t size);
/* It may not: all that was done for the request is forgotten, and it is handled again when there
 * is room. Its frame must not have been released. */
void request_wait(struct request *request);
/* It waits for something else than room now. */
void request_exceed_no_more(struct request *request);
bool request_resume_all(struct shard *shard); /* Those that may go on; false: none. */
void request_end_waits(struct shard *shard);

/* Count what it holds against the budget: its frame, as long as it has that, and its arena. */
void request_recount(struct request *request);
/* Read the body into `*body` (zeroed struct of the API); on an error the connection closes. */
bool request_read(struct request *request, void *body);

/* For counting: the place of its API in the table; a replica's Fetch, which waits for news, is a
 * kind of its own after all of them. */
uint32_t request_kind(const struct request *request);
uint32_t request_kind_count(void);
/* Kafka's name for it in RequestMetrics, in two parts. */
void request_kind_name(uint32_t kind, const char **api, const char **suffix);

const struct api *api_find(int16_t key);
uint32_t api_count(void);
const struct api *api_at(uint32_t index);

#endif
