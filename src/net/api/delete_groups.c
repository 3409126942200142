/* delete_groups.c -- DeleteGroups: groups without members go, and what they committed (KIP-229). */
#include "groups.h"

static void decide(struct group_decision *decision, const struct group_ask *ask)
{
    const struct group_job *job = ask->job;
    const struct str *ids = job->context;
    struct groups_command command = {
        .token = group_ask_token(ask), .count = 1, .group_ids = &ids[ask->place]};
    group_decide_delete(decision, &command);
}

static struct str message_of(enum err err)
{
    if (err == ERR_NON_EMPTY_GROUP)
        return STR("The group has members.");
    if (err == ERR_GROUP_ID_NOT_FOUND)
        return STR("There is no group of this id.");
    return (struct str){0};
}

static void answer(struct group_job *job)
{
    struct request *request = job->request;
    const struct str *ids = job->context;
    struct delete_groups_response response;
    delete_groups_response_init(&response);
    response.results_count = job->count;
    response.results = delete_groups_response_result_new(&request->arena, job->count);
    for (uint32_t i = 0; i < job->count; i++) {
        const struct group_reply *reply = &job->asks[i].reply;
        enum err err = reply->err == ERR_NONE ? reply->deletion.groups[0].err : reply->err;
        response.results[i].group_id = ids[i];
        response.results[i].error_code = (int16_t)err_on_wire(err);
        response.results[i].error_message = message_of(err);
    }
    request_reply(request, &response);
}

/* A group that is named twice is answered once, as in Kafka. */
void api_delete_groups(struct shard *shard, struct request *request)
{
    struct delete_groups_request body;
    struct arena *arena = &request->arena;
    if (!request_read(request, &body))
        return;
    uint32_t *places = arena_array(arena, uint32_t, body.groups_count);
    uint32_t count = body.groups_count;
    if (!group_ids_once(request, body.groups, &count, places))
        return;
    struct str *ids = arena_array(arena, struct str, count);
    for (uint32_t i = 0; i < count; i++)
        ids[i] = body.groups[places[i]];
    struct group_job *job = group_job_begin(request, GROUP_REPLY_DELETE, count, decide, answer);
    job->context = ids;
    for (uint32_t i = 0; i < count; i++)
        group_job_send(shard, job, i, ids[i]);
    group_job_end(job);
}
