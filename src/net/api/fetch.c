/* fetch.c -- Fetch, of consumers and of replicas: one share a shard that owns partitions of it.
 *
 * The first share that comes back ends the wait of the others. The next Fetch of a session
 * supersedes the one that is parked, and the end of a connection ends what is parked for it.
 *
 * Source  KIP-74 (sizes), KIP-227 (sessions). */
#include "fetch_job.h"
#include "fetch_session.h"
#include "quorum.h"
#include "state.h"

enum {
    MAX_WAIT_MS = 300 * 1000,
    CONVERTED_SIZE_MAX = 1024 * 1024, /* Bytes that one answer converts, whatever was asked for. */
    REPEATS_MAX = 1000,               /* Partitions that one request may name again. */
    VERSION_OF_SESSIONS = 7,
    SESSION_BEGINS = 0, /* Session epochs that are none. */
    SESSION_NONE = -1,
};

static void job_finish(struct fetch_job *job)
{
    struct fetch_session *session =
        fetch_session_find(job->shard, job->request->conn, job->session);
    if (session && session->job == job)
        session->job = NULL;
    list_remove(&job->watch.link);
    fetch_answer_end(job);
    request_reply(job->request, &job->response);
}

static void job_hurry(struct fetch_job *job, bool is_over)
{
    if (job->is_over || (job->hurried && !is_over))
        return;
    job->hurried = true;
    job->is_over = is_over;
    for (uint32_t owner = 0; owner < job->shard->config->shards; owner++)
        partitions_hurry(job->shard, owner, job->id, is_over);
}

static void job_conn_closed(struct shard *shard, struct conn_watch *watch)
{
    (void)shard;
    job_hurry(list_entry(watch, struct fetch_job, watch), true);
}

static void share_done(struct shard *shard, struct letter *letter)
{
    struct fetch_share *share = (struct fetch_share *)letter;
    struct fetch_job *job = share->job;
    struct fetch_session *session = fetch_session_find(shard, job->request->conn, job->session);
    if (session)
        fetch_session_count(shard, session, letter->from, job->id, share->kept_count);
    list_append(&job->shares, &letter->link);
    if (--job->pending == 0)
        job_finish(job);
    else if (share->session == 0 || share->kept_count > 0) /* Else it had nothing to wait for. */
        job_hurry(job, false);
}

/* ---- What is asked. */

/* Errors that need no owner; how many partitions there are of those that are asked for. */
static uint32_t find_errors(struct shard *shard, struct fetch_job *job)
{
    struct arena *arena = &job->request->arena;
    uint32_t known = 0, place = 0;
    for (uint32_t t = 0; t < job->body.topics_count; t++)
        job->total += job->body.topics[t].partitions_count;
    job->errors = arena_array(arena, int16_t, job->total + 1);
    for (uint32_t t = 0; t < job->body.topics_count; t++) {
        struct fetch_request_topic *topic = &job->body.topics[t];
        for (uint32_t p = 0; p < topic->partitions_count; p++, place++) {
            struct partition_key key;
            enum err result = find_partition(shard->image, topic->name, topic->topic_id,
                                             topic->partitions[p].index, &key);
            if (job->request->version >= 13 && uuid_is_zero(topic->topic_id))
                result = ERR_UNKNOWN_TOPIC_ID;
            job->errors[place] = (int16_t)result;
            known += result == ERR_NONE;
        }
    }
    return known;
}

