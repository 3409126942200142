/* list_offsets.c -- ListOffsets: an offset by time, or one of the special ones (KIP-79, 207). */
#include "api.h"
#include "partitions.h"

struct offsets_job {
    struct request *request;
    struct list_offsets_response response;
    struct list_offsets_response_partition **answers;
    uint32_t pending;
};

static void part_done(struct shard *shard, struct letter *letter)
{
    struct query_part *part = (struct query_part *)letter;
    struct offsets_job *job = part->job;
    struct list_offsets_response_partition *answer = job->answers[part->place];
    (void)shard;
    enum err err = part->err;
    if (err == ERR_OFFSET_NOT_AVAILABLE && job->request->version < 5)
        err = ERR_LEADER_NOT_AVAILABLE;
    answer->error_code = (int16_t)err;
    if (err == ERR_NONE) {
        answer->offset = part->offset;
        answer->timestamp = part->found_timestamp;
        answer->leader_epoch = part->found_epoch;
    }
    mem_free(part);
    if (--job->pending == 0)
        request_reply(job->request, &job->response);
}

/* The oldest version in which a special timestamp means something (KIP-734, 405, 1005, 1023). */
static bool timestamp_is_known(int64_t timestamp, int16_t version)
{
    static const int16_t since[] = {0, 0, 7, 8, 9, 11}; /* -1, -2, ... -6 */
    if (timestamp >= 0)
        return true;
    return timestamp >= -6 && version >= since[-timestamp - 1];
}

static void part_send(struct shard *shard, struct offsets_job *job, uint32_t place,
                      struct partition_key key, const struct list_offsets_request_partition *asked,
                      bool from_replica)
{
    struct query_part *part = mem_zalloc(sizeof *part);
    part->job = job;
    part->place = place;
    part->kind = QUERY_TIME;
    part->key = key;
    part->current_epoch = asked->current_leader_epoch;
    part->timestamp = asked->timestamp;
    part->from_replica = from_replica;
    part->done = part_done;
    job->pending++;
    mailbox_send(shard, partition_shard(key, shard->config->shards), &part->letter,
                 partitions_query);
}

static void response_shape(struct offsets_job *job, const struct list_offsets_request *body)
{
    struct arena *arena = &job->request->arena;
    uint32_t total = 0, place = 0;
    list_offsets_response_init(&job->response);
    job->response.topics_count = body->topics_count;
    job->response.topics = list_offsets_response_topic_new(arena, body->topics_count);
    for (uint32_t t = 0; t < body->topics_count; t++) {
        struct list_offsets_response_topic *topic = &job->response.topics[t];
        topic->name = arena_str(arena, body->topics[t].name);
        topic->partitions_count = body->topics[t].partitions_count;
        topic->partitions = list_offsets_response_partition_new(arena, topic->partitions_count);
        total += topic->partitions_count;
    }
    job->answers = arena_array(arena, struct list_offsets_response_partition *, total + 1);
    for (uint32_t t = 0; t < body->topics_count; t++)
        for (uint32_t p = 0; p < body->topics[t].partitions_count; p++) {
            job->answers[place] = &job->response.topics[t].partitions[p];
            job->answers[place++]->index = body->topics[t].partitions[p].index;
        }
}

void api_list_offsets(struct shard *shard, struct request *request)
{
    struct offsets_job *job = arena_alloc(&request->arena, sizeof *job);
    struct list_offsets_request body;
    job->request = request;
    if (!request_read(request, &body))
        return;
    response_shape(job, &body);
    job->pending = 1;
    uint32_t place = 0;
    bool from_replica = body.replica_id >= 0 && request->internal;
    for (uint32_t t = 0; t < body.topics_count; t++)
        for (uint32_t p = 0; p < body.topics[t].partitions_count; p++, place++) {
            struct partition_key key;
            const struct list_offsets_request_partition *asked = &body.topics[t].partitions[p];
            enum err result = find_partition(shard->image, body.topics[t].name, (struct uuid){{0}},
                                             asked->index, &key);
            if (result == ERR_NONE && !timestamp_is_known(asked->timestamp, request->version))
                result = ERR_UNSUPPORTED_VERSION;
            if (result == ERR_NONE)
                part_send(shard, job, place, key, asked, from_replica);
            else
                job->answers[place]->error_code = (int16_t)result;
        }
    request_release_frame(request);
    if (--job->pending == 0)
        request_reply(request, &job->response);
}
