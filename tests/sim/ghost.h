/* ghost.h -- what is true, kept by the harness from what the cores tell.
 *
 * For each log of each node: its batches, and how far it is durable. For each
 * partition: what was ever committed, who was ever granted which epoch. Checkers
 * read this; they run before it takes the probe in, so that they see the state that
 * the probe changes. A batch is known by a chain: a hash of itself and of all that
 * stands before it, so two logs agree up to an offset when one number is equal. */
#ifndef SIM_GHOST_H
#define SIM_GHOST_H

#include "batch.h"
#include "image.h"
#include "keyed.h"
#include "probe.h"
#include "raft.h"
#include "world.h"

struct ghost_batch {
    log_offset base, end;
    log_epoch epoch;
    log_epoch committed_in; /* Of what is committed: the epoch of the leader that did it. */
    uint32_t crc;           /* As its leader appended it: its identity... */
    uint32_t crc_here;      /* ...and as this log took it, when compaction had made it smaller. */
    bool is_absent;         /* Compaction removed it: here, or before it was copied. */
    uint64_t chain;
    uint64_t value; /* Of the first record, where the workload wrote it; 0: not ours. */
    uint32_t size;
    wall_ms timestamp; /* The greatest. */
    int64_t producer_id;
    int32_t producer_epoch, sequence;
};

struct ghost_batches {
    struct ghost_batch *all;
    uint32_t count, capacity;
};

struct ghost_log {
    bool exists;
    bool open;   /* By the node's current incarnation. */
    bool failed; /* It was taken offline, and not opened since. */
    sim_us failed_at;
    bool rotten;        /* We damaged it. */
    bool rot_told;      /* The node has noticed. */
    log_offset rot_end; /* Of the batch that we damaged. */
    log_offset start, end, durable;
    log_offset compacted;      /* Below it batches are as small as compaction made them. */
    log_offset mark;           /* Durable mark that the last recovery found, or a later cut left. */
    log_offset high_watermark; /* Of this incarnation. */
    log_offset high_watermark_max;
    struct ghost_batches batches;
    /* What stood there before a cut, until something is written: a cut that is not synced
     * may be undone by a power loss, and a reset by a kill. */
    struct ghost_batches uncut;
    log_offset uncut_end, uncut_compacted;
    log_offset uncut_rot_end; /* Of the batch that we had damaged; 0: none. */
    /* As leader, of this incarnation; epoch -1: it is none. */
    log_epoch leads;
    int64_t leads_broker_epoch;
    int64_t isr, isr_max;
    int32_t min_insync;
};

/* Who was granted a leader epoch. */
struct ghost_grant {
    node_id node;
    broker_epoch broker_epoch;
    uint64_t incarnation; /* Of the first that acted. */
    bool acted;
};

struct ghost_partition {
    struct partition_key key;
    bool is_metadata;
    bool removed; /* Its topic was deleted. */
    struct ghost_log logs[SIM_NODES_MAX];
    struct ghost_batches truth; /* Committed, by whoever led. */
    log_offset high_watermark;  /* True one: the highest ever of a leader. */
    log_offset start_max;       /* Up to here a leader has retired it. */
    struct map positions;       /* (epoch, end) -> chain */
    struct map grants;          /* epoch -> struct ghost_grant */
    struct map versions;        /* partition epoch -> ISR and the highest bit */
    struct map sequences;       /* (producer, epoch, sequence) of what is committed -> end */
    bool is_known;              /* Its topic's settings are. */
    struct keyed *keyed;        /* NULL: it is not compacted. */
    /* From the newest image that anybody applied. */
    node_id leader;
    log_epoch leader_epoch;
    int32_t partition_epoch;
    uint64_t replicas, isr, elr;
    int32_t min_insync;
    struct ghost_partition *next; /* In order of first sight. */
};

struct ghost_voter {
    enum raft_role role;
    log_epoch epoch;
    node_id leader;
    sim_us heard_at;      /* Records came from the leader it follows; 0: not yet. */
    bool refused;         /* Its leader's port refused since. */
    log_epoch vote_epoch; /* Durable, on this disk. */
    node_id voted_for;
    uint64_t founder_life;   /* Of the disk that formed the cluster, or joined it first. */
    log_offset lost_durable; /* What the founder's disk held when it was wiped. */
    bool shortly_wiped;
    broker_epoch wiped_epoch; /* The broker epoch in force when it was wiped; -1: never. */
};

