/* test_step_quorum_epoch.c -- src/raft/step_quorum_epoch.c */
#include "fixture.h"

Test(step_quorum_epoch, follows_a_leader_that_begins)
{
    struct fixture fixture = fixture_formed();
    step(&fixture, (struct raft_event){.kind = RAFT_TIMEOUT});

    step_message_of(&fixture, begin_request(2, 3));
    cr_assert_eq(fixture.out.role, RAFT_FOLLOWER);
    cr_assert_not(fixture.out.fetch_due); /* The epoch is not durable yet. */
    sync_vote(&fixture);

    cr_assert(fixture.out.fetch_due);
    cr_assert_eq(fixture.out.fetch.to, 2);
    cr_assert_eq(fixture.out.fetch.offset, 4);
    cr_assert_eq(sent(&fixture, RAFT_BEGIN_REPLY)->error, ERR_NONE);
    raft_close(fixture.raft);
}

Test(step_quorum_epoch, refuses_an_older_leader)
{
    struct fixture fixture = fixture_follower();

    step_message_of(&fixture, begin_request(3, 2));

    cr_assert_eq(sent(&fixture, RAFT_BEGIN_REPLY)->error, ERR_FENCED_LEADER_EPOCH);
    cr_assert_eq(fixture.out.leader, 2);
    raft_close(fixture.raft);
}

Test(step_quorum_epoch, refuses_a_second_leader_of_one_epoch)
{
    struct fixture fixture = fixture_follower();

    step_message_of(&fixture, begin_request(3, 3));

    cr_assert_eq(sent(&fixture, RAFT_BEGIN_REPLY)->error, ERR_INVALID_REQUEST);
    cr_assert_eq(fixture.out.leader, 2);
    raft_close(fixture.raft);
}

Test(step_quorum_epoch, is_repeated_to_voters_that_do_not_fetch)
{
    struct fixture fixture = fixture_leader();
    fetch(&fixture, test_fetch(2, 4, 2));

    step_after(&fixture, 20);

    cr_assert_eq(fixture.out.send_count, 1);
    cr_assert_eq(fixture.out.sends[0].kind, RAFT_BEGIN_REQUEST);
    cr_assert_eq(fixture.out.sends[0].to, 3);
    raft_close(fixture.raft);
}

Test(step_quorum_epoch, deposes_a_leader_whose_voter_has_seen_a_higher_epoch)
{
    struct fixture fixture = fixture_leader();
    struct raft_message reply = {.kind = RAFT_BEGIN_REPLY,
                                 .from = 3,
                                 .to = 1,
                                 .epoch = 9,
                                 .error = ERR_FENCED_LEADER_EPOCH,
                                 .leader = -1};

    step_message_of(&fixture, reply);

    cr_assert_eq(fixture.out.role, RAFT_UNATTACHED);
    cr_assert_eq(fixture.out.epoch, 9);
    cr_assert(fixture.out.vote_changed);
    raft_close(fixture.raft);
}

Test(step_quorum_epoch, lets_the_first_candidate_stand_at_once_when_a_leader_ends)
{
    struct fixture fixture = fixture_follower();
    struct raft_message end = {.kind = RAFT_END_REQUEST,
                               .from = 2,
                               .to = 1,
                               .epoch = 3,
                               .cluster_id = test_uuid(99),
                               .candidate_count = 2,
                               .candidates = {{.id = 1}, {.id = 3}}};

    step_message_of(&fixture, end);

    cr_assert_eq(fixture.out.role, RAFT_PROSPECTIVE);
    raft_close(fixture.raft);
}

Test(step_quorum_epoch, lets_the_second_candidate_wait)
{
    struct fixture fixture = fixture_follower();
    struct raft_message end = {.kind = RAFT_END_REQUEST,
                               .from = 2,
                               .to = 1,
                               .epoch = 3,
                               .cluster_id = test_uuid(99),
                               .candidate_count = 2,
                               .candidates = {{.id = 3}, {.id = 1}}};

    step_message_of(&fixture, end);
    cr_assert_eq(fixture.out.role, RAFT_UNATTACHED);
    step_after(&fixture, RAFT_STAND_STEP_MS);

    cr_assert_eq(fixture.out.role, RAFT_PROSPECTIVE);
    raft_close(fixture.raft);
}
