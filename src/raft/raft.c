/* raft.c -- the table of state moves, and the step that leads each event to its file.
 *
 * A step runs in this order: the event, the timers that are due at its time, then
 * what follows from both (the opening of an epoch, the high watermark, a fetch).
 * raft_check() holds after each.
 *
 * Source  KIP-595, KIP-996; the table is Kafka's quorum state with what rule 27 adds:
 *         a follower whose leader is known to be gone becomes UNATTACHED for a moment. */
#include "raft_state.h"

/* raft_moves[from] has the bit of each state that may follow. */
#define MOVE(role) (1u << (role))
static const uint32_t raft_moves[] = {
    [RAFT_UNATTACHED] = MOVE(RAFT_UNATTACHED) | MOVE(RAFT_PROSPECTIVE) | MOVE(RAFT_FOLLOWER),
    [RAFT_PROSPECTIVE] =
        MOVE(RAFT_UNATTACHED) | MOVE(RAFT_PROSPECTIVE) | MOVE(RAFT_CANDIDATE) | MOVE(RAFT_FOLLOWER),
    [RAFT_CANDIDATE] =
        MOVE(RAFT_UNATTACHED) | MOVE(RAFT_PROSPECTIVE) | MOVE(RAFT_LEADER) | MOVE(RAFT_FOLLOWER),
    [RAFT_LEADER] = MOVE(RAFT_UNATTACHED) | MOVE(RAFT_RESIGNED) | MOVE(RAFT_FOLLOWER),
    [RAFT_FOLLOWER] = MOVE(RAFT_UNATTACHED) | MOVE(RAFT_PROSPECTIVE) | MOVE(RAFT_FOLLOWER),
    [RAFT_RESIGNED] = MOVE(RAFT_UNATTACHED) | MOVE(RAFT_FOLLOWER),
};

static bool is_move(enum raft_role from, enum raft_role to)
{
#ifdef SKIFF_MUTANT_RESUME_EPOCH
    if (from == RAFT_UNATTACHED && to == RAFT_LEADER)
        return true;
#endif
    return (raft_moves[from] & MOVE(to)) != 0;
}

void move_to(struct raft *raft, enum raft_role role)
{
    check(is_move(raft->role, role));
    bool gave_up = raft->role == RAFT_LEADER && role != RAFT_LEADER;
    raft->role = role;
    if (gave_up && !is_formed(raft))
        voters_apply(raft); /* The founders are open again. */
    raft->fetching = false;
    raft->appending = false;
    raft->heard = false;
    raft->opened = false;
}

enum err raft_open(struct raft **out, const struct raft_config *config, struct raft_vote vote,
                   const struct raft_log_state *log)
{
    check(config->voter_count <= RAFT_VOTERS_MAX);
    check(config->election_timeout_ms > 0);
    check(config->fetch_timeout_ms > 0);
    check(config->stall_timeout_ms > 0);
    check(!uuid_is_zero(config->directory));
    if (log->epoch_count > 0 && log->epochs[log->epoch_count - 1].epoch > vote.epoch)
        return ERR_CORRUPT;

    struct raft *raft = mem_zalloc(sizeof *raft);
    raft->config = *config;
    rand_init(&raft->rand, config->seed);
    raft->role = RAFT_UNATTACHED;
    raft->leader = -1;
    raft->lost_leader = -1;
    raft->vote = vote;
    raft->start = log->start;
    raft->end = log->end;
    raft->durable = log->end;
    raft->high_watermark = log->start;
    raft->truncating = -1;
    raft->role_at = MONO_NEVER;
    raft->retry_at = MONO_NEVER;
    raft->round_first = rand_u64(&raft->rand) >> 2; /* Far from wrapping. */
    raft->round = raft->round_first;
    raft->fetch_id = rand_u64(&raft->rand) >> 2;
    for (uint32_t i = 0; i < log->epoch_count; i++)
        epochs_add(&raft->epochs, log->epochs[i].epoch, log->epochs[i].start);
    voters_apply(raft);
    *out = raft;
    return ERR_NONE;
}

void raft_close(struct raft *raft)
{
    mem_free(raft->epochs.items);
    mem_free(raft->sets);
    mem_free(raft);
}

static void clear_out(struct raft_out *out)
{
    size_t sends = offsetof(struct raft_out, sends);

    memset(out, 0, sends); /* The sends themselves are told by their count. */
    out->truncate_to = -1;
    out->leader = -1;
    out->dial = -1;
    out->verdict.leader = -1;
    out->deadline = MONO_NEVER;
}

static void step_message(struct raft *raft, const struct raft_message *message,
                         struct raft_out *out)
{
    if (message->from == raft->config.self) {
        out->dropped = "a message in our own name";
        return;
    }
    switch (message->kind) {
    case RAFT_VOTE_REQUEST:
        step_vote_request(raft, message, out);
        break;
    case RAFT_VOTE_REPLY:
        step_vote_reply(raft, message, out);
        break;
    case RAFT_BEGIN_REQUEST:
        step_begin_request(raft, message, out);
        break;
    case RAFT_BEGIN_REPLY:
        step_begin_reply(raft, message, out);
        break;
    case RAFT_END_REQUEST:
        step_end_request(raft, message, out);
        break;
    case RAFT_END_REPLY:
        step_end_reply(raft, message, out);
        break;
    }
}

