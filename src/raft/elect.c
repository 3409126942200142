/* elect.c -- entering each state, and what its patience (`role_at`) ends in.
 *
 *   UNATTACHED   stand, if we may; an observer asks the next voter
 *   PROSPECTIVE  a new round of pre-votes
 *   CANDIDATE    back to pre-votes
 *   FOLLOWER     the leader was silent for a fetch timeout: pre-votes
 *   RESIGNED     UNATTACHED
 *
 * The k-th remaining voter by id stands after 20 k ms where everybody learns at the
 * same moment that there is no leader, so that votes do not split (rule 27). A
 * restarted voter starts UNATTACHED and raises its epoch before it leads (rule 12).
 *
 * Source  Raft paper 5.2, KIP-996; rules 12 and 27. */
#include "raft_state.h"

static bool may_stand(const struct raft *raft)
{
    return !raft->stopping && raft_is_voter(raft) && (is_formed(raft) || is_answered_by_all(raft));
}

mono_ms random_election_timeout(struct raft *raft)
{
    uint64_t timeout = (uint64_t)raft->config.election_timeout_ms;

    return (mono_ms)(timeout + rand_below(&raft->rand, timeout));
}

static mono_ms random_fetch_timeout(struct raft *raft)
{
    uint64_t jitter = (uint64_t)raft->config.election_timeout_ms / 2 + 1;

    return raft->config.fetch_timeout_ms + (mono_ms)rand_below(&raft->rand, jitter);
}

void stand_after(struct raft *raft, mono_ms wait)
{
    raft->role_at = raft->now + wait;
}

static void start_retries(struct raft *raft, mono_ms wait)
{
    raft->retry_wait = RAFT_RETRY_MIN_MS;
    raft->retry_at = raft->now + wait;
}

static void resume_lead(struct raft *raft);

void start_raft(struct raft *raft, struct raft_out *out)
{
    (void)out;
    raft->started = true;
    raft->fetch_at = raft->now;
    if (may_stand(raft))
        stand_after(raft, (mono_ms)voters_rank(raft, -1) * RAFT_STAND_STEP_MS);
    else
        stand_after(raft, random_election_timeout(raft));
    if (must_probe(raft))
        start_retries(raft, 0);
    resume_lead(raft);
}

static void begin_to_lead(struct raft *raft)
{
    raft->leader = raft->config.self;
    raft->begin_at = raft->now;
    raft->begin_wait = RAFT_RETRY_MIN_MS;
    raft->durable_at = raft->now;
    raft->role_at = MONO_NEVER;
    raft->retry_at = MONO_NEVER;
    raft->observer_count = 0;
    for (uint32_t i = 0; i < raft->peer_count; i++) {
        struct peer *peer = &raft->peers[i];
        peer->fetched = false;
        peer->end = -1;
        peer->contact_at = raft->now;
        peer->last_fetch_at = -1;
        peer->last_caught_up_at = -1;
    }
}

/* The mutant leads on where it led before it crashed; the rest of us never do. */
static void resume_lead(struct raft *raft)
{
#ifdef SKIFF_MUTANT_RESUME_EPOCH
    if (raft->vote.voted_for != raft->config.self ||
        !uuid_equal(raft->vote.voted_directory, raft->config.directory) ||
        epochs_last(&raft->epochs) != raft->vote.epoch)
        return;
    move_to(raft, RAFT_LEADER);
    begin_to_lead(raft);
    raft->opened = true;
#else
    (void)raft;
#endif
}

void enter_unattached(struct raft *raft, struct raft_out *out, log_epoch epoch)
{
    check(epoch >= raft->vote.epoch);

    move_to(raft, RAFT_UNATTACHED);
    raft->leader = -1;
    if (epoch > raft->vote.epoch) {
        raft->lost_leader = -1;
        set_vote(raft, out, (struct raft_vote){.epoch = epoch, .voted_for = -1});
    }
    raft->role_at = raft->now + random_election_timeout(raft);
    raft->retry_at = MONO_NEVER;
    raft->fetch_at = raft->now;
    if (must_probe(raft))
        start_retries(raft, RAFT_RETRY_MIN_MS);
}

void enter_follower(struct raft *raft, struct raft_out *out, log_epoch epoch, node_id leader)
{
    check(leader != raft->config.self);
    check(epoch >= raft->vote.epoch);

    move_to(raft, RAFT_FOLLOWER);
    raft->leader = leader;
    if (epoch > raft->vote.epoch)
        set_vote(raft, out, (struct raft_vote){.epoch = epoch, .voted_for = -1});
    raft->lost_leader = -1;
    raft->told_high_watermark = raft->high_watermark;
    raft->role_at = raft->now + random_fetch_timeout(raft);
    raft->retry_at = MONO_NEVER;
    raft->fetch_at = raft->now;
}

