/* raft_state.h -- the state behind raft.h, and what its files promise each other.
 *
 * Only src/raft and its tests see this. Every function here runs inside one
 * raft_step(); `raft->now` is that step's time.
 *
 * Invariants, checked by raft_check() after each step:
 *   start <= high_watermark <= durable <= end
 *   the last epoch of the log is not above vote.epoch
 *   role LEADER means leader == self; only FOLLOWER has another leader. */
#ifndef RAFT_STATE_H
#define RAFT_STATE_H

#include "raft.h"

/* Our log as (epoch, start offset), ascending in both. */
struct epochs {
    struct raft_epoch_start *items;
    uint32_t count;
    uint32_t capacity;
};

/* Voters as of a record at `offset`; truncation brings the one before back. */
struct voter_set {
    log_offset offset;
    struct uuid cluster_id;
    uint32_t count;
    struct raft_voter voters[RAFT_VOTERS_MAX];
};

/* A voter of the newest set, ourselves included. */
struct peer {
    struct raft_voter voter; /* Directory zero: the cluster is still to be formed. */
    bool answered;           /* In this round. */
    bool granted;            /* In this round. */
    /* While we lead: */
    bool fetched;              /* Since we lead. */
    log_offset end;            /* Durable there, as far as credited. */
    mono_ms contact_at;        /* Last fetch, or when we began to lead. */
    mono_ms last_fetch_at;     /* -1: never. */
    mono_ms last_caught_up_at; /* -1: never. */
};

enum { RAFT_OBSERVER_SILENT_MS = 300000 }; /* Kafka's: then it is no longer told of. */

/* What a configured voter has said about itself since we started (rule 13). */
struct answer {
    bool given;
    bool empty; /* No cluster id, no records. */
    struct uuid directory;
};

struct raft {
    struct raft_config config;
    struct rand rand;
    mono_ms now;
    bool started;  /* The first RAFT_TIMEOUT came. */
    bool stopping; /* Stands no more. */

    enum raft_role role;
    node_id leader;        /* Of vote.epoch; -1: none known. */
    struct raft_vote vote; /* vote.epoch is our epoch. */
    bool vote_pending;     /* The newest vote is not durable yet. */
    uint64_t vote_token;
    struct raft_message held[RAFT_HELD_MAX]; /* Leave when vote_token is durable. */
    uint32_t held_count;

    log_offset start;
    log_offset end;
    log_offset durable;
    log_offset high_watermark;
    log_offset told_high_watermark; /* By the leader that we follow. */
    log_offset truncating;          /* The cut under way; -1: none. */
    struct epochs epochs;

    struct voter_set *sets; /* Ascending by offset. */
    uint32_t set_count;
    uint32_t set_capacity;
    struct peer peers[RAFT_VOTERS_MAX];
    uint32_t peer_count;
    struct answer answers[RAFT_VOTERS_MAX]; /* Index as in config.voters. */

    /* Elections. */
    mono_ms role_at;      /* When the role's patience ends; see elect.c. */
    uint64_t round_first; /* Request ids of this incarnation lie in [round_first, round]. */
    uint64_t round;
    mono_ms retry_at;
    mono_ms retry_wait;
    node_id lost_leader; /* Gone by refusal or by its own word: hints at it are not taken ... */
    mono_ms lost_until;  /* ... before this time. */

    /* As follower. */
    bool heard; /* The leader itself has spoken since we follow it. */
    mono_ms heard_at;
    mono_ms dial_at; /* No new dial of the leader before this. */
    bool fetching;   /* Our fetch `fetch_id` is unanswered. */
    bool appending;  /* Its records are being appended and synced. */
    uint64_t fetch_id;
    mono_ms fetch_moved_at; /* When our fetch left, or its reply came. */
    mono_ms fetch_at;       /* No fetch before this. */
    uint32_t rotation;      /* Whom an observer without leader asks next. */

    /* As leader. */
    bool opened;      /* epoch_opened was said. */
    mono_ms begin_at; /* Next BeginQuorumEpoch to voters that do not fetch. */
    mono_ms begin_wait;
    mono_ms durable_at; /* When the durable end last moved, or had nothing to do. */
    struct raft_voter_state observers[RAFT_OBSERVERS_MAX];
    uint32_t observer_count;
};

/* epochs.c */
void epochs_add(struct epochs *epochs, log_epoch epoch, log_offset start);
void epochs_cut(struct epochs *epochs, log_offset end);
log_epoch epochs_last(const struct epochs *epochs); /* -1: none. */
/* The largest epoch not above `epoch` and where it ends, given the log's `end`; -1 and
 * `start` if there is none. */
