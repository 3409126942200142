/* names.c -- roles, events and messages as words, for traces and tests. */
#include "raft_state.h"

const char *raft_role_name(enum raft_role role)
{
    static const char *const names[] = {
        [RAFT_UNATTACHED] = "Unattached", [RAFT_PROSPECTIVE] = "Prospective",
        [RAFT_CANDIDATE] = "Candidate",   [RAFT_LEADER] = "Leader",
        [RAFT_FOLLOWER] = "Follower",     [RAFT_RESIGNED] = "Resigned",
    };

    return (uint32_t)role < sizeof names / sizeof *names ? names[role] : "?";
}

const char *raft_message_name(enum raft_message_kind kind)
{
    static const char *const names[] = {
        [RAFT_VOTE_REQUEST] = "VOTE_REQUEST",   [RAFT_VOTE_REPLY] = "VOTE_REPLY",
        [RAFT_BEGIN_REQUEST] = "BEGIN_REQUEST", [RAFT_BEGIN_REPLY] = "BEGIN_REPLY",
        [RAFT_END_REQUEST] = "END_REQUEST",     [RAFT_END_REPLY] = "END_REPLY",
    };

    return (uint32_t)kind < sizeof names / sizeof *names ? names[kind] : "?";
}

const char *raft_event_name(enum raft_event_kind kind)
{
    static const char *const names[] = {
        [RAFT_TIMEOUT] = "TIMEOUT",
        [RAFT_MESSAGE] = "MESSAGE",
        [RAFT_FETCH] = "FETCH",
        [RAFT_FETCH_REPLY] = "FETCH_REPLY",
        [RAFT_FETCH_FAILED] = "FETCH_FAILED",
        [RAFT_PEER_CLOSED] = "PEER_CLOSED",
        [RAFT_DIAL_REFUSED] = "DIAL_REFUSED",
        [RAFT_VOTE_DURABLE] = "VOTE_DURABLE",
        [RAFT_LOG_APPENDED] = "LOG_APPENDED",
        [RAFT_LOG_DURABLE] = "LOG_DURABLE",
        [RAFT_LOG_TRUNCATED] = "LOG_TRUNCATED",
        [RAFT_VOTERS] = "VOTERS",
        [RAFT_SHUTDOWN] = "SHUTDOWN",
    };

    return (uint32_t)kind < sizeof names / sizeof *names ? names[kind] : "?";
}
