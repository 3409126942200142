/* quorum_state.h -- what the quorum_*.c files share. Private to them. */
#ifndef NET_QUORUM_STATE_H
#define NET_QUORUM_STATE_H

#include "node.h"
#include "quorum.h"
#include "slots.h"
#include "sync.h"
#include "watcher.h"

enum {
    QUORUM_ASKED_MAX = 256, /* Requests of other voters that wait for raft's answer. */
    QUORUM_FETCH_WAIT_MS =
        500, /* A metadata fetch parks at most so long, below the fetch timeout. */
    QUORUM_READ_SIZE = 1 << 20,
    QUORUM_RESERVE_AHEAD = 4 << 20, /* Of the metadata log: rule 22. */
    QUORUM_SYNC_TAG = 1,
};

/* A request of another voter, until raft answers it. */
struct asked {
    struct list link;
    uint64_t id;
    struct request *request;
};

/* A replica's fetch that waits for news. */
struct parked_fetch {
    struct list link;
    struct quorum *quorum;
    struct request *request;
    struct raft_fetch fetch;
    uint32_t size_max;
    struct timer timer;
};

/* Links to one voter: messages, which must never queue behind a parked fetch. */
struct voter_link {
    struct quorum *quorum;
    node_id id;
    struct peer peer;
    struct uuid foreign; /* Cluster that it answered for, where that is not ours; else zero. */
};

struct quorum {
    struct shard *shard;
    struct sync *sync;
    struct log *log;
    struct raft *raft; /* NULL until log, vote and directory id are durable. */
    struct timer timer;
    struct timer sync_timer;
    bool dirty; /* Something waits for quorum_flush(). */
    bool stopping;

    /* The vote. */
    struct slots *votes;
    uint64_t vote_ticket; /* 0: no sync in flight. */
    uint64_t vote_token_written, vote_token_wanted;
    struct raft_vote vote_wanted;
    bool vote_waits; /* vote_wanted is newer than what is being synced. */

    /* Obeying raft: log hooks that fire meanwhile are noted and stepped after. */
    uint32_t depth;
    bool durable_moved, became_ready, truncating;
    uint64_t fetch_unsent; /* A fetch that could not be sent; 0: none. */

    /* Messages. */
    uint32_t link_count;
    struct voter_link links[RAFT_VOTERS_MAX];
    struct watcher leader_watcher;
    node_id watched;
    struct timer look_again; /* For a leader that hung up and whose port still answers. */
    struct list asked;
    uint64_t asked_next;
    uint32_t asked_count;

    /* Fetching, both sides. */
    struct peer fetch_peer;
    struct raft_fetch fetch_sent;
    node_id answered_by; /* Who answered our newest fetch as leader; -1: nobody yet. */
    mono_ms answered_at;
    struct list parked;

    /* Committed records. */
    struct image *image;
    log_offset applied; /* Next offset to apply. */
    struct waits waits; /* Until `applied` passes an offset. */
    log_offset high_watermark;
    node_id told_leader;  /* What the shards know. */
    log_offset news_from; /* Changes below it are history, and not told again. */
};

void quorum_step(struct quorum *quorum, const struct raft_event *event, struct raft_out *out);
void quorum_step_kind(struct quorum *quorum, enum raft_event_kind kind);
void quorum_obey(struct quorum *quorum, const struct raft_out *out);

/* quorum_vote.c */
enum err quorum_open_votes(struct quorum *quorum);
void quorum_sync_votes(struct quorum *quorum);
bool quorum_vote_is_durable(const struct quorum *quorum);
struct raft_vote quorum_vote(const struct quorum *quorum); /* That is durable. */
/* Make `vote` durable; raft is told so by `token`. */
void quorum_want_vote(struct quorum *quorum, struct raft_vote vote, uint64_t token);
void quorum_vote_synced(struct quorum *quorum, enum err result);

/* quorum_append.c */
void quorum_open_epoch(struct quorum *quorum, const struct raft_out *out);

/* quorum_messages.c */
void quorum_send(struct quorum *quorum, const struct raft_message *message);
void quorum_messages_init(struct quorum *quorum);
void quorum_messages_free(struct quorum *quorum);
/* A voter says which cluster it belongs to; `cluster_id` zero: none. */
void quorum_meet(struct quorum *quorum, node_id voter, struct uuid cluster_id);
void quorum_end_asked(struct quorum *quorum); /* No answer will come. */

/* quorum_fetch.c */
void quorum_send_fetch(struct quorum *quorum, const struct raft_fetch *fetch);
void quorum_wake_fetches(struct quorum *quorum);
void quorum_fetch_init(struct quorum *quorum);
void quorum_fetch_free(struct quorum *quorum);
void quorum_end_parked(struct quorum *quorum); /* No answer will come. */

/* quorum_apply.c */
void quorum_apply(struct quorum *quorum);
/* Step RAFT_VOTERS for each voter set among the records of one batch. */
void quorum_note_voters(struct quorum *quorum, struct bytes batch);
void quorum_recover_voters(struct quorum *quorum);
void quorum_tell_leader(struct quorum *quorum);

#endif
