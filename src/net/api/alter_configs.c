/* alter_configs.c -- AlterConfigs: all configs of a resource are replaced by those that are named
 * (KIP-133). */
#include "alter_job.h"

static void *response_new(struct arena *arena, uint32_t count)
{
    struct alter_configs_response *response = arena_alloc(arena, sizeof *response);
    alter_configs_response_init(response);
    response->responses_count = count;
    response->responses = alter_configs_response_resource_new(arena, count);
    return response;
}

static struct alter_slot slot(const void *from, uint32_t place)
{
    const struct alter_configs_response *response = from;
    if (place >= response->responses_count)
        return (struct alter_slot){.error_code = NULL};
    struct alter_configs_response_resource *at = &response->responses[place];
    return (struct alter_slot){.resource_type = &at->resource_type,
                               .resource_name = &at->resource_name,
                               .error_code = &at->error_code,
                               .error_message = &at->error_message};
}

static const struct alter_api own = {.response_new = response_new, .slot = slot};

static void take_configs(struct arena *arena, struct alter_resource *to,
                         const struct alter_configs_request_resource *from)
{
    struct alter_config *configs = arena_array(arena, struct alter_config, from->configs_count);
    for (uint32_t i = 0; i < from->configs_count; i++)
        configs[i] = (struct alter_config){
            .name = from->configs[i].name, .operation = ALTER_SET, .value = from->configs[i].value};
    to->config_count = from->configs_count;
    to->configs = configs;
}

void api_alter_configs(struct shard *shard, struct request *request)
{
    struct alter_job *job = arena_alloc(&request->arena, sizeof *job);
    struct alter_configs_request body;
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
    job->api = &own;
    job->command = (struct alter_configs_command){.replace = true,
                                                  .validate_only = body.validate_only,
                                                  .count = body.resources_count,
                                                  .resources = resources};
    alter_job_start(shard, job);
}
