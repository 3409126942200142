/* partition_role.c -- what a replica does here: its record, its log, and what follows.
 *
 * Invariant
 * - What a replica asks is done before anything else happens to its partition. */
#include "partition.h"

#include "broker.h"
#include "coordinators.h"
#include "probe.h"

enum { RETRY_BACKOFF_MS = 100 };

bool partition_is_ready(const struct partition *partition)
{
    return partition->replica && log_is_ready(partition->log) &&
           log_error(partition->log) == ERR_NONE;
}

struct replica_log partition_log_state(const struct partition *partition)
{
    const struct log_ends *ends = log_ends(partition->log);
    /* Of the last batch: an epoch that we led without writing says nothing (KAFKA-10706). */
    log_epoch last = ends->end > ends->start ? log_epoch_of(partition->log, ends->end - 1) : -1;
    return (struct replica_log){.start = ends->start,
                                .start_synced = log_start_synced(partition->log),
                                .synced = ends->durable,
                                .written = ends->written,
                                .end = ends->end,
                                .last_epoch = last};
}

static int64_t mask_of(const struct replica_nodes *nodes)
{
    int64_t mask = 0;
    for (uint32_t i = 0; i < nodes->count; i++)
        if (nodes->ids[i] >= 0 && nodes->ids[i] < 63)
            mask |= (int64_t)1 << nodes->ids[i];
    return mask;
}

static void probe_isr(struct partition *partition)
{
    if (!partition->shard->env->probe || replica_role(partition->replica) != REPLICA_LEADER)
        return;
    const struct replica_partition *record = replica_partition(partition->replica);
    struct replica_nodes maximal;
    replica_maximal_isr(partition->replica, &maximal);
    env_probe(partition->shard->env, &(struct probe){.kind = PROBE_ISR,
                                                     .key = partition->key,
                                                     .epoch = record->leader_epoch,
                                                     .value = mask_of(&record->isr),
                                                     .other = mask_of(&maximal),
                                                     .count = (int32_t)record->min_isr});
}

/* A log that is offline applies no record: then, the epoch in which it last fetched or led. */
static log_epoch last_epoch(const struct partition *partition)
{
    return partition->replica ? replica_partition(partition->replica)->leader_epoch : -1;
}

/* Named in heartbeats while it can't be served (rule 11). */
void partition_report(struct partition *partition, bool unserviceable)
{
    if (partition->reported == unserviceable)
        return;
    partition->reported = unserviceable;
    broker_report(partition->shard, partition->key, last_epoch(partition), unserviceable);
}

static void partition_tell(struct partition *partition)
{
    static const char *const roles[] = {
        [REPLICA_NONE] = "none", [REPLICA_FOLLOWER] = "follower", [REPLICA_LEADER] = "leader"};
    struct shard *shard = partition->shard;
    const struct replica_partition *record = replica_partition(partition->replica);
    enum replica_role role = replica_role(partition->replica);
    const char *dash = strrchr(partition->name, '-');
    trace_info(shard->env->trace,
               "%.*s/%d node %d %s -> %s epoch %d -> %d leader %d -> %d cause metadata up to %lld",
               (int)(dash - partition->name), partition->name, partition->key.index,
               shard->config->node_id, roles[partition->told.role], roles[role],
               partition->told.epoch, record->leader_epoch, partition->told.leader, record->leader,
               (long long)shard->image->offset);
    partition->told.role = role;
    partition->told.epoch = record->leader_epoch;
    partition->told.leader = record->leader;
}

/* What was asked of a leader ends: what was appended may have been appended (rule 17). */
void partition_fail_waits(struct partition *partition)
{
    struct log *log = partition->log;
    coordinator_leave_seat(partition);
    log_cancel_waits(log, WAIT_COMMITTED, ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND);
    log_cancel_waits(log, WAIT_DURABLE, ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND);
    log_cancel_waits(log, WAIT_LOW_WATERMARK, ERR_NOT_LEADER_OR_FOLLOWER);
}

