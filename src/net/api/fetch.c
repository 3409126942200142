/* fetch.c -- Fetch, of consumers and of replicas: one share a shard that owns partitions of it.
 *
 * The first share that comes back ends the wait of the others. A replica's next Fetch
 * on the same connection supersedes the one that is parked, and the end of a
 * connection ends what is parked for it. There are no fetch sessions yet: every
 * answer carries session id 0.
 *
 * Source  KIP-74 (sizes), KIP-595 (diverging epoch), KIP-951. */
#include "api.h"
#include "endpoints.h"
#include "partitions.h"
#include "quorum.h"
#include "state.h"

enum {
    MAX_WAIT_MS = 300 * 1000,
    CONVERTED_SIZE_MAX = 1024 * 1024, /* Bytes that one answer converts, whatever was asked for. */
};

struct fetch_job {
    struct list link; /* In shard->api->fetches, while open. */
    struct shard *shard;
    struct request *request;
    struct conn_watch watch;
    uint64_t id;
    node_id replica;
    struct fetch_request body;
    struct fetch_response response;
    uint32_t total;                            /* Partitions asked about. */
    struct fetch_response_partition **answers; /* Each partition's, in the order of the request. */
    uint32_t pending;
    bool hurried;
};

static void job_finish(struct fetch_job *job)
{
    list_remove(&job->link);
    list_remove(&job->watch.link);
    request_reply(job->request, &job->response);
}

static void job_hurry(struct fetch_job *job)
{
    if (job->hurried)
        return;
    job->hurried = true;
    for (uint32_t owner = 0; owner < job->shard->config->shards; owner++)
        partitions_hurry(job->shard, owner, job->id);
}

static void job_conn_closed(struct shard *shard, struct conn_watch *watch)
{
    (void)shard;
    job_hurry(list_entry(watch, struct fetch_job, watch));
}

static void answer_hint(struct shard *shard, struct fetch_job *job,
                        struct fetch_response_partition *answer, struct leader_hint hint)
{
    answer->current_leader.leader_id = hint.leader;
    answer->current_leader.leader_epoch = hint.epoch;
    const struct record_endpoint *endpoint = hint_endpoint(shard, job->request, hint.leader);
    if (!endpoint ||
        hint_is_named(job->response.node_endpoints, sizeof *job->response.node_endpoints,
                      job->response.node_endpoints_count, hint.leader))
        return;
    struct fetch_response_node_endpoint *node =
        &job->response.node_endpoints[job->response.node_endpoints_count++];
    node->node_id = hint.leader;
    node->host = arena_str(&job->request->arena, endpoint->host);
    node->port = endpoint->port;
}

/* Its bytes count as the request's until the answer has left. */
static void answer_converted(struct shard *shard, struct fetch_job *job,
                             struct fetch_response_partition *answer, struct buf *converted)
{
    struct endpoint *endpoint = map_get(&shard->endpoints, &job->request->conn);
    if (!endpoint || !endpoint->conn || endpoint->conn->output_size > CONN_OUTPUT_MAX) {
        buf_unref(converted); /* It does not read what it has; it may ask again. */
        return;
    }
    answer->records.memory =
        (struct bytes){.data = arena_copy(&job->request->arena, converted->data, converted->size),
                       .size = converted->size};
    job->request->held += converted->size;
    budget_take(shard, converted->size);
    buf_unref(converted);
}

static void answer_part(struct shard *shard, struct fetch_job *job, const struct fetch_part *part)
{
    struct fetch_response_partition *answer = job->answers[part->place];
    answer->error_code = (int16_t)part->err;
    answer->high_watermark = part->high_watermark;
    answer->last_stable_offset = part->high_watermark;
    answer->log_start_offset = part->start;
    answer->diverging_epoch.epoch = part->diverging_epoch;
    answer->diverging_epoch.end_offset = part->diverging_end;
    if (part->err == ERR_NOT_LEADER_OR_FOLLOWER || part->err == ERR_FENCED_LEADER_EPOCH)
        answer_hint(shard, job, answer, part->hint);
    if (part->err == ERR_KAFKA_STORAGE_ERROR && job->request->version <= 5)
        answer->error_code = ERR_NOT_LEADER_OR_FOLLOWER;
    if (part->err == ERR_NONE && part->extent.size > 0) {
        answer->records.file = part->extent.file;
        answer->records.position = part->extent.position;
        answer->records.size = part->extent.size;
    }
    if (part->converted)
        answer_converted(shard, job, answer, part->converted);
}

static void share_done(struct shard *shard, struct letter *letter)
{
    struct fetch_share *share = (struct fetch_share *)letter;
    struct fetch_job *job = share->job;
    for (uint32_t i = 0; i < share->part_count; i++)
        answer_part(shard, job, &share->parts[i]);
    fetch_share_free(share);
    if (--job->pending == 0)
        job_finish(job);
    else
        job_hurry(job);
}

static void answers_flatten(struct fetch_job *job)
{
    uint32_t place = 0;
    job->answers =
        arena_array(&job->request->arena, struct fetch_response_partition *, job->total + 1);
    for (uint32_t t = 0; t < job->response.topics_count; t++)
        for (uint32_t p = 0; p < job->response.topics[t].partitions_count; p++)
            job->answers[place++] = &job->response.topics[t].partitions[p];
}

