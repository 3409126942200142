/* raft.h -- who leads one replicated log, and how far that log is committed.
 *
 * A pure state machine: no log, socket, thread or clock inside. Feed it the
 * time and one event; it fills `out` with what the caller must do. The same
 * events in the same order give the same output, so a failure replays from a
 * seed. Records stay in `struct log`: raft knows only offsets and epochs.
 *
 *   UNATTACHED --timeout--> PROSPECTIVE --pre-votes--> CANDIDATE --votes--> LEADER
 *   any --higher epoch--> UNATTACHED            any --leader found--> FOLLOWER
 *   FOLLOWER --fetch timeout--> PROSPECTIVE     LEADER --shutdown--> RESIGNED
 *
 * The whole table is raft_moves[] in raft.c; every move is checked against it. A
 * node that is no voter only moves between UNATTACHED and FOLLOWER.
 *
 * What a caller does, in short:
 *   open, step RAFT_VOTERS for each VotersRecord in the recovered log, then
 *   RAFT_TIMEOUT, and from then on every event; after each step obey `out` in
 *   field order and step RAFT_TIMEOUT at out.deadline at the latest.
 *   A vote that needs a sync first holds its messages inside raft: whatever is in
 *   `sends` may leave at once. RAFT_VOTE_DURABLE releases what was held; other
 *   events may be stepped in between, but not vote files overtaken: report a token
 *   only when that vote or a newer one is on disk.
 *   As leader: append, write, step RAFT_LOG_APPENDED; sync, step RAFT_LOG_DURABLE.
 *   As follower: send out.fetch; step RAFT_FETCH_REPLY; if out.records_wanted,
 *   append the reply's records (none with an epoch above the fetch's), step
 *   RAFT_LOG_APPENDED once a run of one epoch (and RAFT_VOTERS for a VotersRecord),
 *   sync, step RAFT_LOG_DURABLE: only then does the next out.fetch come.
 *
 * Source  Raft paper 5.2 to 5.4, 6; KIP-595 (followers fetch), KIP-853
 *         (directory ids), KIP-996 (pre-vote); rules 6, 12, 13, 24 to 27, 29. */
#ifndef RAFT_H
#define RAFT_H

#include "base/base.h"
#include "raft_config.h"
#include "raft_event.h"
#include "raft_message.h"

enum {
    RAFT_HELD_MAX = 32,  /* Messages that wait for a vote's sync; above it votes are refused. */
    RAFT_SENDS_MAX = 64, /* Messages of one step. */
};

struct raft;

enum raft_role {
    RAFT_UNATTACHED,  /* Knows an epoch, maybe voted in it, knows no leader. */
    RAFT_PROSPECTIVE, /* Collects pre-votes; its epoch is not raised. */
    RAFT_CANDIDATE,   /* Has raised its epoch and voted for itself. */
    RAFT_LEADER,
    RAFT_FOLLOWER, /* Fetches from the leader of its epoch; voter or observer. */
    RAFT_RESIGNED, /* Led this epoch and gave up; will not lead it again. */
};

/* What must survive a crash. */
struct raft_vote {
    log_epoch epoch;             /* Highest epoch seen; the paper's currentTerm. 0 at first. */
    node_id voted_for;           /* -1: nobody yet in `epoch`. */
    struct uuid voted_directory; /* Of the voter we chose: its identity is both (KIP-853). */
};

/* What the caller owes after a step, strictly in field order. It may be kept
 * while the disk works: nothing in it points back into raft. */
struct raft_out {
    /* Not ERR_NONE: going on would drop committed records (ERR_DATA_LOSS), or the event
     * contradicts our own log (ERR_CORRUPT). Stop the node; nothing else is set. */
    enum err fault;
    const char *dropped; /* Why the event was ignored, for the trace; NULL: it was not. */
    bool role_changed;   /* Role, epoch or leader differ from before the step. */
    enum raft_role role;
    log_epoch epoch;
    node_id leader; /* -1: none known. */

    bool vote_changed;   /* 1. Make `vote` durable, then step RAFT_VOTE_DURABLE. */
    uint64_t vote_token; /*    Newest wins: a later vote replaces one still being written. */
    struct raft_vote vote;

