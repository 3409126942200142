/* voters.c -- who votes: the newest VotersRecord in our log, committed or not.
 *
 * Before the first record the configured ids stand in, without directories. A set
 * counts from the moment when it is appended, and a truncation brings back the
 * one before (KIP-853). Peers are kept in order of id. */
#include "raft_state.h"

void voters_add(struct raft *raft, const struct raft_event *event)
{
    check(event->voter_count > 0);
    check(event->voter_count <= RAFT_VOTERS_MAX);
    check(raft->set_count == 0 || raft->sets[raft->set_count - 1].offset < event->offset);

    mem_grow(raft->sets, raft->set_count, &raft->set_capacity);
    struct voter_set *set = &raft->sets[raft->set_count++];
    *set = (struct voter_set){
        .offset = event->offset, .cluster_id = event->cluster_id, .count = event->voter_count};
    for (uint32_t i = 0; i < event->voter_count; i++) {
        check(i == 0 || event->voters[i - 1].id < event->voters[i].id);
        set->voters[i] = event->voters[i];
    }
    voters_apply(raft);
}

void voters_cut(struct raft *raft, log_offset end)
{
    uint32_t before = raft->set_count;

    while (raft->set_count > 0 && raft->sets[raft->set_count - 1].offset >= end)
        raft->set_count--;
    if (raft->set_count == before)
        return;
    forget_answers(raft);
    voters_apply(raft);
}

static struct peer make_peer(const struct raft *raft, struct raft_voter voter)
{
    for (uint32_t i = 0; i < raft->peer_count; i++) {
        const struct peer *peer = &raft->peers[i];
        if (peer->voter.id == voter.id && uuid_equal(peer->voter.directory, voter.directory))
            return *peer;
    }
    return (struct peer){
        .voter = voter, .contact_at = raft->now, .last_fetch_at = -1, .last_caught_up_at = -1};
}

void voters_apply(struct raft *raft)
{
    struct peer peers[RAFT_VOTERS_MAX] = {0};
    uint32_t count = 0;

    if (raft->set_count > 0) {
        const struct voter_set *set = &raft->sets[raft->set_count - 1];
        for (; count < set->count; count++)
            peers[count] = make_peer(raft, set->voters[count]);
    } else if (!is_formed(raft)) {
        for (; count < raft->config.voter_count; count++)
            peers[count] = make_peer(raft, (struct raft_voter){.id = raft->config.voters[count]});
    }
    memcpy(raft->peers, peers, sizeof peers);
    raft->peer_count = count;
}

struct peer *voters_peer(struct raft *raft, node_id id)
{
    for (uint32_t i = 0; i < raft->peer_count; i++) {
        if (raft->peers[i].voter.id == id)
            return &raft->peers[i];
    }
    return NULL;
}

bool voters_has(const struct raft *raft, struct raft_voter voter)
{
    for (uint32_t i = 0; i < raft->peer_count; i++) {
        const struct raft_voter *known = &raft->peers[i].voter;
        if (known->id == voter.id)
            return uuid_is_zero(known->directory) || uuid_equal(known->directory, voter.directory);
    }
    return false;
}

uint32_t voters_majority(const struct raft *raft)
{
    return raft->peer_count / 2 + 1;
}

uint32_t voters_rank(const struct raft *raft, node_id absent)
{
    uint32_t rank = 0;

    for (uint32_t i = 0; i < raft->peer_count; i++) {
        node_id id = raft->peers[i].voter.id;
        if (id < raft->config.self && id != absent)
            rank++;
    }
    return rank;
}

bool is_configured(const struct raft *raft, node_id id)
{
    for (uint32_t i = 0; i < raft->config.voter_count; i++) {
        if (raft->config.voters[i] == id)
            return true;
    }
    return false;
}

bool is_known_node(const struct raft *raft, node_id id)
{
    for (uint32_t i = 0; i < raft->peer_count; i++) {
        if (raft->peers[i].voter.id == id)
            return true;
    }
    return is_configured(raft, id);
}

bool raft_is_voter(const struct raft *raft)
{
    struct raft_voter self = {.id = raft->config.self, .directory = raft->config.directory};

    return voters_has(raft, self);
}

uint32_t raft_describe(const struct raft *raft, struct raft_voter_state out[RAFT_VOTERS_MAX])
{
    bool leads = raft->role == RAFT_LEADER;

    for (uint32_t i = 0; i < raft->peer_count; i++) {
        const struct peer *peer = &raft->peers[i];
        bool self = peer->voter.id == raft->config.self;
        out[i] =
            (struct raft_voter_state){.voter = peer->voter,
                                      .end = leads ? peer->end : -1,
                                      .last_fetch_at = leads ? peer->last_fetch_at : -1,
                                      .last_caught_up_at = leads ? peer->last_caught_up_at : -1};
        if (self) {
            out[i].end = raft->durable;
            out[i].last_fetch_at = raft->now;
            out[i].last_caught_up_at = raft->now;
        }
    }
    return raft->peer_count;
}
