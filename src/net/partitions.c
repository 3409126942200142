/* partitions.c -- all partitions of a shard: found, told of the session, flushed, ended. */
#include "partition.h"

#include <stdio.h>

#include "coordinators.h"
#include "sync.h"

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

void partition_changed(struct partition *partition)
{
    if (list_is_empty(&partition->changed))
        list_append(&partition->shard->partitions->changed, &partition->changed);
    partition->shard->partitions->dirty = true;
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
        if (log_error(partition->log) != ERR_NONE)
            partition_apply(partition); /* It may be out of the ISR already. */
        return;
    }
    if (!partition->deleted)
        return;
    struct partition_key key = partition->key;
    partition_free(partition);
    partition_reconcile(shard, key); /* It may have come back meanwhile. */
    partitions_make_again(shard->partitions);
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

bool partitions_work(struct partitions *partitions)
{
    bool has_made = partitions_make(partitions);
    return partitions_clean(partitions) || has_made;
}

bool partitions_work_goes_on(const struct partitions *partitions)
{
    return !list_is_empty(&partitions->missing) || partitions_clean_goes_on(partitions);
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
    map_init(&partitions->wanted, sizeof(struct partition_key));
    list_init(&partitions->missing);
    list_init(&partitions->put_off);
    list_init(&partitions->changed);
    list_init(&partitions->asking);
    list_init(&partitions->parked);
    list_init(&partitions->cold);
    list_init(&partitions->due);
    list_init(&partitions->fetchers);
    partitions->sync_timer.fire = sync_timer_fire;
    partitions->alter_timer.fire = partitions_alter_fire;
    partitions->make_timer.fire = partitions_make_fire;
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
    timer_stop(&shard->timers, &partitions->make_timer);
    while (!list_is_empty(&partitions->parked))
        fetch_share_free(list_entry(partitions->parked.next, struct fetch_share, parked));
    fetch_sets_close(partitions);
    uint32_t cursor = 0;
    void *value;
    for (; map_next(&partitions->map, &cursor, &value); cursor = 0)
        partition_free(value);
    for (cursor = 0; map_next(&partitions->wanted, &cursor, &value);)
        mem_free(value);
    map_free(&partitions->wanted);
    fetchers_close(partitions);
    partitions_clean_close(partitions);
    sync_close(partitions->sync);
    map_free(&partitions->map);
    mem_free(partitions);
}
