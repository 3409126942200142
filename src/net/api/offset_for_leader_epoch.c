/* offset_for_leader_epoch.c -- OffsetForLeaderEpoch: where an epoch ends (KIP-101, KIP-320). */
#include "api.h"
#include "partitions.h"

struct epochs_job {
    struct request *request;
    struct offset_for_leader_epoch_response response;
    struct offset_for_leader_epoch_response_partition **answers;
    uint32_t pending;
};

static void part_done(struct shard *shard, struct letter *letter)
{
    struct query_part *part = (struct query_part *)letter;
    struct epochs_job *job = part->job;
    struct offset_for_leader_epoch_response_partition *answer = job->answers[part->place];
    (void)shard;
    answer->error_code = (int16_t)part->err;
    if (part->err == ERR_NONE) {
        answer->leader_epoch = part->found_epoch;
        answer->end_offset = part->offset;
    }
    mem_free(part);
    if (--job->pending == 0)
        request_reply(job->request, &job->response);
}

static void part_send(struct shard *shard, struct epochs_job *job, uint32_t place,
                      struct partition_key key,
                      const struct offset_for_leader_epoch_request_partition *asked)
{
    struct query_part *part = mem_zalloc(sizeof *part);
    part->job = job;
    part->place = place;
    part->kind = QUERY_EPOCH_END;
    part->key = key;
    part->current_epoch = asked->current_leader_epoch;
    part->epoch = asked->leader_epoch;
    part->done = part_done;
    job->pending++;
    mailbox_send(shard, partition_shard(key, shard->config->shards), &part->letter,
                 partitions_query);
}

static void response_shape(struct epochs_job *job,
                           const struct offset_for_leader_epoch_request *body)
{
    struct arena *arena = &job->request->arena;
    uint32_t total = 0, place = 0;
    offset_for_leader_epoch_response_init(&job->response);
    job->response.topics_count = body->topics_count;
    job->response.topics = offset_for_leader_epoch_response_topic_new(arena, body->topics_count);
    for (uint32_t t = 0; t < body->topics_count; t++) {
        struct offset_for_leader_epoch_response_topic *topic = &job->response.topics[t];
        topic->name = arena_str(arena, body->topics[t].name);
        topic->partitions_count = body->topics[t].partitions_count;
        topic->partitions =
            offset_for_leader_epoch_response_partition_new(arena, topic->partitions_count);
        total += topic->partitions_count;
    }
    job->answers =
        arena_array(arena, struct offset_for_leader_epoch_response_partition *, total + 1);
    for (uint32_t t = 0; t < body->topics_count; t++)
        for (uint32_t p = 0; p < body->topics[t].partitions_count; p++) {
            job->answers[place] = &job->response.topics[t].partitions[p];
            job->answers[place++]->index = body->topics[t].partitions[p].index;
        }
}

void api_offset_for_leader_epoch(struct shard *shard, struct request *request)
{
    struct epochs_job *job = arena_alloc(&request->arena, sizeof *job);
    struct offset_for_leader_epoch_request body;
    job->request = request;
    if (!request_read(request, &body))
        return;
    response_shape(job, &body);
    job->pending = 1;
    uint32_t place = 0;
    for (uint32_t t = 0; t < body.topics_count; t++)
        for (uint32_t p = 0; p < body.topics[t].partitions_count; p++, place++) {
            struct partition_key key;
            enum err result = find_partition(shard->image, body.topics[t].name, (struct uuid){{0}},
                                             body.topics[t].partitions[p].index, &key);
            if (result == ERR_NONE)
                part_send(shard, job, place, key, &body.topics[t].partitions[p]);
            else
                job->answers[place]->error_code = (int16_t)result;
        }
    request_release_frame(request);
    if (--job->pending == 0)
        request_reply(request, &job->response);
}
