/* sync_group.c -- SyncGroup: the leader's assignment comes in, each member's own goes out
 * (KIP-134, 345, 559).
 *
 * While the coordinator loads, the answer is REBALANCE_IN_PROGRESS: clients take other codes for
 * the end of the world, and have to join again in any case. */
#include "groups.h"

static void decide(struct group_decision *decision, const struct group_ask *ask)
{
    const struct group_job *job = ask->job;
    struct sync_group_command *command = job->context;
    command->token = group_ask_token(ask);
    group_decide_sync(decision, command);
}

static void answer(struct group_job *job)
{
    const struct group_reply *reply = group_job_reply(job);
    struct sync_group_response response;
    enum err err = reply->err;
    if (err == ERR_COORDINATOR_LOAD_IN_PROGRESS)
        err = ERR_REBALANCE_IN_PROGRESS;
    sync_group_response_init(&response);
    response.error_code = (int16_t)err_on_wire(err);
    response.protocol_type = reply->sync.protocol_type;
    response.protocol_name = reply->sync.protocol;
    response.assignment = reply->sync.assignment;
    request_reply(job->request, &response);
}

void api_sync_group(struct shard *shard, struct request *request)
{
    struct sync_group_request body;
    if (!request_read(request, &body))
        return;
    struct sync_group_command *command = arena_alloc(&request->arena, sizeof *command);
    struct group_assignment *assignments =
        arena_array(&request->arena, struct group_assignment, body.assignments_count);
    for (uint32_t i = 0; i < body.assignments_count; i++)
        assignments[i] = (struct group_assignment){.member_id = body.assignments[i].member_id,
                                                   .assignment = body.assignments[i].assignment};
    *command = (struct sync_group_command){.group_id = body.group_id,
                                           .generation = body.generation_id,
                                           .member_id = body.member_id,
                                           .instance_id = body.instance_id,
                                           .protocol_type = body.protocol_type,
                                           .protocol = body.protocol_name,
                                           .assignment_count = body.assignments_count,
                                           .assignments = assignments};
    struct group_job *job = group_job_begin(request, GROUP_REPLY_SYNC, 1, decide, answer);
    job->context = command;
    group_job_run(shard, job, body.group_id);
}
