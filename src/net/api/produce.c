/* produce.c -- Produce: each partition's batch goes to its owner, the answer when all are back.
 *
 * Batches are appended in the order in which requests came, before the first of them
 * is answered: letters keep their order and conn keeps the line.
 *
 * Source  KIP-98; KIP-467 (messages), KIP-951 (leader hints). */
#include "api.h"
#include "partitions.h"

#include "endpoints.h"

enum { STORAGE_ERROR_SINCE = 4 }; /* Clients that send older versions do not know it. */

struct produce_job {
    struct request *request;
    struct produce_request body;
    struct produce_response response;
    uint32_t total; /* Partitions asked about. */
    struct produce_response_partition *
        *answers; /* Each partition's, in the order of the request. */
    uint32_t pending;
    bool failed;
};

static void job_finish(struct produce_job *job)
{
    struct request *request = job->request;
    if (job->body.acks != 0) {
        request_reply(request, &job->response);
        return;
    }
    if (job->failed)
        request_close(request); /* The only way to say so: the client refreshes its metadata. */
    else
        request_drop(request);
}

static void answer_error(struct produce_job *job, uint32_t place, enum err err, const char *message)
{
    struct produce_response_partition *answer = job->answers[place];
    bool is_known = err != ERR_KAFKA_STORAGE_ERROR || job->request->version >= STORAGE_ERROR_SINCE;
    answer->error_code = (int16_t)(is_known ? err : ERR_NOT_LEADER_OR_FOLLOWER);
    answer->base_offset = -1;
    answer->error_message = str_from(message);
    job->failed = true;
}

static void answer_faults(struct produce_job *job, struct produce_part *part)
{
    struct produce_response_partition *answer = job->answers[part->place];
    if (!part->faults)
        return;
    answer->record_errors_count = part->fault_count;
    answer->record_errors =
        produce_response_record_error_new(&job->request->arena, part->fault_count);
    for (uint32_t i = 0; i < part->fault_count; i++) {
        answer->record_errors[i].batch_index = part->faults[i].index;
        answer->record_errors[i].message = str_from(part->faults[i].reason);
    }
    mem_free(part->faults);
}

static void part_done(struct shard *shard, struct letter *letter)
{
    struct produce_part *part = (struct produce_part *)letter;
    struct produce_job *job = part->job;
    struct produce_response_partition *answer = job->answers[part->place];
    if (part->err != ERR_NONE)
        answer_error(job, part->place, part->err, part->message);
    answer_faults(job, part);
    answer->base_offset = part->base;
    answer->log_start_offset = part->err == ERR_NONE ? part->start : -1;
    answer->log_append_time_ms = part->err == ERR_NONE ? part->append_time : -1;
    if (part->err == ERR_NOT_LEADER_OR_FOLLOWER) {
        answer->current_leader.leader_id = part->hint.leader;
        answer->current_leader.leader_epoch = part->hint.epoch;
        const struct record_endpoint *endpoint =
            hint_endpoint(shard, job->request, part->hint.leader);
        if (endpoint &&
            !hint_is_named(job->response.node_endpoints, sizeof *job->response.node_endpoints,
                           job->response.node_endpoints_count, part->hint.leader)) {
            struct produce_response_node_endpoint *node =
                &job->response.node_endpoints[job->response.node_endpoints_count++];
            node->node_id = part->hint.leader;
            node->host = arena_str(&job->request->arena, endpoint->host);
            node->port = endpoint->port;
        }
    }
    if (--job->pending == 0)
        job_finish(job);
}

static enum err part_check(struct shard *shard, const struct produce_job *job, uint32_t topic,
                           uint32_t partition, struct partition_key *key, const char **message)
{
    const struct produce_request *body = &job->body;
    const struct produce_request_partition *asked = &body->topics[topic].partitions[partition];
    if (body->acks < -1 || body->acks > 1)
        return ERR_INVALID_REQUIRED_ACKS;
    if (body->transactional_id.data) {
        *message = "transactions are not there yet";
        return ERR_TRANSACTIONAL_ID_NOT_FOUND;
    }
    if (!asked->records.data || asked->records.size == 0) {
        *message = "no record batch";
        return ERR_INVALID_RECORD;
    }
    if (job->request->version >= 13 && uuid_is_zero(body->topics[topic].topic_id))
        return ERR_UNKNOWN_TOPIC_ID;
    enum err err = find_partition(shard->image, body->topics[topic].name,
                                  body->topics[topic].topic_id, asked->index, key);
    if (err == ERR_NONE &&
        topic_is_internal(image_topic_by_id(shard->image, key->topic_id)->name)) {
        *message = "an internal topic takes no records of clients";
        return ERR_INVALID_TOPIC_EXCEPTION;
    }
    return err;
}

