/* partition_clean.c -- the shard's cleaner at work: one compaction at a time, beside the requests.
 *
 * What it may do in a millisecond costs what reading half of the configured size does, about half
 * of that millisecond. That is done in slices, each in a tick of its own and after what the tick
 * owes to others: so a request waits for one slice at most, and requests that come meanwhile have
 * their turn before the next one. */
#include "cluster_clock.h"
#include "log_cleaner.h"
#include "partition.h"

enum {
    SLICE_SHARE = 16, /* Of log.cleaner.io.buffer.size, one such part a slice... */
    SLICES = 8,       /* ...and so many in a millisecond. */
    IO_SIZE_LEAST = 4096,
};

static void schedule(struct partitions *partitions)
{
    struct shard *shard = partitions->shard;
    mono_ms due = cleaner_deadline(partitions->cleaner);

    if (due <= shard->now && partitions->clean_slices > 0)
        return;
    partitions->clean_slices = 0;
    if (due == MONO_NEVER || partitions->draining)
        timer_stop(&shard->timers, &partitions->clean_timer);
    else
        timer_start(&shard->timers, &partitions->clean_timer,
                    due > shard->now ? due : shard->now + 1);
}

static void fire(struct timer *timer, mono_ms now)
{
    struct partitions *partitions = list_entry(timer, struct partitions, clean_timer);
    (void)now;
    partitions->clean_slices = SLICES;
}

bool partitions_clean(struct partitions *partitions)
{
    struct shard *shard = partitions->shard;

    if (partitions->clean_slices == 0)
        return false;
    partitions->clean_slices--;
    cleaner_tick(partitions->cleaner, shard->now, cluster_wall(shard));
    partitions->dirty = true; /* A swap that ends is owed a sync. */
    schedule(partitions);
    return true;
}

bool partitions_clean_goes_on(const struct partitions *partitions)
{
    return partitions->clean_slices > 0;
}

void partitions_clean_open(struct partitions *partitions)
{
    struct shard *shard = partitions->shard;
    const struct config *config = shard->config;
    int32_t io_size = config->cleaner_io_size / SLICE_SHARE;

    struct cleaner_config cleaner = {
        .tag = PARTITIONS_CLEANER_TAG,
        .map_size = (uint64_t)config->cleaner_map_size / config->shards,
        .map_load_percent = (uint32_t)config->cleaner_map_load / (CONFIG_RATIO_ONE / 100),
        .io_size = (uint32_t)(io_size > IO_SIZE_LEAST ? io_size : IO_SIZE_LEAST),
        .rate_max = config->cleaner_rate_max / config->shards,
        .backoff_ms = config->cleaner_backoff_ms};
    partitions->cleaner = cleaner_open(shard->env, &cleaner);
    partitions->clean_timer.fire = fire;
}

void partitions_clean_configure(struct partitions *partitions)
{
    const struct config *config = partitions->shard->config;

    cleaner_configure(partitions->cleaner, config->cleaner_rate_max / config->shards,
                      config->cleaner_backoff_ms);
    schedule(partitions);
}

void partitions_clean_close(struct partitions *partitions)
{
    timer_stop(&partitions->shard->timers, &partitions->clean_timer);
    cleaner_close(partitions->cleaner);
}

void partitions_clean_begin(struct partitions *partitions)
{
    schedule(partitions);
}

bool partitions_clean_synced(struct partitions *partitions, uint64_t ticket, enum err result)
{
    if (!cleaner_on_synced(partitions->cleaner, ticket, result))
        return false;
    schedule(partitions);
    return true;
}

void partition_clean_start(struct partition *partition)
{
    if (partition->compaction.is_on)
        cleaner_add(partition->shard->partitions->cleaner, partition->log);
}

void partition_clean_stop(struct partition *partition)
{
    if (partition->log)
        cleaner_remove(partition->shard->partitions->cleaner, partition->log);
}

void partitions_clean_stats(const struct partitions *partitions, struct cleaner_stats *out)
{
    cleaner_read_stats(partitions->cleaner, partitions->shard->now, out);
}

const struct log *partitions_next_uncleanable(const struct partitions *partitions,
                                              const struct log *after)
{
    return cleaner_next_uncleanable(partitions->cleaner, after);
}
