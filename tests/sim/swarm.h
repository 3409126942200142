/* swarm.h -- what one seed's world is like, and which faults it knows. */
#ifndef SIM_SWARM_H
#define SIM_SWARM_H

#include "kernel.h"
#include "network.h"

enum {
    SIM_NODES_MAX = 5,
    SIM_SHARDS_MAX = 4,
    SIM_TOPICS_MAX = 4,
    SIM_CLIENTS_MAX = 16,
    SIM_GROUPS_MAX = 2, /* That have members. */
};

/* Which protocols the members of a group speak. */
enum group_style { GROUP_CLASSIC, GROUP_CONSUMERS, GROUP_MIXED };

enum fault {
    FAULT_KILL, /* The process of one node. */
    FAULT_KILL_ALL,
    FAULT_FUSE,  /* Kill one node at its k-th effect from now: between a write and a send. */
    FAULT_POWER, /* One machine. */
    FAULT_POWER_ALL,
    FAULT_PAUSE,
    FAULT_CUT,     /* Between two hosts, both ways or one. */
    FAULT_ISOLATE, /* One node from all others, both ways or one. */
    FAULT_RESET,
    FAULT_REPLAY,
    FAULT_DISK_SLOW,
    FAULT_DISK_HANG,
    FAULT_DISK_FULL,
    FAULT_DISK_ERROR, /* A write or a sync fails, once in a while. */
    FAULT_ROT,        /* Of the victim's logs. */
    FAULT_WIPE,       /* Of the victim. */
    FAULT_CLOCK,
    FAULT_STOP, /* A controlled shutdown, and a start. */
    FAULT_SWAP, /* Kill one node at its k-th effect after a compaction begins to change segments. */
    FAULTS,
};

struct swarm {
    uint32_t nodes, shards;
    uint32_t topics, partitions, replication_factor, min_insync;
    uint32_t producers, consumers, admins;
    uint32_t groups, members; /* Groups that have members, and how many each; 0: no groups. */
    uint32_t offsets_partitions;
    int32_t offsets_segment_size;
    int32_t initial_delay_ms; /* Of a group's first rebalance. */
    int32_t expiry_check_ms;  /* Between two looks at offsets that expire. */
    enum group_style styles[SIM_GROUPS_MAX];
    int32_t consumer_session_ms, consumer_interval_ms, assignment_interval_ms;
    bool recreates;            /* Topics are deleted and made again. */
    bool grows;                /* Topics get more partitions. */
    bool flips;                /* What is compacted ceases to be, and is again. */
    bool elects;               /* Somebody asks for preferred leaders, now and then. */
    int32_t balance_s;         /* Between looks for leaders that are not; 0: they stay. */
    bool calm;                 /* No fault at all. */
    bool wipe_majority;        /* Two of three disks are wiped: nothing may form anew. */
    sim_us duration;           /* Of the first phase. */
    sim_us fault_mean[FAULTS]; /* Between two of a kind; 0: never. */
    uint32_t victim; /* The only node whose synced data may be destroyed, and whose clock jumps
                      * where records go by time. */
    struct net_config net;
    struct disk_faults disk;
    int32_t timing; /* Percent of the default timeouts. */
    int32_t segment_size;
    /* Records go: of every topic. */
    bool retains;
    int32_t topic_segment_size;
    int64_t retention_ms, retention_bytes; /* -1: none. */
    int32_t segment_ms;
    int32_t delete_delay_ms, retain_interval_ms;
    bool trims; /* Somebody asks for it, now and then. */
    /* Logs are compacted: of __consumer_offsets, and of topics with their bit in `compacted`. */
    bool cleans;
    uint32_t compacted;
    uint32_t keys;       /* Of each such topic. */
    int32_t dirty_ratio; /* In millionths. */
    int64_t delete_retention_ms, lag_min_ms, lag_max_ms;
    uint32_t map_entries; /* That fit in a shard's map. */
    int32_t cleaner_io_size, cleaner_backoff_ms;
    int64_t cleaner_rate;
};

struct world_options;

/* Draw it, but for what the options say. */
void swarm_draw(struct swarm *swarm, const struct kernel *kernel,
                const struct world_options *options);
void swarm_print(const struct swarm *swarm);

/* Does member `index` speak the consumer protocol? They are dealt out to groups in turn. */
static inline bool swarm_is_consumer(const struct swarm *swarm, uint32_t index)
{
    enum group_style style = swarm->styles[index % swarm->groups];
    return style == GROUP_CONSUMERS || (style == GROUP_MIXED && index / swarm->groups % 2 == 0);
}

static inline bool swarm_compacts(const struct swarm *swarm, uint32_t topic)
{
    return swarm->compacted >> topic & 1;
}
const char *fault_name(enum fault fault);

#endif