log_epoch epochs_find(const struct epochs *epochs, log_epoch epoch, log_offset start,
                      log_offset end, log_offset *epoch_end);

/* voters.c */
void voters_add(struct raft *raft, const struct raft_event *event);
void voters_cut(struct raft *raft, log_offset end); /* Forget sets at or past `end`. */
void voters_apply(struct raft *raft); /* Fill peers anew from the newest set or the config. */
struct peer *voters_peer(struct raft *raft, node_id id);
bool voters_has(const struct raft *raft, struct raft_voter voter); /* By identity. */
uint32_t voters_majority(const struct raft *raft);
/* Place among the voters by id, without `absent` (-1: all count). */
uint32_t voters_rank(const struct raft *raft, node_id absent);
bool is_known_node(const struct raft *raft, node_id id);
bool is_configured(const struct raft *raft, node_id id);

/* observers.c */
void observers_note(struct raft *raft, const struct raft_fetch *fetch, bool diverging);

/* forming.c */
bool is_formed(const struct raft *raft); /* Belongs to a cluster. */
bool is_answered_by_all(const struct raft *raft);
void take_answer(struct raft *raft, const struct raft_message *reply);
bool is_answer_given(const struct raft *raft, node_id id);
bool is_answered_directory(const struct raft *raft, struct raft_voter voter);
void forget_answers(struct raft *raft);
bool must_probe(const struct raft *raft);
void fill_founders(struct raft *raft); /* Give each peer the directory that it answered with. */
struct uuid founders_cluster_id(const struct raft *raft);

/* send.c */
void set_vote(struct raft *raft, struct raft_out *out, struct raft_vote vote);
void send_message(struct raft *raft, struct raft_out *out, const struct raft_message *message);
void send_held(struct raft *raft, struct raft_out *out);
struct raft_message make_request(const struct raft *raft, enum raft_message_kind kind,
                                 struct raft_voter to);
struct raft_message make_reply(const struct raft *raft, enum raft_message_kind kind,
                               const struct raft_message *request, enum err error);

/* raft.c */
void move_to(struct raft *raft, enum raft_role role);

/* elect.c */
void start_raft(struct raft *raft, struct raft_out *out);
void enter_unattached(struct raft *raft, struct raft_out *out, log_epoch epoch);
void enter_follower(struct raft *raft, struct raft_out *out, log_epoch epoch, node_id leader);
void enter_resigned(struct raft *raft, struct raft_out *out);
/* Our leader is gone: stand after `place` steps. */
void lose_leader(struct raft *raft, struct raft_out *out, uint32_t place);
void hear_leader(struct raft *raft);
bool is_hearing_leader(const struct raft *raft);
void prompt_dial(struct raft *raft, struct raft_out *out);
/* Somebody says that `leader` leads `epoch`. */
void take_hint(struct raft *raft, struct raft_out *out, log_epoch epoch, node_id leader);
void tally(struct raft *raft, struct raft_out *out);
void stand_after(struct raft *raft, mono_ms wait);
mono_ms random_election_timeout(struct raft *raft);
void send_probe(struct raft *raft, struct raft_out *out, node_id id);
void step_timers(struct raft *raft, struct raft_out *out);
mono_ms next_deadline(const struct raft *raft);

/* commit.c */
void advance_high_watermark(struct raft *raft);
mono_ms quorum_deadline(const struct raft *raft); /* When a majority will have been silent. */
mono_ms stall_deadline(const struct raft *raft);

/* step_*.c: one event each. */
void step_vote_request(struct raft *raft, const struct raft_message *request, struct raft_out *out);
void step_vote_reply(struct raft *raft, const struct raft_message *reply, struct raft_out *out);
void step_begin_request(struct raft *raft, const struct raft_message *request,
                        struct raft_out *out);
void step_begin_reply(struct raft *raft, const struct raft_message *reply, struct raft_out *out);
void step_end_request(struct raft *raft, const struct raft_message *request, struct raft_out *out);
void step_end_reply(struct raft *raft, const struct raft_message *reply, struct raft_out *out);
void send_begin(struct raft *raft, struct raft_out *out);
void step_fetch(struct raft *raft, const struct raft_fetch *fetch, struct raft_out *out);
void step_fetch_reply(struct raft *raft, const struct raft_fetch_reply *reply,
                      struct raft_out *out);
void step_fetch_failed(struct raft *raft, uint64_t fetch_id, struct raft_out *out);
void send_fetch(struct raft *raft, struct raft_out *out);
void step_log_appended(struct raft *raft, const struct raft_event *event, struct raft_out *out);
void step_log_durable(struct raft *raft, const struct raft_event *event, struct raft_out *out);
void step_log_truncated(struct raft *raft, const struct raft_event *event, struct raft_out *out);

#endif
