/* broker_heartbeat.c -- BrokerHeartbeat: a broker lives, what it asks, what it cannot serve
 * (KIP-631). */
#include "api.h"
#include "office.h"

struct heartbeat {
    struct act act;
    struct heartbeat_command command;
    struct heartbeat_reply reply;
    wall_ms wall_clock;
};

static enum err heartbeat_decide(struct act *act, struct decision *decision)
{
    struct heartbeat *heartbeat = list_entry(act, struct heartbeat, act);
    enum err result = decide_heartbeat(decision, &heartbeat->command, &heartbeat->reply);
    if (result == ERR_NONE)
        office_link(act->request->shard, act->request, heartbeat->command.id,
                    heartbeat->command.epoch);
    return result;
}

static void heartbeat_finish(struct act *act, enum err result)
{
    struct heartbeat *heartbeat = list_entry(act, struct heartbeat, act);
    struct broker_heartbeat_response response;
    broker_heartbeat_response_init(&response);
    response.error_code = (int16_t)err_on_wire(result);
    response.is_caught_up = heartbeat->reply.is_caught_up;
    response.is_fenced = result != ERR_NONE || heartbeat->reply.is_fenced;
    response.should_shut_down = heartbeat->reply.should_shut_down;
    if (result == ERR_NONE) {
        struct wall_span wall =
            office_clock(act->request->shard, heartbeat->command.id, heartbeat->wall_clock);
        response.cluster_clock = wall.earliest;
        response.cluster_clock_latest = wall.latest;
    }
    request_reply(act->request, &response);
}

static void take_unserviceable(struct request *request, const struct broker_heartbeat_request *body,
                               struct heartbeat_command *command)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < body->unserviceable_count; i++)
        count += body->unserviceable[i].partitions_count;
    struct partition_key *keys = arena_array(&request->arena, struct partition_key, count + 1);
    log_epoch *epochs = arena_array(&request->arena, log_epoch, count + 1);
    for (uint32_t i = 0; i < body->unserviceable_count; i++) {
        const struct broker_heartbeat_request_unserviceable *topic = &body->unserviceable[i];
        for (uint32_t p = 0; p < topic->partitions_count; p++) {
            uint32_t at = command->unserviceable_count++;
            keys[at] =
                (struct partition_key){.topic_id = topic->topic_id, .index = topic->partitions[p]};
            epochs[at] = p < topic->epochs_count ? topic->epochs[p] : -1;
        }
    }
    command->unserviceable = keys;
    command->unserviceable_epochs = epochs;
}

void api_broker_heartbeat(struct shard *shard, struct request *request)
{
    struct heartbeat *heartbeat = arena_alloc(&request->arena, sizeof *heartbeat);
    struct broker_heartbeat_request body;
    if (!request_read(request, &body))
        return;
    heartbeat->command = (struct heartbeat_command){.id = body.broker_id,
                                                    .epoch = body.broker_epoch,
                                                    .metadata_offset = body.current_metadata_offset,
                                                    .want_fence = body.want_fence,
                                                    .want_shut_down = body.want_shut_down};
    heartbeat->wall_clock = body.wall_clock;
    take_unserviceable(request, &body, &heartbeat->command);
    heartbeat->act.request = request;
    heartbeat->act.decide = heartbeat_decide;
    heartbeat->act.finish = heartbeat_finish;
    request_release_frame(request);
    office_do(shard, &heartbeat->act);
}
