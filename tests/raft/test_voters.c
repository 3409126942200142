/* test_voters.c -- src/raft/voters.c */
#include "fixture.h"

Test(voters, are_the_configured_ids_until_a_record_names_them)
{
    struct fixture fixture = fixture_empty(3);
    struct raft_voter_state states[RAFT_VOTERS_MAX];

    uint32_t count = raft_describe(fixture.raft, states);

    cr_assert_eq(count, 3);
    cr_assert_eq(states[2].voter.id, 3);
    cr_assert(uuid_is_zero(states[2].voter.directory));
    raft_close(fixture.raft);
}

Test(voters, are_known_by_their_full_identity)
{
    struct fixture fixture = fixture_formed();

    struct raft_voter stranger = {.id = 2, .directory = test_uuid(42)};

    cr_assert(voters_has(fixture.raft, test_voter(2)));
    cr_assert_not(voters_has(fixture.raft, stranger));
    raft_close(fixture.raft);
}

Test(voters, of_an_earlier_record_come_back_when_a_later_one_is_cut)
{
    struct fixture fixture = fixture_formed();
    tell_voters(&fixture, 3, 2);
    cr_assert_eq(fixture.raft->peer_count, 2);

    voters_cut(fixture.raft, 3);

    cr_assert_eq(fixture.raft->peer_count, 3);
    raft_close(fixture.raft);
}

Test(voters, are_open_again_when_the_first_record_is_cut)
{
    struct fixture fixture = fixture_empty(3);
    tell_voters(&fixture, 0, 3);
    cr_assert(is_formed(fixture.raft));

    voters_cut(fixture.raft, 0);

    cr_assert_not(is_formed(fixture.raft));
    cr_assert(uuid_is_zero(fixture.raft->peers[1].voter.directory));
    raft_close(fixture.raft);
}

Test(voters, rank_by_id_without_the_one_that_is_gone)
{
    struct fixture fixture = fixture_formed();
    fixture.raft->config.self = 3;

    uint32_t rank_of_all = voters_rank(fixture.raft, -1);
    uint32_t rank_without_1 = voters_rank(fixture.raft, 1);

    cr_assert_eq(rank_of_all, 2);
    cr_assert_eq(rank_without_1, 1);
    fixture.raft->config.self = 1;
    raft_close(fixture.raft);
}

Test(voters, need_three_of_five_and_three_of_four)
{
    struct fixture five = fixture_empty(5);
    struct fixture four = fixture_empty(4);

    cr_assert_eq(voters_majority(five.raft), 3);
    cr_assert_eq(voters_majority(four.raft), 3);
    raft_close(five.raft);
    raft_close(four.raft);
}
