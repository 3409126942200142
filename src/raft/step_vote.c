/* step_vote.c -- Vote: pre-votes and votes, asked and answered.
 *
 * A vote is given once an epoch, to one identity (id and directory), for a log at
 * least as up to date as ours, and leaves only when it is durable. A pre-vote keeps
 * nothing; who hears a live leader denies it, but looks at once whether the leader
 * is really there.
 *
 * Source  Raft paper 5.2, 5.4.1; KIP-996; KIP-853; rules 13, 26, 27. */
#include "raft_state.h"

/* Of two ends of logs, the one with the later epoch is ahead, then the longer. */
static int compare_logs(log_epoch epoch, log_offset end, const struct raft *raft)
{
    log_epoch own = epochs_last(&raft->epochs);

    if (epoch != own)
        return epoch < own ? -1 : 1;
    return end < raft->end ? -1 : end > raft->end;
}

static bool is_malformed(const struct raft_message *request)
{
    if (request->epoch < 0 || request->last_epoch < -1 || request->last_offset < 0)
        return true;
    if (request->pre_vote)
        return request->last_epoch > request->epoch;
    return request->last_epoch >= request->epoch;
}

static enum err judge_identity(const struct raft *raft, const struct raft_message *request)
{
    struct uuid own = raft_cluster_id(raft);
    bool names_cluster = !uuid_is_zero(request->cluster_id);

    if (names_cluster && !uuid_is_zero(own) && !uuid_equal(request->cluster_id, own))
        return ERR_INCONSISTENT_CLUSTER_ID;
    if (names_cluster || !uuid_is_zero(request->to_directory)) {
        if (!uuid_equal(request->to_directory, raft->config.directory))
            return ERR_INVALID_VOTER_KEY;
    }
    return is_malformed(request) ? ERR_INVALID_REQUEST : ERR_NONE;
}

/* A formed cluster votes by identity alone, whether or not we know our own record of
 * it (rule 26); a forming one only when everybody is known to be empty (rule 13). */
static bool may_take_part(const struct raft *raft, const struct raft_message *request)
{
    struct raft_voter candidate = {.id = request->from, .directory = request->from_directory};

    if (!uuid_is_zero(request->cluster_id))
        return true;
    if (is_formed(raft))
        return false;
    return is_answered_by_all(raft) && is_answered_directory(raft, candidate);
}

static bool may_grant_pre_vote(const struct raft *raft, const struct raft_message *request)
{
    if (raft->role == RAFT_LEADER || is_hearing_leader(raft))
        return false;
    return compare_logs(request->last_epoch, request->last_offset, raft) >= 0;
}

/* One vote an epoch, and only for a log at least as up to date as ours (5.2, 5.4.1). */
static bool may_grant_vote(const struct raft *raft, const struct raft_message *request)
{
    check(request->epoch == raft->vote.epoch); /* step_vote_request() has caught up already. */

    if (raft->leader != -1)
        return false;
    if (raft->vote.voted_for != -1 &&
        (raft->vote.voted_for != request->from ||
         !uuid_equal(raft->vote.voted_directory, request->from_directory)))
        return false;
    return compare_logs(request->last_epoch, request->last_offset, raft) >= 0;
}

/* Two that stand at the same moment would split the vote: the one with the lesser log,
 * or the higher id, lets the other pass; who only waits to stand waits longer. */
static void defer_to(struct raft *raft, const struct raft_message *request, struct raft_out *out)
{
    int order = compare_logs(request->last_epoch, request->last_offset, raft);

    if (raft->role == RAFT_PROSPECTIVE && (order > 0 || request->from < raft->config.self)) {
        enter_unattached(raft, out, raft->vote.epoch);
        stand_after(raft, RAFT_GRANT_DEFER_MS);
    } else if (raft->role == RAFT_UNATTACHED && raft->role_at < raft->now + RAFT_GRANT_DEFER_MS) {
        stand_after(raft, RAFT_GRANT_DEFER_MS);
    }
}

