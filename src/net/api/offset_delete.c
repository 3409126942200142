/* offset_delete.c -- OffsetDelete: what a group committed for topics that it does not read
 * (KIP-496). */
#include "groups.h"

struct deletion {
    struct offset_delete_command command;
    struct offset_delete_response response; /* Of what is not there it tells already. */
};

static void decide(struct group_decision *decision, const struct group_ask *ask)
{
    const struct group_job *job = ask->job;
    struct deletion *deletion = job->context;
    deletion->command.token = group_ask_token(ask);
    group_decide_offset_delete(decision, &deletion->command);
}

/* What the coordinator says of the partitions that it was asked about, in their order. */
static void put_topic(const struct group_topic_errors *from,
                      struct offset_delete_response_topic *out)
{
    uint32_t next = 0;
    for (uint32_t i = 0; i < out->partitions_count; i++)
        if (out->partitions[i].error_code == ERR_NONE)
            out->partitions[i].error_code = (int16_t)err_on_wire(from->partitions[next++].err);
    check(next == from->partition_count);
}

static void answer(struct group_job *job)
{
    const struct group_reply *reply = group_job_reply(job);
    struct deletion *deletion = job->context;
    struct offset_delete_response *response = &deletion->response;
    response->error_code = (int16_t)err_on_wire(reply->err);
    if (reply->err != ERR_NONE)
        response->topics_count = 0;
    for (uint32_t i = 0; i < response->topics_count; i++)
        put_topic(&reply->partitions.topics[i], &response->topics[i]);
    request_reply(job->request, response);
}

/* What is not there is answered here, the rest is for the coordinator. */
static struct group_topic_partitions take_topic(const struct shard *shard, struct arena *arena,
                                                const struct offset_delete_request_topic *asked,
                                                struct offset_delete_response_topic *out)
{
    const struct image_topic *topic = image_topic_by_name(shard->image, asked->name);
    int32_t *partitions = arena_array(arena, int32_t, asked->partitions_count);
    uint32_t count = 0;
    out->name = asked->name;
    out->partitions_count = asked->partitions_count;
    out->partitions = offset_delete_response_partition_new(arena, asked->partitions_count);
    for (uint32_t i = 0; i < asked->partitions_count; i++) {
        out->partitions[i].index = asked->partitions[i].index;
        if (image_topic_has(topic, asked->partitions[i].index))
            partitions[count++] = asked->partitions[i].index;
        else
            out->partitions[i].error_code = ERR_UNKNOWN_TOPIC_OR_PARTITION;
    }
    return (struct group_topic_partitions){
        .topic = asked->name, .partition_count = count, .partitions = partitions};
}

void api_offset_delete(struct shard *shard, struct request *request)
{
    struct offset_delete_request body;
    struct arena *arena = &request->arena;
    if (!request_read(request, &body))
        return;
    struct deletion *deletion = arena_alloc(arena, sizeof *deletion);
    struct group_topic_partitions *topics =
        arena_array(arena, struct group_topic_partitions, body.topics_count);
    offset_delete_response_init(&deletion->response);
    deletion->response.topics_count = body.topics_count;
    deletion->response.topics = offset_delete_response_topic_new(arena, body.topics_count);
    for (uint32_t i = 0; i < body.topics_count; i++)
        topics[i] = take_topic(shard, arena, &body.topics[i], &deletion->response.topics[i]);
    deletion->command = (struct offset_delete_command){
        .group_id = body.group_id, .topic_count = body.topics_count, .topics = topics};
    struct group_job *job = group_job_begin(request, GROUP_REPLY_OFFSET_DELETE, 1, decide, answer);
    job->context = deletion;
    group_job_run(shard, job, body.group_id);
}
