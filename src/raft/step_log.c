/* step_log.c -- what our own log reports: appended, durable, cut.
 *
 * Offsets here are ours alone; nothing is sent. A sync that was in flight across a cut
 * proves nothing (rule 7), so durable reports are not taken until the cut is done.
 *
 * Source  KIP-595; KAFKA-18723 (no records above the fetch's epoch). */
#include "raft_state.h"

void step_log_appended(struct raft *raft, const struct raft_event *event, struct raft_out *out)
{
    log_epoch last = epochs_last(&raft->epochs);

    check(event->offset > raft->end);
    check(raft->truncating == -1);
    if (raft->role == RAFT_LEADER)
        check(event->epoch == raft->vote.epoch && raft->opened);
    if (event->epoch < last || event->epoch > raft->vote.epoch) {
        out->fault = ERR_CORRUPT;
        return;
    }
    if (event->epoch > last)
        epochs_add(&raft->epochs, event->epoch, raft->end);
    if (raft->durable == raft->end)
        raft->durable_at = raft->now;
    raft->end = event->offset;
}

void step_log_durable(struct raft *raft, const struct raft_event *event, struct raft_out *out)
{
    if (raft->truncating != -1 || event->offset <= raft->durable) {
        out->dropped = "a sync that proves nothing new";
        return;
    }
    check(event->offset <= raft->end);
    raft->durable = event->offset;
    raft->durable_at = raft->now;
    if (raft->durable == raft->end)
        raft->appending = false;
}

void step_log_truncated(struct raft *raft, const struct raft_event *event, struct raft_out *out)
{
    if (event->offset != raft->truncating) {
        out->dropped = "not the cut that was asked for";
        return;
    }
    raft->truncating = -1;
}
