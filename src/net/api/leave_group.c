/* leave_group.c -- LeaveGroup: members go, one up to version 2, several from 3 on (KIP-345). */
#include "groups.h"

enum { SEVERAL_SINCE = 3 };

static void decide(struct group_decision *decision, const struct group_ask *ask)
{
    const struct group_job *job = ask->job;
    struct leave_group_command *command = job->context;
    command->token = group_ask_token(ask);
    group_decide_leave(decision, command);
}

static void put_members(struct request *request, const struct group_leaving *leave,
                        struct leave_group_response *response)
{
    response->members_count = leave->count;
    response->members = leave_group_response_member_new(&request->arena, leave->count);
    for (uint32_t i = 0; i < leave->count; i++) {
        response->members[i].member_id = leave->members[i].member_id;
        response->members[i].instance_id = leave->members[i].instance_id;
        response->members[i].error_code = (int16_t)err_on_wire(leave->members[i].err);
    }
}

/* Where the group is not there, each of several members hears so. */
static void put_strangers(struct request *request, const struct leave_group_command *command,
                          struct leave_group_response *response)
{
    response->members_count = command->count;
    response->members = leave_group_response_member_new(&request->arena, command->count);
    for (uint32_t i = 0; i < command->count; i++) {
        response->members[i].member_id = command->members[i].member_id;
        response->members[i].instance_id = command->members[i].instance_id;
        response->members[i].error_code = ERR_UNKNOWN_MEMBER_ID;
    }
}

static void answer(struct group_job *job)
{
    const struct group_reply *reply = group_job_reply(job);
    struct request *request = job->request;
    struct leave_group_response response;
    leave_group_response_init(&response);
    response.error_code = (int16_t)err_on_wire(reply->err);
    if (request->version < SEVERAL_SINCE) {
        if (reply->err == ERR_NONE && reply->leave.count > 0)
            response.error_code = (int16_t)err_on_wire(reply->leave.members[0].err);
    } else if (reply->err == ERR_UNKNOWN_MEMBER_ID) {
        response.error_code = ERR_NONE;
        put_strangers(request, job->context, &response);
    } else {
        put_members(request, &reply->leave, &response);
    }
    request_reply(request, &response);
}

void api_leave_group(struct shard *shard, struct request *request)
{
    struct leave_group_request body;
    if (!request_read(request, &body))
        return;
    bool is_single = request->version < SEVERAL_SINCE;
    uint32_t count = is_single ? 1 : body.members_count;
    struct leave_group_command *command = arena_alloc(&request->arena, sizeof *command);
    struct group_leaver *members = arena_array(&request->arena, struct group_leaver, count);
    for (uint32_t i = 0; i < count; i++)
        members[i] = is_single ? (struct group_leaver){.member_id = body.member_id}
                               : (struct group_leaver){.member_id = body.members[i].member_id,
                                                       .instance_id = body.members[i].instance_id};
    *command =
        (struct leave_group_command){.group_id = body.group_id, .count = count, .members = members};
    struct group_job *job = group_job_begin(request, GROUP_REPLY_LEAVE, 1, decide, answer);
    job->context = command;
    group_job_run(shard, job, body.group_id);
}