struct ghost {
    struct ghost_partition *first, *last;
    struct map partitions; /* key -> struct ghost_partition */
    struct ghost_partition *metadata;
    struct ghost_voter voters[SIM_NODES_MAX];
    bool formed;
    const struct image *image; /* The newest that anybody applied, referenced. */
    /* The batches of the append that is being checked, and of what compaction took out before. */
    struct ghost_batches incoming;
    struct keyed_found found;
    uint64_t appends, acks;
    log_offset trims[SIM_TOPICS_MAX][16]; /* By topic and partition: the greatest that was asked. */
};

void ghost_open(struct world *world);
void ghost_close(struct world *world);
void ghost_take(struct world *world, struct sim_node *node, const struct probe *probe);
/* Fill ghost->incoming with the batches of an append. */
void ghost_read_append(struct world *world, struct sim_node *node, const struct probe *probe);
void ghost_node_died(struct world *world, struct sim_node *node);
void ghost_node_wiped(struct world *world, struct sim_node *node);

struct ghost_partition *ghost_partition_of(struct world *world, struct partition_key key);
struct ghost_partition *ghost_partition_find(struct world *world, struct partition_key key);
/* The chain of all that stands before `offset`; false: no batch ends there. */
bool ghost_chain_at(const struct ghost_batches *batches, log_offset offset, uint64_t *chain);
/* The batch that holds `offset`; NULL: none. */
const struct ghost_batch *ghost_batch_at(const struct ghost_batches *batches, log_offset offset);
void ghost_push_batch(struct ghost_batches *batches, const struct ghost_batch *batch);
/* Two logs hold the same records below `offset`. */
bool ghost_agree(const struct ghost_batches *a, const struct ghost_batches *b, log_offset offset);
/* Each (epoch, end) of the append in ghost->incoming means one prefix, for ever. */
void ghost_check_positions(struct world *world, struct sim_node *node, const struct probe *probe,
                           const char *checker);
bool ghost_is_voter(const struct world *world, const struct sim_node *node);
bool ghost_is_formed(const struct world *world);
/* A follower of `partition` on `node` that the newest image names in ISR or ELR. */
bool ghost_is_candidate(const struct world *world, const struct ghost_partition *partition,
                        const struct sim_node *node);

/* It went offline while it was recovered, just now. */
bool ghost_has_just_failed(const struct world *world, const struct ghost_log *log);

/* Where a log lies on each node's disk; false: its topic is not known, or no more. */
bool ghost_log_path(const struct world *world, struct partition_key key, char path[ENV_PATH_MAX]);

/* Somebody has asked that what lies below `offset` goes, of whatever topic has that name. */
void ghost_note_trim(struct world *world, struct str topic, partition_id index, log_offset offset);
/* The greatest offset that was asked for; 0: none. */
log_offset ghost_trim_of(struct world *world, struct partition_key key);

/* What is about to be cut is kept: until the cut is synced a power loss may undo it. */
void ghost_uncut_keep(struct ghost_log *log);
/* Before anything is written or synced a cut is: a power loss undoes none from now on (rule 7). */
void ghost_uncut_forget(struct ghost_log *log);
/* A log was opened: if it ends where an undone cut leaves it, it has those batches again. */
void ghost_uncut_bring_back(struct ghost_log *log);
/* What a log had that is opened, or compacted, before the ghost takes that in. */
const struct ghost_batches *ghost_batches_found(const struct ghost_log *log,
                                                const struct probe *probe);
/* Is a log that was opened, or compacted, rotten? A kill amid the reset of one that is leaves it as
 * it was; a compaction has read all from the segment of the start on, and found it sound. */
void ghost_weigh_rot(struct world *world, const struct sim_node *node, const struct probe *probe);

/* The fault budget. */
bool ghost_may_wipe(struct world *world, const struct sim_node *node);
void ghost_rot_one(struct world *world, struct sim_node *node, struct rand *rand);
bool ghost_has_failed_log(struct world *world, const struct sim_node *node);

static inline uint64_t node_bit(node_id id)
{
    return UINT64_C(1) << id;
}

static inline bool ghost_is_metadata(struct partition_key key)
{
    static const struct uuid metadata = {.bytes = {[15] = 1}};
    return uuid_equal(key.topic_id, metadata);
}

uint64_t node_list_mask(const struct node_list *list);

#endif
