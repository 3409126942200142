/* test_step_log.c -- src/raft/step_log.c */
#include "fixture.h"

Test(step_log, notes_where_a_new_epoch_begins)
{
    struct fixture fixture = fixture_leader();

    append(&fixture, 3, 9);

    cr_assert_eq(epochs_last(&fixture.raft->epochs), 3);
    cr_assert_eq(fixture.raft->epochs.items[2].start, 4);
    cr_assert_eq(fixture.raft->end, 9);
    raft_close(fixture.raft);
}

Test(step_log, refuses_a_falling_epoch_and_one_above_its_own)
{
    struct fixture falling = fixture_follower();
    struct fixture above = fixture_follower();

    append(&falling, 1, 6);
    append(&above, 4, 6);

    cr_assert_eq(falling.out.fault, ERR_CORRUPT);
    cr_assert_eq(above.out.fault, ERR_CORRUPT);
    raft_close(falling.raft);
    raft_close(above.raft);
}

Test(step_log, takes_no_sync_across_a_cut)
{
    struct fixture fixture = fixture_follower();
    struct raft_fetch_reply diverging = {
        .id = fixture.raft->fetch_id,
        .from = 2,
        .verdict = {
            .leader = 2, .epoch = 3, .diverging = true, .diverging_epoch = 1, .diverging_end = 2}};
    step(&fixture, (struct raft_event){.kind = RAFT_FETCH_REPLY, .fetch_reply = &diverging});
    cr_assert_eq(fixture.out.truncate_to, 2);

    sync_log(&fixture, 4);

    cr_assert_not_null(fixture.out.dropped);
    cr_assert_eq(fixture.raft->durable, 2);
    raft_close(fixture.raft);
}
