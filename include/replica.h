/* replica.h -- one partition's role on this node: who leads, what is committed, what to ask.
 *
 * A pure state machine over plain numbers: no log, socket, thread or clock inside. It
 * decides, the caller acts. Every replica_*() that takes `out` fills it anew; the same
 * calls in the same order give the same results. Feed it
 *
 *   replica_apply()     each committed partition record, in order (and the first one at start)
 *   replica_on_log()    whenever the log's start, end, written or synced end, or last epoch moved
 *   replica_on_fetch()  as leader, each follower's fetch that mentions it, before it is answered
 *   replica_on_altered() the answer to a proposal, or its loss, always
 *   replica_on_answer() as follower, each answer to a fetch
 *   replica_on_session() when heartbeats have gone unanswered for a session, and when they resume
 *   replica_tick()      at replica_out.deadline, and when a broker was fenced or unfenced
 *
 * The high watermark is what a majority could never take back: the minimum over the
 * committed ISR and over all that was ever proposed to join it since its last committed
 * change (rules 3, 4). It never falls and never passes what this node itself has durably.
 *
 * Only a leader decides what is retired; a follower's log starts where its leader's does, once its
 * own high watermark is there. The low watermark is the least start of all live replicas.
 *
 * Shard   every call on the shard that owns the partition.
 * Source  KIP-101, KIP-279, KIP-320, KIP-595 (epochs), KIP-497 (AlterPartition), KIP-903
 *         (broker epochs), KIP-966 (ELR, and no progress below min ISR). */
#ifndef REPLICA_H
#define REPLICA_H

#include "base/base.h"

enum { REPLICA_NODES_MAX = 16 }; /* Replicas of one partition. */

struct replica;

struct replica_nodes {
    uint32_t count;
    node_id ids[REPLICA_NODES_MAX];
};

/* A committed partition record, with what it implies. */
struct replica_partition {
    node_id leader; /* -1: none. */
    log_epoch leader_epoch;
    int32_t partition_epoch; /* Rises with every change of the record. */
    broker_epoch granted; /* To which broker epoch of the leader leader_epoch was given (rule 1). */
    struct replica_nodes replicas;
    struct replica_nodes isr;
    struct replica_nodes elr;
    uint32_t min_isr; /* Effective: not above the replica count (rule 5). */
    bool flush_each;  /* Durability class: only what is synced counts; else what is written does. */
};

/* Where the log stands: start <= synced <= written <= end. log_ends() has it; while the log isn't
 * ready its follower must not fetch, and what it tells then counts as it stands. */
struct replica_log {
    log_offset start;
    log_offset start_synced; /* A power loss cannot make it start before. */
    log_offset synced; /* The durable end; where the class is page cache nobody looks at it. */
    log_offset written;
    log_offset end;
    log_epoch last_epoch; /* Of the last batch; -1: no batches. */
};

struct replica_config {
    struct partition_key key;
    node_id self;
    int32_t lag_time_max_ms;  /* replica.lag.time.max.ms */
    int32_t retry_backoff_ms; /* Between proposals that failed, and fetches that were refused. */
    /* The current broker epoch of `node`, or -1 where it is unknown, fenced or shutting down.
     * It answers from the image that the partition record came from. */
    broker_epoch (*active)(const void *context, node_id node);
    /* When `node` last came for any partition of this leader's, or MONO_NEVER; NULL: nobody keeps
     * that. In a fetch session a follower mentions only what has moved (KIP-227), and by coming
     * says that all else is as it was. */
    mono_ms (*heard)(const void *context, node_id node);
    const void *context;
};

enum replica_role {
    REPLICA_NONE,     /* No record yet, or not one of the replicas. */
    REPLICA_FOLLOWER, /* A replica that doesn't lead; perhaps nobody does. */
    REPLICA_LEADER,   /* In an epoch granted to this incarnation. */
};

