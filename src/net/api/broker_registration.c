/* broker_registration.c -- BrokerRegistration: a process introduces itself to the controller
 * (KIP-631). */
#include "api.h"
#include "office.h"

struct registration {
    struct act act;
    struct register_command command;
    struct register_reply reply;
};

static enum err registration_decide(struct act *act, struct decision *decision)
{
    struct registration *registration = list_entry(act, struct registration, act);
    return decide_register_broker(decision, &registration->command, &registration->reply);
}

static void registration_finish(struct act *act, enum err result)
{
    struct registration *registration = list_entry(act, struct registration, act);
    struct broker_registration_response response;
    broker_registration_response_init(&response);
    response.error_code = (int16_t)err_on_wire(result);
    if (result == ERR_NONE) {
        response.broker_epoch = registration->reply.epoch;
        office_link(act->request->shard, act->request, registration->command.broker.id,
                    registration->reply.epoch);
    }
    request_reply(act->request, &response);
}

void api_broker_registration(struct shard *shard, struct request *request)
{
    struct registration *registration = arena_alloc(&request->arena, sizeof *registration);
    struct broker_registration_request body;
    if (!request_read(request, &body))
        return;
    if (body.log_dirs_count != 1 || body.listeners_count > CONFIG_LISTENERS_MAX) {
        registration->act.request = request;
        registration_finish(&registration->act, ERR_INVALID_REGISTRATION);
        return;
    }
    struct record_endpoint *endpoints =
        arena_array(&request->arena, struct record_endpoint, body.listeners_count + 1);
    for (uint32_t i = 0; i < body.listeners_count; i++)
        endpoints[i] =
            (struct record_endpoint){.name = arena_str(&request->arena, body.listeners[i].name),
                                     .host = arena_str(&request->arena, body.listeners[i].host),
                                     .port = body.listeners[i].port,
                                     .internal = body.listeners[i].internal};
    uuid_parse(body.cluster_id, &registration->command.cluster_id);
    registration->command.broker =
        (struct record_broker){.id = body.broker_id,
                               .directory = body.log_dirs[0],
                               .incarnation = body.incarnation_id,
                               .endpoint_count = body.listeners_count,
                               .endpoints = endpoints,
                               .rack = arena_str(&request->arena, body.rack)};
    registration->act.request = request;
    registration->act.decide = registration_decide;
    registration->act.finish = registration_finish;
    request_release_frame(request);
    office_do(shard, &registration->act);
}
