/* replica_leader.c -- who is in sync, what is committed, whom to propose, when to yield.
 *
 * The maximal ISR is the committed one plus every addition that was proposed at the
 * current partition epoch. A proposal may have been taken although its answer says
 * otherwise, so an addition leaves the maximal ISR only when a record with a higher
 * partition epoch is applied: no older proposal can be taken after that (rule 4).
 * A removal counts only when its record is applied. */
#include "replica_state.h"

static struct replica_peer *find_peer(struct replica *replica, node_id id)
{
    for (uint32_t i = 0; i < replica->peer_count; i++) {
        if (replica->peers[i].id == id)
            return &replica->peers[i];
    }
    return NULL;
}

static broker_epoch active_epoch(const struct replica *replica, node_id id)
{
    return replica->config.active(replica->config.context, id);
}

static bool is_in_isr(const struct replica *replica, node_id id)
{
    return replica_nodes_have(&replica->partition.isr, id);
}

static bool is_in_maximal_isr(const struct replica *replica, node_id id)
{
    return is_in_isr(replica, id) || replica_nodes_have(&replica->proposed, id);
}

static bool is_below_min_isr(const struct replica *replica)
{
    return replica->partition.isr.count < replica->partition.min_isr;
}

static mono_ms heard_at(const struct replica *replica, node_id id)
{
    mono_ms at =
        replica->config.heard ? replica->config.heard(replica->config.context, id) : MONO_NEVER;
    return at == MONO_NEVER ? REPLICA_LONG_AGO : at;
}

/* Has all that there is, or had within the lag time. */
static bool is_caught_up(const struct replica *replica, const struct replica_peer *peer,
                         mono_ms now)
{
    return peer->end >= replica->log.written ||
           now - peer->caught_up <= replica->config.lag_time_max_ms;
}

/* It runs, and it is the incarnation whose fetches we counted (KIP-903). */
static bool is_eligible(const struct replica *replica, const struct replica_peer *peer)
{
    return peer->epoch >= 0 && peer->end >= 0 && active_epoch(replica, peer->id) == peer->epoch;
}

/* A proposal needs the replica at or past the high watermark and the epoch's start (rule 3).
 * One that would be dropped at once for its lag isn't worth a proposal. */
static bool may_join(const struct replica *replica, const struct replica_peer *peer, mono_ms now)
{
    return is_eligible(replica, peer) && peer->end >= replica->high_watermark &&
           peer->end >= replica->epoch_start && is_caught_up(replica, peer, now);
}

void replica_enter_leader(struct replica *replica, mono_ms now)
{
    replica->epoch_start = replica->log.end;
    replica->peer_count = 0;
    for (uint32_t i = 0; i < replica->partition.replicas.count; i++) {
        node_id id = replica->partition.replicas.ids[i];
        if (id == replica->config.self)
            continue;
        replica->peers[replica->peer_count++] = (struct replica_peer){
            .id = id,
            .epoch = -1,
            .end = -1,
            .start = -1,
            .caught_up = is_in_isr(replica, id) ? now : REPLICA_LONG_AGO,
            .fetched = REPLICA_LONG_AGO,
            .end_then = INT64_MAX,
            .seen = REPLICA_LONG_AGO,
        };
    }
    replica->stall_target = -1;
    replica->below_min_since = MONO_NEVER;
}

/* Peers that the record added to the replicas, and without those that it took away. */
static void follow_replicas(struct replica *replica)
{
    const struct replica_nodes *replicas = &replica->partition.replicas;
    struct replica_peer kept[REPLICA_NODES_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < replicas->count; i++) {
        if (replicas->ids[i] == replica->config.self)
            continue;
        const struct replica_peer *peer = find_peer(replica, replicas->ids[i]);
        kept[count++] = peer != NULL ? *peer
                                     : (struct replica_peer){.id = replicas->ids[i],
                                                             .epoch = -1,
                                                             .end = -1,
                                                             .start = -1,
                                                             .caught_up = REPLICA_LONG_AGO,
                                                             .fetched = REPLICA_LONG_AGO,
                                                             .end_then = INT64_MAX,
                                                             .seen = REPLICA_LONG_AGO};
    }
    replica->peer_count = count;
    for (uint32_t i = 0; i < count; i++)
        replica->peers[i] = kept[i];
}