static void send_round(struct raft *raft, struct raft_out *out)
{
    bool pre_vote = raft->role == RAFT_PROSPECTIVE;

    for (uint32_t i = 0; i < raft->peer_count; i++) {
        const struct peer *peer = &raft->peers[i];
        bool is_final = peer->granted || (!pre_vote && peer->answered);
        if (peer->voter.id == raft->config.self || is_final)
            continue;
        struct raft_message request = make_request(raft, RAFT_VOTE_REQUEST, peer->voter);
        request.pre_vote = pre_vote;
        send_message(raft, out, &request);
    }
}

/* Ask a configured voter who it is: a pre-vote request whose grant is not counted. */
void send_probe(struct raft *raft, struct raft_out *out, node_id id)
{
    struct raft_message request =
        make_request(raft, RAFT_VOTE_REQUEST, (struct raft_voter){.id = id});

    request.pre_vote = true;
    send_message(raft, out, &request);
}

static void send_probes(struct raft *raft, struct raft_out *out)
{
    for (uint32_t i = 0; i < raft->config.voter_count; i++) {
        const struct answer *answer = &raft->answers[i];
        node_id id = raft->config.voters[i];
        if (id != raft->config.self && !(answer->given && answer->empty))
            send_probe(raft, out, id);
    }
}

static void start_round(struct raft *raft)
{
    raft->round++;
    raft->role_at = raft->now + random_election_timeout(raft);
    for (uint32_t i = 0; i < raft->peer_count; i++) {
        bool self = raft->peers[i].voter.id == raft->config.self;
        raft->peers[i].answered = self;
        raft->peers[i].granted = self;
    }
}

static void enter_prospective(struct raft *raft, struct raft_out *out)
{
    check(may_stand(raft));

    if (raft->role != RAFT_PROSPECTIVE) /* A repeated round goes on as slowly as the last. */
        start_retries(raft, RAFT_ASK_AGAIN_MS);
    move_to(raft, RAFT_PROSPECTIVE);
    raft->leader = -1;
    start_round(raft);
    send_round(raft, out);
    tally(raft, out);
}

static void enter_candidate(struct raft *raft, struct raft_out *out)
{
    check(may_stand(raft));
    check(!raft->vote_pending);

    move_to(raft, RAFT_CANDIDATE);
    raft->lost_leader = -1;
    start_retries(raft, RAFT_RETRY_MIN_MS);
    set_vote(raft, out,
             (struct raft_vote){.epoch = raft->vote.epoch + 1,
                                .voted_for = raft->config.self,
                                .voted_directory = raft->config.directory});
    start_round(raft);
    send_round(raft, out);
    tally(raft, out);
}

static void enter_leader(struct raft *raft, struct raft_out *out)
{
    check(epochs_last(&raft->epochs) < raft->vote.epoch);
    check(!raft->vote_pending);

    if (!is_formed(raft))
        fill_founders(raft);
    move_to(raft, RAFT_LEADER);
    begin_to_lead(raft);
    send_begin(raft, out);
}

void tally(struct raft *raft, struct raft_out *out)
{
    uint32_t granted = 0;

    if (raft->role != RAFT_PROSPECTIVE && raft->role != RAFT_CANDIDATE)
        return;
    if (!may_stand(raft)) { /* An answer has come that is not empty after all. */
        enter_unattached(raft, out, raft->vote.epoch);
        return;
    }
    for (uint32_t i = 0; i < raft->peer_count; i++)
        granted += raft->peers[i].granted ? 1 : 0;
    if (granted < voters_majority(raft) || raft->vote_pending)
        return;
    if (raft->role == RAFT_PROSPECTIVE)
        enter_candidate(raft, out);
    else
        enter_leader(raft, out);
}