/* What a call changed about the role; the caller acts before anything else in `out`. */
enum replica_turn {
    REPLICA_STAY,   /* Same role in the same leader epoch. */
    REPLICA_LEAD,   /* Put (leader epoch, epoch start) in the log's epochs, synced, then serve. */
    REPLICA_FOLLOW, /* Fail parked produces after the append (rule 17), then fetch. */
    REPLICA_LEAVE,  /* The same; then the partition is no longer ours. */
};

/* Why this leader wants to be replaced: ask with AlterPartition's yield, now and then, until it
 * is REPLICA_KEEP again. */
enum replica_yield {
    REPLICA_KEEP,
    REPLICA_YIELD_STALLED, /* Its own disk doesn't keep up (rule 29). */
    REPLICA_YIELD_CUT_OFF, /* Below min ISR, and no follower has come for the lag time. */
};

/* An AlterPartition request. The first member is this leader. */
struct replica_proposal {
    log_epoch leader_epoch;
    int32_t partition_epoch; /* Hand it back to replica_on_altered(). */
    uint32_t count;
    struct replica_member {
        node_id id;
        broker_epoch epoch;
    } isr[REPLICA_NODES_MAX];
};

/* What the caller owes after a call, in field order. */
struct replica_out {
    enum replica_turn turn;
    bool high_watermark_moved; /* Commit the log up to replica_high_watermark(). */
    log_offset start;          /* Retire what lies below, as the leader did; -1: nothing. */
    log_offset low_watermark;  /* As leader, as it stands now; -1: not all replicas have told. */
    bool propose;              /* Send `proposal`; then replica_on_altered() in any case. */
    struct replica_proposal proposal;
    enum replica_yield yield; /* As it stands now, not only when it changed. */
    mono_ms deadline;         /* replica_tick() then at the latest; MONO_NEVER: no need. */
};

/* Owns    *the result is the caller's until replica_close(); `config` is copied. `high_watermark`
 *         is the committed offset known from before, the log's start when nothing is known. */
struct replica *replica_open(const struct replica_config *config, const struct replica_log *log,
                             log_offset high_watermark);
void replica_close(struct replica *replica);

/* Take a committed record; `own` is this node's current broker epoch. One whose partition
 * epoch isn't above the last one's changes nothing. Not before the broker has applied its
 * own registration (rule 10). */
void replica_apply(struct replica *replica, mono_ms now, const struct replica_partition *partition,
                   broker_epoch own, struct replica_out *out);
void replica_on_log(struct replica *replica, mono_ms now, const struct replica_log *log,
                    struct replica_out *out);
void replica_tick(struct replica *replica, mono_ms now, struct replica_out *out);

/* Heartbeats were not accepted for a session (`alive` false), or one was accepted again. A
 * leader without a session refuses everything and counts nothing, and resumes in the same
 * epoch (rule 23). */
void replica_on_session(struct replica *replica, mono_ms now, bool alive, struct replica_out *out);

enum replica_role replica_role(const struct replica *replica);
/* The partition record last applied; partition_epoch is -1 before the first. */
const struct replica_partition *replica_partition(const struct replica *replica);
/* Committed below this; consumers read no further. Falls only with a
 * log that was cut below it, after an unclean election. */
log_offset replica_high_watermark(const struct replica *replica);
/* The same, but -1 on a leader until it has reached the start of its epoch: until then its
 * followers may know better. For ListOffsets (-1: OFFSET_NOT_AVAILABLE) and Fetch answers. */
log_offset replica_exported_high_watermark(const struct replica *replica);
/* End of the log when this leader's epoch began. */
log_offset replica_epoch_start(const struct replica *replica);
/* The committed ISR and the proposed additions: those who hold the high watermark back. */
void replica_maximal_isr(const struct replica *replica, struct replica_nodes *out);

/* -- As leader. */

/* May a request that names `current` (-1: none) be served by this leader?
 * Errors  ERR_NOT_LEADER_OR_FOLLOWER, ERR_FENCED_LEADER_EPOCH, ERR_UNKNOWN_LEADER_EPOCH. */