/* A newer record was applied: whatever was proposed at an older partition epoch was either
 * taken, and is in it, or can't be taken any more. */
void replica_on_committed(struct replica *replica, mono_ms now)
{
    follow_replicas(replica);
    replica->alter = ALTER_NONE;
    replica->proposed.count = 0;
    if (!is_below_min_isr(replica))
        replica->below_min_since = MONO_NEVER;
    else if (replica->below_min_since == MONO_NEVER)
        replica->below_min_since = now;
}

/* While we refused them, followers and our own disk could not show that they keep up. */
void replica_forgive(struct replica *replica, mono_ms now)
{
    for (uint32_t i = 0; i < replica->peer_count; i++) {
        if (is_in_isr(replica, replica->peers[i].id))
            replica->peers[i].caught_up = now;
    }
    if (replica->below_min_since != MONO_NEVER)
        replica->below_min_since = now;
    replica->stall_since = now;
}

/* The log is about to grow. Who had all of it until now had it whenever it came since. */
void replica_before_growth(struct replica *replica)
{
    for (uint32_t i = 0; i < replica->peer_count; i++) {
        struct replica_peer *peer = &replica->peers[i];
        mono_ms heard = heard_at(replica, peer->id);
        if (peer->end >= replica->log.written && heard > peer->caught_up)
            peer->caught_up = heard;
    }
}

/* How far all who count have everything; may lie below the high watermark of old.
 *
 * A replica that is about to join holds it back too, while it keeps up: else a busy
 * partition would run away from it for ever. That is for progress, not for safety. */
log_offset replica_leader_bound(const struct replica *replica, mono_ms now)
{
    if (!replica->has_session || is_below_min_isr(replica))
        return -1;
    log_offset bound = replica_counted_end(replica);
    for (uint32_t i = 0; i < replica->peer_count; i++) {
        const struct replica_peer *peer = &replica->peers[i];
        bool counts = is_in_maximal_isr(replica, peer->id) ||
                      (is_eligible(replica, peer) && is_caught_up(replica, peer, now));
        if (counts && peer->end < bound)
            bound = peer->end;
    }
    return bound;
}

/* A replica that is not alive asks for the start before it holds anything back. */
log_offset replica_low_watermark(const struct replica *replica)
{
    log_offset low = replica->log.start_synced;
    for (uint32_t i = 0; i < replica->peer_count; i++) {
        const struct replica_peer *peer = &replica->peers[i];
        if (active_epoch(replica, peer->id) >= 0 && peer->start < low)
            low = peer->start;
    }
    return low;
}

/* Watch one offset at a time: where the log ended when we began must be durable within
 * the lag time (rule 29). */
void replica_watch_stall(struct replica *replica, mono_ms now)
{
    if (replica->stall_target >= 0 && replica_counted_end(replica) < replica->stall_target)
        return;
    replica->stall_target = -1;
    if (replica_counted_end(replica) < replica->log.end) {
        replica->stall_target = replica->log.end;
        replica->stall_since = now;
    }
}

/* The ISR as it should be; this leader first, then in the order of the replicas. */
static void target_isr(const struct replica *replica, mono_ms now, struct replica_nodes *out)
{
    out->count = 0;
    out->ids[out->count++] = replica->config.self;
    for (uint32_t i = 0; i < replica->peer_count; i++) {
        const struct replica_peer *peer = &replica->peers[i];
        bool belongs = is_in_isr(replica, peer->id) ? active_epoch(replica, peer->id) >= 0 &&
                                                          is_caught_up(replica, peer, now)
                                                    : may_join(replica, peer, now);
        if (belongs)
            out->ids[out->count++] = peer->id;
    }
}

static bool is_committed_isr(const struct replica *replica, const struct replica_nodes *nodes)
{
    if (nodes->count != replica->partition.isr.count)
        return false;
    for (uint32_t i = 0; i < nodes->count; i++) {
        if (!is_in_isr(replica, nodes->ids[i]))
            return false;
    }
    return true;
}

