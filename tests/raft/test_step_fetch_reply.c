/* test_step_fetch_reply.c -- src/raft/step_fetch_reply.c; rule 6, R8. */
#include "fixture.h"

static struct raft_out *reply(struct fixture *fixture, struct raft_fetch_verdict verdict,
                              bool has_records)
{
    struct raft_fetch_reply reply = {
        .id = fixture->raft->fetch_id, .from = 2, .has_records = has_records, .verdict = verdict};

    return step(fixture, (struct raft_event){.kind = RAFT_FETCH_REPLY, .fetch_reply = &reply});
}

static const struct raft_fetch_verdict good = {.leader = 2, .epoch = 3, .high_watermark = 4};

Test(step_fetch_reply, fetches_again_at_once_after_an_empty_answer)
{
    struct fixture fixture = fixture_follower();
    uint64_t first = fixture.raft->fetch_id;

    reply(&fixture, good, false);

    cr_assert(fixture.out.fetch_due);
    cr_assert_eq(fixture.out.fetch.id, first + 1);
    cr_assert_eq(fixture.out.high_watermark, 4);
    raft_close(fixture.raft);
}

Test(step_fetch_reply, fetches_on_only_when_what_came_is_durable)
{
    struct fixture fixture = fixture_follower();
    reply(&fixture, good, true);
    cr_assert(fixture.out.records_wanted);
    cr_assert_not(fixture.out.fetch_due);
    append(&fixture, 3, 6);
    cr_assert_not(fixture.out.fetch_due);

    sync_log(&fixture, 6);

    cr_assert(fixture.out.fetch_due);
    cr_assert_eq(fixture.out.fetch.offset, 6);
    cr_assert_eq(fixture.out.fetch.last_epoch, 3);
    raft_close(fixture.raft);
}

Test(step_fetch_reply, wants_no_records_of_a_late_reply)
{
    struct fixture fixture = fixture_follower();
    struct raft_fetch_reply late = {
        .id = fixture.raft->fetch_id - 1, .from = 2, .has_records = true, .verdict = good};

    step(&fixture, (struct raft_event){.kind = RAFT_FETCH_REPLY, .fetch_reply = &late});

    cr_assert_not(fixture.out.records_wanted);
    cr_assert_not_null(fixture.out.dropped);
    raft_close(fixture.raft);
}

Test(step_fetch_reply, cuts_its_log_where_both_histories_part)
{
    struct fixture fixture = fixture_follower();
    struct raft_fetch_verdict verdict = {.leader = 2,
                                         .epoch = 3,
                                         .diverging = true,
                                         .diverging_epoch = 2,
                                         .diverging_end = 3,
                                         .high_watermark = 3};

    reply(&fixture, verdict, false);
    cr_assert_eq(fixture.out.truncate_to, 3);
    cr_assert_eq(fixture.out.high_watermark, 0); /* Not taken: our history did not match. */
    cr_assert_not(fixture.out.fetch_due);
    step(&fixture, (struct raft_event){.kind = RAFT_LOG_TRUNCATED, .offset = 3});

    cr_assert(fixture.out.fetch_due);
    cr_assert_eq(fixture.out.fetch.offset, 3);
    cr_assert_eq(fixture.out.fetch.last_epoch, 2);
    raft_close(fixture.raft);
}

Test(step_fetch_reply, cuts_a_whole_epoch_that_the_leader_never_had)
{
    struct fixture fixture = fixture_follower();
    struct raft_fetch_verdict verdict = {.leader = 2,
                                         .epoch = 3,
                                         .diverging = true,
                                         .diverging_epoch = 1,
                                         .diverging_end = 5,
                                         .high_watermark = 0};

    reply(&fixture, verdict, false);

    cr_assert_eq(fixture.out.truncate_to, 2);
    raft_close(fixture.raft);
}

Test(step_fetch_reply, stops_the_node_before_committed_records_are_cut)
{
    struct fixture fixture = fixture_follower();
    reply(&fixture, good, false);
    cr_assert_eq(fixture.out.high_watermark, 4);
    struct raft_fetch_verdict verdict = {.leader = 2,
                                         .epoch = 3,
                                         .diverging = true,
                                         .diverging_epoch = 2,
                                         .diverging_end = 3,
                                         .high_watermark = 3};

    reply(&fixture, verdict, false);

    cr_assert_eq(fixture.out.fault, ERR_DATA_LOSS);
    raft_close(fixture.raft);
}

Test(step_fetch_reply, stands_when_its_leader_says_that_it_does_not_lead)
{
    struct fixture fixture = fixture_follower();
    struct raft_fetch_verdict verdict = {
        .error = ERR_NOT_LEADER_OR_FOLLOWER, .leader = -1, .epoch = 3, .high_watermark = -1};

    reply(&fixture, verdict, false);

    cr_assert_eq(fixture.out.role, RAFT_PROSPECTIVE);
    raft_close(fixture.raft);
}

Test(step_fetch_reply, follows_a_newer_leader_that_an_error_names)
{
    struct fixture fixture = fixture_follower();
    struct raft_fetch_verdict verdict = {
        .error = ERR_FENCED_LEADER_EPOCH, .leader = 3, .epoch = 5, .high_watermark = -1};

    reply(&fixture, verdict, false);
    cr_assert_eq(fixture.out.leader, 3);
    cr_assert(fixture.out.vote_changed);
    sync_vote(&fixture);

    cr_assert(fixture.out.fetch_due);
    cr_assert_eq(fixture.out.fetch.to, 3);
    cr_assert_eq(fixture.out.fetch.epoch, 5);
    raft_close(fixture.raft);
}

Test(step_fetch_reply, tries_again_after_a_failure_but_not_at_once)
{
    struct fixture fixture = fixture_follower();
    step(&fixture,
         (struct raft_event){.kind = RAFT_FETCH_FAILED, .fetch_id = fixture.raft->fetch_id});
    cr_assert_not(fixture.out.fetch_due);

    step_after(&fixture, RAFT_RETRY_MIN_MS);

    cr_assert(fixture.out.fetch_due);
    raft_close(fixture.raft);
}

Test(step_fetch_reply, gives_up_a_fetch_that_nobody_answers)
{
    struct fixture fixture = fixture_follower();
    uint64_t first = fixture.raft->fetch_id;
    fixture.now += 900;
    step_message_of(&fixture, begin_request(2, 3)); /* The leader is still heard. */

    step_after(&fixture, 100);

    cr_assert(fixture.out.fetch_due);
    cr_assert_gt(fixture.out.fetch.id, first);
    raft_close(fixture.raft);
}

Test(step_fetch_reply, gives_up_records_that_were_never_appended)
{
    struct fixture fixture = fixture_follower();
    reply(&fixture, good, true);
    cr_assert_not(fixture.out.fetch_due);
    fixture.now += 900;
    step_message_of(&fixture, begin_request(2, 3));

    step_after(&fixture, 100);

    cr_assert(fixture.out.fetch_due);
    raft_close(fixture.raft);
}
