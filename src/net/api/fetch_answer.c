/* fetch_answer.c -- the answer to a Fetch: of all that was asked, or of a session what is new.
 *
 * Source  KIP-227 (sessions), KIP-595 (diverging epoch), KIP-951 (leader hints). */
#include "budget.h"
#include "endpoints.h"
#include "fetch_job.h"
#include "fetch_session.h"

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

static void answer_part(struct fetch_job *job, const struct fetch_part *part,
                        struct fetch_response_partition *answer)
{
    struct shard *shard = job->shard;
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

/* An answer for `count` partitions of one topic, nothing being known of them yet. */
static void shape_topic(struct fetch_job *job, struct fetch_response_topic *topic, uint32_t count)
{
    struct arena *arena = &job->request->arena;
    topic->partitions_count = count;
    topic->partitions = fetch_response_partition_new(arena, count);
    for (uint32_t i = 0; i < count; i++) {
        topic->partitions[i].high_watermark = -1;
        /* An empty list says that nothing was aborted; null that nobody asked. */
        topic->partitions[i].aborted_transactions =
            job->body.isolation_level == 1 ? fetch_response_aborted_transaction_new(arena, 1)
                                           : NULL;
    }
}

void fetch_answer_begin(struct fetch_job *job)
{
    struct arena *arena = &job->request->arena;
    const struct fetch_request *body = &job->body;
    uint32_t place = 0;
    fetch_response_init(&job->response);
    if (job->is_incremental)
        return;
    job->response.topics_count = body->topics_count;
    job->response.topics = fetch_response_topic_new(arena, body->topics_count);
    job->response.node_endpoints = fetch_response_node_endpoint_new(arena, job->total);
    job->answers = arena_array(arena, struct fetch_response_partition *, job->total + 1);
    for (uint32_t t = 0; t < body->topics_count; t++) {
        struct fetch_response_topic *topic = &job->response.topics[t];
        topic->name = arena_str(arena, body->topics[t].name);
        topic->topic_id = body->topics[t].topic_id;
        shape_topic(job, topic, body->topics[t].partitions_count);
        for (uint32_t p = 0; p < topic->partitions_count; p++, place++) {
            topic->partitions[p].index = body->topics[t].partitions[p].index;
            topic->partitions[p].error_code = job->errors[place];
            job->answers[place] = &topic->partitions[p];
        }
    }
}

static struct fetch_share *next_share(struct fetch_job *job)
{
    struct list *first = list_take_first(&job->shares);
    if (!first)
        return NULL;
    return (struct fetch_share *)list_entry(first, struct letter, link);
}

static void answer_all(struct fetch_job *job)
{
    for (struct fetch_share *share; (share = next_share(job));) {
        for (uint32_t i = 0; i < share->part_count; i++)
            answer_part(job, &share->parts[i], job->answers[share->parts[i].place]);
        fetch_share_free(share);
    }
}

/* ---- What is new in a session. */

static struct fetch_response_topic *next_topic(struct fetch_job *job, struct uuid topic_id,
                                               struct str name, uint32_t count)
{
    struct fetch_response_topic *topic = &job->response.topics[job->response.topics_count++];
    topic->topic_id = topic_id;
    topic->name = arena_str(&job->request->arena, name);
    shape_topic(job, topic, count);
    return topic;
}

/* What no shard was asked about. */
static void answer_errors(struct fetch_job *job)
{
    const struct fetch_request *body = &job->body;
    uint32_t place = 0;
    for (uint32_t t = 0; t < body->topics_count; t++)
        for (uint32_t p = 0; p < body->topics[t].partitions_count; p++, place++) {
            if (job->errors[place] == ERR_NONE)
                continue;
            struct fetch_response_topic *topic =
                next_topic(job, body->topics[t].topic_id, body->topics[t].name, 1);
            topic->partitions[0].index = body->topics[t].partitions[p].index;
            topic->partitions[0].error_code = job->errors[place];
        }
}

/* `count` partitions of one topic. False: it is gone, and a client that calls it by its name
 * could not be told which one is meant. */
static bool answer_topic(struct fetch_job *job, const struct fetch_part *parts, uint32_t count)
{
    struct uuid id = parts->key.topic_id;
    const struct image_topic *known = image_topic_by_id(job->shard->image, id);
    bool by_id = job->request->version >= 13;
    if (!known && !by_id)
        return false;
    struct fetch_response_topic *topic =
        next_topic(job, by_id ? id : (struct uuid){{0}}, known ? known->name : STR(""), count);
    for (uint32_t i = 0; i < count; i++) {
        topic->partitions[i].index = parts[i].key.index;
        answer_part(job, &parts[i], &topic->partitions[i]);
        if (!known)
            topic->partitions[i].error_code = ERR_UNKNOWN_TOPIC_ID;
    }
    return true;
}

/* True: all could be told. */
static bool answer_share(struct fetch_job *job, const struct fetch_share *share)
{
    bool is_whole = true;
    for (uint32_t i = 0, count; i < share->part_count; i += count) {
        for (count = 1; i + count < share->part_count; count++)
            if (!uuid_equal(share->parts[i + count].key.topic_id, share->parts[i].key.topic_id))
                break;
        is_whole &= answer_topic(job, &share->parts[i], count);
    }
    return is_whole;
}

static uint32_t count_news(struct fetch_job *job)
{
    uint32_t count = 0;
    struct list *node, *after;
    for (uint32_t place = 0; place < job->total; place++)
        count += job->errors[place] != ERR_NONE;
    list_each (node, after, &job->shares)
        count += ((struct fetch_share *)list_entry(node, struct letter, link))->part_count;
    return count;
}

/* A client that counts on what this node cannot keep in mind for it begins anew, which the session
 * id 0 tells it. A replica does without: it asks again for what it was refused. */
static void answer_session(struct fetch_job *job, bool is_whole)
{
    struct shard *shard = job->shard;
    struct fetch_session *session = fetch_session_find(shard, job->request->conn, job->session);
    if (session && job->replica < 0 && (!is_whole || !fetch_sessions_fit(shard))) {
        fetch_session_end(shard, session);
        session = NULL;
    }
    job->response.session_id = session ? session->id : 0;
}

static void answer_news(struct fetch_job *job)
{
    struct arena *arena = &job->request->arena;
    uint32_t count = count_news(job);
    job->response.topics = fetch_response_topic_new(arena, count);
    job->response.node_endpoints = fetch_response_node_endpoint_new(arena, count);
    answer_errors(job);
    bool is_whole = job->response.topics_count == 0;
    for (struct fetch_share *share; (share = next_share(job));) {
        is_whole &= answer_share(job, share);
        fetch_share_free(share);
    }
    answer_session(job, is_whole);
}

void fetch_answer_end(struct fetch_job *job)
{
    if (job->is_incremental) {
        answer_news(job);
        return;
    }
    answer_all(job);
    answer_session(job, true);
}
