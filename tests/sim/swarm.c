/* swarm.c -- draw a world from a seed: each fault is there or not, and then at its own rate. */
#include "swarm.h"

#include <stdio.h>

#include "world.h"

static const char *const names[FAULTS] = {
    [FAULT_KILL] = "kill",
    [FAULT_KILL_ALL] = "kill-all",
    [FAULT_FUSE] = "fuse",
    [FAULT_POWER] = "power",
    [FAULT_POWER_ALL] = "power-all",
    [FAULT_PAUSE] = "pause",
    [FAULT_CUT] = "cut",
    [FAULT_ISOLATE] = "isolate",
    [FAULT_RESET] = "reset",
    [FAULT_REPLAY] = "replay",
    [FAULT_DISK_SLOW] = "disk-slow",
    [FAULT_DISK_HANG] = "disk-hang",
    [FAULT_DISK_FULL] = "disk-full",
    [FAULT_DISK_ERROR] = "disk-error",
    [FAULT_ROT] = "rot",
    [FAULT_WIPE] = "wipe",
    [FAULT_CLOCK] = "clock",
    [FAULT_STOP] = "stop",
    [FAULT_SWAP] = "swap",
};

/* Mean time between two of a kind, in milliseconds: from and to, drawn log-uniformly. */
static const struct {
    int32_t from, to;
} rates[FAULTS] = {
    [FAULT_KILL] = {600, 10000},       [FAULT_KILL_ALL] = {4000, 30000},
    [FAULT_FUSE] = {600, 10000},       [FAULT_POWER] = {1000, 15000},
    [FAULT_POWER_ALL] = {4000, 30000}, [FAULT_PAUSE] = {1000, 10000},
    [FAULT_CUT] = {1000, 10000},       [FAULT_ISOLATE] = {2000, 15000},
    [FAULT_RESET] = {200, 5000},       [FAULT_REPLAY] = {100, 5000},
    [FAULT_DISK_SLOW] = {2000, 15000}, [FAULT_DISK_HANG] = {2000, 15000},
    [FAULT_DISK_FULL] = {2000, 15000}, [FAULT_DISK_ERROR] = {3000, 30000},
    [FAULT_ROT] = {2000, 20000},       [FAULT_WIPE] = {4000, 20000},
    [FAULT_CLOCK] = {500, 10000},      [FAULT_STOP] = {2000, 15000},
    [FAULT_SWAP] = {200, 5000},
};

const char *fault_name(enum fault fault)
{
    return names[fault];
}

static uint32_t pick(struct rand *rand, const uint32_t *choices, uint32_t count)
{
    return choices[rand_below(rand, count)];
}

