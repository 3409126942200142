/* partitions.c -- which partitions are here, and their roles as the image says.
 *
 * Invariants
 * - Until the broker has applied its own registration nothing here exists, so no
 *   log can be judged by an old image (rule 10).
 * - What a replica asks is done before anything else happens to its partition. */
#include "partition.h"

#include <stdio.h>
#include <stdlib.h>

#include "broker.h"
#include "coordinators.h"
#include "probe.h"
#include "quorum.h"
#include "sync.h"

enum { RETRY_BACKOFF_MS = 100, NAME_RETRY_MS = 20, ROOM_RETRY_MS = 500 };

struct partition *partition_find(struct shard *shard, struct partition_key key)
{
    struct partition *partition = map_get(&shard->partitions->map, &key);
    return partition && !partition->removing ? partition : NULL;
}

struct leader_hint partition_hint(struct shard *shard, struct partition_key key)
{
    const struct image_partition *known = image_partition(shard->image, key.topic_id, key.index);
    if (!known)
        return (struct leader_hint){.leader = -1, .epoch = -1};
    return (struct leader_hint){.leader = known->leader, .epoch = known->leader_epoch};
}

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

void partition_changed(struct partition *partition)
{
    if (list_is_empty(&partition->changed))
        list_append(&partition->shard->partitions->changed, &partition->changed);
    partition->shard->partitions->dirty = true;
}

/* ---- Roles. */

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

/* Named in heartbeats while it can't be served (rule 11). */
void partition_report(struct partition *partition, bool unserviceable)
{
    if (partition->reported == unserviceable)
        return;
    partition->reported = unserviceable;
    broker_report(partition->shard, partition->key, unserviceable);
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
static void fail_waits(struct partition *partition)
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
        fail_waits(partition);
        probe.kind = turn == REPLICA_FOLLOW ? PROBE_FOLLOWER : PROBE_RESIGN;
    }
    env_probe(shard->env, &probe);
    if (log_error(partition->log) == ERR_NONE)
        partition_report(partition, false); /* What one leader lacked another may have. */
    partition_tell(partition);
    fetcher_follow(partition);
    partition_wake(partition);
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
    if (partition->has_proposal || partition->yield != REPLICA_KEEP)
        partition_ask(partition);
    if (out->deadline == MONO_NEVER)
        timer_stop(&shard->timers, &partition->timer);
    else
        timer_start(&shard->timers, &partition->timer, out->deadline);
}

static void partition_fire(struct timer *timer, mono_ms now)
{
    struct partition *partition = list_entry(timer, struct partition, timer);
    struct replica_out out;
    if (!partition->replica || partition->removing || log_error(partition->log) != ERR_NONE)
        return;
    replica_tick(partition->replica, now, &out);
    partition_obey(partition, &out);
    probe_isr(partition);
}

static void partition_log_moved(struct partition *partition)
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

/* ---- Logs. */

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

/* Rot is refetched from the leader, but not a byte of it goes before a committed record
 * has taken this replica out of ISR and ELR: until then it may be elected (rule 11). */
static bool may_refetch(const struct partition *partition, const struct image_partition *known)
{
    node_id self = partition->shard->config->node_id;
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

static void partition_apply(struct partition *partition)
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
static void partition_start(struct partition *partition)
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
    partition->replica = replica_open(&config, &state, log_ends(partition->log)->committed);
    partition_retain_start(partition);
    struct replica_out out;
    if (!shard->partitions->alive) {
        replica_on_session(partition->replica, shard->now, false, &out);
        partition_obey(partition, &out);
    }
    partition_apply(partition);
}

static void hook_durable(void *context, struct log *log)
{
    (void)log;
    partition_changed(context);
}

static void hook_ready(void *context, struct log *log)
{
    struct partition *partition = context;
    (void)log;
    partition_report(partition, false);
    partition_start(partition);
    partition_apply(partition);
    partition_changed(partition);
}

static void hook_offline(void *context, struct log *log)
{
    struct partition *partition = context;
    struct shard *shard = partition->shard;
    trace_error(shard->env->trace, "%s offline: %s", partition->name, log_error_text(log));
    if (log_error(log) == ERR_IO) {
        env_fatal(shard->env, "the log directory has failed");
        return;
    }
    fail_waits(partition);
    partition_report(partition, true);
    fetcher_leave(partition);
    timer_stop(&shard->timers, &partition->timer); /* It proposes nothing any more. */
    list_remove(&partition->asking);
    partition_wake(partition);
}

