/* peer.h -- a connection of ours to another node's internal listener, kept up.
 *
 * Calls are answered in order, or all fail when the connection ends or the oldest
 * runs out of time. A peer dials when it has something to say; after a failure it
 * waits PEER_BACKOFF_MS before it dials the same address again.
 *
 * Source  client.h does the framing; nothing here knows an API. */
#ifndef NET_PEER_H
#define NET_PEER_H

#include "base/base.h"
#include "client.h"
#include "env.h"

enum { PEER_BACKOFF_MS = 50, PEER_CALLS_MAX = 64 };

struct shard;
struct peer;

/* `result` ERR_NONE: `reply` is good for the call; else there is none (NULL): ERR_CLOSED,
 * ERR_REFUSED, ERR_UNREACHABLE, ERR_REQUEST_TIMED_OUT. What was asked may have happened. */
typedef void peer_done(struct shard *shard, void *context, enum err result,
                       struct client_reply *reply);

struct peer {
    struct shard *shard;
    node_id node; /* For lines and probes. */
    struct env_address address;
    struct client *client;
    conn_id conn; /* -1: none. */
    bool up;
    bool blocked;
    bool dirty;
    struct list dirty_link; /* In shard->dirty_peers. */
    struct list calls;      /* struct peer_call, oldest first. */
    uint32_t call_count;
    mono_ms dial_after;
    struct timer timer; /* Deadline of the oldest call, or the next dial. */
    void (*changed)(struct shard *shard, struct peer *peer,
                    enum err result); /* Up (ERR_NONE) or down; may be NULL. */
    void *owner;
};

void peer_init(struct shard *shard, struct peer *peer, node_id node,
               const struct env_address *address);
void peer_free(struct peer *peer); /* While the shard closes: calls end with ERR_CLOSED. */
/* A node moved: drop the connection if the address differs. */
void peer_set_address(struct peer *peer, const struct env_address *address);
/* Errors  ERR_BUSY: PEER_CALLS_MAX are open, or the shard closes; `done` will not be called. */
enum err peer_call(struct peer *peer, int16_t api_key, int16_t version, const void *request,
                   int32_t timeout_ms, peer_done *done, void *context);
void peer_drop(struct peer *peer, enum err why);

/* Events of the shard. */
void peer_dialed(struct shard *shard, struct peer *peer, enum err result);
void peer_readable(struct shard *shard, struct peer *peer);
void peer_flush_all(struct shard *shard);

#endif