#define PICK(rand, ...)                                                                            \
    pick((rand), (const uint32_t[]){__VA_ARGS__},                                                  \
         sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

static void draw_fault(struct swarm *swarm, struct rand *rand, enum fault fault)
{
    bool there = rand_chance(rand, 2, 5);
    uint64_t doublings = rand_below(rand, 6);
    int64_t mean = (int64_t)rates[fault].from << doublings;
    if (mean > rates[fault].to)
        mean = rates[fault].to;
    swarm->fault_mean[fault] = there && !swarm->calm ? mean * SIM_MS : 0;
}

/* But for what only worlds that compact know. */
static void draw_faults(struct swarm *swarm, struct rand *rand)
{
    for (int fault = 0; fault < FAULT_SWAP; fault++)
        draw_fault(swarm, rand, (enum fault)fault);
    if (swarm->wipe_majority)
        swarm->fault_mean[FAULT_WIPE] = 0;
}

static void draw_network(struct swarm *swarm, struct rand *rand)
{
    bool rough = !swarm->calm && rand_chance(rand, 1, 2);
    swarm->net = (struct net_config){
        .delay_mean = PICK(rand, 50, 100, 200, 1000, 5000, 20000),
        .capacity = PICK(rand, 1024 * 1024, 256 * 1024, 64 * 1024, 4096),
        .split = PICK(rand, 0, 2, 4, 16),
        .refuse = rough ? PICK(rand, 0, 1000, 20000) : 0,
        .drop = rough ? PICK(rand, 0, 20, 200) : 0,
        .stall = rough ? PICK(rand, 0, 50, 500) : 0,
        .record = swarm->fault_mean[FAULT_REPLAY] > 0 ? 2 : 0,
    };
}

static void draw_workload(struct swarm *swarm, struct rand *rand)
{
    uint32_t nodes = swarm->nodes;
    swarm->topics = PICK(rand, 1, 1, 2, 3);
    swarm->partitions = PICK(rand, 1, 2, 3, 5);
    swarm->replication_factor = PICK(rand, 3, 3, 3, 3, 2, 1);
    if (swarm->replication_factor > nodes)
        swarm->replication_factor = nodes;
    swarm->min_insync = swarm->replication_factor >= 2 ? PICK(rand, 2, 2, 2, 1) : 1;
    if (swarm->replication_factor == 3 && rand_chance(rand, 1, 16))
        swarm->min_insync = 3;
    swarm->producers = PICK(rand, 1, 2, 3);
    swarm->consumers = PICK(rand, 1, 1, 2);
    swarm->admins = rand_chance(rand, 1, 3);
    swarm->recreates = swarm->admins > 0 && rand_chance(rand, 2, 3);
}

static void draw_retention(struct swarm *swarm, struct rand *rand)
{
    swarm->retention_ms = swarm->retention_bytes = -1;
    swarm->retains = rand_chance(rand, 1, 3);
    if (!swarm->retains)
        return;
    swarm->topic_segment_size = (int32_t)PICK(rand, 1024, 4096, 16 * 1024);
    swarm->segment_ms = (int32_t)PICK(rand, 604800000, 1000, 100);
    swarm->delete_delay_ms = (int32_t)PICK(rand, 0, 100, 2000);
    swarm->retain_interval_ms = (int32_t)PICK(rand, 20, 200, 1000);
    swarm->trims = rand_chance(rand, 1, 2);
    if (rand_chance(rand, 2, 3))
        swarm->retention_bytes = PICK(rand, 0, 2048, 16 * 1024, 64 * 1024);
    if (rand_chance(rand, 1, 2))
        swarm->retention_ms = PICK(rand, 300, 2000, 10000);
    if (swarm->retention_ms >= 0 && swarm->nodes < 3)
        swarm->fault_mean[FAULT_CLOCK] = 0; /* One clock is no minority there (PR8). */
}

/* From a stream of its own, so that worlds without groups stay what they were. */
static void draw_groups(struct swarm *swarm, const struct kernel *kernel)
{
    struct rand rand;
    kernel_stream(kernel, STREAM_SWARM, 1, &rand);
    if (!rand_chance(&rand, 1, 2))
        return;
    swarm->groups = PICK(&rand, 1, 1, 2);
    swarm->members = PICK(&rand, 1, 2, 2, 3);
    swarm->offsets_partitions = PICK(&rand, 1, 2, 3);
    swarm->offsets_segment_size = (int32_t)PICK(&rand, 1 << 20, 16 * 1024, 4096, 1024);
    swarm->initial_delay_ms = (int32_t)PICK(&rand, 0, 0, 100, 1000);
    swarm->expiry_check_ms = (int32_t)PICK(&rand, 500, 2000, 600000);
}

/* The same: groups of the classic protocol alone stay what they were. */
static void draw_consumers(struct swarm *swarm, const struct kernel *kernel)
{
    struct rand rand;
    kernel_stream(kernel, STREAM_SWARM, 3, &rand);
    if (swarm->groups == 0 || rand_chance(&rand, 1, 2))
        return;
    for (uint32_t i = 0; i < swarm->groups; i++) {
        swarm->styles[i] = (enum group_style)PICK(&rand, GROUP_CONSUMERS, GROUP_CONSUMERS,
                                                  GROUP_MIXED, GROUP_MIXED);
        if (swarm->styles[i] == GROUP_MIXED && swarm->members == 1)
            swarm->members = 2;
    }
    swarm->consumer_session_ms = (int32_t)PICK(&rand, 1000, 2000, 5000);
    swarm->consumer_interval_ms = (int32_t)PICK(&rand, 100, 250, 500);
    swarm->assignment_interval_ms = (int32_t)PICK(&rand, 0, 0, 100, 1000);
}

/* The same, after all else: worlds that do not compact stay what they were. */
static void draw_cleaning(struct swarm *swarm, const struct kernel *kernel)
{
    struct rand rand;
    kernel_stream(kernel, STREAM_SWARM, 2, &rand);
    swarm->cleans = rand_chance(&rand, 1, 3);
    if (!swarm->cleans)
        return;
    bool has_topics = swarm->groups == 0 || rand_chance(&rand, 3, 4);
    swarm->compacted = has_topics ? 1 + (uint32_t)rand_below(&rand, (1 << SIM_TOPICS_MAX) - 1) : 0;
    if (has_topics && (swarm->compacted & ((1u << swarm->topics) - 1)) == 0)
        swarm->compacted |= 1;
    swarm->keys = PICK(&rand, 1, 5, 20, 100);
    swarm->dirty_ratio = (int32_t)PICK(&rand, 0, 0, 100000, 500000);
    swarm->delete_retention_ms = PICK(&rand, 0, 500, 4000, 20000);
    swarm->lag_min_ms = PICK(&rand, 0, 0, 300, 3000);
    swarm->lag_max_ms = PICK(&rand, 4000, INT32_MAX);
    swarm->map_entries = PICK(&rand, 3, 30, 10000);
    swarm->cleaner_io_size = (int32_t)PICK(&rand, 4096, 65536);
    swarm->cleaner_backoff_ms = (int32_t)PICK(&rand, 10, 100, 1000);
    swarm->cleaner_rate = PICK(&rand, INT32_MAX, INT32_MAX, 100000);
    if (!swarm->retains) {
        swarm->topic_segment_size = (int32_t)PICK(&rand, 1024, 2048, 8192);
        swarm->segment_ms = (int32_t)PICK(&rand, 604800000, 500);
    }
    if (swarm->nodes < 3)
        swarm->fault_mean[FAULT_CLOCK] = 0; /* As above. */
    draw_fault(swarm, &rand, FAULT_SWAP);
}

/* From a stream of its own, so that all else of a world stays what it was. */
static void draw_changes(struct swarm *swarm, const struct kernel *kernel)
{
    struct rand rand;
    kernel_stream(kernel, STREAM_SWARM, 4, &rand);
    swarm->grows = rand_chance(&rand, 1, 4);
    swarm->elects = rand_chance(&rand, 1, 4);
    swarm->balance_s = (int32_t)PICK(&rand, 0, 0, 1, 3);
}

/* The same. */
static void draw_flips(struct swarm *swarm, const struct kernel *kernel)
{
    struct rand rand;
    kernel_stream(kernel, STREAM_SWARM, 5, &rand);
    swarm->flips =
        (swarm->compacted & ((1u << swarm->topics) - 1)) != 0 && rand_chance(&rand, 1, 2);
}

void swarm_draw(struct swarm *swarm, const struct kernel *kernel,
                const struct world_options *options)
{
    struct rand rand;
    kernel_stream(kernel, STREAM_SWARM, 0, &rand);
    *swarm = (struct swarm){.calm = rand_chance(&rand, 1, 20)};
    swarm->nodes = PICK(&rand, 3, 3, 3, 3, 3, 3, 5, 1);
    swarm->shards = PICK(&rand, 1, 4);
    if (options->shards > 0)
        swarm->shards = options->shards;
    if (options->nodes > 0)
        swarm->nodes = options->nodes;
    swarm->calm |= options->calm;
    swarm->wipe_majority = swarm->nodes == 3 && !swarm->calm && rand_chance(&rand, 1, 30);
    swarm->victim = (uint32_t)rand_below(&rand, swarm->nodes);
    swarm->duration = (sim_us)PICK(&rand, 5, 10, 20, 30) * SIM_SECOND;
    swarm->timing = (int32_t)PICK(&rand, 100, 100, 100, 60, 150);
    swarm->segment_size = (int32_t)PICK(&rand, 1 << 30, 1 << 20, 64 * 1024, 16 * 1024);
    draw_faults(swarm, &rand);
    draw_network(swarm, &rand);
    draw_workload(swarm, &rand);
    draw_groups(swarm, kernel);
    draw_consumers(swarm, kernel);
    swarm->disk.sync_mean = (sim_us)PICK(&rand, 100, 200, 1000, 5000);
    swarm->disk.sync_hang = swarm->calm ? 0 : PICK(&rand, 0, 0, 100, 1000);
    swarm->disk.write_short = swarm->calm ? 0 : PICK(&rand, 0, 1000, 50000);
    draw_retention(swarm, &rand);
    draw_cleaning(swarm, kernel);
    draw_changes(swarm, kernel);
    draw_flips(swarm, kernel);
}

void swarm_print(const struct swarm *swarm)
{
    printf(
        "swarm: nodes=%u shards=%u topics=%u partitions=%u rf=%u min.insync=%u producers=%u "
        "consumers=%u admins=%u recreates=%d duration=%llds timing=%d%% segment=%d victim=%u%s%s\n",
        swarm->nodes, swarm->shards, swarm->topics, swarm->partitions, swarm->replication_factor,
        swarm->min_insync, swarm->producers, swarm->consumers, swarm->admins, swarm->recreates,
        (long long)(swarm->duration / SIM_SECOND), swarm->timing, swarm->segment_size,
        swarm->victim, swarm->calm ? " calm" : "", swarm->wipe_majority ? " wipe-majority" : "");
    if (swarm->grows || swarm->elects || swarm->balance_s > 0)
        printf("swarm: grows=%d elects=%d balance=%ds\n", swarm->grows, swarm->elects,
               swarm->balance_s);
    if (swarm->groups > 0)
        printf("swarm: groups=%u members=%u offsets partitions=%u segment=%d initial.delay=%dms "
               "expiry=%dms\n",
               swarm->groups, swarm->members, swarm->offsets_partitions,
               swarm->offsets_segment_size, swarm->initial_delay_ms, swarm->expiry_check_ms);
    for (uint32_t i = 0; i < swarm->groups; i++)
        if (swarm->styles[i] != GROUP_CLASSIC)
            printf("swarm: group%u %s session=%dms interval=%dms assignment.interval=%dms\n", i,
                   swarm->styles[i] == GROUP_MIXED ? "mixed" : "consumers",
                   swarm->consumer_session_ms, swarm->consumer_interval_ms,
                   swarm->assignment_interval_ms);
    if (swarm->cleans)
        printf("swarm: compacted=%x flips=%d keys=%u dirty.ratio=%d tombstones=%lldms "
               "lag=%lld..%lldms segment=%d segment.ms=%d map=%u io=%d backoff=%dms rate=%lld\n",
               swarm->compacted, swarm->flips, swarm->keys, swarm->dirty_ratio,
               (long long)swarm->delete_retention_ms, (long long)swarm->lag_min_ms,
               (long long)swarm->lag_max_ms, swarm->topic_segment_size, swarm->segment_ms,
               swarm->map_entries, swarm->cleaner_io_size, swarm->cleaner_backoff_ms,
               (long long)swarm->cleaner_rate);
    printf(
        "swarm: delay=%lldus capacity=%u split=%u refuse=%u drop=%u stall=%u sync=%lldus hang=%u "
        "short=%u\nswarm: faults:",
        (long long)swarm->net.delay_mean, swarm->net.capacity, swarm->net.split, swarm->net.refuse,
        swarm->net.drop, swarm->net.stall, (long long)swarm->disk.sync_mean, swarm->disk.sync_hang,
        swarm->disk.write_short);
    if (swarm->retains)
        printf(" retention.bytes=%lld retention.ms=%lld segment=%d segment.ms=%d delay=%dms "
               "interval=%dms%s",
               (long long)swarm->retention_bytes, (long long)swarm->retention_ms,
               swarm->topic_segment_size, swarm->segment_ms, swarm->delete_delay_ms,
               swarm->retain_interval_ms, swarm->trims ? " trims" : "");
    for (int fault = 0; fault < FAULTS; fault++)
        if (swarm->fault_mean[fault] > 0)
            printf(" %s=%lldms", names[fault], (long long)(swarm->fault_mean[fault] / SIM_MS));
    printf("\n");
}