/* Best first: whoever holds most of our log stands at once, the others after it. */
static void fill_candidates(const struct raft *raft, struct raft_message *message)
{
    const struct peer *sorted[RAFT_VOTERS_MAX];
    uint32_t count = 0;

    for (uint32_t i = 0; i < raft->peer_count; i++) {
        const struct peer *peer = &raft->peers[i];
        if (peer->voter.id == raft->config.self)
            continue;
        uint32_t at = count++;
        for (; at > 0 && sorted[at - 1]->end < peer->end; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = peer;
    }
    message->candidate_count = count;
    for (uint32_t i = 0; i < count; i++)
        message->candidates[i] = sorted[i]->voter;
}

void enter_resigned(struct raft *raft, struct raft_out *out)
{
    check(raft->role == RAFT_LEADER);

    for (uint32_t i = 0; i < raft->peer_count; i++) {
        if (raft->peers[i].voter.id == raft->config.self)
            continue;
        struct raft_message request = make_request(raft, RAFT_END_REQUEST, raft->peers[i].voter);
        fill_candidates(raft, &request);
        send_message(raft, out, &request);
    }
    move_to(raft, RAFT_RESIGNED);
    raft->leader = -1;
    raft->role_at = raft->now + random_election_timeout(raft);
}

void lose_leader(struct raft *raft, struct raft_out *out, uint32_t place)
{
    check(raft->role == RAFT_FOLLOWER);

    node_id lost = raft->leader;
    enter_unattached(raft, out, raft->vote.epoch);
    raft->lost_leader = lost;
    raft->lost_until = raft->now + raft->config.fetch_timeout_ms;
    if (may_stand(raft))
        stand_after(raft, (mono_ms)place * RAFT_STAND_STEP_MS);
}

void hear_leader(struct raft *raft)
{
    check(raft->role == RAFT_FOLLOWER);

    raft->heard = true;
    raft->heard_at = raft->now;
    raft->role_at = raft->now + random_fetch_timeout(raft);
}

bool is_hearing_leader(const struct raft *raft)
{
    return raft->role == RAFT_FOLLOWER && raft->heard &&
           raft->now - raft->heard_at < raft->config.fetch_timeout_ms;
}

void prompt_dial(struct raft *raft, struct raft_out *out)
{
    if (raft->role != RAFT_FOLLOWER || raft->now < raft->dial_at)
        return;
    raft->dial_at = raft->now + RAFT_RETRY_MIN_MS;
    out->dial_leader = true;
    out->dial = raft->leader;
}

void take_hint(struct raft *raft, struct raft_out *out, log_epoch epoch, node_id leader)
{
    bool has_leader = raft->role == RAFT_LEADER || raft->role == RAFT_FOLLOWER;

    if (leader == -1 || leader == raft->config.self || !is_known_node(raft, leader))
        return;
    if (epoch < raft->vote.epoch)
        return;
    if (epoch == raft->vote.epoch) {
        bool is_lost = leader == raft->lost_leader && raft->now < raft->lost_until;
        if (has_leader || raft->role == RAFT_RESIGNED || is_lost)
            return;
    }
    enter_follower(raft, out, epoch, leader);
}

static void time_out(struct raft *raft, struct raft_out *out)
{
    bool stands = may_stand(raft) && raft->role != RAFT_RESIGNED;

    if (stands) {
        enter_prospective(raft, out);
        return;
    }
    if (raft->role != RAFT_UNATTACHED) {
        enter_unattached(raft, out, raft->vote.epoch);
        return;
    }
    raft->rotation++; /* An observer asks the next voter. */
    raft->fetching = false;
    raft->role_at = raft->now + random_election_timeout(raft);
}

static void step_leader_timers(struct raft *raft, struct raft_out *out)
{
    if (raft->now >= quorum_deadline(raft) || raft->now >= stall_deadline(raft)) {
        enter_resigned(raft, out);
        return;
    }
    if (raft->now >= raft->begin_at)
        send_begin(raft, out);
}

static void step_retry(struct raft *raft, struct raft_out *out)
{
    if (must_probe(raft))
        send_probes(raft, out);
    else if (raft->role == RAFT_PROSPECTIVE || !raft->vote_pending)
        send_round(raft, out); /* Else the first requests still wait for our vote. */
    raft->retry_at = raft->now + raft->retry_wait;
    raft->retry_wait =
        raft->retry_wait * 2 > RAFT_RETRY_MAX_MS ? RAFT_RETRY_MAX_MS : raft->retry_wait * 2;
}

/* Does a fetch wait for its reply, or for records of it that were never appended? */
static bool is_fetch_open(const struct raft *raft)
{
    return raft->fetching || (raft->appending && raft->durable == raft->end);
}

static mono_ms fetch_deadline(const struct raft *raft)
{
    return raft->fetch_moved_at + raft->config.fetch_timeout_ms;
}

void step_timers(struct raft *raft, struct raft_out *out)
{
    if (raft->role == RAFT_LEADER) {
        step_leader_timers(raft, out);
        return;
    }
    if (raft->now >= raft->role_at)
        time_out(raft, out);
    if (is_fetch_open(raft) && raft->now >= fetch_deadline(raft)) {
        raft->fetching = false;  /* Its reply is lost, or nothing of it was appended; */
        raft->appending = false; /* the leader may still be heard. */
    }
    if (raft->now < raft->retry_at)
        return;
    if (raft->role == RAFT_PROSPECTIVE || raft->role == RAFT_CANDIDATE || must_probe(raft))
        step_retry(raft, out);
    else
        raft->retry_at = MONO_NEVER;
}

static mono_ms earlier(mono_ms a, mono_ms b)
{
    return a < b ? a : b;
}

mono_ms next_deadline(const struct raft *raft)
{
    if (raft->role == RAFT_LEADER)
        return earlier(raft->begin_at, earlier(quorum_deadline(raft), stall_deadline(raft)));

    mono_ms deadline = earlier(raft->role_at, raft->retry_at);
    if (is_fetch_open(raft))
        deadline = earlier(deadline, fetch_deadline(raft));
    else if (raft->fetch_at > raft->now)
        deadline = earlier(deadline, raft->fetch_at);
    return deadline;
}
