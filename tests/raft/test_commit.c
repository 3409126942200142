/* test_commit.c -- src/raft/commit.c */
#include "fixture.h"

Test(commit, waits_for_a_record_of_the_own_epoch)
{
    struct fixture fixture = fixture_leader();

    fetch(&fixture, test_fetch(2, 4, 2)); /* Holds all of epochs 1 and 2, as we do. */

    cr_assert_eq(fixture.out.high_watermark, 0);
    raft_close(fixture.raft);
}

Test(commit, counts_a_majority_of_synced_ends)
{
    struct fixture fixture = fixture_leader();
    sync_log(&fixture, 5);
    cr_assert_eq(fixture.out.high_watermark, 0);

    fetch(&fixture, test_fetch(2, 5, 3));

    cr_assert_eq(fixture.out.high_watermark, 5);
    raft_close(fixture.raft);
}

Test(commit, never_passes_the_leaders_own_disk)
{
    struct fixture fixture = fixture_leader();
    fetch(&fixture, test_fetch(2, 5, 3));
    fetch(&fixture, test_fetch(3, 5, 3));
    cr_assert_eq(fixture.out.high_watermark, 0);

    sync_log(&fixture, 5);

    cr_assert_eq(fixture.out.high_watermark, 5);
    raft_close(fixture.raft);
}

Test(commit, follows_the_leaders_word_only_as_far_as_the_own_disk)
{
    struct fixture fixture = fixture_follower();
    struct raft_fetch_reply reply = {.id = fixture.raft->fetch_id,
                                     .from = 2,
                                     .has_records = true,
                                     .verdict = {.leader = 2, .epoch = 3, .high_watermark = 6}};

    step(&fixture, (struct raft_event){.kind = RAFT_FETCH_REPLY, .fetch_reply = &reply});
    append(&fixture, 3, 6);
    cr_assert_eq(fixture.out.high_watermark, 4);
    sync_log(&fixture, 6);

    cr_assert_eq(fixture.out.high_watermark, 6);
    raft_close(fixture.raft);
}

Test(commit, ends_leadership_when_a_majority_is_silent_for_the_fetch_timeout)
{
    struct fixture fixture = fixture_leader();
    sync_log(&fixture, 5);
    step_after(&fixture, 600);
    fetch(&fixture, test_fetch(3, 5, 3));
    step_after(&fixture, 999);
    cr_assert_eq(fixture.out.role, RAFT_LEADER);

    step_after(&fixture, 1);

    cr_assert_eq(fixture.out.role, RAFT_RESIGNED);
    raft_close(fixture.raft);
}

Test(commit, ends_leadership_when_the_own_disk_stalls)
{
    struct fixture fixture = fixture_leader();
    for (int i = 0; i < 4; i++) {
        fixture.now += 499;
        fetch(&fixture, test_fetch(2, 5, 3));
    }
    cr_assert_eq(fixture.out.role, RAFT_LEADER);

    step_after(&fixture, 4); /* 2000 ms since the append. */

    cr_assert_eq(fixture.out.role, RAFT_RESIGNED);
    raft_close(fixture.raft);
}
