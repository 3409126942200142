/* delete_records.c -- DeleteRecords: each partition's leader retires what lies below an offset, and
 * answers when all live replicas have (KIP-107).
 *
 * A partition that is named again is asked once, for the offset that was named last, as in Kafka: a
 * small request must not make very many letters. */
#include "api.h"
#include "partitions.h"

struct delete_job {
    struct request *request;
    struct delete_records_response response;
    struct map parts; /* By partition, until they are sent. */
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
    struct delete_records_response_topic *topic = &job->response.topics[part->topic];
    (void)shard;
    topic->partitions[part->place].error_code = (int16_t)part->err;
    topic->partitions[part->place].low_watermark = part->low_watermark;
    mem_free(part);
    job_end(job);
}

/* What can be answered at once: ERR_NONE is asked of its leader. */
static enum err find(const struct shard *shard, struct str topic, partition_id index,
                     struct partition_key *key)
{
    if (topic_is_internal(topic))
        return ERR_INVALID_TOPIC_EXCEPTION;
    return find_partition(shard->image, topic, (struct uuid){{0}}, index, key);
}

static void take_partition(struct shard *shard, struct delete_job *job, uint32_t t,
                           const struct delete_records_request_partition *asked)
{
    struct delete_records_response_topic *topic = &job->response.topics[t];
    struct partition_key key;
    enum err err = find(shard, topic->name, asked->index, &key);
    struct delete_part *part = err == ERR_NONE ? map_get(&job->parts, &key) : NULL;
    if (part) {
        part->offset = asked->offset;
        return;
    }
    topic->partitions[topic->partitions_count].index = asked->index;
    topic->partitions[topic->partitions_count].error_code = (int16_t)err;
    topic->partitions[topic->partitions_count].low_watermark = -1;
    if (err == ERR_NONE) {
        part = mem_zalloc(sizeof *part);
        part->job = job;
        part->topic = t;
        part->place = topic->partitions_count;
        part->key = key;
        part->offset = asked->offset;
        part->done = part_done;
        map_put(&job->parts, &key, part);
    }
    topic->partitions_count++;
}

static void take_topics(struct shard *shard, struct delete_job *job,
                        const struct delete_records_request *body)
{
    struct arena *arena = &job->request->arena;
    delete_records_response_init(&job->response);
    job->response.topics_count = body->topics_count;
    job->response.topics = delete_records_response_topic_new(arena, body->topics_count);
    for (uint32_t t = 0; t < body->topics_count; t++) {
        struct delete_records_response_topic *topic = &job->response.topics[t];
        uint32_t count = body->topics[t].partitions_count;
        topic->name = arena_str(arena, body->topics[t].name);
        topic->partitions = delete_records_response_partition_new(arena, count);
        for (uint32_t p = 0; p < count; p++)
            take_partition(shard, job, t, &body->topics[t].partitions[p]);
    }
}

static void send_parts(struct shard *shard, struct delete_job *job, int32_t timeout_ms)
{
    uint32_t cursor = 0;
    void *found;
    while (map_next(&job->parts, &cursor, &found)) {
        struct delete_part *part = found;
        part->timeout_ms = timeout_ms;
        job->pending++;
        mailbox_send(shard, partition_shard(part->key, shard->config->shards), &part->letter,
                     partitions_delete_records);
    }
    map_free(&job->parts);
}

void api_delete_records(struct shard *shard, struct request *request)
{
    struct delete_records_request body;
    if (!request_read(request, &body))
        return;
    struct delete_job *job = arena_alloc(&request->arena, sizeof *job);
    job->request = request;
    job->pending = 1; /* Ourselves, until all are sent. */
    map_init(&job->parts, sizeof(struct partition_key));
    take_topics(shard, job, &body);
    request_release_frame(request);
    send_parts(shard, job, body.timeout_ms);
    job_end(job);
}