static void hook_deleted(void *context, struct log *log)
{
    (void)log;
    struct partition *partition = context;
    partition->deleted = true;
    partition_changed(partition); /* Freed in the flush, outside the log's call. */
}

static void partition_free(struct partition *partition);

static struct partition *partition_new(struct shard *shard, struct partition_key key,
                                       const char *name)
{
    struct partition *partition = mem_zalloc(sizeof *partition);
    partition->shard = shard;
    partition->key = key;
    snprintf(partition->name, sizeof partition->name, "%s", name);
    partition->timer.fire = partition_fire;
    partition->told.epoch = -1;
    partition->told.leader = -1;
    list_init(&partition->changed);
    list_init(&partition->watches);
    list_init(&partition->asking);
    list_init(&partition->following);
    list_init(&partition->unasked);
    map_put(&shard->partitions->map, &key, partition);
    return partition;
}

static void partition_open_log(struct partition *partition, const struct image_partition *known,
                               const struct image_topic *topic)
{
    struct shard *shard = partition->shard;
    struct log_config config = {
        .key = partition->key,
        .durability = !known || known->flush_each ? LOG_CLASS_SYNCED : LOG_CLASS_PAGE_CACHE,
        .segment_size = (uint32_t)(topic ? image_topic_number(topic, STR("segment.bytes"),
                                                              shard->config->segment_size)
                                         : shard->config->segment_size),
        .segment_ms = partition->segment_ms,
        .segment_jitter_ms = partition->segment_jitter_ms,
        .index_interval_size = (uint32_t)shard->config->index_interval_size,
        .compaction = partition->compaction,
        .keeps_producers = true,
        .hooks = {.durable = hook_durable,
                  .ready = hook_ready,
                  .deleted = hook_deleted,
                  .offline = hook_offline,
                  .context = partition}};
    partition->log = log_open(partition->name, &config, shard->env, shard->partitions->sync);
    partition_clean_start(partition);
    shard->partitions->dirty = true;
}

static void partition_create(struct shard *shard, const struct image_partition *known)
{
    const struct image_topic *topic = image_topic_by_id(shard->image, known->key.topic_id);
    if (!topic)
        return;
    char name[LOG_DIR_MAX];
    snprintf(name, sizeof name, "%.*s-%d", (int)topic->name.size, topic->name.data,
             known->key.index);
    struct partition *partition = partition_new(shard, known->key, name);
    partition_configure(partition, topic);
    partition_open_log(partition, known, topic);
    enum err result = log_error(partition->log);
    if (result == ERR_SPACE || result == ERR_FILES) {
        /* It ends by itself, and to be named as unable to serve would cost the ELR (rule 11). */
        trace_warn(shard->env->trace, "%s waits: %s", name, log_error_text(partition->log));
        partition_free(partition);
        timer_start(&shard->timers, &shard->partitions->name_timer, shard->now + ROOM_RETRY_MS);
        return;
    }
    if (result != ERR_NONE) {
        hook_offline(partition, partition->log);
        partition_apply(partition); /* It may be out of the ISR already. */
    } else if (log_is_ready(partition->log)) {
        partition_start(partition);
    }
}

static void partition_remove(struct partition *partition)
{
    if (partition->removing)
        return;
    partition->removing = true;
    timer_stop(&partition->shard->timers, &partition->timer);
    timer_stop(&partition->shard->timers, &partition->retain_timer);
    partition_clean_stop(partition, true);
    fetcher_leave(partition);
    list_remove(&partition->asking);
    fail_waits(partition);
    partition_report(partition, false);
    partition_wake(partition);
    trace_info(partition->shard->env->trace, "%s deleted from this node", partition->name);
    log_delete(partition->log);
}

