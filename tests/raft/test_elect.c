/* test_elect.c -- src/raft/elect.c */
#include "fixture.h"

Test(elect, stands_at_once_as_the_lowest_id_after_a_start)
{
    struct fixture fixture = fixture_formed();

    step(&fixture, (struct raft_event){.kind = RAFT_TIMEOUT});

    cr_assert_eq(fixture.out.role, RAFT_PROSPECTIVE);
    cr_assert_eq(fixture.out.epoch, 2);
    cr_assert_eq(fixture.out.send_count, 2);
    cr_assert(fixture.out.sends[0].pre_vote);
    raft_close(fixture.raft);
}

Test(elect, raises_its_epoch_only_after_a_majority_of_pre_votes)
{
    struct fixture fixture = fixture_formed();
    step(&fixture, (struct raft_event){.kind = RAFT_TIMEOUT});

    step_message_of(&fixture, vote_reply(&fixture, 3, true, true));

    cr_assert_eq(fixture.out.role, RAFT_CANDIDATE);
    cr_assert_eq(fixture.out.epoch, 3);
    cr_assert(fixture.out.vote_changed);
    cr_assert_eq(fixture.out.vote.voted_for, 1);
    raft_close(fixture.raft);
}

Test(elect, asks_for_votes_only_when_its_own_is_durable)
{
    struct fixture fixture = fixture_formed();
    step(&fixture, (struct raft_event){.kind = RAFT_TIMEOUT});
    step_message_of(&fixture, vote_reply(&fixture, 3, true, true));
    cr_assert_eq(fixture.out.send_count, 0);

    sync_vote(&fixture);

    cr_assert_eq(fixture.out.send_count, 2);
    cr_assert_not(fixture.out.sends[0].pre_vote);
    cr_assert_eq(fixture.out.sends[0].epoch, 3);
    raft_close(fixture.raft);
}

Test(elect, opens_its_epoch_once_elected)
{
    struct fixture fixture = fixture_candidate();

    step_message_of(&fixture, vote_reply(&fixture, 3, false, true));

    cr_assert_eq(fixture.out.role, RAFT_LEADER);
    cr_assert(fixture.out.epoch_opened);
    cr_assert_not(fixture.out.form);
    cr_assert_eq(fixture.out.granting_count, 2);
    raft_close(fixture.raft);
}

Test(elect, goes_back_to_pre_votes_when_a_round_ends_without_majority)
{
    struct fixture fixture = fixture_candidate();

    step_after(&fixture, 600);

    cr_assert_eq(fixture.out.role, RAFT_PROSPECTIVE);
    cr_assert_eq(fixture.out.epoch, 3);
    raft_close(fixture.raft);
}

Test(elect, stands_after_the_leader_was_silent_for_the_fetch_timeout)
{
    struct fixture fixture = fixture_follower();
    step_after(&fixture, 999);
    cr_assert_eq(fixture.out.role, RAFT_FOLLOWER);

    step_after(&fixture, 152); /* The jitter is at most half an election timeout. */

    cr_assert_eq(fixture.out.role, RAFT_PROSPECTIVE);
    raft_close(fixture.raft);
}

Test(elect, dials_the_leader_when_its_connection_closes_and_stands_when_refused)
{
    struct fixture fixture = fixture_follower();
    step_after(&fixture, 50);
    step(&fixture, (struct raft_event){.kind = RAFT_PEER_CLOSED, .peer = 2});
    cr_assert(fixture.out.dial_leader);
    cr_assert_eq(fixture.out.dial, 2);

    step(&fixture, (struct raft_event){.kind = RAFT_DIAL_REFUSED, .peer = 2});

    cr_assert_eq(fixture.out.role, RAFT_PROSPECTIVE);
    raft_close(fixture.raft);
}

Test(elect, does_not_take_hints_at_a_leader_whose_port_refused)
{
    struct fixture fixture = fixture_follower();
    step(&fixture, (struct raft_event){.kind = RAFT_DIAL_REFUSED, .peer = 2});
    struct raft_message denial = vote_reply(&fixture, 3, true, false);
    denial.leader = 2;

    step_message_of(&fixture, denial);

    cr_assert_eq(fixture.out.role, RAFT_PROSPECTIVE);
    raft_close(fixture.raft);
}

Test(elect, follows_a_leader_that_a_denial_names)
{
    struct fixture fixture = fixture_formed();
    step(&fixture, (struct raft_event){.kind = RAFT_TIMEOUT});
    struct raft_message denial = vote_reply(&fixture, 3, true, false);
    denial.leader = 2;

    step_message_of(&fixture, denial);

    cr_assert_eq(fixture.out.role, RAFT_FOLLOWER);
    cr_assert_eq(fixture.out.leader, 2);
    cr_assert(fixture.out.fetch_due);
    raft_close(fixture.raft);
}

Test(elect, does_not_stand_after_a_shutdown)
{
    struct fixture fixture = fixture_formed();
    step(&fixture, (struct raft_event){.kind = RAFT_SHUTDOWN});

    step_after(&fixture, 5000);

    cr_assert_eq(fixture.out.role, RAFT_UNATTACHED);
    cr_assert_eq(fixture.out.send_count, 0);
    raft_close(fixture.raft);
}

Test(elect, resigns_at_a_shutdown_and_names_the_best_candidate_first)
{
    struct fixture fixture = fixture_leader();
    fetch(&fixture, test_fetch(3, 4, 2));

    step(&fixture, (struct raft_event){.kind = RAFT_SHUTDOWN});

    cr_assert_eq(fixture.out.role, RAFT_RESIGNED);
    cr_assert_eq(sent(&fixture, RAFT_END_REQUEST)->candidate_count, 2);
    cr_assert_eq(sent(&fixture, RAFT_END_REQUEST)->candidates[0].id, 3);
    raft_close(fixture.raft);
}