static bool decide_pre_vote(struct raft *raft, const struct raft_message *request,
                            struct raft_out *out)
{
    prompt_dial(raft, out);
    if (!may_grant_pre_vote(raft, request))
        return false;
    defer_to(raft, request, out);
    return true;
}

static bool decide_vote(struct raft *raft, const struct raft_message *request, struct raft_out *out)
{
    if (request->epoch > raft->vote.epoch)
        enter_unattached(raft, out, request->epoch);
    if (!may_grant_vote(raft, request))
        return false;
    if (raft->vote.voted_for == -1)
        set_vote(raft, out,
                 (struct raft_vote){.epoch = request->epoch,
                                    .voted_for = request->from,
                                    .voted_directory = request->from_directory});
    enter_unattached(raft, out, request->epoch); /* Give the candidate time to win. */
    return true;
}

/* A leader of our epoch that asks for pre-votes in it has restarted or resigned: it
 * entered the epoch as candidate, so before it led it cannot have asked in it. */
static bool has_leader_given_up(const struct raft *raft, const struct raft_message *request)
{
    return raft->role == RAFT_FOLLOWER && raft->leader == request->from && request->pre_vote &&
           request->epoch == raft->vote.epoch;
}

void step_vote_request(struct raft *raft, const struct raft_message *request, struct raft_out *out)
{
    enum err error = judge_identity(raft, request);
    bool granted = false;

    if (error == ERR_NONE && has_leader_given_up(raft, request)) {
        lose_leader(raft, out, voters_rank(raft, -1));
        raft->lost_leader = -1; /* It is there, and may lead again. */
    }

    if (error == ERR_NONE && request->epoch < raft->vote.epoch)
        error = ERR_FENCED_LEADER_EPOCH;
    if (error == ERR_NONE && may_take_part(raft, request))
        granted = request->pre_vote ? decide_pre_vote(raft, request, out)
                                    : decide_vote(raft, request, out);

    struct raft_message reply = make_reply(raft, RAFT_VOTE_REPLY, request, error);
    reply.granted = granted;
    send_message(raft, out, &reply);
    if (must_probe(raft) && is_configured(raft, request->from) &&
        !is_answer_given(raft, request->from))
        send_probe(raft, out, request->from); /* It is up now: no need to wait for a retry. */
}

/* Does this grant belong to the round that we are in, and to a voter that we know? */
static bool is_counted(const struct raft *raft, const struct raft_message *reply)
{
    struct raft_voter voter = {.id = reply->from, .directory = reply->from_directory};
    enum raft_role role = reply->pre_vote ? RAFT_PROSPECTIVE : RAFT_CANDIDATE;

    if (reply->request_id != raft->round || raft->role != role)
        return false;
    if (!is_formed(raft) && !is_answered_directory(raft, voter))
        return false;
    return voters_has(raft, voter);
}

static bool is_ours(const struct raft *raft, const struct raft_message *reply)
{
    struct uuid own = raft_cluster_id(raft);

    if (reply->request_id < raft->round_first || reply->request_id > raft->round)
        return false; /* Of an earlier life of this node. */
    return uuid_is_zero(own) || uuid_is_zero(reply->cluster_id) ||
           uuid_equal(own, reply->cluster_id);
}

void step_vote_reply(struct raft *raft, const struct raft_message *reply, struct raft_out *out)
{
    if (!is_ours(raft, reply) || reply->error == ERR_INCONSISTENT_CLUSTER_ID) {
        out->dropped = "a vote reply of another life or cluster";
        return;
    }
    take_answer(raft, reply);
    if (reply->epoch > raft->vote.epoch) {
        enter_unattached(raft, out, reply->epoch);
        take_hint(raft, out, reply->epoch, reply->leader);
        return;
    }
    if (!is_counted(raft, reply)) {
        take_hint(raft, out, reply->epoch, reply->leader);
        tally(raft, out);
        return;
    }
    struct peer *peer = voters_peer(raft, reply->from);
    peer->answered = reply->error != ERR_BROKER_NOT_AVAILABLE;
    if (reply->granted && reply->error == ERR_NONE)
        peer->granted = true;
    else
        take_hint(raft, out, reply->epoch, reply->leader);
    tally(raft, out);
}
