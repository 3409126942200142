/* step_quorum_epoch.c -- BeginQuorumEpoch and EndQuorumEpoch: a leader comes and goes.
 *
 * Begin is repeated to every voter that does not fetch, ever more slowly; its reply is
 * where a leader learns that a voter has seen a higher epoch. End names who should
 * stand, the best first.
 *
 * Source  KIP-595. */
#include "raft_state.h"

static bool is_other_cluster(const struct raft *raft, struct uuid cluster_id)
{
    struct uuid own = raft_cluster_id(raft);

    return !uuid_is_zero(own) && !uuid_is_zero(cluster_id) && !uuid_equal(own, cluster_id);
}

void send_begin(struct raft *raft, struct raft_out *out)
{
    mono_ms wait_max = raft->config.fetch_timeout_ms / 2;
    mono_ms silence = raft->config.fetch_timeout_ms - raft->config.fetch_timeout_ms / 4;

    for (uint32_t i = 0; i < raft->peer_count; i++) {
        const struct peer *peer = &raft->peers[i];
        bool is_silent = !peer->fetched || raft->now - peer->contact_at >= silence;
        if (peer->voter.id == raft->config.self || !is_silent)
            continue;
        struct raft_message request = make_request(raft, RAFT_BEGIN_REQUEST, peer->voter);
        request.leader = raft->config.self;
        send_message(raft, out, &request);
    }
    raft->begin_at = raft->now + raft->begin_wait;
    raft->begin_wait = raft->begin_wait * 2 > wait_max ? wait_max : raft->begin_wait * 2;
    if (raft->begin_wait < 1)
        raft->begin_wait = 1;
}

static enum err take_begin(struct raft *raft, const struct raft_message *request,
                           struct raft_out *out)
{
    if (is_other_cluster(raft, request->cluster_id))
        return ERR_INCONSISTENT_CLUSTER_ID;
    if (request->epoch < raft->vote.epoch)
        return ERR_FENCED_LEADER_EPOCH;
    if (!is_known_node(raft, request->from))
        return ERR_INVALID_REQUEST;
    if (request->epoch == raft->vote.epoch) {
        bool is_led = raft->role == RAFT_LEADER || raft->role == RAFT_RESIGNED;
        bool is_rival = raft->role == RAFT_FOLLOWER && raft->leader != request->from;
        if (is_led || is_rival)
            return ERR_INVALID_REQUEST; /* Two leaders of one epoch: not by our rules. */
    }
    if (raft->role != RAFT_FOLLOWER || request->epoch > raft->vote.epoch)
        enter_follower(raft, out, request->epoch, request->from);
    hear_leader(raft);
    return ERR_NONE;
}

void step_begin_request(struct raft *raft, const struct raft_message *request, struct raft_out *out)
{
    enum err error = take_begin(raft, request, out);
    struct raft_message reply = make_reply(raft, RAFT_BEGIN_REPLY, request, error);

    send_message(raft, out, &reply);
}

/* Whoever answers from a higher epoch than ours has left ours behind. */
static void learn_epoch(struct raft *raft, const struct raft_message *reply, struct raft_out *out)
{
    if (reply->error == ERR_INCONSISTENT_CLUSTER_ID || reply->epoch <= raft->vote.epoch)
        return;
    if (!is_known_node(raft, reply->from)) {
        out->dropped = "a reply of no voter";
        return;
    }
    enter_unattached(raft, out, reply->epoch);
    take_hint(raft, out, reply->epoch, reply->leader);
}

void step_begin_reply(struct raft *raft, const struct raft_message *reply, struct raft_out *out)
{
    learn_epoch(raft, reply, out);
}

/* Our place among those who should stand; after them all if we are not named. */
static uint32_t candidate_place(const struct raft *raft, const struct raft_message *request)
{
    for (uint32_t i = 0; i < request->candidate_count && i < RAFT_VOTERS_MAX; i++) {
        if (request->candidates[i].id == raft->config.self)
            return i;
    }
    return request->candidate_count < RAFT_VOTERS_MAX ? request->candidate_count : RAFT_VOTERS_MAX;
}

static enum err take_end(struct raft *raft, const struct raft_message *request,
                         struct raft_out *out)
{
    uint32_t place = candidate_place(raft, request);

    if (is_other_cluster(raft, request->cluster_id))
        return ERR_INCONSISTENT_CLUSTER_ID;
    if (request->epoch < raft->vote.epoch)
        return ERR_FENCED_LEADER_EPOCH;
    if (!is_known_node(raft, request->from))
        return ERR_INVALID_REQUEST;
    if (request->epoch > raft->vote.epoch) {
        enter_unattached(raft, out, request->epoch);
        stand_after(raft, (mono_ms)place * RAFT_STAND_STEP_MS);
        return ERR_NONE;
    }
    if (raft->role == RAFT_FOLLOWER && raft->leader == request->from)
        lose_leader(raft, out, place);
    return ERR_NONE;
}

void step_end_request(struct raft *raft, const struct raft_message *request, struct raft_out *out)
{
    enum err error = take_end(raft, request, out);
    struct raft_message reply = make_reply(raft, RAFT_END_REPLY, request, error);

    send_message(raft, out, &reply);
}

void step_end_reply(struct raft *raft, const struct raft_message *reply, struct raft_out *out)
{
    learn_epoch(raft, reply, out);
}
