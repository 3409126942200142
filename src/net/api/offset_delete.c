/* offset_delete.c -- OffsetDelete: what a group committed for topics that it does not read
 * (KIP-496). */
#include "groups.h"

static void decide(struct group_decision *decision, const struct group_ask *ask)
{
    const struct group_job *job = ask->job;
    struct offset_delete_command *command = job->context;
    command->token = group_ask_token(ask);
    group_decide_offset_delete(decision, command);
}

static void put_topic(struct request *request, const struct group_topic_errors *from,
                      struct offset_delete_response_topic *out)
{
    out->name = from->topic;
    out->partitions_count = from->partition_count;
    out->partitions = offset_delete_response_partition_new(&request->arena, from->partition_count);
    for (uint32_t i = 0; i < from->partition_count; i++) {
        out->partitions[i].index = from->partitions[i].index;
        out->partitions[i].error_code = (int16_t)err_on_wire(from->partitions[i].err);
    }
}

static void answer(struct group_job *job)
{
    const struct group_reply *reply = group_job_reply(job);
    struct request *request = job->request;
    struct offset_delete_response response;
    offset_delete_response_init(&response);
    response.error_code = (int16_t)err_on_wire(reply->err);
    response.topics_count = reply->partitions.topic_count;
    response.topics = offset_delete_response_topic_new(&request->arena, response.topics_count);
    for (uint32_t i = 0; i < response.topics_count; i++)
        put_topic(request, &reply->partitions.topics[i], &response.topics[i]);
    request_reply(request, &response);
}

void api_offset_delete(struct shard *shard, struct request *request)
{
    struct offset_delete_request body;
    struct arena *arena = &request->arena;
    if (!request_read(request, &body))
        return;
    struct offset_delete_command *command = arena_alloc(arena, sizeof *command);
    struct group_topic_partitions *topics =
        arena_array(arena, struct group_topic_partitions, body.topics_count);
    for (uint32_t t = 0; t < body.topics_count; t++) {
        const struct offset_delete_request_topic *from = &body.topics[t];
        int32_t *partitions = arena_array(arena, int32_t, from->partitions_count);
        for (uint32_t p = 0; p < from->partitions_count; p++)
            partitions[p] = from->partitions[p].index;
        topics[t] = (struct group_topic_partitions){.topic = from->name,
                                                    .partition_count = from->partitions_count,
                                                    .partitions = partitions};
    }
    *command = (struct offset_delete_command){
        .group_id = body.group_id, .topic_count = body.topics_count, .topics = topics};
    struct group_job *job = group_job_begin(request, GROUP_REPLY_OFFSET_DELETE, 1, decide, answer);
    job->context = command;
    group_job_run(shard, job, body.group_id);
}