static void partition_turn(struct partition *partition, enum replica_turn turn)
{
    struct shard *shard = partition->shard;
    const struct replica_partition *record = replica_partition(partition->replica);
    struct probe probe = {
        .key = partition->key, .epoch = record->leader_epoch, .peer = record->leader};
    if (turn == REPLICA_STAY)
        return;
    if (turn == REPLICA_LEAD) {
        log_begin_epoch(partition->log, record->leader_epoch);
        partition->leads_since = shard->now;
        probe.kind = PROBE_LEADER;
        probe.offset = replica_epoch_start(partition->replica);
        probe.value = shard->broker_epoch;
        coordinator_take_seat(partition);
    } else {
        partition_fail_waits(partition);
        probe.kind = turn == REPLICA_FOLLOW ? PROBE_FOLLOWER : PROBE_RESIGN;
    }
    env_probe(shard->env, &probe);
    if (log_error(partition->log) == ERR_NONE)
        partition_report(partition, false); /* What one leader lacked another may have. */
    partition_tell(partition);
    fetcher_follow(partition);
    partition_wake(partition);
}

bool partition_may_be_deposed(const struct partition *partition)
{
    return replica_role(partition->replica) == REPLICA_LEADER &&
           partition->yielded == replica_partition(partition->replica)->leader_epoch;
}

bool partition_yields(const struct partition *partition)
{
    return partition->yield != REPLICA_KEEP || partition_may_be_deposed(partition);
}

static void arm(struct partition *partition, mono_ms due)
{
    struct shard *shard = partition->shard;
    mono_ms again = partition->yield_again > shard->now ? partition->yield_again
                                                        : shard->now + YIELD_INTERVAL_MS;
    if (partition_yields(partition) && again < due)
        due = again;
    if (due == MONO_NEVER)
        timer_stop(&shard->timers, &partition->timer);
    else
        timer_start(&shard->timers, &partition->timer, due);
}

void partition_obey(struct partition *partition, const struct replica_out *out)
{
    struct shard *shard = partition->shard;
    partition_turn(partition, out->turn);
    if (out->turn != REPLICA_STAY || out->high_watermark_moved || out->propose)
        probe_isr(partition); /* Before what follows from it. */
    if (out->high_watermark_moved) {
        /* Told before the waiters go: an onlooker must know of it when they answer. */
        log_offset high_watermark = replica_high_watermark(partition->replica);
        log_offset durable = log_ends(partition->log)->durable;
        env_probe(shard->env,
                  &(struct probe){.kind = PROBE_HIGH_WATERMARK,
                                  .key = partition->key,
                                  .epoch = replica_partition(partition->replica)->leader_epoch,
                                  .offset = high_watermark < durable ? high_watermark : durable,
                                  .flag = replica_role(partition->replica) == REPLICA_LEADER});
        log_commit(partition->log, high_watermark);
        partition_wake(partition);
    }
    if (out->start >= 0)
        partition_retire(partition, out->start);
    partition->low_watermark = out->low_watermark;
    log_release(partition->log, WAIT_LOW_WATERMARK, out->low_watermark);
    if (out->propose) {
        partition->has_proposal = true;
        partition->proposal = out->proposal;
    }
    partition->yield = out->yield;
    if (partition->has_proposal || partition_yields(partition))
        partition_ask(partition);
    arm(partition, out->deadline);
}

void partition_fire(struct timer *timer, mono_ms now)
{
    struct partition *partition = list_entry(timer, struct partition, timer);
    struct replica_out out;
    if (!partition->replica || partition->removing || log_error(partition->log) != ERR_NONE)
        return;
    replica_tick(partition->replica, now, &out);
    partition_obey(partition, &out);
    probe_isr(partition);
}

void partition_log_moved(struct partition *partition)
{
    struct replica_out out;
    if (!partition->replica || partition->removing || !partition_is_ready(partition))
        return;
    struct replica_log state = partition_log_state(partition);
    replica_on_log(partition->replica, partition->shard->now, &state, &out);
    partition_obey(partition, &out);
    partition_wake(partition);
    fetcher_look(partition);
}

static broker_epoch active_epoch(const void *context, node_id node)
{
    const struct shard *shard = context;
    const struct image_broker *broker = image_broker(shard->image, node);
    return broker && image_broker_is_active(shard->image, node) ? broker->epoch : -1;
}

