/* join_group.c -- JoinGroup: a member comes, or comes back, and hears of the next generation
 * (KIP-134, 345, 394, 559, 814). The reply may take as long as the rebalance. */
#include "groups.h"

enum { KNOWN_MEMBER_SINCE = 4, SKIP_SINCE = 9 };

static void decide(struct group_decision *decision, const struct group_ask *ask)
{
    const struct group_job *job = ask->job;
    struct join_group_command *command = job->context;
    command->token = group_ask_token(ask);
    group_decide_join(decision, command);
}

static void put_members(struct request *request, const struct group_joined *joined,
                        struct join_group_response *response)
{
    response->members_count = joined->member_count;
    response->members = join_group_response_member_new(&request->arena, joined->member_count);
    for (uint32_t i = 0; i < joined->member_count; i++) {
        response->members[i].member_id = joined->members[i].member_id;
        response->members[i].instance_id = joined->members[i].instance_id;
        response->members[i].metadata = joined->members[i].metadata;
    }
}

static void answer(struct group_job *job)
{
    const struct group_reply *reply = group_job_reply(job);
    struct join_group_response response;
    join_group_response_init(&response);
    response.error_code = (int16_t)err_on_wire(reply->err);
    response.generation_id = reply->join.generation;
    response.protocol_type = reply->join.protocol_type;
    response.protocol_name = reply->join.protocol;
    response.leader = reply->join.leader;
    response.skip_assignment = reply->join.skip_assignment;
    response.member_id = reply->join.member_id;
    put_members(job->request, &reply->join, &response);
    request_reply(job->request, &response);
}

void api_join_group(struct shard *shard, struct request *request)
{
    struct join_group_request body;
    if (!request_read(request, &body))
        return;
    struct join_group_command *command = arena_alloc(&request->arena, sizeof *command);
    struct group_protocol *protocols =
        arena_array(&request->arena, struct group_protocol, body.protocols_count);
    for (uint32_t i = 0; i < body.protocols_count; i++)
        protocols[i] = (struct group_protocol){.name = body.protocols[i].name,
                                               .metadata = body.protocols[i].metadata};
    *command = (struct join_group_command){
        .group_id = body.group_id,
        .member_id = body.member_id,
        .instance_id = body.instance_id,
        .client_id = request->client_id.data ? request->client_id : STR(""),
        .client_host = request_host(request),
        .protocol_type = body.protocol_type,
        .session_timeout_ms = body.session_timeout_ms,
        .rebalance_timeout_ms =
            request->version == 0 ? body.session_timeout_ms : body.rebalance_timeout_ms,
        .requires_known_member_id = request->version >= KNOWN_MEMBER_SINCE,
        .can_skip_assignment = request->version >= SKIP_SINCE,
        .protocol_count = body.protocols_count,
        .protocols = protocols};
    struct group_job *job = group_job_begin(request, GROUP_REPLY_JOIN, 1, decide, answer);
    job->context = command;
    group_job_run(shard, job, body.group_id);
}