static void propose(struct replica *replica, const struct replica_nodes *isr,
                    struct replica_proposal *out)
{
    *out = (struct replica_proposal){.leader_epoch = replica->partition.leader_epoch,
                                     .partition_epoch = replica->partition.partition_epoch,
                                     .count = isr->count};
    for (uint32_t i = 0; i < isr->count; i++) {
        node_id id = isr->ids[i];
        out->isr[i].id = id;
        out->isr[i].epoch = id == replica->config.self ? replica->own : active_epoch(replica, id);
        if (id != replica->config.self && !is_in_maximal_isr(replica, id))
            replica->proposed.ids[replica->proposed.count++] = id;
    }
    replica->alter = ALTER_SENT;
}

/* One proposal at a time. After a failure the next one goes out even when all wishes are
 * gone, as long as an addition hangs in the air: only a committed record withdraws it. */
void replica_consider_proposal(struct replica *replica, mono_ms now, struct replica_out *out)
{
    if (!replica->has_session || replica->alter == ALTER_SENT)
        return;
    if (replica->alter != ALTER_NONE && now < replica->alter_at)
        return;
    struct replica_nodes target;
    target_isr(replica, now, &target);
    if (is_committed_isr(replica, &target) && replica->proposed.count == 0) {
        replica->alter = ALTER_NONE;
        return;
    }
    out->propose = true;
    propose(replica, &target, &out->proposal);
}

/* When a leader below min ISR counts as cut off: nobody outside its ISR came for the lag time. */
static mono_ms cut_off_at(const struct replica *replica)
{
    if (replica->below_min_since == MONO_NEVER)
        return MONO_NEVER;
    mono_ms last = replica->below_min_since;
    for (uint32_t i = 0; i < replica->peer_count; i++) {
        const struct replica_peer *peer = &replica->peers[i];
        mono_ms heard = heard_at(replica, peer->id);
        mono_ms seen = heard > peer->seen ? heard : peer->seen;
        if (!is_in_isr(replica, peer->id) && seen > last)
            last = seen;
    }
    return last + replica->config.lag_time_max_ms + 1;
}

/* Somebody who runs and has all committed records: an ISR or ELR member. */
static bool has_successor(const struct replica *replica)
{
    for (uint32_t i = 0; i < replica->peer_count; i++) {
        node_id id = replica->peers[i].id;
        bool is_complete =
            is_in_isr(replica, id) || replica_nodes_have(&replica->partition.elr, id);
        if (is_complete && active_epoch(replica, id) >= 0)
            return true;
    }
    return false;
}

static mono_ms stalled_at(const struct replica *replica)
{
    if (replica->stall_target < 0)
        return MONO_NEVER;
    return replica->stall_since + replica->config.lag_time_max_ms + 1;
}

void replica_consider_yield(struct replica *replica, mono_ms now)
{
    replica->yield = REPLICA_KEEP;
    if (!replica->has_session)
        return;
    if (now >= stalled_at(replica))
        replica->yield = REPLICA_YIELD_STALLED;
    else if (now >= cut_off_at(replica) && has_successor(replica))
        replica->yield = REPLICA_YIELD_CUT_OFF;
}

static void bring_forward(mono_ms *deadline, mono_ms at, mono_ms now)
{
    if (at > now && at < *deadline)
        *deadline = at;
}

mono_ms replica_leader_deadline(const struct replica *replica, mono_ms now)
{
    mono_ms deadline = MONO_NEVER;
    if (!replica->has_session)
        return deadline;
    if (replica->alter == ALTER_FAILED || replica->alter == ALTER_ACCEPTED)
        bring_forward(&deadline, replica->alter_at, now);
    if (replica->yield != REPLICA_KEEP)
        bring_forward(&deadline, now + replica->config.lag_time_max_ms, now);
    bring_forward(&deadline, stalled_at(replica), now);
    bring_forward(&deadline, cut_off_at(replica), now);
    for (uint32_t i = 0; i < replica->peer_count; i++) {
        const struct replica_peer *peer = &replica->peers[i];
        if (peer->end < replica->log.written)
            bring_forward(&deadline, peer->caught_up + replica->config.lag_time_max_ms + 1, now);
    }
    return deadline;
}

