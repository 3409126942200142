/* refused.h -- idempotent batches that a partition has just refused, to be sent again.
 *
 * A producer has several batches under way. The first is refused for the time being, say with
 * NOT_ENOUGH_REPLICAS; a moment later the partition could take the second, out of its turn. To say
 * OUT_OF_ORDER_SEQUENCE_NUMBER to it ends librdkafka before 2.3 for good (its issue 4438), and
 * where the producer is new any sequence would be taken as its first. So the second hears what the
 * first heard, and the client sends both again, in order. For a minute: a refusal waits in its
 * connection's line behind all that was asked before, up to the timeouts of these requests, and
 * until it is heard the client sends what follows. A client that gives the first up begins anew
 * under another epoch; one that does not hears of the gap after that minute.
 *
 * Shard   the partition's. */
#ifndef NET_REFUSED_H
#define NET_REFUSED_H

#include "base/base.h"
#include "batch.h"

enum {
    REFUSED_MAX = 128, /* Producers; of more than these the oldest is forgotten. */
    REFUSED_LIFE_MS = 60000,
};

struct refused {
    uint32_t count;
    struct {
        int64_t producer_id;
        int16_t epoch;
        int32_t sequence; /* Of the first one that is still to come. */
        enum err err;
        mono_ms until;
    } producers[REFUSED_MAX]; /* The oldest first. */
};

/* Sequences go from the largest int32 to 0. */
bool sequence_is_before(int32_t one, int32_t other);
/* Whether others of its producer may follow, and it is sent again; `err` as the client hears it. */
bool refused_matters(const struct batch_info *batch, enum err err);
/* Nothing happens where it does not matter. */
void refused_note(struct refused *refused, const struct batch_info *batch, enum err err,
                  mono_ms now);
/* What an earlier batch of its producer was refused with; ERR_NONE: none was, or that one is in
 * the log by now, perhaps through another leader. `last` as log_last_sequence() says. */
enum err refused_before(struct refused *refused, const struct batch_info *batch, int32_t last,
                        mono_ms now);

#endif