static void partition_free(struct partition *partition)
{
    struct shard *shard = partition->shard;
    coordinator_leave_seat(partition);
    timer_stop(&shard->timers, &partition->timer);
    timer_stop(&shard->timers, &partition->retain_timer);
    partition_clean_stop(partition, false);
    fetcher_leave(partition);
    list_remove(&partition->asking);
    list_remove(&partition->changed);
    struct list *node, *after;
    list_each (node, after, &partition->watches)
        list_remove(node);
    if (map_get(&shard->partitions->map, &partition->key) == partition)
        map_remove(&shard->partitions->map, &partition->key);
    if (partition->replica)
        replica_close(partition->replica);
    if (partition->log)
        log_close(partition->log);
    mem_free(partition->refused);
    mem_free(partition);
}

/* ---- Image and logs. */

static bool is_ours(struct shard *shard, const struct image_partition *known)
{
    return known && partition_shard(known->key, shard->config->shards) == shard->index &&
           node_list_has(&known->replicas, shard->config->node_id);
}

/* Something of it was synced here, so a directory of its name with another id has rotted. */
static bool has_mark(const struct shard *shard, struct partition_key key)
{
    uint32_t cursor = 0;
    for (struct partition_key marked; sync_next_mark(shard->partitions->sync, &cursor, &marked);)
        if (partition_key_equal(marked, key))
            return true;
    return false;
}

/* A name may be taken again only when the log that had it is gone. */
static bool name_is_busy(struct shard *shard, const struct image_partition *known)
{
    const struct image_topic *topic = image_topic_by_id(shard->image, known->key.topic_id);
    char name[LOG_DIR_MAX];
    uint32_t cursor = 0;
    void *value;
    if (!topic)
        return true;
    snprintf(name, sizeof name, "%.*s-%d", (int)topic->name.size, topic->name.data,
             known->key.index);
    while (map_next(&shard->partitions->map, &cursor, &value)) {
        struct partition *partition = value;
        if (strcmp(partition->name, name) == 0)
            return true;
    }
    struct uuid found; /* The old log may be another shard's, and on its way out. */
    return log_identify(shard->env, name, &found) == ERR_NONE &&
           !uuid_equal(found, known->key.topic_id) && !has_mark(shard, known->key);
}

/* Does a log of ours with synced records have this directory? */
static bool is_name_of_ours(struct shard *shard, const char *name, const char *dash,
                            partition_id index)
{
    struct str topic_name = {.data = name, .size = (uint32_t)(dash - name)};
    const struct image_topic *topic = image_topic_by_name(shard->image, topic_name);
    if (!topic)
        return false;
    struct partition_key key = {.topic_id = topic->id, .index = index};
    return is_ours(shard, image_partition(shard->image, key.topic_id, index)) &&
           has_mark(shard, key);
}

static void reconcile_one(struct shard *shard, struct partition_key key)
{
    if (partition_shard(key, shard->config->shards) != shard->index)
        return;
    const struct image_partition *known = image_partition(shard->image, key.topic_id, key.index);
    struct partition *partition = map_get(&shard->partitions->map, &key);
    if (is_ours(shard, known)) {
        if (partition)
            partition_apply(partition);
        else if (!name_is_busy(shard, known))
            partition_create(shard, known);
        else
            timer_start(&shard->timers, &shard->partitions->name_timer, shard->now + NAME_RETRY_MS);
    } else if (partition) {
        partition_remove(partition);
    }
}

/* Those that wait for their name. */
static void reconcile_missing(struct shard *shard)
{
    const struct image_partition *known = image_partition_after(shard->image, NULL);
    for (; known; known = image_partition_after(shard->image, known))
        if (is_ours(shard, known) && !map_get(&shard->partitions->map, &known->key))
            reconcile_one(shard, known->key);
}

static void name_timer_fire(struct timer *timer, mono_ms now)
{
    (void)now;
    reconcile_missing(list_entry(timer, struct partitions, name_timer)->shard);
}

/* A directory whose topic id the image does not know, or not as ours: its partition
 * was deleted or moved while this node was away. */
static void reconcile_directory(struct shard *shard, const char *name)
{
    struct partition_key key;
    const char *dash = strrchr(name, '-');
    if (!dash || dash == name || log_identify(shard->env, name, &key.topic_id) != ERR_NONE)
        return;
    key.index = (partition_id)strtol(dash + 1, NULL, 10);
    if (uuid_equal(key.topic_id, quorum_key().topic_id) ||
        partition_shard(key, shard->config->shards) != shard->index ||
        is_ours(shard, image_partition(shard->image, key.topic_id, key.index)) ||
        is_name_of_ours(shard, name, dash, key.index))
        return;
    struct partition *partition = partition_new(shard, key, name);
    partition_open_log(partition, NULL, NULL);
    partition_remove(partition);
}

