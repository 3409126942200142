/* heartbeat.c -- Heartbeat: a member lives, and hears whether its group rebalances (KIP-134, 345).
 *
 * While the coordinator loads, nobody is told off: sessions begin anew when it has. */
#include "groups.h"

static void decide(struct group_decision *decision, const struct group_ask *ask)
{
    const struct group_job *job = ask->job;
    struct group_heartbeat_command *command = job->context;
    command->token = group_ask_token(ask);
    group_decide_heartbeat(decision, command);
}

static void answer(struct group_job *job)
{
    struct heartbeat_response response;
    enum err err = group_job_reply(job)->err;
    if (err == ERR_COORDINATOR_LOAD_IN_PROGRESS)
        err = ERR_NONE;
    heartbeat_response_init(&response);
    response.error_code = (int16_t)err_on_wire(err);
    request_reply(job->request, &response);
}

void api_heartbeat(struct shard *shard, struct request *request)
{
    struct heartbeat_request body;
    if (!request_read(request, &body))
        return;
    struct group_heartbeat_command *command = arena_alloc(&request->arena, sizeof *command);
    *command = (struct group_heartbeat_command){.group_id = body.group_id,
                                                .generation = body.generation_id,
                                                .member_id = body.member_id,
                                                .instance_id = body.instance_id};
    struct group_job *job = group_job_begin(request, GROUP_REPLY_HEARTBEAT, 1, decide, answer);
    job->context = command;
    group_job_run(shard, job, body.group_id);
}
