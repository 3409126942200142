/* refused.c -- a short list, and empty nearly always. */
#include "refused.h"

#include <string.h>

bool refused_matters(const struct batch_info *batch, enum err err)
{
    return batch->producer_id >= 0 &&
           (err == ERR_NOT_LEADER_OR_FOLLOWER || err == ERR_NOT_ENOUGH_REPLICAS ||
            err == ERR_KAFKA_STORAGE_ERROR);
}

bool sequence_is_before(int32_t one, int32_t other)
{
    return (((uint32_t)other - (uint32_t)one) & INT32_MAX) - 1 < INT32_MAX / 2;
}

static uint32_t find(const struct refused *refused, const struct batch_info *batch)
{
    uint32_t at = 0;
    while (at < refused->count && (refused->producers[at].producer_id != batch->producer_id ||
                                   refused->producers[at].epoch != batch->producer_epoch))
        at++;
    return at;
}

static void drop(struct refused *refused, uint32_t at)
{
    refused->count--;
    memmove(&refused->producers[at], &refused->producers[at + 1],
            (refused->count - at) * sizeof refused->producers[0]);
}

void refused_note(struct refused *refused, const struct batch_info *batch, enum err err,
                  mono_ms now)
{
    if (!refused_matters(batch, err))
        return;
    uint32_t at = find(refused, batch);
    if (at < refused->count &&
        sequence_is_before(refused->producers[at].sequence, batch->base_sequence) &&
        now < refused->producers[at].until)
        return;
    if (at == REFUSED_MAX)
        drop(refused, 0);
    at = find(refused, batch);
    refused->count += at == refused->count;
    refused->producers[at].producer_id = batch->producer_id;
    refused->producers[at].epoch = batch->producer_epoch;
    refused->producers[at].sequence = batch->base_sequence;
    refused->producers[at].err = err;
    refused->producers[at].until = now + REFUSED_LIFE_MS;
}

enum err refused_before(struct refused *refused, const struct batch_info *batch, int32_t last,
                        mono_ms now)
{
    uint32_t at = find(refused, batch);
    if (at == refused->count)
        return ERR_NONE;
    int32_t missing = refused->producers[at].sequence;
    if ((last >= 0 && !sequence_is_before(last, missing)) || now >= refused->producers[at].until) {
        drop(refused, at);
        return ERR_NONE;
    }
    return sequence_is_before(missing, batch->base_sequence) ? refused->producers[at].err
                                                             : ERR_NONE;
}
