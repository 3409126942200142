/* decide_producer_ids.c -- a broker gets the next block of producer ids. */
#include "controller_state.h"

enum err decide_producer_ids(struct decision *decision, const struct producer_ids_command *command,
                             struct producer_ids_reply *reply)
{
    const struct image_broker *broker = image_broker(decision->image, command->id);
    if (broker == NULL)
        return ERR_BROKER_ID_NOT_REGISTERED;
    if (broker->epoch != command->epoch)
        return ERR_STALE_BROKER_EPOCH;
    int64_t first = decision->image->next_producer_id;
    if (first > INT64_MAX - CONTROLLER_PRODUCER_IDS)
        return ERR_UNKNOWN_SERVER_ERROR;

    decision_emit(decision, &(struct record){
                                .type = RECORD_PRODUCER_IDS,
                                .cause = decision_cause(decision, "producer ids for node %d",
                                                        (int)command->id),
                                .producer_ids = {.broker = command->id,
                                                 .epoch = command->epoch,
                                                 .next = first + CONTROLLER_PRODUCER_IDS},
                            });
    *reply = (struct producer_ids_reply){.first = first, .count = CONTROLLER_PRODUCER_IDS};
    return ERR_NONE;
}