static void response_shape(struct fetch_job *job)
{
    struct arena *arena = &job->request->arena;
    const struct fetch_request *body = &job->body;
    fetch_response_init(&job->response);
    job->response.topics_count = body->topics_count;
    job->response.topics = fetch_response_topic_new(arena, body->topics_count);
    for (uint32_t t = 0; t < body->topics_count; t++) {
        struct fetch_response_topic *topic = &job->response.topics[t];
        topic->name = arena_str(arena, body->topics[t].name);
        topic->topic_id = body->topics[t].topic_id;
        topic->partitions_count = body->topics[t].partitions_count;
        topic->partitions = fetch_response_partition_new(arena, topic->partitions_count);
        for (uint32_t p = 0; p < topic->partitions_count; p++) {
            topic->partitions[p].index = body->topics[t].partitions[p].index;
            topic->partitions[p].high_watermark = -1;
            if (body->isolation_level ==
                1) /* An empty list says that nothing was aborted; null that nobody asked. */
                topic->partitions[p].aborted_transactions =
                    fetch_response_aborted_transaction_new(arena, 1);
            else
                topic->partitions[p].aborted_transactions = NULL;
        }
        job->total += topic->partitions_count;
    }
    answers_flatten(job);
    job->response.node_endpoints = fetch_response_node_endpoint_new(arena, job->total);
}

/* One share for `owner`, of the partitions that it owns; NULL: none. */
static struct fetch_share *share_new(struct shard *shard, struct fetch_job *job, uint32_t owner)
{
    const struct fetch_request *body = &job->body;
    struct fetch_share *share = mem_zalloc(sizeof *share);
    uint32_t place = 0, capacity = 0;
    for (uint32_t t = 0; t < body->topics_count; t++) {
        for (uint32_t p = 0; p < body->topics[t].partitions_count; p++, place++) {
            const struct fetch_request_partition *asked = &body->topics[t].partitions[p];
            struct partition_key key;
            if (job->answers[place]->error_code != ERR_NONE ||
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
    if (share->part_count == 0) {
        mem_free(share->parts);
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
    share->replica = job->replica;
    share->replica_epoch = body->replica_state.replica_epoch;
    share->size_min = body->min_bytes;
    share->size_max = size_max > 0 ? (uint32_t)size_max : 0;
    share->deadline = may_wait && wait_ms > 0 ? shard->now + wait_ms : shard->now;
    share->done = share_done;
    job->pending++;
    mailbox_send(shard, owner, &share->letter, partitions_fetch);
}

/* Errors that need no owner; true: there was one. */
static bool answer_unknown(struct shard *shard, struct fetch_job *job)
{
    const struct fetch_request *body = &job->body;
    bool any = false;
    uint32_t place = 0;
    for (uint32_t t = 0; t < body->topics_count; t++)
        for (uint32_t p = 0; p < body->topics[t].partitions_count; p++, place++) {
            struct partition_key key;
            enum err result =
                find_partition(shard->image, body->topics[t].name, body->topics[t].topic_id,
                               body->topics[t].partitions[p].index, &key);
            if (job->request->version >= 13 && uuid_is_zero(body->topics[t].topic_id))
                result = ERR_UNKNOWN_TOPIC_ID;
            job->answers[place]->error_code = (int16_t)result;
            any = any || result != ERR_NONE;
        }
    return any;
}

static void supersede(struct shard *shard, const struct fetch_job *job)
{
    struct list *node, *after;
    list_each (node, after, &shard->api->fetches) {
        struct fetch_job *other = list_entry(node, struct fetch_job, link);
        if (other != job && other->replica >= 0 && other->request->conn == job->request->conn)
            job_hurry(other);
    }
}

static void job_start(struct shard *shard, struct fetch_job *job)
{
    struct request *request = job->request;
    struct endpoint *endpoint = map_get(&shard->endpoints, &request->conn);
    list_init(&job->watch.link);
    job->watch.closed = job_conn_closed;
    if (endpoint && endpoint->conn)
        list_append(&endpoint->conn->watches, &job->watch.link);
    list_append(&shard->api->fetches, &job->link);
    if (job->replica >= 0)
        supersede(shard, job);
    bool may_wait = !answer_unknown(shard, job) && job->body.topics_count > 0;
    job->pending = 1;
    for (uint32_t owner = 0; owner < shard->config->shards; owner++) {
        struct fetch_share *share = share_new(shard, job, owner);
        if (share)
            share_send(shard, job, share, owner, may_wait);
    }
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

void api_fetch(struct shard *shard, struct request *request)
{
    struct fetch_job *job = arena_alloc(&request->arena, sizeof *job);
    job->shard = shard;
    job->request = request;
    job->id = ++shard->api->fetch_next;
    list_init(&job->link);
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
    if (job->body.session_epoch > 0) { /* Part of a session, and there are none. */
        refuse(job, ERR_FETCH_SESSION_ID_NOT_FOUND);
        return;
    }
    response_shape(job);
    job_start(shard, job);
}
