/* send.c -- messages, and the vote that some of them must wait for.
 *
 * While the newest vote is not durable, everything but pre-votes waits here: a grant,
 * a candidate's requests, whatever speaks for the new epoch (R2). Pre-votes change
 * nothing that is kept, so they leave at once (R14). */
#include "raft_state.h"

/* A newer vote overtakes what waits: requests of the old round are void, and a grant
 * that has not left becomes a refusal. */
static void void_held(struct raft *raft)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < raft->held_count; i++) {
        struct raft_message *message = &raft->held[i];
        bool request = message->kind == RAFT_VOTE_REQUEST || message->kind == RAFT_BEGIN_REQUEST ||
                       message->kind == RAFT_END_REQUEST;
        if (request)
            continue;
        if (message->error == ERR_NONE)
            message->error = ERR_FENCED_LEADER_EPOCH;
        message->granted = false;
        message->epoch = raft->vote.epoch;
        message->leader = -1;
        raft->held[kept++] = *message;
    }
    raft->held_count = kept;
}

void set_vote(struct raft *raft, struct raft_out *out, struct raft_vote vote)
{
    check(vote.epoch >= raft->vote.epoch);
    check(vote.epoch > raft->vote.epoch || raft->vote.voted_for == -1);

    bool raised = vote.epoch > raft->vote.epoch;
    raft->vote = vote;
    raft->vote_token++;
#ifndef SKIFF_MUTANT_VOTE_NOT_SYNCED
    raft->vote_pending = true;
#endif
    if (raised)
        void_held(raft);
    out->vote_changed = true;
    out->vote_token = raft->vote_token;
    out->vote = vote;
}

static void push_message(struct raft_out *out, const struct raft_message *message)
{
    check(out->send_count < RAFT_SENDS_MAX);
    out->sends[out->send_count++] = *message;
}

void send_message(struct raft *raft, struct raft_out *out, const struct raft_message *message)
{
    bool pre_vote = message->pre_vote;

    if (!raft->vote_pending || pre_vote) {
        push_message(out, message);
        return;
    }
    if (raft->held_count < RAFT_HELD_MAX) {
        raft->held[raft->held_count++] = *message;
        return;
    }
    /* The disk is far behind: refuse what needs an answer, the sender will ask again. */
    struct raft_message refusal = *message;
    refusal.granted = false;
    refusal.error = ERR_BROKER_NOT_AVAILABLE;
    if (message->kind == RAFT_VOTE_REPLY || message->kind == RAFT_BEGIN_REPLY ||
        message->kind == RAFT_END_REPLY)
        push_message(out, &refusal);
}

void send_held(struct raft *raft, struct raft_out *out)
{
    for (uint32_t i = 0; i < raft->held_count; i++)
        push_message(out, &raft->held[i]);
    raft->held_count = 0;
}

struct raft_message make_request(const struct raft *raft, enum raft_message_kind kind,
                                 struct raft_voter to)
{
    return (struct raft_message){.kind = kind,
                                 .from = raft->config.self,
                                 .from_directory = raft->config.directory,
                                 .to = to.id,
                                 .to_directory = to.directory,
                                 .request_id = raft->round,
                                 .epoch = raft->vote.epoch,
                                 .cluster_id = raft_cluster_id(raft),
                                 .last_epoch = epochs_last(&raft->epochs),
                                 .last_offset = raft->end,
                                 .leader = -1};
}

struct raft_message make_reply(const struct raft *raft, enum raft_message_kind kind,
                               const struct raft_message *request, enum err error)
{
    return (struct raft_message){.kind = kind,
                                 .from = raft->config.self,
                                 .from_directory = raft->config.directory,
                                 .to = request->from,
                                 .to_directory = request->from_directory,
                                 .request_id = request->request_id,
                                 .epoch = raft->vote.epoch,
                                 .cluster_id = raft_cluster_id(raft),
                                 .pre_vote = request->pre_vote,
                                 .last_epoch = -1,
                                 .last_offset = -1,
                                 .error = error,
                                 .leader = raft->leader,
                                 .log_is_empty = raft->end == 0};
}