static void share_ask(struct shard *shard, const struct fetch_job *job, struct fetch_share *share,
                      uint32_t owner)
{
    const struct fetch_request *body = &job->body;
    uint32_t place = 0, capacity = 0;
    for (uint32_t t = 0; t < body->topics_count; t++) {
        for (uint32_t p = 0; p < body->topics[t].partitions_count; p++, place++) {
            const struct fetch_request_partition *asked = &body->topics[t].partitions[p];
            struct partition_key key;
            if (job->errors[place] != ERR_NONE ||
                find_partition(shard->image, body->topics[t].name, body->topics[t].topic_id,
                               asked->index, &key) != ERR_NONE ||
                partition_shard(key, shard->config->shards) != owner)
                continue;
            mem_grow(share->parts, share->part_count, &capacity);
            share->parts[share->part_count++] = (struct fetch_part){
                .place = place,
                .key = key,
                .offset = asked->fetch_offset,
                .current_epoch = asked->current_leader_epoch,
                .last_epoch = asked->last_fetched_epoch,
                .asker_start = asked->log_start_offset,
                .size_max =
                    asked->partition_max_bytes > 0 ? (uint32_t)asked->partition_max_bytes : 0};
        }
    }
}

/* A topic that is forgotten may be gone; by its name it is not found then. */
static void share_forget(struct shard *shard, const struct fetch_job *job,
                         struct fetch_share *share, uint32_t owner)
{
    const struct fetch_request *body = &job->body;
    uint32_t capacity = 0;
    for (uint32_t t = 0; t < body->forgotten_topics_count; t++) {
        const struct fetch_request_forgotten_topic *topic = &body->forgotten_topics[t];
        struct uuid id = topic->topic_id;
        if (job->request->version < 13) {
            const struct image_topic *known = image_topic_by_name(shard->image, topic->name);
            if (!known)
                continue;
            id = known->id;
        }
        for (uint32_t p = 0; p < topic->partitions_count; p++) {
            struct partition_key key = {.topic_id = id, .index = topic->partitions[p]};
            if (partition_shard(key, shard->config->shards) != owner)
                continue;
            mem_grow(share->forgotten, share->forgotten_count, &capacity);
            share->forgotten[share->forgotten_count++] = key;
        }
    }
}

/* One share for `owner`, of the partitions that it owns; NULL: none. */
static struct fetch_share *share_new(struct shard *shard, struct fetch_job *job,
                                     const struct fetch_session *session, uint32_t owner)
{
    struct fetch_share *share = mem_zalloc(sizeof *share);
    share_ask(shard, job, share, owner);
    if (job->is_incremental)
        share_forget(shard, job, share, owner);
    if (share->part_count == 0 && share->forgotten_count == 0 &&
        !(session && session->owners[owner].is_asked)) {
        mem_free(share);
        return NULL;
    }
    return share;
}

static void share_send(struct shard *shard, struct fetch_job *job, struct fetch_share *share,
                       uint32_t owner, bool may_wait)
{
    const struct fetch_request *body = &job->body;
    int32_t cap =
        job->replica >= 0 ? shard->config->replica_fetch_size_max : shard->config->fetch_size_max;
    int32_t size_max = body->max_bytes < cap ? body->max_bytes : cap;
    int32_t wait_ms = body->max_wait_ms < MAX_WAIT_MS ? body->max_wait_ms : MAX_WAIT_MS;
    int16_t version = job->request->version;
    share->magic = version <= 1 ? 0 : version <= 3 ? 1 : BATCH_MAGIC;
    share->zstd_allowed = version >= 10;
    if (share->magic < BATCH_MAGIC && size_max > CONVERTED_SIZE_MAX)
        size_max = CONVERTED_SIZE_MAX;
    share->job = job;
    share->id = job->id;
    share->session = job->session;
    share->replica = job->replica;
    share->replica_epoch = body->replica_state.replica_epoch;
    share->size_min = body->min_bytes;
    share->size_max = size_max > 0 ? (uint32_t)size_max : 0;
    share->deadline = may_wait && wait_ms > 0 ? shard->now + wait_ms : shard->now;
    share->done = share_done;
    job->pending++;
    mailbox_send(shard, owner, &share->letter, partitions_fetch);
}

static void send_shares(struct shard *shard, struct fetch_job *job, struct fetch_session *session,
                        bool may_wait)
{
    for (uint32_t owner = 0; owner < shard->config->shards; owner++) {
        struct fetch_share *share = share_new(shard, job, session, owner);
        if (!share)
            continue;
        if (session) {
            session->owners[owner].asked = job->id;
            session->owners[owner].is_asked = true;
        }
        share_send(shard, job, share, owner, may_wait);
    }
}

