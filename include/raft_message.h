/* raft_message.h -- what voters say to each other, as plain data.
 *
 * Messages hold no pointers: they are copied, queued and traced as they are.
 * Each maps to one Kafka API; Fetch is not here, it is an event with a verdict
 * (raft_event.h), because its records travel beside raft, not through it.
 *
 * Source  KIP-595 (Vote 52, BeginQuorumEpoch 53, EndQuorumEpoch 54), KIP-853
 *         (directory ids), KIP-996 (pre-vote); `cluster_id`, `from_directory` and
 *         `log_is_empty` of a vote reply are tagged fields of our own. */
#ifndef RAFT_MESSAGE_H
#define RAFT_MESSAGE_H

#include "base/base.h"

enum { RAFT_VOTERS_MAX = 9 };

/* A voter is a node and its disk: under another directory id it is another voter. */
struct raft_voter {
    node_id id;
    struct uuid directory; /* Zero only while a cluster forms: not told yet. */
};

enum raft_message_kind {
    RAFT_VOTE_REQUEST,  /* Vote; pre_vote says which of the two. */
    RAFT_VOTE_REPLY,    /* Answers both; pre_vote as in the request. */
    RAFT_BEGIN_REQUEST, /* BeginQuorumEpoch: `from` leads `epoch`. */
    RAFT_BEGIN_REPLY,
    RAFT_END_REQUEST, /* EndQuorumEpoch: `from` no longer leads `epoch`. */
    RAFT_END_REPLY,
};

/* Fields that a kind does not name are zero, or -1 for ids and offsets. */
struct raft_message {
    enum raft_message_kind kind;
    node_id from; /* Sender. Requests carry it on the wire; for a reply it is the node asked. */
    struct uuid from_directory; /* All requests but Begin and End; vote replies. */
    node_id to;
    struct uuid to_directory; /* Vote and Begin requests: whom the sender means; zero: any. */

    /* Of a request: chosen by its sender, not on the wire. The sender's runtime keeps
     * it with the request in flight and puts it into the reply; the receiver's runtime
     * puts its own handle of the request in, and finds it in the reply to be sent. */
    uint64_t request_id;

    log_epoch epoch;        /* Vote: the candidate's (a pre-vote's: not yet raised). Begin, End: the
                      * leader's. Replies: the answerer's own. */
    struct uuid cluster_id; /* Requests and vote replies; zero: none yet. */

    bool pre_vote;          /* Vote request and reply. */
    log_epoch last_epoch;   /* Vote request: of the last record; -1: the log is empty. */
    log_offset last_offset; /* Vote request: end of the log (Kafka's LastOffset). */

    enum err error;    /* Replies: Kafka's code of the partition. */
    node_id leader;    /* Replies: leader of `epoch` as far as known, or -1. */
    bool granted;      /* Vote reply. */
    bool log_is_empty; /* Vote reply: the answerer holds no metadata record. */

    uint32_t candidate_count; /* End request: who should stand, the best first. */
    struct raft_voter candidates[RAFT_VOTERS_MAX];
};

const char *raft_message_name(enum raft_message_kind kind); /* "VOTE_REQUEST"; never null. */

#endif
