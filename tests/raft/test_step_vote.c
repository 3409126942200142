/* test_step_vote.c -- src/raft/step_vote.c */
#include "fixture.h"

Test(step_vote, grants_one_candidate_an_epoch)
{
    struct fixture fixture = fixture_formed();
    step_message_of(&fixture, vote_request(2, 5, false));
    sync_vote(&fixture);

    step_message_of(&fixture, vote_request(3, 5, false));

    cr_assert_not(sent(&fixture, RAFT_VOTE_REPLY)->granted);
    raft_close(fixture.raft);
}

Test(step_vote, grants_the_same_candidate_again)
{
    struct fixture fixture = fixture_formed();
    step_message_of(&fixture, vote_request(2, 5, false));
    sync_vote(&fixture);

    step_message_of(&fixture, vote_request(2, 5, false));

    cr_assert(sent(&fixture, RAFT_VOTE_REPLY)->granted);
    cr_assert_not(fixture.out.vote_changed);
    raft_close(fixture.raft);
}

Test(step_vote, denies_the_same_id_on_another_disk)
{
    struct fixture fixture = fixture_formed();
    step_message_of(&fixture, vote_request(2, 5, false));
    sync_vote(&fixture);
    struct raft_message request = vote_request(2, 5, false);
    request.from_directory = test_uuid(42);

    step_message_of(&fixture, request);

    cr_assert_not(sent(&fixture, RAFT_VOTE_REPLY)->granted);
    raft_close(fixture.raft);
}

Test(step_vote, denies_a_log_that_is_behind_but_takes_the_epoch)
{
    struct fixture fixture = fixture_formed();
    struct raft_message request = vote_request(2, 5, false);
    request.last_offset = 3;

    step_message_of(&fixture, request);
    cr_assert_eq(fixture.out.epoch, 5);
    sync_vote(&fixture);

    cr_assert_not(sent(&fixture, RAFT_VOTE_REPLY)->granted);
    raft_close(fixture.raft);
}

Test(step_vote, prefers_a_later_epoch_to_a_longer_log)
{
    struct fixture fixture = fixture_formed();
    struct raft_message request = vote_request(2, 5, true);
    request.last_epoch = 1;
    request.last_offset = 100;

    step_message_of(&fixture, request);

    cr_assert_not(sent(&fixture, RAFT_VOTE_REPLY)->granted);
    raft_close(fixture.raft);
}

Test(step_vote, keeps_nothing_of_a_pre_vote)
{
    struct fixture fixture = fixture_formed();

    step_message_of(&fixture, vote_request(2, 9, true));

    cr_assert(sent(&fixture, RAFT_VOTE_REPLY)->granted);
    cr_assert_not(fixture.out.vote_changed);
    cr_assert_eq(fixture.out.epoch, 2);
    raft_close(fixture.raft);
}

Test(step_vote, denies_a_pre_vote_while_hearing_the_leader_but_dials_it)
{
    struct fixture fixture = fixture_follower();
    step_after(&fixture, 100);

    step_message_of(&fixture, vote_request(3, 3, true));

    cr_assert_not(sent(&fixture, RAFT_VOTE_REPLY)->granted);
    cr_assert_eq(sent(&fixture, RAFT_VOTE_REPLY)->leader, 2);
    cr_assert(fixture.out.dial_leader);
    raft_close(fixture.raft);
}

Test(step_vote, grants_a_pre_vote_after_the_leaders_port_refused)
{
    struct fixture fixture = fixture_follower();
    step(&fixture, (struct raft_event){.kind = RAFT_DIAL_REFUSED, .peer = 2});

    step_message_of(&fixture, vote_request(3, 3, true));

    cr_assert(sent(&fixture, RAFT_VOTE_REPLY)->granted);
    cr_assert_eq(sent(&fixture, RAFT_VOTE_REPLY)->leader, -1);
    raft_close(fixture.raft);
}

Test(step_vote, grants_its_restarted_leader_a_pre_vote)
{
    struct fixture fixture = fixture_follower();
    struct raft_message request = vote_request(2, 3, true);

    step_message_of(&fixture, request);

    cr_assert(sent(&fixture, RAFT_VOTE_REPLY)->granted);
    cr_assert_eq(fixture.out.leader, -1);
    raft_close(fixture.raft);
}

Test(step_vote, denies_as_leader)
{
    struct fixture fixture = fixture_leader();
    struct raft_message request = vote_request(3, 3, true);
    request.last_epoch = 3;
    request.last_offset = 50;

    step_message_of(&fixture, request);

    cr_assert_not(sent(&fixture, RAFT_VOTE_REPLY)->granted);
    cr_assert_eq(sent(&fixture, RAFT_VOTE_REPLY)->leader, 1);
    raft_close(fixture.raft);
}

Test(step_vote, answers_an_older_epoch_with_its_own)
{
    struct fixture fixture = fixture_leader();
    struct raft_message request = vote_request(3, 2, true);

    step_message_of(&fixture, request);

    cr_assert_eq(sent(&fixture, RAFT_VOTE_REPLY)->error, ERR_FENCED_LEADER_EPOCH);
    cr_assert_eq(sent(&fixture, RAFT_VOTE_REPLY)->epoch, 3);
    raft_close(fixture.raft);
}

Test(step_vote, refuses_another_cluster_and_a_log_ahead_of_its_epoch)
{
    struct fixture fixture = fixture_formed();
    struct raft_message request = vote_request(2, 5, false);
    request.cluster_id = test_uuid(98);
    step_message_of(&fixture, request);
    cr_assert_eq(sent(&fixture, RAFT_VOTE_REPLY)->error, ERR_INCONSISTENT_CLUSTER_ID);

    request = vote_request(2, 5, false);
    request.last_epoch = 5;
    step_message_of(&fixture, request);

    cr_assert_eq(sent(&fixture, RAFT_VOTE_REPLY)->error, ERR_INVALID_REQUEST);
    raft_close(fixture.raft);
}

Test(step_vote, counts_no_grant_of_another_disk)
{
    struct fixture fixture = fixture_candidate();
    struct raft_message reply = vote_reply(&fixture, 2, false, true);
    reply.from_directory = test_uuid(42);

    step_message_of(&fixture, reply);

    cr_assert_eq(fixture.out.role, RAFT_CANDIDATE);
    raft_close(fixture.raft);
}

Test(step_vote, counts_no_grant_of_an_earlier_round)
{
    struct fixture fixture = fixture_candidate();
    struct raft_message reply = vote_reply(&fixture, 2, false, true);
    reply.request_id--;

    step_message_of(&fixture, reply);

    cr_assert_eq(fixture.out.role, RAFT_CANDIDATE);
    raft_close(fixture.raft);
}

Test(step_vote, yields_to_a_lower_id_that_stands_at_the_same_moment)
{
    struct fixture fixture = fixture_formed();
    step(&fixture, (struct raft_event){.kind = RAFT_TIMEOUT});
    struct raft_message request = vote_request(3, 2, true);
    step_message_of(&fixture, request);
    cr_assert_eq(fixture.out.role, RAFT_PROSPECTIVE); /* Our id is lower. */

    request.last_offset = 5;
    step_message_of(&fixture, request);

    cr_assert_eq(fixture.out.role, RAFT_UNATTACHED); /* But its log is longer. */
    raft_close(fixture.raft);
}
