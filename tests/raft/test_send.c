/* test_send.c -- src/raft/send.c; R2 and R14. */
#include "fixture.h"

Test(send, holds_a_grant_until_the_vote_is_durable)
{
    struct fixture fixture = fixture_formed();
    step_message_of(&fixture, vote_request(2, 5, false));
    cr_assert(fixture.out.vote_changed);
    cr_assert_eq(fixture.out.send_count, 0);

    sync_vote(&fixture);

    cr_assert(sent(&fixture, RAFT_VOTE_REPLY)->granted);
    cr_assert_eq(sent(&fixture, RAFT_VOTE_REPLY)->request_id, 77);
    raft_close(fixture.raft);
}

Test(send, turns_a_grant_that_was_overtaken_into_a_refusal)
{
    struct fixture fixture = fixture_formed();
    step_message_of(&fixture, vote_request(2, 5, false));

    step_message_of(&fixture, vote_request(3, 6, false));
    sync_vote(&fixture);

    cr_assert_eq(fixture.out.send_count, 2);
    cr_assert_not(fixture.out.sends[0].granted);
    cr_assert_eq(fixture.out.sends[0].epoch, 6);
    cr_assert(fixture.out.sends[1].granted);
    raft_close(fixture.raft);
}

Test(send, takes_only_the_newest_vote_as_durable)
{
    struct fixture fixture = fixture_formed();
    step_message_of(&fixture, vote_request(2, 5, false));
    uint64_t first = fixture.out.vote_token;
    step_message_of(&fixture, vote_request(3, 6, false));

    step(&fixture, (struct raft_event){.kind = RAFT_VOTE_DURABLE, .vote_token = first});

    cr_assert_eq(fixture.out.send_count, 0);
    cr_assert_not_null(fixture.out.dropped);
    raft_close(fixture.raft);
}

Test(send, lets_pre_votes_pass_while_a_vote_is_written)
{
    struct fixture fixture = fixture_formed();
    step_message_of(&fixture, vote_request(2, 5, false));

    step_message_of(&fixture, vote_request(3, 5, true));

    cr_assert(sent(&fixture, RAFT_VOTE_REPLY)->granted);
    cr_assert(sent(&fixture, RAFT_VOTE_REPLY)->pre_vote);
    raft_close(fixture.raft);
}

Test(send, refuses_at_once_what_there_is_no_room_to_hold)
{
    struct fixture fixture = fixture_formed();
    for (int i = 0; i < RAFT_HELD_MAX; i++)
        step_message_of(&fixture, vote_request(2, 5, false));
    cr_assert_eq(fixture.out.send_count, 0);

    step_message_of(&fixture, vote_request(2, 5, false));

    cr_assert_eq(fixture.out.send_count, 1);
    cr_assert_not(fixture.out.sends[0].granted);
    cr_assert_eq(fixture.out.sends[0].error, ERR_BROKER_NOT_AVAILABLE);
    raft_close(fixture.raft);
}
