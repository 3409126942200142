/* raft_event.h -- what can happen to raft: a message, a timeout, progress of its log.
 *
 * Events are plain data, borrowed for one raft_step(). The comment beside a
 * kind names the fields that it reads.
 *
 * Source  KIP-595 (Fetch with epochs), KIP-853 (replica directory id). */
#ifndef RAFT_EVENT_H
#define RAFT_EVENT_H

#include "base/base.h"
#include "raft_message.h"

enum raft_event_kind {
    RAFT_TIMEOUT,       /* Time has passed; also the very first event after raft_open(). */
    RAFT_MESSAGE,       /* message */
    RAFT_FETCH,         /* fetch: a replica asks us for records; `out->verdict` answers it. */
    RAFT_FETCH_REPLY,   /* fetch_reply: an answer to a fetch of ours. */
    RAFT_FETCH_FAILED,  /* fetch_id: no answer will come (closed, timed out, not sent), or its
                         * records could not be appended. */
    RAFT_PEER_CLOSED,   /* peer: a connection with it closed. */
    RAFT_DIAL_REFUSED,  /* peer: its port answered that nobody listens. */
    RAFT_VOTE_DURABLE,  /* vote_token */
    RAFT_LOG_APPENDED,  /* epoch, offset: the log's end; all that is new has this one epoch. */
    RAFT_LOG_DURABLE,   /* offset: everything below it is synced. */
    RAFT_LOG_TRUNCATED, /* offset: the cut that `truncate_to` asked for is done and synced. */
    RAFT_VOTERS,        /* offset, voters, cluster_id: a VotersRecord stands at `offset`. */
    RAFT_SHUTDOWN,      /* Resign if leader, and stand no more. */
};

/* One replica's Fetch of the metadata log, either direction. */
struct raft_fetch {
    node_id from; /* The replica that fetches. */
    struct uuid from_directory;
    node_id to;                /* Ours: whom to ask. Not read in RAFT_FETCH. */
    uint64_t id;               /* Ours: echoed in RAFT_FETCH_REPLY. Not on the wire. */
    log_epoch epoch;           /* CurrentLeaderEpoch. */
    log_offset offset;         /* FetchOffset: the replica's *durable* end. */
    log_epoch last_epoch;      /* LastFetchedEpoch: of the record before `offset`; -1: none. */
    log_offset high_watermark; /* The replica's own (KIP-1166). */
    struct uuid cluster_id;    /* Zero: none yet. */
};

/* The leader's answer to a fetch, without its records. */
struct raft_fetch_verdict {
    enum err error; /* ERR_NONE: the two following say what to send. */
    node_id leader; /* Known leader of `epoch`, or -1; goes into CurrentLeader. */
    log_epoch epoch;
    bool diverging;            /* No records: answer DivergingEpoch with the next two. */
    log_epoch diverging_epoch; /* Our largest epoch not above the replica's last; -1: none. */
    log_offset diverging_end;  /* Where that epoch ends here. */
    log_offset high_watermark; /* To be sent; -1 with an error. */
};

/* What came back for one of our fetches; records are not looked at here. */
struct raft_fetch_reply {
    uint64_t id;      /* Of the raft_fetch. */
    node_id from;     /* Who answered. */
    bool has_records; /* Something to append: the next fetch waits until it is durable. */
    struct raft_fetch_verdict verdict; /* As on the wire; an absent CurrentLeader is -1, -1. */
};

struct raft_event {
    enum raft_event_kind kind;
    node_id peer;
    log_epoch epoch;
    log_offset offset;
    uint64_t vote_token;
    uint64_t fetch_id;
    const struct raft_message *message;
    const struct raft_fetch *fetch;
    const struct raft_fetch_reply *fetch_reply;
    const struct raft_voter *voters; /* Sorted by id. */
    uint32_t voter_count;            /* 1 to RAFT_VOTERS_MAX. */
    struct uuid cluster_id;
};

const char *raft_event_name(enum raft_event_kind kind); /* "FETCH_REPLY"; never null. */

#endif
