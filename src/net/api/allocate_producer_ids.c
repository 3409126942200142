/* allocate_producer_ids.c -- AllocateProducerIds: a block of ids for one broker (KIP-730). */
#include "api.h"
#include "office.h"

struct allocation {
    struct act act;
    struct producer_ids_command command;
    struct producer_ids_reply reply;
};

static enum err allocation_decide(struct act *act, struct decision *decision)
{
    struct allocation *allocation = list_entry(act, struct allocation, act);
    return decide_producer_ids(decision, &allocation->command, &allocation->reply);
}

static void allocation_finish(struct act *act, enum err result)
{
    struct allocation *allocation = list_entry(act, struct allocation, act);
    struct allocate_producer_ids_response response;
    allocate_producer_ids_response_init(&response);
    response.error_code = (int16_t)err_on_wire(result);
    if (result == ERR_NONE) {
        response.producer_id_start = allocation->reply.first;
        response.producer_id_count = allocation->reply.count;
    }
    request_reply(act->request, &response);
}

void api_allocate_producer_ids(struct shard *shard, struct request *request)
{
    struct allocation *allocation = arena_alloc(&request->arena, sizeof *allocation);
    struct allocate_producer_ids_request body;
    if (!request_read(request, &body))
        return;
    allocation->command =
        (struct producer_ids_command){.id = body.broker_id, .epoch = body.broker_epoch};
    allocation->act.request = request;
    allocation->act.decide = allocation_decide;
    allocation->act.finish = allocation_finish;
    request_release_frame(request);
    office_do(shard, &allocation->act);
}
