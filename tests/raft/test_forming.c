/* test_forming.c -- src/raft/forming.c; rule 13. */
#include "fixture.h"

static struct raft_message answer(const struct fixture *fixture, node_id from)
{
    struct raft_message reply = vote_reply(fixture, from, true, false);

    reply.log_is_empty = true;
    return reply;
}

static void win_pre_votes(struct fixture *fixture)
{
    step_message_of(fixture, answer(fixture, 2));
    step_message_of(fixture, answer(fixture, 3));
    cr_assert_eq(fixture->out.role, RAFT_PROSPECTIVE);
    step_message_of(fixture, vote_reply(fixture, 2, true, true));
    sync_vote(fixture);
}

Test(forming, asks_every_configured_voter_at_the_start)
{
    struct fixture fixture = fixture_empty(3);

    step(&fixture, (struct raft_event){.kind = RAFT_TIMEOUT});

    cr_assert_eq(fixture.out.role, RAFT_UNATTACHED);
    cr_assert_eq(fixture.out.send_count, 2);
    raft_close(fixture.raft);
}

Test(forming, does_not_stand_while_one_answer_is_missing)
{
    struct fixture fixture = fixture_empty(3);
    step(&fixture, (struct raft_event){.kind = RAFT_TIMEOUT});
    step_message_of(&fixture, answer(&fixture, 2));

    step_after(&fixture, 5000);

    cr_assert_eq(fixture.out.role, RAFT_UNATTACHED);
    raft_close(fixture.raft);
}

Test(forming, does_not_stand_when_one_answer_is_not_empty)
{
    struct fixture fixture = fixture_empty(3);
    step(&fixture, (struct raft_event){.kind = RAFT_TIMEOUT});
    struct raft_message formed = answer(&fixture, 3);
    formed.cluster_id = test_uuid(99);
    formed.log_is_empty = false;
    step_message_of(&fixture, formed);

    step_message_of(&fixture, answer(&fixture, 2));
    step_after(&fixture, 5000);

    cr_assert_eq(fixture.out.role, RAFT_UNATTACHED);
    raft_close(fixture.raft);
}

Test(forming, forgets_no_answer_of_this_life_and_takes_none_of_another)
{
    struct fixture fixture = fixture_empty(3);
    step(&fixture, (struct raft_event){.kind = RAFT_TIMEOUT});
    struct raft_message stale = answer(&fixture, 3);
    stale.request_id = fixture.raft->round_first - 1;
    step_message_of(&fixture, stale);
    cr_assert_not_null(fixture.out.dropped);

    step_message_of(&fixture, answer(&fixture, 2));

    cr_assert_not(is_answered_by_all(fixture.raft));
    raft_close(fixture.raft);
}

Test(forming, grants_no_vote_before_everybody_has_answered)
{
    struct fixture fixture = fixture_empty(3);
    step(&fixture, (struct raft_event){.kind = RAFT_TIMEOUT});
    step_message_of(&fixture, answer(&fixture, 2));
    struct raft_message request = vote_request(2, 1, false);
    request.cluster_id = (struct uuid){{0}};
    request.to_directory = (struct uuid){{0}};
    request.last_epoch = -1;
    request.last_offset = 0;

    step_message_of(&fixture, request);

    cr_assert_not(sent(&fixture, RAFT_VOTE_REPLY)->granted);
    cr_assert_not(fixture.out.vote_changed);
    raft_close(fixture.raft);
}

Test(forming, grants_a_candidate_that_names_a_cluster_and_our_directory)
{
    struct fixture fixture = fixture_empty(3);
    step(&fixture, (struct raft_event){.kind = RAFT_TIMEOUT});

    step_message_of(&fixture, vote_request(2, 5, false));
    cr_assert(fixture.out.vote_changed);
    sync_vote(&fixture);

    cr_assert(sent(&fixture, RAFT_VOTE_REPLY)->granted);
    raft_close(fixture.raft);
}

Test(forming, refuses_a_candidate_that_means_the_disk_before_this_one)
{
    struct fixture fixture = fixture_empty(3);
    step(&fixture, (struct raft_event){.kind = RAFT_TIMEOUT});
    struct raft_message request = vote_request(2, 5, false);
    request.to_directory = test_uuid(42);

    step_message_of(&fixture, request);

    cr_assert_eq(sent(&fixture, RAFT_VOTE_REPLY)->error, ERR_INVALID_VOTER_KEY);
    cr_assert_eq(fixture.out.epoch, 0);
    raft_close(fixture.raft);
}

Test(forming, names_the_founders_by_the_directories_that_they_answered_with)
{
    struct fixture fixture = fixture_empty(3);
    step(&fixture, (struct raft_event){.kind = RAFT_TIMEOUT});
    win_pre_votes(&fixture);

    step_message_of(&fixture, vote_reply(&fixture, 3, false, true));

    cr_assert(fixture.out.epoch_opened);
    cr_assert(fixture.out.form);
    cr_assert_eq(fixture.out.voter_count, 3);
    cr_assert(uuid_equal(fixture.out.voters[2].directory, test_uuid(3)));
    cr_assert_not(uuid_is_zero(fixture.out.cluster_id));
    raft_close(fixture.raft);
}

Test(forming, gives_one_cluster_id_whoever_of_the_founders_leads)
{
    struct fixture one = fixture_empty(3);
    struct fixture other = fixture_empty(3);
    for (uint32_t i = 0; i < 3; i++) {
        one.raft->peers[i].voter = test_voter((node_id)i + 1);
        other.raft->peers[2 - i].voter = test_voter((node_id)i + 1);
    }

    struct uuid first = founders_cluster_id(one.raft);
    struct uuid second = founders_cluster_id(other.raft);

    cr_assert(uuid_equal(first, second));
    raft_close(one.raft);
    raft_close(other.raft);
}

Test(forming, alone_needs_no_answer)
{
    struct fixture fixture = fixture_empty(1);

    step(&fixture, (struct raft_event){.kind = RAFT_TIMEOUT});
    cr_assert_eq(fixture.out.role, RAFT_CANDIDATE);
    sync_vote(&fixture);

    cr_assert_eq(fixture.out.role, RAFT_LEADER);
    cr_assert(fixture.out.form);
    raft_close(fixture.raft);
}