static void part_send(struct shard *shard, struct produce_job *job, uint32_t place,
                      struct partition_key key, struct bytes records)
{
    struct request *request = job->request;
    struct produce_part *part = arena_alloc(&request->arena, sizeof *part);
    part->job = job;
    part->place = place;
    part->key = key;
    part->acks = job->body.acks;
    part->timeout_ms = job->body.timeout_ms;
    part->zstd_allowed = request->version >= 7;
    part->is_old_allowed = request->version <= 2;
    part->records = (struct slice){.buf = buf_ref(request->frame.buf), .bytes = records};
    part->done = part_done;
    job->pending++;
    mailbox_send(shard, partition_shard(key, shard->config->shards), &part->letter,
                 partitions_produce);
}

static const char named_twice[] = "the partition is named twice in one request";

static void answers_flatten(struct produce_job *job)
{
    uint32_t place = 0;
    job->answers =
        arena_array(&job->request->arena, struct produce_response_partition *, job->total + 1);
    for (uint32_t t = 0; t < job->response.topics_count; t++)
        for (uint32_t p = 0; p < job->response.topics[t].partitions_count; p++)
            job->answers[place++] = &job->response.topics[t].partitions[p];
}

static void response_shape(struct produce_job *job)
{
    struct arena *arena = &job->request->arena;
    const struct produce_request *body = &job->body;
    produce_response_init(&job->response);
    job->response.topics_count = body->topics_count;
    job->response.topics = produce_response_topic_new(arena, body->topics_count);
    for (uint32_t t = 0; t < body->topics_count; t++) {
        struct produce_response_topic *topic = &job->response.topics[t];
        topic->name = arena_str(arena, body->topics[t].name);
        topic->topic_id = body->topics[t].topic_id;
        topic->partitions_count = body->topics[t].partitions_count;
        topic->partitions = produce_response_partition_new(arena, topic->partitions_count);
        for (uint32_t p = 0; p < topic->partitions_count; p++)
            topic->partitions[p].index = body->topics[t].partitions[p].index;
        job->total += topic->partitions_count;
    }
    answers_flatten(job);
    job->response.node_endpoints = produce_response_node_endpoint_new(arena, job->total);
}

/* Where each batch goes, and why not; a partition that is named twice is refused twice:
 * there would be one answer for two batches. */
static void job_resolve(struct shard *shard, struct produce_job *job, struct partition_key *keys)
{
    struct map seen;
    uint32_t place = 0;
    map_init(&seen, sizeof(struct partition_key));
    for (uint32_t t = 0; t < job->body.topics_count; t++) {
        for (uint32_t p = 0; p < job->body.topics[t].partitions_count; p++, place++) {
            const char *message = NULL;
            enum err result = part_check(shard, job, t, p, &keys[place], &message);
            if (result != ERR_NONE) {
                answer_error(job, place, result, message);
                continue;
            }
            if (job->total == 1)
                continue;
            uint32_t *first = map_get(&seen, &keys[place]);
            if (!first) {
                first = arena_alloc(&job->request->arena, sizeof *first);
                *first = place;
                map_put(&seen, &keys[place], first);
                continue;
            }
            answer_error(job, *first, ERR_INVALID_REQUEST, named_twice);
            answer_error(job, place, ERR_INVALID_REQUEST, named_twice);
        }
    }
    map_free(&seen);
}

void api_produce(struct shard *shard, struct request *request)
{
    struct produce_job *job = arena_alloc(&request->arena, sizeof *job);
    job->request = request;
    if (!request_read(request, &job->body))
        return;
    response_shape(job);
    struct partition_key *keys = arena_array(&request->arena, struct partition_key, job->total + 1);
    job_resolve(shard, job, keys);
    job->pending = 1; /* Ourselves, until all are sent. */
    uint32_t place = 0;
    for (uint32_t t = 0; t < job->body.topics_count; t++)
        for (uint32_t p = 0; p < job->body.topics[t].partitions_count; p++, place++)
            if (job->answers[place]->error_code == ERR_NONE)
                part_send(shard, job, place, keys[place],
                          job->body.topics[t].partitions[p].records);
    request_release_frame(request);
    if (--job->pending == 0)
        job_finish(job);
}