static void reconcile_all(struct shard *shard)
{
    struct arena arena = {0};
    const char **names;
    uint32_t count = 0, cursor = 0;
    if (env_list(shard->env, ".", &arena, &names, &count) != ERR_NONE) {
        env_fatal(shard->env, "the log directory can not be listed");
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        reconcile_directory(shard, names[i]);
    for (struct partition_key key; sync_next_mark(shard->partitions->sync, &cursor, &key);)
        if (!is_ours(shard, image_partition(shard->image, key.topic_id, key.index)) &&
            !map_get(&shard->partitions->map, &key))
            sync_drop_mark(shard->partitions->sync, key);
    arena_free(&arena);
    const struct image_partition *known = image_partition_after(shard->image, NULL);
    for (; known; known = image_partition_after(shard->image, known))
        reconcile_one(shard, known->key);
}

/* A topic that is no longer there is told of by its first partition. */
static void forget_topic(struct partitions *partitions, const struct image *old,
                         struct partition_key key)
{
    const struct image_topic *topic = image_topic_by_id(old, key.topic_id);
    uint32_t cursor = 0;
    if (key.index != 0 || !topic || image_topic_by_id(partitions->shard->image, key.topic_id))
        return;
    for (void *value; map_next(&partitions->map, &cursor, &value);)
        coordinator_forget_topic(value, topic);
}

void partitions_take_image(struct partitions *partitions, const struct image *old,
                           const struct partition_key *keys, uint32_t key_count,
                           const node_id *brokers, uint32_t broker_count)
{
    struct shard *shard = partitions->shard;
    (void)brokers;
    if (shard->broker_epoch < 0 && !partitions->reconciled)
        return; /* Later, while another registration stands in place of ours, nothing is skipped. */
    fetchers_image(partitions);
    if (!partitions->reconciled) {
        partitions->reconciled = true;
        reconcile_all(shard);
        partitions_clean_settle(partitions);
        return;
    }
    for (uint32_t i = 0; i < key_count; i++) {
        forget_topic(partitions, old, keys[i]);
        reconcile_one(shard, keys[i]);
    }
    if (broker_count == 0)
        return;
    uint32_t cursor = 0;
    for (void *value; map_next(&partitions->map, &cursor, &value);) {
        struct partition *partition = value;
        if (!partition->removing && partition->replica)
            partition_fire(&partition->timer, shard->now);
    }
}

void partitions_session(struct partitions *partitions, bool alive)
{
    uint32_t cursor = 0;
    partitions->alive = alive;
    for (void *value; map_next(&partitions->map, &cursor, &value);) {
        struct partition *partition = value;
        struct replica_out out;
        if (partition->removing || !partition->replica || log_error(partition->log) != ERR_NONE)
            continue;
        replica_on_session(partition->replica, partitions->shard->now, alive, &out);
        partition_obey(partition, &out);
        partition_wake(partition); /* It refuses fetches now, or does so no more. */
    }
}

/* ---- The tick. */

bool partitions_synced(struct partitions *partitions, uint64_t ticket, enum err result)
{
    partitions->dirty = true;
    return sync_on_synced(partitions->sync, ticket, result, partitions->shard->now) ||
           partitions_clean_synced(partitions, ticket, result);
}

bool partitions_are_dirty(const struct partitions *partitions)
{
    return partitions->dirty;
}

static void partition_settle(struct partition *partition)
{
    struct shard *shard = partition->shard;
    if (!partition->removing) {
        partition_log_moved(partition);
        return;
    }
    if (!partition->deleted)
        return;
    partition_free(partition);
    reconcile_missing(shard);
}

void partitions_flush(struct partitions *partitions)
{
    if (!partitions->dirty)
        return;
    struct shard *shard = partitions->shard;
    partitions->dirty = false;
    sync_flush(partitions->sync, shard->now);
    for (struct list *node; (node = list_take_first(&partitions->changed));)
        partition_settle(list_entry(node, struct partition, changed));
    partitions_answer_due(partitions);
    fetchers_go(partitions);
    partitions_alter(partitions);
    mono_ms due = sync_deadline(partitions->sync);
    if (due == MONO_NEVER)
        timer_stop(&shard->timers, &partitions->sync_timer);
    else
        timer_start(&shard->timers, &partitions->sync_timer, due);
}

static void sync_timer_fire(struct timer *timer, mono_ms now)
{
    (void)now;
    list_entry(timer, struct partitions, sync_timer)->dirty = true;
}

void partitions_drain(struct partitions *partitions)
{
    partitions->draining = true;
    partitions->dirty = true;
    sync_hurry(partitions->sync);
}

bool partitions_are_drained(const struct partitions *partitions)
{
    return sync_is_idle(partitions->sync);
}

/* ---- Metrics. */

bool partitions_describe(struct shard *shard, struct partition_key key,
                         struct partition_status *out)
{
    const struct partition *partition = partition_find(shard, key);
    if (!partition)
        return false;
    const char *dash = strrchr(partition->name, '-');
    *out = (struct partition_status){
        .topic = {.data = partition->name, .size = (uint32_t)(dash - partition->name)},
        .error = log_error(partition->log),
        .leads = partition->replica && replica_role(partition->replica) == REPLICA_LEADER,
        .groups = coordinator_group_count(partition),
        .ends = *log_ends(partition->log),
        .size = log_size(partition->log)};
    return true;
}

void partitions_sync_stats(const struct partitions *partitions, struct sync_stats *out)
{
    sync_read_stats(partitions->sync, out);
}

/* ---- Life. */

enum err partitions_open(struct shard *shard)
{
    struct partitions *partitions = mem_zalloc(sizeof *partitions);
    char path[32];
    partitions->shard = shard;
    partitions->alive = true;
    map_init(&partitions->map, sizeof(struct partition_key));
    fetch_sets_open(partitions);
    list_init(&partitions->changed);
    list_init(&partitions->asking);
    list_init(&partitions->parked);
    list_init(&partitions->due);
    list_init(&partitions->fetchers);
    partitions->sync_timer.fire = sync_timer_fire;
    partitions->alter_timer.fire = partitions_alter_fire;
    partitions->name_timer.fire = name_timer_fire;
    snprintf(path, sizeof path, "marks-%u", shard->index);
    struct sync_config config = {.path = path, .tag = PARTITIONS_SYNC_TAG};
    enum err result = sync_open(&partitions->sync, shard->env, &config);
    if (result == ERR_NONE) {
        partitions_clean_open(partitions);
        shard->partitions = partitions;
        return ERR_NONE;
    }
    trace_error(shard->env->trace, "%s/%s: %s", shard->config->log_dir, path, err_name(result));
    map_free(&partitions->map);
    mem_free(partitions);
    return result;
}

void partitions_end_waits(struct partitions *partitions)
{
    uint32_t cursor = 0;
    shares_end(partitions);
    for (void *value; map_next(&partitions->map, &cursor, &value);) {
        struct partition *partition = value;
        coordinator_leave_seat(partition);
        log_cancel_waits(partition->log, WAIT_COMMITTED, ERR_CLOSED);
        log_cancel_waits(partition->log, WAIT_DURABLE, ERR_CLOSED);
        log_cancel_waits(partition->log, WAIT_LOW_WATERMARK, ERR_CLOSED);
    }
}

void partitions_close(struct partitions *partitions)
{
    if (!partitions)
        return;
    struct shard *shard = partitions->shard;
    timer_stop(&shard->timers, &partitions->sync_timer);
    timer_stop(&shard->timers, &partitions->alter_timer);
    timer_stop(&shard->timers, &partitions->name_timer);
    while (!list_is_empty(&partitions->parked))
        fetch_share_free(list_entry(partitions->parked.next, struct fetch_share, parked));
    fetch_sets_close(partitions);
    uint32_t cursor = 0;
    for (void *value; map_next(&partitions->map, &cursor, &value); cursor = 0)
        partition_free(value);
    fetchers_close(partitions);
    partitions_clean_close(partitions);
    sync_close(partitions->sync);
    map_free(&partitions->map);
    mem_free(partitions);
}