static void step_vote_durable(struct raft *raft, uint64_t token, struct raft_out *out)
{
    if (!raft->vote_pending || token != raft->vote_token) {
        out->dropped = "not the newest vote";
        return;
    }
    raft->vote_pending = false;
    send_held(raft, out);
    tally(raft, out);
}

static void step_peer_closed(struct raft *raft, node_id peer, struct raft_out *out)
{
    if (raft->role == RAFT_FOLLOWER && raft->leader == peer)
        prompt_dial(raft, out);
}

static void step_dial_refused(struct raft *raft, node_id peer, struct raft_out *out)
{
    if (raft->role == RAFT_FOLLOWER && raft->leader == peer)
        lose_leader(raft, out, voters_rank(raft, peer));
}

static void step_shutdown(struct raft *raft, struct raft_out *out)
{
    raft->stopping = true;
    if (raft->role == RAFT_LEADER)
        enter_resigned(raft, out);
    else if (raft->role == RAFT_PROSPECTIVE || raft->role == RAFT_CANDIDATE)
        enter_unattached(raft, out, raft->vote.epoch);
}

static void step_event(struct raft *raft, const struct raft_event *event, struct raft_out *out)
{
    switch (event->kind) {
    case RAFT_TIMEOUT:
        if (!raft->started)
            start_raft(raft, out);
        break;
    case RAFT_MESSAGE:
        step_message(raft, event->message, out);
        break;
    case RAFT_FETCH:
        step_fetch(raft, event->fetch, out);
        break;
    case RAFT_FETCH_REPLY:
        step_fetch_reply(raft, event->fetch_reply, out);
        break;
    case RAFT_FETCH_FAILED:
        step_fetch_failed(raft, event->fetch_id, out);
        break;
    case RAFT_PEER_CLOSED:
        step_peer_closed(raft, event->peer, out);
        break;
    case RAFT_DIAL_REFUSED:
        step_dial_refused(raft, event->peer, out);
        break;
    case RAFT_VOTE_DURABLE:
        step_vote_durable(raft, event->vote_token, out);
        break;
    case RAFT_LOG_APPENDED:
        step_log_appended(raft, event, out);
        break;
    case RAFT_LOG_DURABLE:
        step_log_durable(raft, event, out);
        break;
    case RAFT_LOG_TRUNCATED:
        step_log_truncated(raft, event, out);
        break;
    case RAFT_VOTERS:
        voters_add(raft, event);
        break;
    case RAFT_SHUTDOWN:
        step_shutdown(raft, out);
        break;
    }
}

/* A leader opens its epoch once the log is where raft believes it to be. */
static void open_epoch(struct raft *raft, struct raft_out *out)
{
    if (raft->role != RAFT_LEADER || raft->opened || raft->truncating != -1)
        return;
    raft->opened = true;
    out->epoch_opened = true;
    out->form = !is_formed(raft);
    out->cluster_id = out->form ? founders_cluster_id(raft) : raft_cluster_id(raft);
    out->voter_count = raft->peer_count;
    for (uint32_t i = 0; i < raft->peer_count; i++) {
        out->voters[i] = raft->peers[i].voter;
        if (raft->peers[i].granted)
            out->granting[out->granting_count++] = raft->peers[i].voter.id;
    }
}

static void raft_check(const struct raft *raft)
{
    check(raft->start <= raft->high_watermark);
    check(raft->high_watermark <= raft->durable);
    check(raft->durable <= raft->end);
    check(epochs_last(&raft->epochs) <= raft->vote.epoch);
    check((raft->role == RAFT_LEADER) == (raft->leader == raft->config.self));
    check((raft->role == RAFT_LEADER || raft->role == RAFT_FOLLOWER) == (raft->leader != -1));
}

void raft_step(struct raft *raft, mono_ms now, const struct raft_event *event, struct raft_out *out)
{
    enum raft_role role = raft->role;
    log_epoch epoch = raft->vote.epoch;
    node_id leader = raft->leader;

    clear_out(out);
    raft->now = now > raft->now ? now : raft->now;
    step_event(raft, event, out);
    if (out->fault != ERR_NONE)
        return;
    if (raft->started) {
        step_timers(raft, out);
        open_epoch(raft, out);
        advance_high_watermark(raft);
        send_fetch(raft, out);
    }
    out->role = raft->role;
    out->epoch = raft->vote.epoch;
    out->leader = raft->leader;
    out->role_changed = role != raft->role || epoch != raft->vote.epoch || leader != raft->leader;
    out->high_watermark = raft->high_watermark;
    out->deadline = raft->started ? next_deadline(raft) : raft->now;
    raft_check(raft);
}

node_id raft_leader(const struct raft *raft, log_epoch *epoch)
{
    if (epoch != NULL)
        *epoch = raft->vote.epoch;
    return raft->leader;
}

enum raft_role raft_role(const struct raft *raft)
{
    return raft->role;
}

log_epoch raft_epoch(const struct raft *raft)
{
    return raft->vote.epoch;
}
