/* fetch_session.h -- who may name only what has changed since its last Fetch.
 *
 * A session belongs to the connection that it was made on, and ends with it: no other can take
 * part in it, and nothing of a client that is gone is kept. A connection has one at most. What is
 * remembered of its partitions lies with the shards that own these (struct fetch_set); here is
 * only how to call it. Consumers may have max.incremental.fetch.session.cache.slots of them and
 * SESSION_PARTITIONS_MAX partitions in them together; replicas as many as they need, since they
 * come from inside and each has one a shard and durability class.
 *
 * Source  KIP-227. What Kafka does otherwise: its sessions outlive a connection, and one of many
 * partitions takes the place of one of few. */
#ifndef NET_API_FETCH_SESSION_H
#define NET_API_FETCH_SESSION_H

#include "api.h"

struct fetch_job;

struct fetch_session {
    struct list
        used; /* In shard->api->sessions_used, the least recently used first; a consumer's. */
    struct conn_watch watch;
    conn_id conn;
    uint64_t number; /* For the owners: no other of this node has it. */
    int32_t id;      /* For the client. */
    int32_t epoch;   /* Of its next request. */
    bool by_id;      /* It names topics by id (Fetch 13 and later). */
    bool is_replica;
    mono_ms used_at;
    struct fetch_job *job; /* The Fetch that is open; NULL: none. */
    uint32_t count;        /* Partitions, as the owners said last. */
    struct fetch_session_owner {
        uint64_t asked; /* The last Fetch that was sent there. */
        uint32_t count;
        bool is_asked; /* It has partitions, or may have. */
    } owners[];
};

/* The session that a Fetch with a session epoch above 0 goes on with.
 * Errors  ERR_FETCH_SESSION_ID_NOT_FOUND, ERR_INVALID_FETCH_SESSION_EPOCH,
 *         ERR_FETCH_SESSION_TOPIC_ID_ERROR; the client begins another one. */
enum err fetch_session_go_on(struct shard *shard, const struct request *request, int32_t id,
                             int32_t epoch, struct fetch_session **out);
/* Another one for the connection of `request`, in the place of the one it has; NULL: there is no
 * room for it. */
struct fetch_session *fetch_session_begin(struct shard *shard, const struct request *request,
                                          bool is_replica);
/* Of a connection; NULL: it has none, or another one by now. */
struct fetch_session *fetch_session_find(struct shard *shard, conn_id conn, uint64_t number);
/* End the one with this id, if the connection has it. */
void fetch_session_close(struct shard *shard, const struct request *request, int32_t id);
void fetch_session_end(struct shard *shard, struct fetch_session *session);
/* All sessions of consumers together have no more partitions than they may. */
bool fetch_sessions_fit(const struct shard *shard);
/* `owner` has `count` of its partitions, as Fetch `job` has found. */
void fetch_session_count(struct shard *shard, struct fetch_session *session, uint32_t owner,
                         uint64_t job, uint32_t count);
/* Their connections have ended, but not those of a shard that is being closed. */
void fetch_sessions_free(struct api_state *api);

#endif
