/* partition_retain.c -- records go, by age and size.
 *
 * A leader decides, its followers' logs start where its own does (replica.h). Age is judged by the
 * cluster's clock and by no single node's (PR8). Each partition has a timer of its own, and their
 * first turns are spread, so that no tick looks at many. */
#include "partition.h"

#include "cluster_clock.h"

enum { SPREAD_MS = 10 * 1000, DELAY_MAX_MS = INT32_MAX };

/* Unlink what may go by now, and set the timer for what comes next. */
static void clean(struct partition *partition)
{
    struct shard *shard = partition->shard;
    mono_ms again =
        log_unlink_retired(partition->log, shard->now, partition->retention.delete_delay_ms);
    mono_ms due = again < partition->retain_at ? again : partition->retain_at;
    timer_start(&shard->timers, &partition->retain_timer, due);
}

static void look(struct partition *partition)
{
    struct shard *shard = partition->shard;
    const struct partition_retention *wanted = &partition->retention;
    struct log_retention retention = {.ms = -1, .bytes = -1, .now = -1};
    log_offset before = log_ends(partition->log)->start;
    bool leads = replica_check_leader(partition->replica, -1) == ERR_NONE;
    if (leads && wanted->is_on)
        retention = (struct log_retention){
            .ms = wanted->ms, .bytes = wanted->bytes, .now = cluster_wall(shard)};
#ifdef SKIFF_MUTANT_OWN_CLOCK
    retention.now = env_wall(shard->env);
#endif
    enum err err = log_retain(partition->log, &retention);
    if (err != ERR_NONE)
        trace_warn(shard->env->trace, "%s: retention: %s", partition->name, err_name(err));
    if (log_ends(partition->log)->start > before)
        partition_changed(partition);
}

static mono_ms later(const struct shard *shard, int64_t delay_ms)
{
    return shard->now + (delay_ms < DELAY_MAX_MS ? delay_ms : DELAY_MAX_MS);
}

static void fire(struct timer *timer, mono_ms now)
{
    struct partition *partition = list_entry(timer, struct partition, retain_timer);
    struct shard *shard = partition->shard;
    if (now >= partition->retain_at) {
        partition->retain_at = later(shard, partition->retention.check_interval_ms);
        look(partition);
    }
    clean(partition);
    shard->partitions->dirty = true; /* What was rolled, or retired, is owed a sync. */
}

static int64_t choose_spread(const struct partition *partition)
{
    int64_t most = partition->retention.check_interval_ms;
    return (int64_t)rand_below(&partition->shard->rand,
                               (uint64_t)(most < SPREAD_MS ? most : SPREAD_MS));
}

void partition_retain_start(struct partition *partition)
{
    struct shard *shard = partition->shard;
    partition->retain_timer.fire = fire;
    partition->retain_at =
        later(shard, shard->config->initial_task_delay_ms) + choose_spread(partition);
    timer_start(&shard->timers, &partition->retain_timer, partition->retain_at);
}

void partition_retain_soon(struct partition *partition)
{
    struct shard *shard = partition->shard;
    if (!timer_is_running(&partition->retain_timer))
        return; /* Not ready yet: partition_retain_start() comes. */
    mono_ms due = shard->now + choose_spread(partition);
    if (due < partition->retain_at)
        partition->retain_at = due;
    timer_start(&shard->timers, &partition->retain_timer, partition->retain_at);
}

void partition_retire(struct partition *partition, log_offset offset)
{
    log_offset before = log_ends(partition->log)->start;
    if (log_retire(partition->log, offset) == before)
        return;
    partition_changed(partition);
    clean(partition);
}