static struct replica_nodes nodes_of(const struct node_list *list)
{
    struct replica_nodes nodes = {.count = list->count};
    static_assert((int)REPLICA_NODES_MAX >= (int)RECORD_REPLICAS_MAX, "every replica has a place");
    memcpy(nodes.ids, list->ids, list->count * sizeof list->ids[0]);
    return nodes;
}

/* Rot is refetched from the leader, but not a byte of it goes before a committed record of a new
 * epoch has this replica in neither ISR nor ELR: until then it may be elected (rule 11). In the
 * old epoch it may be in the ISR again by a record that has not come here yet. */
static bool may_refetch(const struct partition *partition, const struct image_partition *known)
{
    node_id self = partition->shard->config->node_id;
#ifndef SKIFF_MUTANT_ROT_OLD_EPOCH
    if (known->leader_epoch <= last_epoch(partition))
        return false;
#endif
    return log_error(partition->log) == ERR_CORRUPT && known->leader >= 0 &&
           known->leader != self && !node_list_has(&known->isr, self) &&
           !node_list_has(&known->elr, self);
}

/* Kafka counts at the leader, which is who proposed the change. */
static void count_isr_change(struct partition *partition, const struct image_partition *known)
{
    const struct replica_partition *before = replica_partition(partition->replica);
    struct counters *counters = &partition->shard->counters;
    if (replica_role(partition->replica) != REPLICA_LEADER)
        return;
    counters->isr_shrinks += known->isr.count < before->isr.count;
    counters->isr_expands += known->isr.count > before->isr.count;
}

void partition_apply(struct partition *partition)
{
    struct shard *shard = partition->shard;
    const struct image_partition *known =
        image_partition(shard->image, partition->key.topic_id, partition->key.index);
    if (known && may_refetch(partition, known) && log_reset(partition->log, 0) == ERR_NONE) {
        trace_info(shard->env->trace, "%s is dropped and refetched from leader %d", partition->name,
                   known->leader);
        partition_changed(partition);
        return;
    }
    if (!known || !partition->replica || !partition_is_ready(partition))
        return;
    struct replica_partition record = {.leader = known->leader,
                                       .leader_epoch = known->leader_epoch,
                                       .partition_epoch = known->partition_epoch,
                                       .granted = known->leader_broker_epoch,
                                       .replicas = nodes_of(&known->replicas),
                                       .isr = nodes_of(&known->isr),
                                       .elr = nodes_of(&known->elr),
                                       .min_isr = (uint32_t)known->min_insync,
                                       .flush_each = known->flush_each};
    struct replica_out out;
    struct replica_log state = partition_log_state(partition);
    replica_on_log(partition->replica, shard->now, &state, &out); /* An epoch starts at its end. */
    partition_obey(partition, &out);
    count_isr_change(partition, known);
    replica_apply(partition->replica, shard->now, &record, shard->broker_epoch, &out);
    partition_obey(partition, &out);
    probe_isr(partition);
}

/* The log can be used: give it a role. */
void partition_start(struct partition *partition)
{
    struct shard *shard = partition->shard;
    if (partition->replica || partition->removing)
        return;
    struct replica_config config = {.key = partition->key,
                                    .self = shard->config->node_id,
                                    .lag_time_max_ms = shard->config->replica_lag_time_max_ms,
                                    .retry_backoff_ms = RETRY_BACKOFF_MS,
                                    .active = active_epoch,
                                    .heard = fetch_heard_at,
                                    .context = shard};
    struct replica_log state = partition_log_state(partition);
    log_offset committed = log_commit_marked(partition->log);
    env_probe(shard->env, &(struct probe){.kind = PROBE_HIGH_WATERMARK,
                                          .key = partition->key,
                                          .epoch = -1,
                                          .offset = committed});
    partition->replica = replica_open(&config, &state, committed);
    partition_retain_start(partition);
    struct replica_out out;
    if (!shard->partitions->alive) {
        replica_on_session(partition->replica, shard->now, false, &out);
        partition_obey(partition, &out);
    }
    partition_apply(partition);
}
