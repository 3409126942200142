/* probe.h -- facts that cores tell an onlooker, and marks beside rare branches.
 *
 * The simulator's checkers see the cluster through these and nothing else; the
 * broker has no onlooker, and a probe costs it one test of a pointer. A probe
 * changes nothing and must be told at the moment when the fact becomes true.
 * What each field means for a kind stands beside the kind; others are 0. */
#ifndef PROBE_H
#define PROBE_H

#include "base/base.h"
#include "env.h"

enum probe_kind {
    /* Raft; `key` is the metadata log's. */
    PROBE_RAFT_ROLE,         /* epoch, peer: leader or -1, value: enum raft_role, text: its name */
    PROBE_RAFT_VOTE,         /* Durable now: epoch, peer: voted for or -1 */
    PROBE_RAFT_GRANT,        /* A granted vote leaves: epoch, peer: candidate, flag: pre-vote */
    PROBE_RAFT_DENY,         /* A vote was refused: epoch, peer: candidate, flag: pre-vote */
    PROBE_RAFT_CREDIT,       /* Leader counts a voter's fetch: epoch, peer, offset */
    PROBE_RAFT_COMMIT,       /* High watermark: epoch, offset, flag: as leader */
    PROBE_RAFT_DIAL_REFUSED, /* The leader's port refused: peer */
    PROBE_IMAGE,             /* Applied up to offset: object: const struct image * */
    PROBE_CONTROLLER,        /* Records of one decision queued: epoch, offset: base, value: count */

    /* Logs. */
    PROBE_LOG_OPEN,   /* After recovery: key, offset: end, value: start, other: durable mark */
    PROBE_LOG_APPEND, /* key, epoch, offset: base, value: end, bytes: the batch, flag: as leader */
    PROBE_LOG_TRUNCATE, /* key, offset: new end, value: old end */
    PROBE_LOG_RETIRE,   /* What is below goes: key, offset: new start, value: old start */
    PROBE_LOG_COMPACT,  /* Written anew without what may go: key, offset: from, value: to */
    PROBE_LOG_DURABLE,  /* key, offset: durable end */
    PROBE_LOG_OFFLINE,  /* key, value: enum err, text: why */
    PROBE_LOG_RESET,    /* Deleted or started anew: key, offset: start */

    /* Partitions. Node sets are bit masks of node ids (ids below 64 in the simulator). */
    PROBE_LEADER,   /* Acts as leader now: key, epoch, offset: epoch start, value: broker epoch */
    PROBE_FOLLOWER, /* key, epoch, peer: leader */
    PROBE_RESIGN,   /* Stops leading: key, epoch */
    PROBE_ISR, /* Leader: key, epoch, value: committed ISR, other: maximal ISR, count: min ISR */
    PROBE_HIGH_WATERMARK, /* key, epoch, -1: known from before the start, offset, flag: as leader */
    PROBE_CREDIT,         /* Leader counts a follower's fetch: key, epoch, peer, offset */
    PROBE_ACK, /* Produce succeeded: key, epoch, offset: base, value: end, count: acks (as int) */
    PROBE_REFUSE, /* Produce refused: key, value: enum err, flag: after append, offset: base, -1 */
    PROBE_READ,   /* Records leave for a consumer: key, epoch, offset: first, value: end */
    PROBE_ALTER_SENT, /* Proposed: key, epoch, value: the proposed ISR, other: partition epoch */
    PROBE_ALTER_ACCEPTED, /* Accepted: key, epoch, value: the new ISR, other: partition epoch */

    /* Groups. */
    PROBE_COORDINATOR, /* It has loaded: key, epoch, offset: to where, value: coordinator_hash() */
    PROBE_DECIDED,     /* Its batch is next: key, value: enum group_reply_kind, -1: it was due,
                    * object: the command of a JoinGroup or ConsumerGroupHeartbeat */

    PROBE_MARK, /* text: name of a rare branch, of the list in probe_marks below */
};

/* Rare branches that a set of seeds must have seen. */
#define PROBE_MARKS(X)                                                                             \
    X(truncation)                                                                                  \
    X(torn_tail_cut)                                                                               \
    X(rot_found)                                                                                   \
    X(elr_election)                                                                                \
    X(preferred_election)                                                                          \
    X(topic_grown)                                                                                 \
    X(isr_below_min)                                                                               \
    X(cold_read)                                                                                   \
    X(alter_partition_lost)                                                                        \
    X(stale_epoch_fetch_refused)                                                                   \
    X(kill_during_recovery)                                                                        \
    X(wiped_disk_back)                                                                             \
    X(divergence_answered)                                                                         \
    X(duplicate_batch)                                                                             \
    X(pre_vote_denied)                                                                             \
    X(fast_fence)                                                                                  \
    X(slow_fence)                                                                                  \
    X(write_failed)                                                                                \
    X(sync_failed)                                                                                 \
    X(resigned_check_quorum)                                                                       \
    X(refused_after_append)                                                                        \
    X(segment_unlinked)                                                                            \
    X(begun_anew)                                                                                  \
    X(coordinator_failover)                                                                        \
    X(coordinator_loads)                                                                           \
    X(commit_fenced)                                                                               \
    X(member_expired)                                                                              \
    X(offset_expired)                                                                              \
    X(group_deleted)                                                                               \
    X(group_upgraded)                                                                              \
    X(group_downgraded)                                                                            \
    X(partition_given_up)                                                                          \
    X(consumer_fenced)                                                                             \
    X(instance_came_back)                                                                          \
    X(late_commit_taken)                                                                           \
    X(segments_compacted)                                                                          \
    X(swap_resumed)                                                                                \
    X(swap_let_go)                                                                                 \
    X(tombstone_gone)

struct probe {
    enum probe_kind kind;
    struct partition_key key;
    log_epoch epoch;
    node_id peer;
    log_offset offset;
    int64_t value;
    int64_t other;
    int32_t count;
    bool flag;
    struct bytes bytes;
    const void *object;
    const char *text;
};

struct probe_sink {
    void (*take)(void *context, const struct probe *probe);
    void *context;
};

static inline void env_probe(const struct env *env, const struct probe *probe)
{
    if (__builtin_expect(env->probe != NULL, 0))
        env->probe->take(env->probe->context, probe);
}

static inline void env_mark(const struct env *env, const char *name)
{
    env_probe(env, &(struct probe){.kind = PROBE_MARK, .text = name});
}

#endif
