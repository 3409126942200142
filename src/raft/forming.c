/* forming.c -- how empty nodes become a cluster, and why wiped ones do not.
 *
 * A node without a cluster id asks every configured voter, since it started, whether
 * it is empty too, and neither stands nor votes before all have said so; two wiped
 * disks of three can therefore never elect an empty log. The requests are pre-vote
 * requests, their replies carry the answer in tagged fields of our own.
 *
 * Source  Rules 13, 25 and 26. */
#include "raft_state.h"

struct uuid raft_cluster_id(const struct raft *raft)
{
    if (raft->set_count > 0)
        return raft->sets[raft->set_count - 1].cluster_id;
    return raft->config.cluster_id;
}

bool is_formed(const struct raft *raft)
{
    struct uuid cluster_id = raft_cluster_id(raft);

    return !uuid_is_zero(cluster_id) || raft->end > 0;
}

bool is_answered_by_all(const struct raft *raft)
{
    for (uint32_t i = 0; i < raft->config.voter_count; i++) {
        if (raft->config.voters[i] == raft->config.self)
            continue;
        if (!raft->answers[i].given || !raft->answers[i].empty)
            return false;
    }
    return true;
}

void take_answer(struct raft *raft, const struct raft_message *reply)
{
    bool empty = uuid_is_zero(reply->cluster_id) && reply->log_is_empty;
    bool known_before = is_answered_by_all(raft);

    if (uuid_is_zero(reply->from_directory))
        return;
    for (uint32_t i = 0; i < raft->config.voter_count; i++) {
        struct answer *answer = &raft->answers[i];
        if (raft->config.voters[i] != reply->from)
            continue;
        if (answer->given && !uuid_equal(answer->directory, reply->from_directory)) {
            struct peer *peer = voters_peer(raft, reply->from);
            if (peer != NULL)
                peer->granted = false; /* Another disk granted it. */
        }
        *answer =
            (struct answer){.given = true, .empty = empty, .directory = reply->from_directory};
    }
    if (!is_formed(raft) && !known_before && is_answered_by_all(raft) &&
        raft->role == RAFT_UNATTACHED)
        stand_after(raft, (mono_ms)voters_rank(raft, -1) * RAFT_STAND_STEP_MS);
}

bool is_answer_given(const struct raft *raft, node_id id)
{
    for (uint32_t i = 0; i < raft->config.voter_count; i++) {
        if (raft->config.voters[i] == id)
            return raft->answers[i].given;
    }
    return false;
}

bool is_answered_directory(const struct raft *raft, struct raft_voter voter)
{
    for (uint32_t i = 0; i < raft->config.voter_count; i++) {
        if (raft->config.voters[i] == voter.id)
            return raft->answers[i].given &&
                   uuid_equal(raft->answers[i].directory, voter.directory);
    }
    return false;
}

void forget_answers(struct raft *raft)
{
    memset(raft->answers, 0, sizeof raft->answers);
}

/* Does this node still have to ask around before it may take part? */
bool must_probe(const struct raft *raft)
{
    return raft->role == RAFT_UNATTACHED && !raft->stopping && !is_formed(raft) &&
           is_configured(raft, raft->config.self) && !is_answered_by_all(raft);
}

void fill_founders(struct raft *raft)
{
    for (uint32_t i = 0; i < raft->peer_count; i++) {
        struct raft_voter *voter = &raft->peers[i].voter;
        check(voter->id == raft->config.voters[i]);
        voter->directory =
            voter->id == raft->config.self ? raft->config.directory : raft->answers[i].directory;
        check(!uuid_is_zero(voter->directory));
    }
}

/* A hash of the founders' directory ids in ascending order: whoever of them leads
 * first gives the cluster the same name. */
struct uuid founders_cluster_id(const struct raft *raft)
{
    struct uuid sorted[RAFT_VOTERS_MAX];
    struct uuid id;
    uint64_t high = 0x536b696666436c75u; /* "SkiffClu" */
    uint64_t low = raft->peer_count;

    for (uint32_t i = 0; i < raft->peer_count; i++) {
        uint32_t at = i;
        for (; at > 0 && uuid_compare(raft->peers[i].voter.directory, sorted[at - 1]) < 0; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = raft->peers[i].voter.directory;
    }
    for (uint32_t i = 0; i < raft->peer_count; i++) {
        high = rand_derive(high ^ load_be64(sorted[i].bytes), 2 * i);
        low = rand_derive(low ^ load_be64(sorted[i].bytes + 8) ^ high, 2 * i + 1);
    }
    store_be64(id.bytes, high);
    store_be64(id.bytes + 8, low | 1); /* Never zero. */
    return id;
}
