/* test_step_fetch.c -- src/raft/step_fetch.c; rule 6, R11, R13. */
#include "fixture.h"

Test(step_fetch, credits_a_voter_whose_history_matches)
{
    struct fixture fixture = fixture_leader();

    fetch(&fixture, test_fetch(2, 4, 2));

    cr_assert_eq(fixture.out.verdict.error, ERR_NONE);
    cr_assert_not(fixture.out.verdict.diverging);
    cr_assert(fixture.out.credited);
    cr_assert_eq(fixture.raft->peers[1].end, 4);
    raft_close(fixture.raft);
}

Test(step_fetch, credits_no_other_disk_under_the_same_id)
{
    struct fixture fixture = fixture_leader();
    struct raft_fetch request = test_fetch(2, 4, 2);
    request.from_directory = test_uuid(42);

    fetch(&fixture, request);

    cr_assert_eq(fixture.out.verdict.error, ERR_NONE);
    cr_assert_not(fixture.out.credited);
    cr_assert_eq(fixture.raft->peers[1].end, -1);
    raft_close(fixture.raft);
}

Test(step_fetch, answers_a_longer_epoch_with_where_it_ends)
{
    struct fixture fixture = fixture_leader();

    fetch(&fixture, test_fetch(2, 9, 2));

    cr_assert(fixture.out.verdict.diverging);
    cr_assert_eq(fixture.out.verdict.diverging_epoch, 2);
    cr_assert_eq(fixture.out.verdict.diverging_end, 4);
    cr_assert_not(fixture.out.credited);
    raft_close(fixture.raft);
}

Test(step_fetch, answers_an_older_epoch_with_where_it_ends)
{
    struct fixture fixture = fixture_leader();

    fetch(&fixture, test_fetch(2, 3, 1));

    cr_assert(fixture.out.verdict.diverging);
    cr_assert_eq(fixture.out.verdict.diverging_epoch, 1);
    cr_assert_eq(fixture.out.verdict.diverging_end, 2);
    raft_close(fixture.raft);
}

Test(step_fetch, serves_an_empty_replica_from_the_start)
{
    struct fixture fixture = fixture_leader();

    fetch(&fixture, test_fetch(3, 0, -1));

    cr_assert_eq(fixture.out.verdict.error, ERR_NONE);
    cr_assert_not(fixture.out.verdict.diverging);
    raft_close(fixture.raft);
}

Test(step_fetch, fences_older_epochs_and_does_not_know_newer_ones)
{
    struct fixture fixture = fixture_leader();
    struct raft_fetch request = test_fetch(2, 4, 2);
    request.epoch = 2;
    fetch(&fixture, request);
    cr_assert_eq(fixture.out.verdict.error, ERR_FENCED_LEADER_EPOCH);
    cr_assert_eq(fixture.out.verdict.leader, 1);

    request.epoch = 4;
    fetch(&fixture, request);

    cr_assert_eq(fixture.out.verdict.error, ERR_UNKNOWN_LEADER_EPOCH);
    cr_assert_eq(fixture.out.role, RAFT_LEADER);
    raft_close(fixture.raft);
}

Test(step_fetch, points_to_the_leader_as_follower)
{
    struct fixture fixture = fixture_follower();

    fetch(&fixture, test_fetch(3, 4, 2));

    cr_assert_eq(fixture.out.verdict.error, ERR_NOT_LEADER_OR_FOLLOWER);
    cr_assert_eq(fixture.out.verdict.leader, 2);
    raft_close(fixture.raft);
}

Test(step_fetch, judges_a_parked_fetch_anew_without_credit)
{
    struct fixture fixture = fixture_leader();
    struct raft_fetch request = test_fetch(2, 5, 3);
    struct raft_fetch_verdict verdict;
    step(&fixture, (struct raft_event){.kind = RAFT_SHUTDOWN});

    raft_judge_fetch(fixture.raft, &request, &verdict);

    cr_assert_eq(verdict.error, ERR_NOT_LEADER_OR_FOLLOWER);
    cr_assert_eq(verdict.leader, -1);
    raft_close(fixture.raft);
}
