/* offset_for_leader_epoch.c -- OffsetForLeaderEpoch: where an epoch ends (KIP-101, KIP-320). */
#include "queries.h"

static void put_answer(struct request *request, const struct query_part *part, void *out)
{
    struct offset_for_leader_epoch_response_partition *answer = out;
    (void)request;
    answer->error_code = (int16_t)part->err;
    if (part->err == ERR_NONE) {
        answer->leader_epoch = part->found_epoch;
        answer->end_offset = part->offset;
    }
}

static struct query_job *job_begin(struct request *request,
                                   const struct offset_for_leader_epoch_request *body)
{
    struct arena *arena = &request->arena;
    struct offset_for_leader_epoch_response *response = arena_alloc(arena, sizeof *response);
    uint32_t total = 0, place = 0;
    for (uint32_t t = 0; t < body->topics_count; t++)
        total += body->topics[t].partitions_count;
    struct query_job *job = queries_begin(request, response, total);
    job->put = put_answer;
    offset_for_leader_epoch_response_init(response);
    response->topics_count = body->topics_count;
    response->topics = offset_for_leader_epoch_response_topic_new(arena, body->topics_count);
    for (uint32_t t = 0; t < body->topics_count; t++) {
        struct offset_for_leader_epoch_response_topic *topic = &response->topics[t];
        topic->name = arena_str(arena, body->topics[t].name);
        topic->partitions_count = body->topics[t].partitions_count;
        topic->partitions =
            offset_for_leader_epoch_response_partition_new(arena, topic->partitions_count);
        for (uint32_t p = 0; p < topic->partitions_count; p++) {
            topic->partitions[p].index = body->topics[t].partitions[p].index;
            job->answers[place++] = &topic->partitions[p];
        }
    }
    return job;
}

static enum err ask(struct shard *shard, struct query_job *job, uint32_t place, struct str topic,
                    const struct offset_for_leader_epoch_request_partition *asked)
{
    struct partition_key key;
    enum err err = find_partition(shard->image, topic, (struct uuid){{0}}, asked->index, &key);
    if (err != ERR_NONE)
        return err;
    struct query_part *part = queries_part(job, place, key);
    part->kind = QUERY_EPOCH_END;
    part->current_epoch = asked->current_leader_epoch;
    part->epoch = asked->leader_epoch;
    queries_send(shard, part);
    return ERR_NONE;
}

void api_offset_for_leader_epoch(struct shard *shard, struct request *request)
{
    struct offset_for_leader_epoch_request body;
    if (!request_read(request, &body))
        return;
    struct query_job *job = job_begin(request, &body);
    uint32_t place = 0;
    for (uint32_t t = 0; t < body.topics_count; t++)
        for (uint32_t p = 0; p < body.topics[t].partitions_count; p++, place++) {
            struct offset_for_leader_epoch_response_partition *answer = job->answers[place];
            answer->error_code =
                (int16_t)ask(shard, job, place, body.topics[t].name, &body.topics[t].partitions[p]);
        }
    request_release_frame(request);
    request_recount(request);
    queries_end(job);
}