    log_offset truncate_to; /* 2. Drop records from here on, synced, then step
                             *    RAFT_LOG_TRUNCATED; -1: none (5.3, KIP-595). */

    bool epoch_opened;      /* 3. We lead `epoch`, and the log is ready: append its
                             *    leader-change record now, before anything else; only
                             *    through it do older records commit (5.4.2). */
    bool form;              /*    It opens a new cluster: the same batch starts with
                             *    cluster_id and voters; step RAFT_VOTERS with its offset
                             *    before RAFT_LOG_APPENDED. */
    struct uuid cluster_id; /*    Of the cluster, with epoch_opened. */
    uint32_t voter_count;   /*    Voters of the epoch, with epoch_opened. */
    struct raft_voter voters[RAFT_VOTERS_MAX];
    uint32_t granting_count; /*   Who voted for us, ourselves included, with epoch_opened. */
    node_id granting[RAFT_VOTERS_MAX];

    log_offset high_watermark; /* 4. Committed below this; always set, never moves back. */

    struct raft_fetch_verdict verdict; /* 5. After RAFT_FETCH only: the answer to it. */
    bool credited;       /*    After RAFT_FETCH only: a voter's durable end was counted. */
    bool records_wanted; /* 6. After RAFT_FETCH_REPLY only: append what it brought. */

    bool dial_leader; /* 7. Dial `dial` anew; step RAFT_DIAL_REFUSED if refused. */
    node_id dial;

    bool fetch_due; /* 8. Send this fetch; replies to older ones are ignored. */
    struct raft_fetch fetch;

    uint32_t send_count; /* 9. Send at once: what depends on a vote waited inside. */
    struct raft_message sends[RAFT_SENDS_MAX];

    mono_ms deadline; /* 10. Step RAFT_TIMEOUT at this time at the latest; MONO_NEVER: no need. */
};

/* Start as UNATTACHED from what was on disk: the vote, and the log as recovered.
 * Owns    *out is the caller's, until raft_close(); `config` and `log` are copied.
 * Errors  ERR_CORRUPT: the vote is older than the log's last epoch, so it was lost. */
enum err raft_open(struct raft **out, const struct raft_config *config, struct raft_vote vote,
                   const struct raft_log_state *log);
void raft_close(struct raft *raft);

/* Take one event that happened at `now`, and fill `out` anew with its consequences.
 * Owns    `event` is borrowed for the call; `out` is the caller's.
 * Errors  none: a stale or malformed message is named in out->dropped. */
void raft_step(struct raft *raft, mono_ms now, const struct raft_event *event,
               struct raft_out *out);

/* The leader to send clients to, or -1 while an election is open (KIP-595). */
node_id raft_leader(const struct raft *raft, log_epoch *epoch);
enum raft_role raft_role(const struct raft *raft);
const char *raft_role_name(enum raft_role role); /* "Leader"; never null. */
log_epoch raft_epoch(const struct raft *raft);

/* Zero while this node belongs to no cluster. */
struct uuid raft_cluster_id(const struct raft *raft);
bool raft_is_voter(const struct raft *raft); /* By the newest voter set that we know. */

/* Judge a parked fetch again before it is answered: without credit, without effect. */
void raft_judge_fetch(const struct raft *raft, const struct raft_fetch *fetch,
                      struct raft_fetch_verdict *verdict);

/* One voter as DescribeQuorum tells it; times are -1 unless we lead. */
struct raft_voter_state {
    struct raft_voter voter;
    log_offset end;            /* Durable end that we counted; -1: unknown. */
    mono_ms last_fetch_at;     /* -1: never in this epoch. */
    mono_ms last_caught_up_at; /* -1: never in this epoch. */
};

/* Voters in order of id; returns how many. The directory is zero while forming. */
uint32_t raft_describe(const struct raft *raft, struct raft_voter_state out[RAFT_VOTERS_MAX]);

enum { RAFT_OBSERVERS_MAX = 64 };

/* Who has fetched from us in the last five minutes without being a voter; none unless we lead. */
uint32_t raft_describe_observers(const struct raft *raft,
                                 struct raft_voter_state out[RAFT_OBSERVERS_MAX]);

#endif