void replica_maximal_isr(const struct replica *replica, struct replica_nodes *out)
{
    *out = replica->partition.isr;
    for (uint32_t i = 0; i < replica->proposed.count; i++) {
        if (!replica_nodes_have(out, replica->proposed.ids[i]))
            out->ids[out->count++] = replica->proposed.ids[i];
    }
}

enum err replica_check_leader(const struct replica *replica, log_epoch current)
{
    if (current >= 0 && current < replica->partition.leader_epoch)
        return ERR_FENCED_LEADER_EPOCH;
    if (current > replica->partition.leader_epoch)
        return ERR_UNKNOWN_LEADER_EPOCH;
    if (replica->role != REPLICA_LEADER || !replica->has_session)
        return ERR_NOT_LEADER_OR_FOLLOWER;
    return ERR_NONE;
}

enum err replica_may_append(const struct replica *replica, int16_t acks)
{
    enum err err = replica_check_leader(replica, -1);
    if (err != ERR_NONE)
        return err;
    if (replica->yield == REPLICA_YIELD_STALLED)
        return ERR_NOT_LEADER_OR_FOLLOWER; /* It would only grow what can't be synced. */
    if (acks == -1 && is_below_min_isr(replica))
        return ERR_NOT_ENOUGH_REPLICAS;
    return ERR_NONE;
}

/* KIP-903, rule 1: nothing of an incarnation that was replaced counts any more. */
static bool is_replaced(const struct replica *replica, const struct replica_peer *peer,
                        broker_epoch epoch)
{
    return epoch < peer->epoch || epoch < active_epoch(replica, peer->id);
}

/* All that the follower could have read when it last asked, it has now: it was caught up then. */
static void count_fetch(const struct replica *replica, mono_ms now,
                        const struct replica_fetch *fetch, struct replica_peer *peer)
{
    if (fetch->offset >= replica->log.written)
        peer->caught_up = now;
    else if (fetch->offset >= peer->end_then && peer->fetched > peer->caught_up)
        peer->caught_up = peer->fetched;
    peer->fetched = now;
    peer->end_then = replica->log.written;
    peer->end = fetch->offset;
    peer->start = fetch->start;
}

static enum err take_fetch(struct replica *replica, mono_ms now, const struct replica_fetch *fetch)
{
    enum err err = replica_check_leader(replica, fetch->current);
    if (err != ERR_NONE)
        return err;
    struct replica_peer *peer = find_peer(replica, fetch->node);
    if (peer == NULL)
        return ERR_NOT_LEADER_OR_FOLLOWER;
    if (is_replaced(replica, peer, fetch->epoch))
        return ERR_STALE_BROKER_EPOCH;

    if (fetch->epoch > peer->epoch) {
        peer->epoch = fetch->epoch;
        peer->end = peer->start = -1; /* What the last incarnation had is no evidence. */
        peer->end_then = INT64_MAX;
    }
    peer->seen = now;
    if (fetch->matched && fetch->offset <= replica->log.end)
        count_fetch(replica, now, fetch, peer);
    return ERR_NONE;
}

enum err replica_on_fetch(struct replica *replica, mono_ms now, const struct replica_fetch *fetch,
                          struct replica_out *out)
{
    replica_out_begin(out);
    enum err err = take_fetch(replica, now, fetch);
    replica_settle(replica, now, out);
    return err;
}

void replica_on_altered(struct replica *replica, mono_ms now, int32_t partition_epoch, enum err err,
                        struct replica_out *out)
{
    replica_out_begin(out);
    bool is_ours = replica->role == REPLICA_LEADER && replica->alter == ALTER_SENT &&
                   partition_epoch == replica->partition.partition_epoch;
    if (is_ours && err == ERR_NONE) {
        replica->alter = ALTER_ACCEPTED;
        replica->alter_at = now + replica->config.lag_time_max_ms;
    } else if (is_ours) {
        replica->alter = ALTER_FAILED;
        replica->alter_at = now + replica->config.retry_backoff_ms;
    }
    replica_settle(replica, now, out);
}
