/* replica_state.h -- what a replica remembers; seen by replica*.c only.
 *
 * replica.c        opening, committed records, roles, the shared end of each call
 * replica_leader.c followers, the maximal ISR, proposals, yielding
 * replica_follower.c what to fetch, and judging answers */
#ifndef LOG_REPLICA_STATE_H
#define LOG_REPLICA_STATE_H

#include "replica.h"

#define REPLICA_LONG_AGO (INT64_MIN / 2) /* Before any mono_ms, with room to subtract. */

/* What a leader knows of one other replica, since its epoch began. */
struct replica_peer {
    node_id id;
    broker_epoch epoch;  /* Of the incarnation that fetched last; -1: none has. */
    log_offset end;      /* Durable there, and matching here; -1: unknown. */
    log_offset start;    /* Where its log starts; -1: unknown. */
    mono_ms caught_up;   /* When it last had all there was (Kafka's lastCaughtUpTime). */
    mono_ms fetched;     /* When its last counted fetch came ... */
    log_offset end_then; /* ... and how far it could have read then. */
    mono_ms seen;        /* When any fetch of it came. */
};

/* An AlterPartition on its way. However it stands, `proposed` holds the high watermark back. */
enum replica_alter {
    ALTER_NONE,
    ALTER_SENT,     /* The answer is outstanding. */
    ALTER_ACCEPTED, /* Its record will come; if it doesn't by alter_at, ask again. */
    ALTER_FAILED,   /* Perhaps lost, perhaps not: ask again at alter_at. */
};

struct replica {
    struct replica_config config;
    struct replica_log log;
    log_offset high_watermark;
    struct replica_partition partition;
    broker_epoch own;
    enum replica_role role;
    bool has_session;

    /* As leader. */
    log_offset epoch_start;
    uint32_t peer_count;
    struct replica_peer peers[REPLICA_NODES_MAX];
    enum replica_alter alter;
    mono_ms alter_at;
    struct replica_nodes proposed; /* Additions asked for at the current partition epoch. */
    mono_ms below_min_since;       /* MONO_NEVER: the ISR has min ISR members. */
    log_offset stall_target; /* Must be durable here within the lag time; -1: nothing is due. */
    mono_ms stall_since;
    enum replica_yield yield;

    /* As follower. */
    log_offset leader_high_watermark; /* As the leader of this epoch said; -1: it has not. */
    log_offset leader_start;          /* Likewise. */
    mono_ms fetch_at;                 /* Backing off until then. */
};

bool replica_nodes_have(const struct replica_nodes *nodes, node_id id);

/* The end that counts in the partition's durability class. */
log_offset replica_counted_end(const struct replica *replica);

/* replica.c: begin and end a call. */
void replica_out_begin(struct replica_out *out);
void replica_settle(struct replica *replica, mono_ms now, struct replica_out *out);

/* replica_leader.c: the leader's part of entering, applying and settling. */
void replica_enter_leader(struct replica *replica, mono_ms now);
void replica_on_committed(struct replica *replica, mono_ms now);
void replica_forgive(struct replica *replica, mono_ms now);
log_offset replica_low_watermark(const struct replica *replica);
void replica_before_growth(struct replica *replica);
log_offset replica_leader_bound(const struct replica *replica, mono_ms now);
void replica_watch_stall(struct replica *replica, mono_ms now);
void replica_consider_proposal(struct replica *replica, mono_ms now, struct replica_out *out);
void replica_consider_yield(struct replica *replica, mono_ms now);
mono_ms replica_leader_deadline(const struct replica *replica, mono_ms now);

#endif
