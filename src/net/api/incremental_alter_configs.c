/* incremental_alter_configs.c -- IncrementalAlterConfigs: configs change one by one (KIP-339). */
#include "alter_job.h"

static void answer(struct alter_job *job)
{
    struct request *request = job->request;
    struct incremental_alter_configs_response response;
    incremental_alter_configs_response_init(&response);
    response.responses_count = job->command.count;
    response.responses =
        incremental_alter_configs_response_resource_new(&request->arena, job->command.count);
    for (uint32_t i = 0; i < job->command.count; i++) {
        const struct alter_resource *resource = &job->command.resources[i];
        response.responses[i].resource_type = (int8_t)resource->type;
        response.responses[i].resource_name = resource->name;
        response.responses[i].error_code = (int16_t)err_on_wire(job->reply.resources[i].err);
        response.responses[i].error_message = job->reply.resources[i].message;
    }
    request_reply(request, &response);
}

static void take(struct alter_job *job, const void *from)
{
    const struct incremental_alter_configs_response *response = from;
    for (uint32_t i = 0; i < job->command.count && i < response->responses_count; i++) {
        if (job->command.resources[i].type == CONFIG_OF_LOGGER)
            continue;
        job->reply.resources[i] =
            (struct alter_resource_reply){.err = (enum err)response->responses[i].error_code,
                                          .message = response->responses[i].error_message};
    }
}

static void take_configs(struct arena *arena, struct alter_resource *to,
                         const struct incremental_alter_configs_request_resource *from)
{
    struct alter_config *configs = arena_array(arena, struct alter_config, from->configs_count);
    for (uint32_t i = 0; i < from->configs_count; i++)
        configs[i] = (struct alter_config){
            .name = from->configs[i].name,
            .operation = (enum alter_operation)from->configs[i].config_operation,
            .value = from->configs[i].value};
    to->config_count = from->configs_count;
    to->configs = configs;
}

void api_incremental_alter_configs(struct shard *shard, struct request *request)
{
    struct alter_job *job = arena_alloc(&request->arena, sizeof *job);
    struct incremental_alter_configs_request body;
    if (!request_read(request, &body))
        return;
    struct alter_resource *resources =
        arena_array(&request->arena, struct alter_resource, body.resources_count);
    for (uint32_t i = 0; i < body.resources_count; i++) {
        resources[i].type = body.resources[i].resource_type;
        resources[i].name = body.resources[i].resource_name;
        take_configs(&request->arena, &resources[i], &body.resources[i]);
    }
    job->request = request;
    job->answer = answer;
    job->take = take;
    job->command = (struct alter_configs_command){.replace = false,
                                                  .validate_only = body.validate_only,
                                                  .count = body.resources_count,
                                                  .resources = resources};
    alter_job_start(shard, job);
}
