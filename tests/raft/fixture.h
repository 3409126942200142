/* fixture.h -- one core to test: node 1 of voters 1, 2, 3, at time 1000.
 *
 * Directories are the node id in every byte. fixture_formed() has a log of four
 * records, two of epoch 1 and two of epoch 2, and knows the voters. */
#ifndef FIXTURE_H
#define FIXTURE_H

#include <criterion/criterion.h>

#include "raft_state.h"

struct fixture {
    struct raft *raft;
    struct raft_out out;
    mono_ms now;
};

static inline struct uuid test_uuid(int value)
{
    struct uuid uuid;

    memset(uuid.bytes, value, sizeof uuid.bytes);
    return uuid;
}

static inline struct raft_voter test_voter(node_id id)
{
    return (struct raft_voter){.id = id, .directory = test_uuid(id)};
}

static inline struct raft_config test_config(uint32_t voter_count)
{
    struct raft_config config = {.self = 1,
                                 .directory = test_uuid(1),
                                 .voter_count = voter_count,
                                 .election_timeout_ms = 300,
                                 .fetch_timeout_ms = 1000,
                                 .stall_timeout_ms = 2000,
                                 .seed = 7};

    for (uint32_t i = 0; i < voter_count; i++)
        config.voters[i] = (node_id)i + 1;
    return config;
}

static inline struct raft_out *step(struct fixture *fixture, struct raft_event event)
{
    raft_step(fixture->raft, fixture->now, &event, &fixture->out);
    return &fixture->out;
}

static inline struct raft_out *step_after(struct fixture *fixture, mono_ms wait)
{
    fixture->now += wait;
    return step(fixture, (struct raft_event){.kind = RAFT_TIMEOUT});
}

static inline struct raft_out *step_message_of(struct fixture *fixture, struct raft_message message)
{
    return step(fixture, (struct raft_event){.kind = RAFT_MESSAGE, .message = &message});
}

static inline struct raft_out *sync_vote(struct fixture *fixture)
{
    return step(fixture, (struct raft_event){.kind = RAFT_VOTE_DURABLE,
                                             .vote_token = fixture->raft->vote_token});
}

static inline struct raft_out *append(struct fixture *fixture, log_epoch epoch, log_offset end)
{
    return step(fixture,
                (struct raft_event){.kind = RAFT_LOG_APPENDED, .epoch = epoch, .offset = end});
}

static inline struct raft_out *sync_log(struct fixture *fixture, log_offset end)
{
    return step(fixture, (struct raft_event){.kind = RAFT_LOG_DURABLE, .offset = end});
}

/* Empty, not started. */
static inline struct fixture fixture_empty(uint32_t voter_count)
{
    struct fixture fixture = {.now = 1000};
    struct raft_config config = test_config(voter_count);
    struct raft_log_state log = {0};
    struct raft_vote vote = {.voted_for = -1};

    cr_assert_eq(raft_open(&fixture.raft, &config, vote, &log), ERR_NONE);
    return fixture;
}

static inline struct raft_out *tell_voters(struct fixture *fixture, log_offset offset,
                                           uint32_t count)
{
    struct raft_voter voters[RAFT_VOTERS_MAX];

    for (uint32_t i = 0; i < count; i++)
        voters[i] = test_voter((node_id)i + 1);
    return step(fixture, (struct raft_event){.kind = RAFT_VOTERS,
                                             .offset = offset,
                                             .voters = voters,
                                             .voter_count = count,
                                             .cluster_id = test_uuid(99)});
}

/* Recovered with epochs 1 1 2 2 and voters; not started. */
static inline struct fixture fixture_formed(void)
{
    struct fixture fixture = {.now = 1000};
    struct raft_config config = test_config(3);
    struct raft_epoch_start epochs[] = {{.epoch = 1, .start = 0}, {.epoch = 2, .start = 2}};
    struct raft_log_state log = {.end = 4, .epoch_count = 2, .epochs = epochs};
    struct raft_vote vote = {.epoch = 2, .voted_for = -1};

    cr_assert_eq(raft_open(&fixture.raft, &config, vote, &log), ERR_NONE);
    tell_voters(&fixture, 0, 3);
    return fixture;
}

