/* step_fetch.c -- a replica asks us for records: is its history ours, and what is it worth?
 *
 * A fetch offset is the replica's durable end. It is credited to a voter only under
 * that voter's full identity (R11) and only where its last epoch matches our history
 * at that offset (rule 6, R13).
 *
 * Source  KIP-595, KIP-320. */
#include "raft_state.h"

static enum err judge_role(const struct raft *raft, const struct raft_fetch *fetch)
{
    struct uuid own = raft_cluster_id(raft);

    if (!uuid_is_zero(own) && !uuid_is_zero(fetch->cluster_id) &&
        !uuid_equal(own, fetch->cluster_id))
        return ERR_INCONSISTENT_CLUSTER_ID;
    if (fetch->epoch != -1 && fetch->epoch < raft->vote.epoch)
        return ERR_FENCED_LEADER_EPOCH;
    if (fetch->epoch > raft->vote.epoch)
        return ERR_UNKNOWN_LEADER_EPOCH;
    if (raft->role != RAFT_LEADER)
        return ERR_NOT_LEADER_OR_FOLLOWER;
    if (fetch->offset < 0 || fetch->last_epoch > raft->vote.epoch)
        return ERR_INVALID_REQUEST;
    return ERR_NONE;
}

void raft_judge_fetch(const struct raft *raft, const struct raft_fetch *fetch,
                      struct raft_fetch_verdict *verdict)
{
    log_offset end;
    log_epoch epoch;

    *verdict = (struct raft_fetch_verdict){.error = judge_role(raft, fetch),
                                           .leader = raft->leader,
                                           .epoch = raft->vote.epoch,
                                           .diverging_epoch = -1,
                                           .diverging_end = -1,
                                           .high_watermark = -1};
    if (verdict->error != ERR_NONE)
        return;
    verdict->high_watermark = raft->high_watermark;
    if (fetch->offset == raft->start)
        return; /* Nothing before it to disagree about. */
    epoch = epochs_find(&raft->epochs, fetch->last_epoch, raft->start, raft->end, &end);
    if (epoch == fetch->last_epoch && fetch->offset <= end)
        return;
    verdict->diverging = true;
    verdict->diverging_epoch = epoch;
    verdict->diverging_end = end;
}

static void credit(struct raft *raft, const struct raft_fetch *fetch, struct raft_out *out)
{
    struct raft_voter replica = {.id = fetch->from, .directory = fetch->from_directory};
    struct peer *peer = voters_peer(raft, fetch->from);

    if (fetch->from == raft->config.self)
        return;
    if (peer == NULL || !voters_has(raft, replica)) {
        observers_note(raft, fetch, out->verdict.diverging);
        return;
    }
    peer->fetched = true;
    peer->contact_at = raft->now;
    peer->last_fetch_at = raft->now;
    if (out->verdict.diverging)
        return;
    if (fetch->offset > peer->end)
        peer->end = fetch->offset;
    if (fetch->offset == raft->end)
        peer->last_caught_up_at = raft->now;
    out->credited = true;
}

void step_fetch(struct raft *raft, const struct raft_fetch *fetch, struct raft_out *out)
{
    raft_judge_fetch(raft, fetch, &out->verdict);
    if (out->verdict.error != ERR_NONE)
        return;
    credit(raft, fetch, out);
    advance_high_watermark(raft);
    out->verdict.high_watermark = raft->high_watermark;
}
