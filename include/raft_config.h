/* raft_config.h -- who this node is, who the first voters are, and how patient it is. */
#ifndef RAFT_CONFIG_H
#define RAFT_CONFIG_H

#include "base/base.h"
#include "raft_message.h"

enum {
    RAFT_STAND_STEP_MS = 20,   /* The k-th remaining voter by id stands after k times this. */
    RAFT_ASK_AGAIN_MS = 5,     /* First repeat of pre-votes; then as below: others may learn a
                                * little later than we that the leader is dead. */
    RAFT_RETRY_MIN_MS = 20,    /* First repeat of an unanswered request; then doubling ... */
    RAFT_RETRY_MAX_MS = 320,   /* ... up to this. */
    RAFT_GRANT_DEFER_MS = 100, /* Who has granted a pre-vote stands no earlier than after this. */
};

struct raft_config {
    node_id self;
    struct uuid directory;  /* Ours, already synced (rule 25); never zero. */
    struct uuid cluster_id; /* From meta.properties; zero: this directory joined no cluster yet. */
    uint32_t voter_count;   /* Configured voters: who forms a cluster, and where to look for one. */
    node_id voters[RAFT_VOTERS_MAX]; /* Sorted, unique. */
    int32_t election_timeout_ms;     /* A round lasts once to twice this, drawn from the seed. */
    int32_t fetch_timeout_ms;        /* Silence of the leader, or of a majority of followers. */
    int32_t stall_timeout_ms; /* A leader resigns if its log is not synced for so long (rule 29). */
    uint64_t seed;            /* Of the jitter and of request ids; a new one each start. */
};

/* Where an epoch's records begin. */
struct raft_epoch_start {
    log_epoch epoch;
    log_offset start;
};

/* The log as recovery left it: everything below `end` is synced. */
struct raft_log_state {
    log_offset start; /* 0 while there are no snapshots. */
    log_offset end;
    uint32_t epoch_count;
    const struct raft_epoch_start *epochs; /* Ascending in both; borrowed for the call. */
};

#endif