static inline struct raft_message vote_request(node_id from, log_epoch epoch, bool pre_vote)
{
    return (struct raft_message){.kind = RAFT_VOTE_REQUEST,
                                 .from = from,
                                 .from_directory = test_uuid(from),
                                 .to = 1,
                                 .to_directory = test_uuid(1),
                                 .request_id = 77,
                                 .epoch = epoch,
                                 .cluster_id = test_uuid(99),
                                 .pre_vote = pre_vote,
                                 .last_epoch = 2,
                                 .last_offset = 4,
                                 .leader = -1};
}

static inline struct raft_message vote_reply(const struct fixture *fixture, node_id from,
                                             bool pre_vote, bool granted)
{
    return (struct raft_message){.kind = RAFT_VOTE_REPLY,
                                 .from = from,
                                 .from_directory = test_uuid(from),
                                 .to = 1,
                                 .request_id = fixture->raft->round,
                                 .epoch = fixture->raft->vote.epoch,
                                 .cluster_id = raft_cluster_id(fixture->raft),
                                 .pre_vote = pre_vote,
                                 .granted = granted,
                                 .leader = -1,
                                 .log_is_empty = fixture->raft->end == 0};
}

static inline struct raft_message begin_request(node_id from, log_epoch epoch)
{
    return (struct raft_message){.kind = RAFT_BEGIN_REQUEST,
                                 .from = from,
                                 .to = 1,
                                 .to_directory = test_uuid(1),
                                 .request_id = 78,
                                 .epoch = epoch,
                                 .cluster_id = test_uuid(99),
                                 .leader = from};
}

/* Follows node 2 in epoch 3, vote synced, and has just heard it. */
static inline struct fixture fixture_follower(void)
{
    struct fixture fixture = fixture_formed();

    step(&fixture, (struct raft_event){.kind = RAFT_SHUTDOWN}); /* Not to stand at once ... */
    step(&fixture, (struct raft_event){.kind = RAFT_TIMEOUT});
    fixture.raft->stopping = false; /* ... but later. */
    step_message_of(&fixture, begin_request(2, 3));
    sync_vote(&fixture);
    cr_assert_eq(fixture.raft->role, RAFT_FOLLOWER);
    return fixture;
}

/* Candidate of epoch 3, vote synced. */
static inline struct fixture fixture_candidate(void)
{
    struct fixture fixture = fixture_formed();

    step(&fixture, (struct raft_event){.kind = RAFT_TIMEOUT});
    step_message_of(&fixture, vote_reply(&fixture, 2, true, true));
    sync_vote(&fixture);
    cr_assert_eq(fixture.raft->role, RAFT_CANDIDATE);
    return fixture;
}

/* Leads epoch 3, whose record at 4 is appended and not synced. */
static inline struct fixture fixture_leader(void)
{
    struct fixture fixture = fixture_candidate();

    step_message_of(&fixture, vote_reply(&fixture, 2, false, true));
    cr_assert_eq(fixture.raft->role, RAFT_LEADER);
    append(&fixture, 3, 5);
    return fixture;
}

static inline struct raft_fetch test_fetch(node_id from, log_offset offset, log_epoch last_epoch)
{
    return (struct raft_fetch){.from = from,
                               .from_directory = test_uuid(from),
                               .to = 1,
                               .epoch = 3,
                               .offset = offset,
                               .last_epoch = last_epoch,
                               .cluster_id = test_uuid(99)};
}

static inline struct raft_out *fetch(struct fixture *fixture, struct raft_fetch request)
{
    return step(fixture, (struct raft_event){.kind = RAFT_FETCH, .fetch = &request});
}

/* The one message of `kind` among those of the last step. */
static inline const struct raft_message *sent(const struct fixture *fixture,
                                              enum raft_message_kind kind)
{
    for (uint32_t i = 0; i < fixture->out.send_count; i++) {
        if (fixture->out.sends[i].kind == kind)
            return &fixture->out.sends[i];
    }
    return NULL;
}

#endif
