/* fetch_session.c -- sessions by connection: begun, gone on with, ended. */
#include "fetch_session.h"

#include "fetch_job.h"
#include "partitions.h"
#include "state.h"

enum {
    STALE_MS = 120 * 1000,               /* One that is not used for so long may be replaced. */
    SESSION_PARTITIONS_MAX = 128 * 1024, /* Of all consumers' sessions of a shard: some 30 MB. */
};

/* After the last one comes 1: 0 begins a session. */
static int32_t epoch_after(int32_t epoch)
{
    return epoch == INT32_MAX ? 1 : epoch + 1;
}

struct fetch_session *fetch_session_find(struct shard *shard, conn_id conn, uint64_t number)
{
    struct fetch_session *session = map_get(&shard->api->sessions, &conn);
    return session && session->number == number ? session : NULL;
}

static void session_free(struct api_state *api, struct fetch_session *session)
{
    list_remove(&session->used);
    list_remove(&session->watch.link);
    if (!session->is_replica) {
        api->session_count--;
        api->session_parts -= session->count;
    }
    mem_free(session);
}

void fetch_session_end(struct shard *shard, struct fetch_session *session)
{
    for (uint32_t owner = 0; owner < shard->config->shards; owner++)
        if (session->owners[owner].asked > 0)
            partitions_end_session(shard, owner, session->number);
    map_remove(&shard->api->sessions, &session->conn);
    session_free(shard->api, session);
}

void fetch_sessions_free(struct api_state *api)
{
    uint32_t cursor = 0;
    for (void *session; map_next(&api->sessions, &cursor, &session);)
        session_free(api, session);
    map_free(&api->sessions);
}

static void conn_closed(struct shard *shard, struct conn_watch *watch)
{
    fetch_session_end(shard, list_entry(watch, struct fetch_session, watch));
}

void fetch_session_close(struct shard *shard, const struct request *request, int32_t id)
{
    struct fetch_session *session = map_get(&shard->api->sessions, &request->conn);
    if (session && session->id == id)
        fetch_session_end(shard, session);
}

enum err fetch_session_go_on(struct shard *shard, const struct request *request, int32_t id,
                             int32_t epoch, struct fetch_session **out)
{
    struct fetch_session *session = map_get(&shard->api->sessions, &request->conn);
    if (!session || session->id != id)
        return ERR_FETCH_SESSION_ID_NOT_FOUND;
    if (session->epoch != epoch)
        return ERR_INVALID_FETCH_SESSION_EPOCH;
    if (session->by_id != (request->version >= 13))
        return ERR_FETCH_SESSION_TOPIC_ID_ERROR;
    session->epoch = epoch_after(epoch);
    session->used_at = shard->now;
    if (!session->is_replica) {
        list_remove(&session->used);
        list_append(&shard->api->sessions_used, &session->used);
    }
    *out = session;
    return ERR_NONE;
}

bool fetch_sessions_fit(const struct shard *shard)
{
    return shard->api->session_parts <= SESSION_PARTITIONS_MAX;
}

/* A shard has its part of the slots. */
static bool has_room(struct shard *shard)
{
    struct api_state *api = shard->api;
    uint32_t slots = ((uint32_t)shard->config->fetch_sessions_max + shard->config->shards - 1) /
                     shard->config->shards;
    if (!fetch_sessions_fit(shard))
        return false;
    if (api->session_count < slots)
        return true;
    if (slots == 0)
        return false;
    struct fetch_session *oldest = list_entry(api->sessions_used.next, struct fetch_session, used);
    if (shard->now - oldest->used_at <= STALE_MS)
        return false;
    fetch_session_end(shard, oldest);
    return true;
}

struct fetch_session *fetch_session_begin(struct shard *shard, const struct request *request,
                                          bool is_replica)
{
    struct api_state *api = shard->api;
    struct endpoint *endpoint = map_get(&shard->endpoints, &request->conn);
    struct fetch_session *session = map_get(&api->sessions, &request->conn);
    if (session)
        fetch_session_end(shard, session);
    if (!endpoint || !endpoint->conn || (!is_replica && !has_room(shard)))
        return NULL;
    session = mem_zalloc(sizeof *session + shard->config->shards * sizeof session->owners[0]);
    session->conn = request->conn;
    session->number = ++api->session_next * shard->config->shards + shard->index;
    session->id = (int32_t)(session->number % INT32_MAX) + 1;
    session->epoch = 1;
    session->by_id = request->version >= 13;
    session->is_replica = is_replica;
    session->used_at = shard->now;
    session->watch.closed = conn_closed;
    list_init(&session->used);
    list_append(&endpoint->conn->watches, &session->watch.link);
    map_put(&api->sessions, &request->conn, session);
    if (!is_replica) {
        list_append(&api->sessions_used, &session->used);
        api->session_count++;
    }
    return session;
}

void fetch_session_count(struct shard *shard, struct fetch_session *session, uint32_t owner,
                         uint64_t job, uint32_t count)
{
    struct fetch_session_owner *of = &session->owners[owner];
    if (of->asked != job)
        return; /* It has been asked again since, and will say. */
    session->count = session->count - of->count + count;
    if (!session->is_replica)
        shard->api->session_parts = shard->api->session_parts - of->count + count;
    of->count = count;
    of->is_asked = count > 0;
}
