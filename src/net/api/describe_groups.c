/* describe_groups.c -- DescribeGroups: states and members (KIP-345, 430, 1043).
 *
 * Of a group that is not there, versions before 6 say that it is dead, without an error. One that
 * is named twice is described once: a small request must not make a large answer. */
#include "brokers.h"
#include "groups.h"

enum { NOT_FOUND_SINCE = 6 };

static void decide(struct group_decision *decision, const struct group_ask *ask)
{
    const struct group_job *job = ask->job;
    const struct str *ids = job->context;
    struct groups_command command = {
        .token = group_ask_token(ask), .count = 1, .group_ids = &ids[ask->place]};
    group_decide_describe(decision, &command);
}

static void put_members(struct request *request, const struct group_described *from,
                        struct describe_groups_response_group *out)
{
    out->members_count = from->member_count;
    out->members = describe_groups_response_member_new(&request->arena, from->member_count);
    for (uint32_t i = 0; i < from->member_count; i++) {
        const struct group_described_member *member = &from->members[i];
        out->members[i].member_id = member->member_id;
        out->members[i].instance_id = member->instance_id;
        out->members[i].client_id = member->client_id;
        out->members[i].client_host = member->client_host;
        out->members[i].member_metadata = member->metadata;
        out->members[i].member_assignment = member->assignment;
    }
}

static void put_group(struct request *request, struct str id, const struct group_reply *reply,
                      struct describe_groups_response_group *out)
{
    static const struct group_described none;
    bool is_there = reply->err == ERR_NONE;
    const struct group_described *from = is_there ? &reply->describe.groups[0] : &none;
    enum err err = is_there ? from->err : reply->err;
    out->group_id = id;
    out->group_state = from->state;
    out->protocol_type = from->protocol_type;
    out->protocol_data = from->protocol;
    put_members(request, from, out);
    if (err == ERR_GROUP_ID_NOT_FOUND)
        out->error_message = STR("There is no group of this id.");
    if (err == ERR_GROUP_ID_NOT_FOUND && request->version < NOT_FOUND_SINCE)
        err = ERR_NONE;
    out->error_code = (int16_t)err_on_wire(err);
}

static void answer(struct group_job *job)
{
    struct request *request = job->request;
    const struct str *ids = job->context;
    const bool *wants_operations = request->context;
    struct describe_groups_response response;
    describe_groups_response_init(&response);
    response.groups_count = job->count;
    response.groups = describe_groups_response_group_new(&request->arena, job->count);
    for (uint32_t i = 0; i < job->count; i++) {
        put_group(request, ids[i], &job->asks[i].reply, &response.groups[i]);
        if (*wants_operations && response.groups[i].error_code == ERR_NONE)
            response.groups[i].authorized_operations = GROUP_OPERATIONS;
    }
    request_reply(request, &response);
}

void api_describe_groups(struct shard *shard, struct request *request)
{
    struct describe_groups_request body;
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
    request->context = arena_copy(arena, &body.include_authorized_operations, sizeof(bool));
    struct group_job *job = group_job_begin(request, GROUP_REPLY_DESCRIBE, count, decide, answer);
    job->context = ids;
    for (uint32_t i = 0; i < count; i++)
        group_job_send(shard, job, i, ids[i]);
    group_job_end(job);
}
