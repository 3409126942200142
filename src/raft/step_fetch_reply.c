/* step_fetch_reply.c -- our own fetch: when it leaves, and what its answer changes.
 *
 * One fetch is under way at a time, told by its id, so a late or doubled reply is
 * nothing. The next leaves only when all that we have is durable: our fetch offset is
 * our promise. A reply's high watermark is taken only if our history matched (rule 6).
 * Nothing below our high watermark is ever cut (R8).
 *
 * Source  KIP-595; KIP-101 (where to cut). */
#include "raft_state.h"

static void back_off(struct raft *raft)
{
    raft->fetch_at = raft->now + RAFT_RETRY_MIN_MS;
}

/* Whom to fetch from: the leader; without one, an observer asks the voters in turn. */
static node_id fetch_target(const struct raft *raft)
{
    if (raft->role == RAFT_FOLLOWER)
        return raft->leader;
    if (raft->role != RAFT_UNATTACHED || raft_is_voter(raft) || raft->stopping)
        return -1;

    uint32_t count = raft->peer_count > 0 ? raft->peer_count : raft->config.voter_count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = (raft->rotation + i) % count;
        node_id id = raft->peer_count > 0 ? raft->peers[at].voter.id : raft->config.voters[at];
        if (id != raft->config.self)
            return id;
    }
    return -1;
}

void send_fetch(struct raft *raft, struct raft_out *out)
{
    node_id target = fetch_target(raft);
    bool is_busy = raft->fetching || raft->appending || raft->vote_pending ||
                   raft->truncating != -1 || raft->durable < raft->end;

    if (target == -1 || is_busy || raft->now < raft->fetch_at)
        return;
    raft->fetching = true;
    raft->fetch_moved_at = raft->now;
    raft->fetch_id++;
    out->fetch_due = true;
    out->fetch = (struct raft_fetch){.from = raft->config.self,
                                     .from_directory = raft->config.directory,
                                     .to = target,
                                     .id = raft->fetch_id,
                                     .epoch = raft->vote.epoch,
                                     .offset = raft->durable,
                                     .last_epoch = epochs_last(&raft->epochs),
                                     .high_watermark = raft->high_watermark,
                                     .cluster_id = raft_cluster_id(raft)};
}

void step_fetch_failed(struct raft *raft, uint64_t fetch_id, struct raft_out *out)
{
    if (fetch_id != raft->fetch_id || (!raft->fetching && !raft->appending)) {
        out->dropped = "not our newest fetch";
        return;
    }
    raft->fetching = false;
    raft->appending = false;
    if (raft->role == RAFT_UNATTACHED)
        raft->rotation++;
    back_off(raft);
}

/* Cut our log back to where it last agreed with the leader's. */
static void truncate_diverging(struct raft *raft, const struct raft_fetch_verdict *verdict,
                               struct raft_out *out)
{
    log_offset cut;
    log_epoch epoch =
        epochs_find(&raft->epochs, verdict->diverging_epoch, raft->start, raft->end, &cut);

    if (epoch == verdict->diverging_epoch && verdict->diverging_end < cut)
        cut = verdict->diverging_end;
    if (cut < raft->start)
        cut = raft->start;
    if (cut >= raft->end) {
        out->dropped = "a diverging epoch that does not diverge";
        back_off(raft);
        return;
    }
    if (cut < raft->high_watermark) {
        out->fault = ERR_DATA_LOSS;
        return;
    }
    raft->end = cut;
    raft->durable = raft->durable < cut ? raft->durable : cut;
    epochs_cut(&raft->epochs, cut);
    voters_cut(raft, cut);
    raft->truncating = cut;
    out->truncate_to = cut;
}

static void take_success(struct raft *raft, const struct raft_fetch_reply *reply,
                         struct raft_out *out)
{
    const struct raft_fetch_verdict *verdict = &reply->verdict;

    if (raft->role != RAFT_FOLLOWER) { /* The voter that we asked leads: follow it first. */
        enter_follower(raft, out, raft->vote.epoch, reply->from);
        hear_leader(raft);
        return;
    }
    hear_leader(raft);
    if (verdict->diverging) {
        truncate_diverging(raft, verdict, out);
        return;
    }
    raft->told_high_watermark = verdict->high_watermark;
    raft->fetch_at = raft->now;
    raft->appending = reply->has_records;
    raft->fetch_moved_at = raft->now;
    out->records_wanted = reply->has_records;
}

static void take_error(struct raft *raft, const struct raft_fetch_reply *reply,
                       struct raft_out *out)
{
    const struct raft_fetch_verdict *verdict = &reply->verdict;

    back_off(raft);
    if (verdict->error == ERR_INCONSISTENT_CLUSTER_ID) {
        out->dropped = "the leader belongs to another cluster";
        return;
    }
    if (raft->role == RAFT_UNATTACHED) {
        raft->rotation++;
        take_hint(raft, out, verdict->epoch, verdict->leader);
        return;
    }
    /* Our leader says itself that it does not lead: a quick restart, or it resigned. */
    if (verdict->error == ERR_NOT_LEADER_OR_FOLLOWER && verdict->epoch <= raft->vote.epoch)
        lose_leader(raft, out, voters_rank(raft, raft->leader));
}

void step_fetch_reply(struct raft *raft, const struct raft_fetch_reply *reply, struct raft_out *out)
{
    if (!raft->fetching || reply->id != raft->fetch_id) {
        out->dropped = "not our newest fetch";
        return;
    }
    raft->fetching = false;
    if (reply->verdict.epoch > raft->vote.epoch) {
        enter_unattached(raft, out, reply->verdict.epoch);
        take_hint(raft, out, reply->verdict.epoch, reply->verdict.leader);
    } else if (reply->verdict.error == ERR_NONE) {
        take_success(raft, reply, out);
    } else {
        take_error(raft, reply, out);
    }
}
