/* delete_records.c -- DeleteRecords: each partition's leader retires what lies below an offset, and
 * answers when all live replicas have (KIP-107). */
#include "api.h"
#include "partitions.h"

struct delete_job {
    struct request *request;
    struct delete_records_response response;
    struct delete_records_response_partition **answers; /* In the order of the request. */
    uint32_t pending;
};

static void job_end(struct delete_job *job)
{
    if (--job->pending == 0)
        request_reply(job->request, &job->response);
}

static void part_done(struct shard *shard, struct letter *letter)
{
    struct delete_part *part = (struct delete_part *)letter;
    struct delete_job *job = part->job;
    (void)shard;
    job->answers[part->place]->error_code = (int16_t)part->err;
    job->answers[part->place]->low_watermark = part->low_watermark;
    mem_free(part);
    job_end(job);
}

static struct delete_job *job_begin(struct request *request,
                                    const struct delete_records_request *body)
{
    struct arena *arena = &request->arena;
    struct delete_job *job = arena_alloc(arena, sizeof *job);
    uint32_t total = 0, place = 0;
    for (uint32_t t = 0; t < body->topics_count; t++)
        total += body->topics[t].partitions_count;
    job->request = request;
    job->pending = 1; /* Ourselves, until all are sent. */
    job->answers = arena_array(arena, struct delete_records_response_partition *, total + 1);
    delete_records_response_init(&job->response);
    job->response.topics_count = body->topics_count;
    job->response.topics = delete_records_response_topic_new(arena, body->topics_count);
    for (uint32_t t = 0; t < body->topics_count; t++) {
        struct delete_records_response_topic *topic = &job->response.topics[t];
        topic->name = arena_str(arena, body->topics[t].name);
        topic->partitions_count = body->topics[t].partitions_count;
        topic->partitions = delete_records_response_partition_new(arena, topic->partitions_count);
        for (uint32_t p = 0; p < topic->partitions_count; p++) {
            topic->partitions[p].index = body->topics[t].partitions[p].index;
            topic->partitions[p].low_watermark = -1;
            job->answers[place++] = &topic->partitions[p];
        }
    }
    return job;
}

static void part_send(struct shard *shard, struct delete_job *job, uint32_t place,
                      struct partition_key key, log_offset offset, int32_t timeout_ms)
{
    struct delete_part *part = mem_zalloc(sizeof *part);
    part->job = job;
    part->place = place;
    part->key = key;
    part->offset = offset;
    part->timeout_ms = timeout_ms;
    part->done = part_done;
    job->pending++;
    mailbox_send(shard, partition_shard(key, shard->config->shards), &part->letter,
                 partitions_delete_records);
}

void api_delete_records(struct shard *shard, struct request *request)
{
    struct delete_records_request body;
    if (!request_read(request, &body))
        return;
    struct delete_job *job = job_begin(request, &body);
    uint32_t place = 0;
    for (uint32_t t = 0; t < body.topics_count; t++)
        for (uint32_t p = 0; p < body.topics[t].partitions_count; p++, place++) {
            const struct delete_records_request_partition *asked = &body.topics[t].partitions[p];
            struct partition_key key;
            enum err err = find_partition(shard->image, body.topics[t].name, (struct uuid){{0}},
                                          asked->index, &key);
            if (topic_is_internal(body.topics[t].name))
                err = ERR_INVALID_TOPIC_EXCEPTION;
            job->answers[place]->error_code = (int16_t)err;
            if (err == ERR_NONE)
                part_send(shard, job, place, key, asked->offset, body.timeout_ms);
        }
    request_release_frame(request);
    job_end(job);
}
