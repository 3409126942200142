/* cluster.h -- a few raft cores on virtual time, with in-memory disks and a bad network.
 *
 * Not the whole-node simulator: here a log is an array and a message is a struct. It
 * serves the random runs (minisim.c) and the scenarios (tests/scenario/runner.c).
 * Everything follows from the seed. `violation` names the first broken invariant. */
#ifndef CLUSTER_H
#define CLUSTER_H

#include "raft.h"

enum {
    CLUSTER_NODES_MAX = 5,
    CLUSTER_BATCH_MAX = 6, /* Records of one fetch reply. */
    CLUSTER_PARKED_MAX = 16,
    CLUSTER_EPOCHS_MAX = 1024,
};

struct record {
    log_epoch epoch;
    uint64_t value;         /* Unique in a run. */
    int32_t form;           /* Index of the cluster's founding, or -1. */
    log_epoch committed_in; /* Of cluster.committed only: the epoch whose leader did it. */
};

struct records {
    struct record *items;
    uint32_t count;
    uint32_t capacity;
};

/* What the first batch of a cluster holds. */
struct founding {
    struct uuid cluster_id;
    uint32_t voter_count;
    struct raft_voter voters[RAFT_VOTERS_MAX];
};

struct parked_fetch {
    struct raft_fetch fetch;
    uint32_t from; /* Node index. */
    mono_ms until;
};

struct node {
    node_id id;
    struct uuid directory;
    uint32_t incarnation;
    bool up;
    bool is_voter; /* Configured; an observer otherwise. */
    struct raft *raft;
    mono_ms deadline;
    mono_ms paused_until;
    uint32_t sync_ms; /* How long its disk takes; 0: as configured. */
    enum raft_role role;
    log_epoch role_epoch;

    struct records log;
    log_offset durable;        /* Synced end. */
    uint32_t cut_count;        /* Truncations so far: older syncs prove nothing. */
    struct records before_cut; /* What a crash during a truncation may bring back. */
    bool cutting;
    struct uuid lost_directory; /* Of a wiped disk, and what it had promised to hold. */
    struct records lost_log;
    struct raft_vote vote;         /* Durable. */
    struct raft_vote vote_written; /* Durable sooner or later, or lost in a crash. */

    log_offset high_watermark; /* Highest ever, over restarts. */
    log_epoch commit_epoch;    /* Epoch in which it last moved as leader. */
    struct parked_fetch parked[CLUSTER_PARKED_MAX];
    uint32_t parked_count;
};

enum packet_kind {
    PACKET_MESSAGE,
    PACKET_FETCH,
    PACKET_FETCH_REPLY,
    PACKET_FETCH_LOST, /* To the fetcher: no answer. */
    PACKET_CLOSED,
    PACKET_REFUSED,
    PACKET_VOTE_SYNCED,
    PACKET_LOG_SYNCED,
    PACKET_CUT_SYNCED,
};

struct packet {
    mono_ms at;
    uint64_t order; /* Ties go by this. */
    enum packet_kind kind;
    uint32_t from; /* Node indexes. */
    uint32_t to;
    uint32_t incarnation; /* Of the receiver, for what ends with it; 0: any. */
    struct raft_message message;
    struct raft_fetch fetch;
    log_offset durable; /* PACKET_FETCH: the sender's, when it was sent. */
    struct raft_fetch_verdict verdict;
    uint32_t record_count;
    struct record records[CLUSTER_BATCH_MAX];
    uint64_t token;
    struct raft_vote vote;
    log_offset end;
    uint32_t cut_count;
};

/* What only the event's own step tells. */
struct step_result {
    bool credited;
    bool records_wanted;
};

struct cluster_config {
    uint64_t seed;
    uint32_t node_count;
    uint32_t voter_count; /* The first nodes; the others observe. */
    uint32_t delay_min_ms;
    uint32_t delay_max_ms;
    uint32_t sync_min_ms;
    uint32_t sync_max_ms;
    uint32_t loss_percent;
    uint32_t duplicate_percent;
};

struct cluster {
    struct cluster_config config;
    struct rand rand;
    mono_ms now;
    uint64_t order;
    uint64_t step_count;
    uint64_t value;
    struct node nodes[CLUSTER_NODES_MAX];
    bool cut[CLUSTER_NODES_MAX][CLUSTER_NODES_MAX]; /* from, to */
    struct packet **heap;
    uint32_t heap_count;
    uint32_t heap_capacity;
    struct founding *foundings;
    uint32_t founding_count;
    uint32_t founding_capacity;

    /* What checkers remember. */
    struct records committed;                      /* Longest ever. */
    struct raft_voter leaders[CLUSTER_EPOCHS_MAX]; /* By epoch; id 0: none yet. */
    struct raft_voter granted[CLUSTER_EPOCHS_MAX][CLUSTER_NODES_MAX]; /* id 0: none. */
    uint64_t elections;
    uint64_t truncations;
    uint64_t divergences;
    char violation[200]; /* "R4 ..."; empty: none. */

    /* Called with each line of the trace; NULL: none wanted. */
    void (*line)(void *context, const char *text);
    void *context;
};

struct cluster *cluster_open(const struct cluster_config *config);
void cluster_close(struct cluster *cluster);
void cluster_start(struct cluster *cluster, uint32_t index);
/* Kill -9 keeps what was written; power loss keeps some of what was not synced. */
void cluster_kill(struct cluster *cluster, uint32_t index, bool power_loss);
void cluster_wipe(struct cluster *cluster, uint32_t index); /* Down: a new, empty disk. */
void cluster_shutdown(struct cluster *cluster, uint32_t index);
/* Append one record at a node that leads; false: it does not. */
bool cluster_append(struct cluster *cluster, uint32_t index);
void cluster_run(struct cluster *cluster, mono_ms until);
/* The node that leads the highest epoch, or -1. */
int32_t cluster_leader(const struct cluster *cluster);
void cluster_trace(struct cluster *cluster, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
struct step_result cluster_step(struct cluster *cluster, uint32_t index,
                                const struct raft_event *event);

/* cluster_check.c: called at the moment when the fact becomes true. */
void check_leader(struct cluster *cluster, const struct node *node);
void check_grant(struct cluster *cluster, uint32_t index, const struct raft_message *reply);
void check_appended(struct cluster *cluster, const struct node *node);
void check_high_watermark(struct cluster *cluster, struct node *node, log_offset high_watermark);
void check_truncation(struct cluster *cluster, const struct node *node, log_offset to);
void check_vote_synced(struct cluster *cluster, const struct node *node, struct raft_vote vote);
void check_credit(struct cluster *cluster, const struct node *node, const struct packet *packet);
void violate(struct cluster *cluster, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
