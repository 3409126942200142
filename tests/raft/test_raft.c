/* test_raft.c -- src/raft/raft.c */
#include "fixture.h"

Test(raft, starts_unattached_even_if_it_led_before)
{
    struct raft_config config = test_config(3);
    struct raft_epoch_start epochs[] = {{.epoch = 2, .start = 0}};
    struct raft_log_state log = {.end = 3, .epoch_count = 1, .epochs = epochs};
    struct raft_vote vote = {.epoch = 2, .voted_for = 1, .voted_directory = test_uuid(1)};
    struct fixture fixture = {.now = 1000};
    cr_assert_eq(raft_open(&fixture.raft, &config, vote, &log), ERR_NONE);
    tell_voters(&fixture, 0, 3);

    step(&fixture, (struct raft_event){.kind = RAFT_TIMEOUT});

    cr_assert_neq(fixture.out.role, RAFT_LEADER);
    cr_assert_eq(fixture.out.high_watermark, 0);
    raft_close(fixture.raft);
}

Test(raft, refuses_a_vote_that_is_older_than_the_log)
{
    struct raft_config config = test_config(3);
    struct raft_epoch_start epochs[] = {{.epoch = 2, .start = 0}};
    struct raft_log_state log = {.end = 3, .epoch_count = 1, .epochs = epochs};
    struct raft_vote vote = {.epoch = 1, .voted_for = -1};
    struct raft *raft = NULL;

    enum err err = raft_open(&raft, &config, vote, &log);

    cr_assert_eq(err, ERR_CORRUPT);
    cr_assert_null(raft);
}

Test(raft, gives_the_same_output_for_the_same_events)
{
    struct fixture one = fixture_leader();
    struct fixture other = fixture_leader();

    step_after(&one, 5000);
    step_after(&other, 5000);

    cr_assert_eq(one.out.deadline, other.out.deadline);
    cr_assert_eq(one.out.send_count, other.out.send_count);
    cr_assert_eq(one.out.sends[0].request_id, other.out.sends[0].request_id);
    raft_close(one.raft);
    raft_close(other.raft);
}

Test(raft, drops_a_message_in_its_own_name)
{
    struct fixture fixture = fixture_formed();

    step_message_of(&fixture, vote_request(1, 9, false));

    cr_assert_not_null(fixture.out.dropped);
    cr_assert_eq(fixture.out.epoch, 2);
    raft_close(fixture.raft);
}

Test(raft, needs_no_step_before_its_deadline_as_an_idle_leader)
{
    struct fixture fixture = fixture_leader();
    sync_log(&fixture, 5);
    fetch(&fixture, test_fetch(2, 5, 3));
    fetch(&fixture, test_fetch(3, 5, 3));

    step_after(&fixture, fixture.out.deadline - fixture.now - 1);

    cr_assert_eq(fixture.out.send_count, 0);
    cr_assert_eq(fixture.out.role, RAFT_LEADER);
    raft_close(fixture.raft);
}

Test(raft, tells_clients_the_leader_and_its_epoch)
{
    struct fixture fixture = fixture_follower();
    log_epoch epoch;

    node_id leader = raft_leader(fixture.raft, &epoch);

    cr_assert_eq(leader, 2);
    cr_assert_eq(epoch, 3);
    raft_close(fixture.raft);
}
