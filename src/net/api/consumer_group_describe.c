/* consumer_group_describe.c -- ConsumerGroupDescribe: groups of consumers, what each member has and
 * shall have (KIP-848). One that is named twice is described once. */
#include "brokers.h"
#include "groups.h"

enum { MEMBER_TYPE_CLASSIC = 0, MEMBER_TYPE_CONSUMER = 1 };

static void decide(struct group_decision *decision, const struct group_ask *ask)
{
    const struct group_job *job = ask->job;
    const struct str *ids = job->context;
    struct groups_command command = {
        .token = group_ask_token(ask), .count = 1, .group_ids = &ids[ask->place]};
    group_decide_consumer_describe(decision, &command);
}

static void put_topics(struct request *request, uint32_t count,
                       const struct group_topic_partitions *from,
                       struct consumer_group_describe_response_assignment *out)
{
    out->topics_count = count;
    out->topics = consumer_group_describe_response_topic_new(&request->arena, count);
    for (uint32_t i = 0; i < count; i++) {
        out->topics[i].topic_id = from[i].topic_id;
        out->topics[i].name = from[i].topic;
        out->topics[i].partitions_count = from[i].partition_count;
        out->topics[i].partitions = arena_copy(&request->arena, from[i].partitions,
                                               from[i].partition_count * sizeof(int32_t));
    }
}

static void put_member(struct request *request, const struct consumer_described_member *from,
                       struct consumer_group_describe_response_member *out)
{
    out->member_id = from->member_id;
    out->instance_id = from->instance_id;
    out->rack_id = from->rack_id;
    out->member_epoch = from->member_epoch;
    out->client_id = from->client_id;
    out->client_host = from->client_host;
    out->subscribed_topic_names_count = from->topic_count;
    out->subscribed_topic_names =
        arena_copy(&request->arena, from->topics, from->topic_count * sizeof *from->topics);
    out->subscribed_topic_regex = from->topic_regex;
    put_topics(request, from->assigned_count, from->assigned, &out->assignment);
    put_topics(request, from->target_count, from->target, &out->target_assignment);
    out->member_type = from->is_classic ? MEMBER_TYPE_CLASSIC : MEMBER_TYPE_CONSUMER;
}

static void put_group(struct request *request, struct str id, const struct group_reply *reply,
                      struct consumer_group_describe_response_group *out)
{
    const struct consumer_described *from =
        reply->err == ERR_NONE ? &reply->consumers.groups[0] : NULL;
    enum err err = from ? from->err : reply->err;
    out->group_id = id;
    out->error_code = (int16_t)err_on_wire(err);
    if (err == ERR_GROUP_ID_NOT_FOUND)
        out->error_message = STR("There is no group of consumers of this id.");
    if (err != ERR_NONE)
        return;
    out->group_state = from->state;
    out->group_epoch = from->group_epoch;
    out->assignment_epoch = from->assignment_epoch;
    out->assignor_name = from->assignor;
    out->members_count = from->member_count;
    out->members = consumer_group_describe_response_member_new(&request->arena, from->member_count);
    for (uint32_t i = 0; i < from->member_count; i++)
        put_member(request, &from->members[i], &out->members[i]);
}

static void answer(struct group_job *job)
{
    struct request *request = job->request;
    const struct str *ids = job->context;
    const bool *wants_operations = request->context;
    struct consumer_group_describe_response response;
    consumer_group_describe_response_init(&response);
    response.groups_count = job->count;
    response.groups = consumer_group_describe_response_group_new(&request->arena, job->count);
    for (uint32_t i = 0; i < job->count; i++) {
        put_group(request, ids[i], &job->asks[i].reply, &response.groups[i]);
        if (*wants_operations && response.groups[i].error_code == ERR_NONE)
            response.groups[i].authorized_operations = GROUP_OPERATIONS;
    }
    request_reply(request, &response);
}

void api_consumer_group_describe(struct shard *shard, struct request *request)
{
    struct consumer_group_describe_request body;
    struct arena *arena = &request->arena;
    if (!request_read(request, &body))
        return;
    uint32_t *places = arena_array(arena, uint32_t, body.group_ids_count);
    uint32_t count = body.group_ids_count;
    if (!group_ids_once(request, body.group_ids, &count, places))
        return;
    struct str *ids = arena_array(arena, struct str, count);
    for (uint32_t i = 0; i < count; i++)
        ids[i] = body.group_ids[places[i]];
    request->context = arena_copy(arena, &body.include_authorized_operations, sizeof(bool));
    struct group_job *job =
        group_job_begin(request, GROUP_REPLY_CONSUMER_DESCRIBE, count, decide, answer);
    job->context = ids;
    for (uint32_t i = 0; i < count; i++)
        group_job_send(shard, job, i, ids[i]);
    group_job_end(job);
}