enum err replica_check_leader(const struct replica *replica, log_epoch current);

/* May a batch be appended with `acks` (-1, 0, 1)? Nothing was appended when it is refused.
 * Errors  ERR_NOT_LEADER_OR_FOLLOWER; ERR_NOT_ENOUGH_REPLICAS: acks is -1 and the committed
 *         ISR has fewer than min ISR members. */
enum err replica_may_append(const struct replica *replica, int16_t acks);

struct replica_fetch {
    node_id node;
    broker_epoch epoch;
    log_epoch current; /* Leader epoch that the follower knows; -1: not said. */
    log_offset offset; /* All below is durable there, as its durability class says. */
    log_offset start;  /* Where its log starts; -1: not said. */
    bool matched;      /* Its last fetched epoch agrees with the log here: no divergence. */
};

/* Count a follower's fetch (rule 6: only where `matched`). `out` is filled in any case.
 * Errors  those of replica_check_leader(); ERR_NOT_LEADER_OR_FOLLOWER: the node is not a replica;
 *         ERR_STALE_BROKER_EPOCH: a newer incarnation of the node has fetched. */
enum err replica_on_fetch(struct replica *replica, mono_ms now, const struct replica_fetch *fetch,
                          struct replica_out *out);

/* The proposal made at `partition_epoch` was answered; a timeout or a lost connection is
 * an error too. Whatever the answer, only a committed record ends its effect (rule 4). */
void replica_on_altered(struct replica *replica, mono_ms now, int32_t partition_epoch, enum err err,
                        struct replica_out *out);

/* -- As follower. */

/* What to fetch. */
struct replica_plan {
    node_id leader;
    log_epoch leader_epoch; /* CurrentLeaderEpoch. */
    log_offset offset;
    log_epoch last_epoch; /* LastFetchedEpoch; -1: empty log. */
};

/* False: not now (no leader, backing off, or what was fetched is not durable yet: a fetch
 * offset is a promise; rule 15 follows, too). `*at` is then when to look again, at the
 * latest; a change of role or log may come first. */
bool replica_plan_fetch(const struct replica *replica, mono_ms now, struct replica_plan *out,
                        mono_ms *at);

struct replica_answer {
    struct replica_plan plan; /* What was asked. */
    enum err err;
    log_offset high_watermark; /* -1: not said. */
    log_offset log_start;      /* -1: not said. */
    log_epoch diverging_epoch; /* The largest there not above the one asked; -1: no divergence. */
    log_offset diverging_end;  /* Where that epoch ends there. */
    log_offset own_epoch_end;  /* Where the largest epoch not above diverging_epoch ends in our own
                                * log; its start when there is none. */
    log_offset first_base;     /* Base offset of the first batch; -1: no batches. */
    log_epoch first_epoch;     /* Of the first batch. */
    log_epoch max_epoch;       /* Highest of any batch. */
};

enum replica_next {
    REPLICA_DISCARD,   /* A late answer to another question (or a mistaken one): forget it. */
    REPLICA_IDLE,      /* Matched, without batches: fetch again. */
    REPLICA_APPEND,    /* Verify each batch's checksum, append all, sync, fetch again. */
    REPLICA_TRUNCATE,  /* Cut the log to `offset`, fetch again. */
    REPLICA_RESTART,   /* Drop the whole log, begin anew at `offset` (leader's log start). */
    REPLICA_ASK_START, /* Ask for the leader's log start (ListOffsets), answer again with it. */
    REPLICA_BACK_OFF,  /* Refused, see replica_plan_fetch(). */
    REPLICA_OFFLINE,   /* To follow, what is committed from `offset` on would have to go. Stop the
                        * partition; where unclean elections are allowed, record the loss. */
};

/* Judge the answer to one fetch. After APPEND, TRUNCATE or RESTART, replica_on_log(). */
enum replica_next replica_on_answer(struct replica *replica, mono_ms now,
                                    const struct replica_answer *answer, log_offset *offset,
                                    struct replica_out *out);

#endif
