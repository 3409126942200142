/* quorum_vote.c -- the vote, which is durable before anything rests on it (rule 8).
 *
 * One sync is under way at a time; of what raft wants meanwhile only the newest is written after.
 *
 * The file's payload: epoch i32, voted for i32, voted directory 16 bytes. */
#include "quorum_state.h"

#include "probe.h"

enum { VOTE_PAYLOAD_SIZE = 24, VOTE_KIND = 0x564f5445 /* "VOTE" */, VOTE_RESERVE = 4096 };

enum err quorum_open_votes(struct quorum *quorum)
{
    struct slots_config config = {
        .path = "quorum-state", .kind = VOTE_KIND, .reserve = VOTE_RESERVE};
    return slots_open(&quorum->votes, quorum->shard->env, &config);
}

struct raft_vote quorum_vote(const struct quorum *quorum)
{
    struct bytes payload = slots_payload(quorum->votes);
    struct raft_vote vote = {.voted_for = -1};
    if (payload.size != VOTE_PAYLOAD_SIZE)
        return vote;
    vote.epoch = (log_epoch)load_be32(payload.data);
    vote.voted_for = (node_id)load_be32(payload.data + 4);
    memcpy(vote.voted_directory.bytes, payload.data + 8, sizeof vote.voted_directory.bytes);
    return vote;
}

bool quorum_vote_is_durable(const struct quorum *quorum)
{
    return !slots_needs_sync(quorum->votes) && quorum->vote_ticket == 0;
}

void quorum_sync_votes(struct quorum *quorum)
{
    file_id files[SLOTS_SYNC_FILES_MAX];
    quorum->vote_ticket = ++quorum->shard->ticket_next;
    uint32_t count = slots_sync_files(quorum->votes, files);
    env_sync(quorum->shard->env,
             &(struct env_sync){.ticket = quorum->vote_ticket, .count = count, .files = files});
}

static void vote_write(struct quorum *quorum)
{
    uint8_t payload[VOTE_PAYLOAD_SIZE];
    store_be32(payload, (uint32_t)quorum->vote_wanted.epoch);
    store_be32(payload + 4, (uint32_t)quorum->vote_wanted.voted_for);
    memcpy(payload + 8, quorum->vote_wanted.voted_directory.bytes, 16);
    enum err result =
        slots_write(quorum->votes, (struct bytes){.data = payload, .size = sizeof payload});
    if (result != ERR_NONE) {
        env_fatal(quorum->shard->env, "the vote could not be written");
        return;
    }
    quorum->vote_waits = false;
    quorum->vote_token_written = quorum->vote_token_wanted;
    quorum_sync_votes(quorum);
}

void quorum_want_vote(struct quorum *quorum, struct raft_vote vote, uint64_t token)
{
    quorum->vote_wanted = vote;
    quorum->vote_token_wanted = token;
    quorum->vote_waits = true;
    if (quorum->vote_ticket == 0)
        vote_write(quorum);
}

void quorum_vote_synced(struct quorum *quorum, enum err result)
{
    quorum->vote_ticket = 0;
    slots_on_synced(quorum->votes, result);
    if (result != ERR_NONE) {
        env_mark(quorum->shard->env, "sync_failed");
        env_fatal(quorum->shard->env, "the vote could not be made durable");
        return;
    }
    struct raft_vote vote = quorum_vote(quorum);
    env_probe(quorum->shard->env, &(struct probe){.kind = PROBE_RAFT_VOTE,
                                                  .key = quorum_key(),
                                                  .epoch = vote.epoch,
                                                  .peer = vote.voted_for});
    if (quorum->raft && quorum->vote_token_written != 0) {
        struct raft_out out;
        struct raft_event event = {.kind = RAFT_VOTE_DURABLE,
                                   .vote_token = quorum->vote_token_written};
        quorum_step(quorum, &event, &out);
    }
    if (quorum->vote_waits && quorum->vote_ticket == 0)
        vote_write(quorum);
}