/* What is refused is answered after the frame has gone. */
static void keep_names(struct fetch_job *job)
{
    for (uint32_t t = 0; t < job->body.topics_count; t++)
        job->body.topics[t].name = arena_str(&job->request->arena, job->body.topics[t].name);
}

static void job_start(struct shard *shard, struct fetch_job *job, struct fetch_session *session)
{
    struct request *request = job->request;
    struct endpoint *endpoint = map_get(&shard->endpoints, &request->conn);
    uint32_t known = find_errors(shard, job);
    bool any = known < job->total; /* Error. */
    if (known > shard->image->partition_count + REPEATS_MAX) {
        /* Each would wait by itself, and every append would look at each. */
        request_close(request);
        return;
    }
    if (job->body.session_epoch == SESSION_BEGINS && request->version >= VERSION_OF_SESSIONS &&
        job->total > 0 && (!any || job->replica >= 0))
        session = fetch_session_begin(shard, request, job->replica >= 0);
    list_init(&job->shares);
    list_init(&job->watch.link);
    job->watch.closed = job_conn_closed;
    if (endpoint && endpoint->conn)
        list_append(&endpoint->conn->watches, &job->watch.link);
    if (session) {
        if (session->job)
            job_hurry(session->job, true);
        session->job = job;
        job->session = session->number;
    }
    fetch_answer_begin(job);
    job->pending = 1;
    send_shares(shard, job, session, !any && (session || job->total > 0));
    if (job->is_incremental && any)
        keep_names(job);
    request_release_frame(request);
    if (--job->pending == 0)
        job_finish(job);
}

static void metadata_fetch_open(struct shard *shard, struct letter *letter)
{
    struct request *request = (struct request *)letter;
    struct fetch_job *job = request->context;
    request->shard = shard;
    quorum_take_fetch(shard->quorum, request, &job->body);
}

static bool is_metadata_fetch(const struct request *request, const struct fetch_request *body)
{
    return request->internal && body->topics_count == 1 &&
           uuid_equal(body->topics[0].topic_id, quorum_key().topic_id);
}

static void refuse(struct fetch_job *job, enum err err)
{
    struct fetch_response response;
    fetch_response_init(&response);
    response.error_code = (int16_t)err;
    request_reply(job->request, &response);
}

/* The session that the Fetch goes on with, if it does. */
static enum err choose_session(struct shard *shard, struct fetch_job *job,
                               struct fetch_session **out)
{
    int32_t id = job->body.session_id, epoch = job->body.session_epoch;
    if (epoch == SESSION_BEGINS || epoch == SESSION_NONE) {
        fetch_session_close(shard, job->request, id);
        return ERR_NONE;
    }
    job->is_incremental = true;
    return fetch_session_go_on(shard, job->request, id, epoch, out);
}

void api_fetch(struct shard *shard, struct request *request)
{
    struct fetch_job *job = arena_alloc(&request->arena, sizeof *job);
    job->shard = shard;
    job->request = request;
    job->id = ++shard->api->fetch_next;
    request->context = job;
    if (!request_read(request, &job->body))
        return;
    if (is_metadata_fetch(request, &job->body)) {
        mailbox_send(shard, 0, &request->letter, metadata_fetch_open);
        return;
    }
    if (job->body.replica_id >= 0)
        job->body.replica_state.replica_id = job->body.replica_id;
    job->replica = job->body.replica_state.replica_id;
    if (job->replica >= 0 && !request->internal) { /* Replicas come inside only (CVE-2018-1288). */
        refuse(job, ERR_CLUSTER_AUTHORIZATION_FAILED);
        return;
    }
    if (job->replica < -1)
        job->replica = -1;
    struct fetch_session *session = NULL;
    enum err result = choose_session(shard, job, &session);
    if (result == ERR_NONE)
        job_start(shard, job, session);
    else
        refuse(job, result);
}
