/* replica.c -- roles, committed records, and the one way in which every call ends.
 *
 * Invariants, after every call:
 *   - only replica_settle() raises the high watermark, and only a recorded loss lowers it;
 *   - ISR and min ISR come from committed records alone (rule 5);
 *   - this node leads only where the record names it and its incarnation (rule 1). */
#include "replica_state.h"

bool replica_nodes_have(const struct replica_nodes *nodes, node_id id)
{
    for (uint32_t i = 0; i < nodes->count; i++) {
        if (nodes->ids[i] == id)
            return true;
    }
    return false;
}

log_offset replica_counted_end(const struct replica *replica)
{
    return replica->partition.flush_each ? replica->log.synced : replica->log.written;
}

void replica_out_begin(struct replica_out *out)
{
    *out = (struct replica_out){
        .turn = REPLICA_STAY, .start = -1, .low_watermark = -1, .deadline = MONO_NEVER};
}

static log_offset bound_of(const struct replica *replica, mono_ms now)
{
    if (replica->role == REPLICA_LEADER)
        return replica_leader_bound(replica, now);
    if (replica->role == REPLICA_FOLLOWER) {
        log_offset counted = replica_counted_end(replica);
        return replica->leader_high_watermark < counted ? replica->leader_high_watermark : counted;
    }
    return replica->high_watermark;
}

/* As far as the leader's log was retired, and we know that to be committed. */
static log_offset start_as_led(const struct replica *replica)
{
    log_offset start = replica->leader_start;
    if (replica->role != REPLICA_FOLLOWER)
        return -1;
    if (start > replica->high_watermark)
        start = replica->high_watermark;
    return start > replica->log.start ? start : -1;
}

void replica_settle(struct replica *replica, mono_ms now, struct replica_out *out)
{
    log_offset before = replica->high_watermark;
    log_offset bound = bound_of(replica, now);
    if (bound > replica->high_watermark)
        replica->high_watermark = bound;
    if (replica->log.start > replica->high_watermark)
        replica->high_watermark = replica->log.start; /* Only committed records are ever retired. */
    out->high_watermark_moved |= replica->high_watermark > before;
    out->start = start_as_led(replica);

    if (replica->role != REPLICA_LEADER)
        return;
    replica_watch_stall(replica, now);
    replica_consider_yield(replica, now);
    replica_consider_proposal(replica, now, out);
    out->low_watermark = replica_low_watermark(replica);
    out->yield = replica->yield;
    out->deadline = replica_leader_deadline(replica, now);
}

static void check_log(const struct replica_log *log)
{
    check(log->start >= 0);
    check(log->start <= log->synced);
    check(log->synced <= log->written);
    check(log->written <= log->end);
}

struct replica *replica_open(const struct replica_config *config, const struct replica_log *log,
                             log_offset high_watermark)
{
    check(config->active != NULL);
    check_log(log);

    struct replica *replica = mem_zalloc(sizeof *replica);
    replica->config = *config;
    replica->log = *log;
    replica->high_watermark = high_watermark < log->synced ? high_watermark : log->synced;
    if (replica->high_watermark < log->start)
        replica->high_watermark = log->start;
    replica->partition = (struct replica_partition){
        .leader = -1, .leader_epoch = -1, .partition_epoch = -1, .granted = -1};
    replica->own = -1;
    replica->has_session = true;
    replica->leader_high_watermark = -1;
    replica->leader_start = -1;
    replica->stall_target = -1;
    replica->below_min_since = MONO_NEVER;
    return replica;
}

void replica_close(struct replica *replica)
{
    mem_free(replica);
}

/* Rule 1: an epoch granted to another incarnation of this node isn't ours to write in. */
static enum replica_role role_in(const struct replica *replica)
{
    const struct replica_partition *partition = &replica->partition;
    if (!replica_nodes_have(&partition->replicas, replica->config.self))
        return REPLICA_NONE;
    bool is_granted = replica->own >= 0 && partition->granted == replica->own;
    if (partition->leader == replica->config.self && is_granted)
        return REPLICA_LEADER;
    return REPLICA_FOLLOWER;
}

static enum replica_turn enter_role(struct replica *replica, mono_ms now, enum replica_role role)
{
    enum replica_role before = replica->role;
    replica->role = role;
    replica->yield = REPLICA_KEEP;
    replica->leader_high_watermark = -1;
    replica->leader_start = -1;
    replica->fetch_at = now;
    if (role == REPLICA_LEADER) {
        replica_enter_leader(replica, now);
        return REPLICA_LEAD;
    }
    if (role == REPLICA_FOLLOWER)
        return REPLICA_FOLLOW;
    return before == REPLICA_NONE ? REPLICA_STAY : REPLICA_LEAVE;
}

static void check_partition(const struct replica *replica,
                            const struct replica_partition *partition)
{
    check(partition->replicas.count <= REPLICA_NODES_MAX);
    check(partition->isr.count <= partition->replicas.count);
    check(partition->leader_epoch >= replica->partition.leader_epoch);
}

void replica_apply(struct replica *replica, mono_ms now, const struct replica_partition *partition,
                   broker_epoch own, struct replica_out *out)
{
    replica_out_begin(out);
    bool is_newer = partition->partition_epoch > replica->partition.partition_epoch;
    log_epoch before = replica->partition.leader_epoch;
    if (is_newer) {
        check_partition(replica, partition);
        replica->partition = *partition;
    }
    replica->own = own;

    enum replica_role role = role_in(replica);
    if (role != replica->role || replica->partition.leader_epoch != before)
        out->turn = enter_role(replica, now, role);
    if (is_newer && role == REPLICA_LEADER)
        replica_on_committed(replica, now);
    replica_settle(replica, now, out);
}

void replica_on_log(struct replica *replica, mono_ms now, const struct replica_log *log,
                    struct replica_out *out)
{
    check_log(log);
    replica_out_begin(out);
    if (replica->role == REPLICA_LEADER && log->written > replica->log.written)
        replica_before_growth(replica);
    replica->log = *log;
    if (log->end <
        replica->high_watermark) { /* The log refuses such a cut, but for a recorded loss. */
        replica->high_watermark = log->end;
        replica->leader_high_watermark = -1;
        replica->leader_start = -1;
    }
    replica_settle(replica, now, out);
}

void replica_tick(struct replica *replica, mono_ms now, struct replica_out *out)
{
    replica_out_begin(out);
    replica_settle(replica, now, out);
}

void replica_on_session(struct replica *replica, mono_ms now, bool alive, struct replica_out *out)
{
    replica_out_begin(out);
    if (alive && !replica->has_session && replica->role == REPLICA_LEADER)
        replica_forgive(replica, now);
    replica->has_session = alive;
    replica_settle(replica, now, out);
}

enum replica_role replica_role(const struct replica *replica)
{
    return replica->role;
}

const struct replica_partition *replica_partition(const struct replica *replica)
{
    return &replica->partition;
}

log_offset replica_high_watermark(const struct replica *replica)
{
    return replica->high_watermark;
}

log_offset replica_exported_high_watermark(const struct replica *replica)
{
    if (replica->role == REPLICA_LEADER && replica->high_watermark < replica->epoch_start)
        return -1;
    return replica->high_watermark;
}

log_offset replica_epoch_start(const struct replica *replica)
{
    return replica->epoch_start;
}
