/* replica_follower.c -- what a follower asks for, and how it takes an answer. */
#include "replica_fixture.h"

/* A follows B in epoch 6; its log ends at `end`, all synced, last epoch 4. */
static void follow(struct fixture *f, log_offset end)
{
    fixture_open(f, end);
    f->record.leader = B;
    f->record.leader_epoch = 6;
    f->record.granted = 200;
    fixture_apply(f);
}

static struct replica_answer answer_to(struct fixture *f)
{
    struct replica_answer answer = {.high_watermark = -1,
                                    .log_start = 0,
                                    .diverging_epoch = -1,
                                    .diverging_end = -1,
                                    .first_base = -1};
    mono_ms at;
    cr_assert(replica_plan_fetch(f->replica, f->now, &answer.plan, &at));
    return answer;
}

static enum replica_next take(struct fixture *f, const struct replica_answer *answer,
                              log_offset *offset)
{
    *offset = -1;
    return replica_on_answer(f->replica, f->now, answer, offset, &f->out);
}

Test(replica_follower, fetches_from_the_end_of_its_log_with_its_last_epoch)
{
    struct fixture f;
    struct replica_plan plan;
    mono_ms at;
    follow(&f, 20);

    cr_assert(replica_plan_fetch(f.replica, f.now, &plan, &at));

    cr_assert_eq(plan.leader, B);
    cr_assert_eq(plan.leader_epoch, 6);
    cr_assert_eq(plan.offset, 20);
    cr_assert_eq(plan.last_epoch, 4);
    fixture_close(&f);
}

Test(replica_follower, does_not_fetch_what_it_leads_or_what_nobody_leads)
{
    struct fixture f;
    struct replica_plan plan;
    mono_ms at;
    fixture_lead(&f, 20, NODES(A, B, C));
    cr_assert_not(replica_plan_fetch(f.replica, f.now, &plan, &at));

    f.record.leader = -1;
    f.record.leader_epoch++;
    fixture_apply(&f);

    cr_assert_not(replica_plan_fetch(f.replica, f.now, &plan, &at));
    fixture_close(&f);
}

Test(replica_follower, does_not_fetch_before_its_last_answer_is_durable)
{
    struct fixture f;
    struct replica_plan plan;
    mono_ms at;
    follow(&f, 20);

    fixture_grow(&f, 20, 30);
    cr_assert_not(replica_plan_fetch(f.replica, f.now, &plan, &at));
    fixture_grow(&f, 30, 30);

    cr_assert(replica_plan_fetch(f.replica, f.now, &plan, &at));
    cr_assert_eq(plan.offset, 30);
    fixture_close(&f);
}

Test(replica_follower, rule_15_syncs_its_whole_log_before_it_fetches_in_a_stricter_class)
{
    struct fixture f;
    struct replica_plan plan;
    mono_ms at;
    follow(&f, 20);
    f.record.flush_each = false;
    fixture_apply(&f);
    fixture_grow(&f, 20, 30);
    cr_assert(replica_plan_fetch(f.replica, f.now, &plan, &at)); /* Page cache is enough. */

    f.record.flush_each = true;
    f.record.leader_epoch++;
    fixture_apply(&f);
    cr_assert_not(replica_plan_fetch(f.replica, f.now, &plan, &at));
    fixture_grow(&f, 30, 30);

    cr_assert(replica_plan_fetch(f.replica, f.now, &plan, &at));
    fixture_close(&f);
}

Test(replica_follower, takes_the_high_watermark_as_far_as_it_is_durable_itself)
{
    struct fixture f;
    log_offset offset;
    follow(&f, 20);
    struct replica_answer answer = answer_to(&f);
    answer.high_watermark = 28;
    answer.first_base = 20;
    answer.first_epoch = 4;
    answer.max_epoch = 6;

    cr_assert_eq(take(&f, &answer, &offset), REPLICA_APPEND);
    cr_assert_eq(fixture_high_watermark(&f), 20);
    fixture_grow(&f, 20, 30);
    cr_assert_eq(fixture_high_watermark(&f), 20);
    fixture_grow(&f, 30, 30);

    cr_assert(f.out.high_watermark_moved);
    cr_assert_eq(fixture_high_watermark(&f), 28);
    fixture_close(&f);
}

Test(replica_follower, an_empty_answer_brings_the_high_watermark_too)
{
    struct fixture f;
    log_offset offset;
    follow(&f, 20);
    struct replica_answer answer = answer_to(&f);
    answer.high_watermark = 19;

    cr_assert_eq(take(&f, &answer, &offset), REPLICA_IDLE);

    cr_assert_eq(fixture_high_watermark(&f), 19);
    fixture_close(&f);
}

Test(replica_follower, rule_6_takes_no_high_watermark_from_an_answer_that_says_diverging)
{
    struct fixture f;
    log_offset offset;
    follow(&f, 20);
    struct replica_answer answer = answer_to(&f);
    answer.high_watermark = 20;
    answer.diverging_epoch = 3;
    answer.diverging_end = 15;
    answer.own_epoch_end = 12;

    cr_assert_eq(take(&f, &answer, &offset), REPLICA_TRUNCATE);

    cr_assert_eq(offset, 12);
    cr_assert_eq(fixture_high_watermark(&f), 0);
    fixture_close(&f);
}

Test(replica_follower, truncates_to_the_lesser_end_of_the_epoch)
{
    struct fixture f;
    log_offset offset;
    follow(&f, 20);
    struct replica_answer answer = answer_to(&f);
    answer.diverging_epoch = 4;
    answer.diverging_end = 15;
    answer.own_epoch_end = 20;

    cr_assert_eq(take(&f, &answer, &offset), REPLICA_TRUNCATE);
    cr_assert_eq(offset, 15);
    fixture_grow(&f, 15, 15);

    cr_assert_eq(answer_to(&f).plan.offset, 15);
    fixture_close(&f);
}

Test(replica_follower, stops_rather_than_drop_what_it_knows_to_be_committed)
{
    struct fixture f;
    log_offset offset;
    follow(&f, 20);
    struct replica_answer answer = answer_to(&f);
    answer.high_watermark = 18;
    take(&f, &answer, &offset);
    answer = answer_to(&f);
    answer.diverging_epoch = 3;
    answer.diverging_end = 17;
    answer.own_epoch_end = 19;

    cr_assert_eq(take(&f, &answer, &offset), REPLICA_OFFLINE);
    cr_assert_eq(offset, 17);
    cr_assert_eq(fixture_high_watermark(&f), 18);
    fixture_grow(&f, 17, 17); /* Unclean elections are allowed here: the loss was recorded. */
    cr_assert_eq(fixture_high_watermark(&f), 17);
    fixture_close(&f);
}

Test(replica_follower, backs_off_when_a_divergence_would_cut_nothing)
{
    struct fixture f;
    struct replica_plan plan;
    log_offset offset;
    mono_ms at;
    follow(&f, 20);
    struct replica_answer answer = answer_to(&f);
    answer.diverging_epoch = 4;
    answer.diverging_end = 25;
    answer.own_epoch_end = 20;

    cr_assert_eq(take(&f, &answer, &offset), REPLICA_BACK_OFF);

    cr_assert_not(replica_plan_fetch(f.replica, f.now, &plan, &at));
    cr_assert_eq(at, f.now + BACKOFF);
    cr_assert(replica_plan_fetch(f.replica, f.now + BACKOFF, &plan, &at));
    fixture_close(&f);
}

Test(replica_follower, discards_an_answer_to_an_earlier_question)
{
    struct fixture f;
    log_offset offset;
    follow(&f, 20);
    struct replica_answer answer = answer_to(&f);
    answer.high_watermark = 20;
    answer.first_base = 20;
    answer.first_epoch = answer.max_epoch = 6;

    fixture_grow(&f, 22, 22);
    cr_assert_eq(take(&f, &answer, &offset), REPLICA_DISCARD);
    answer.plan.offset = 22;
    answer.plan.last_epoch = 3;
    cr_assert_eq(take(&f, &answer, &offset), REPLICA_DISCARD);
    answer = answer_to(&f);
    f.record.leader_epoch++;
    fixture_apply(&f);
    cr_assert_eq(take(&f, &answer, &offset), REPLICA_DISCARD);

    cr_assert_eq(fixture_high_watermark(&f), 0);
    fixture_close(&f);
}

Test(replica_follower, rule_19_refuses_batches_of_an_epoch_above_the_fetchs)
{
    struct fixture f;
    log_offset offset;
    follow(&f, 20);
    struct replica_answer answer = answer_to(&f);
    answer.high_watermark = 20;
    answer.first_base = 20;
    answer.first_epoch = 6;
    answer.max_epoch = 7;

    cr_assert_eq(take(&f, &answer, &offset), REPLICA_BACK_OFF);

    cr_assert_eq(fixture_high_watermark(&f), 0);
    fixture_close(&f);
}

Test(replica_follower, refuses_batches_that_overlap_its_log_or_whose_epoch_falls)
{
    struct fixture f;
    log_offset offset;
    follow(&f, 20);
    struct replica_answer answer = answer_to(&f);
    answer.first_base = 19;
    answer.first_epoch = answer.max_epoch = 6;

    cr_assert_eq(take(&f, &answer, &offset), REPLICA_BACK_OFF);
    answer.first_base = 20;
    answer.first_epoch = 3;
    cr_assert_eq(take(&f, &answer, &offset), REPLICA_BACK_OFF);
    answer.first_base = 25; /* A compacted log has gaps. */
    answer.first_epoch = 4;
    cr_assert_eq(take(&f, &answer, &offset), REPLICA_APPEND);
    fixture_close(&f);
}

Test(replica_follower, begins_anew_where_the_leaders_log_starts)
{
    struct fixture f;
    log_offset offset;
    follow(&f, 20);
    struct replica_answer answer = answer_to(&f);
    answer.err = ERR_OFFSET_OUT_OF_RANGE;
    answer.log_start = -1;

    cr_assert_eq(take(&f, &answer, &offset), REPLICA_ASK_START);
    answer.log_start = 50;
    cr_assert_eq(take(&f, &answer, &offset), REPLICA_RESTART);
    cr_assert_eq(offset, 50);
    f.log =
        (struct replica_log){.start = 50, .synced = 50, .written = 50, .end = 50, .last_epoch = -1};
    replica_on_log(f.replica, f.now, &f.log, &f.out);

    cr_assert_eq(fixture_high_watermark(&f), 50);
    cr_assert_eq(answer_to(&f).plan.offset, 50);
    fixture_close(&f);
}

Test(replica_follower, drops_nothing_on_an_out_of_range_that_contradicts_itself)
{
    struct fixture f;
    log_offset offset;
    follow(&f, 20);
    struct replica_answer answer = answer_to(&f);
    answer.err = ERR_OFFSET_OUT_OF_RANGE;
    answer.log_start = 10;

    cr_assert_eq(take(&f, &answer, &offset), REPLICA_BACK_OFF);
    fixture_close(&f);
}

Test(replica_follower, backs_off_from_a_leader_that_refuses_and_comes_at_once_to_the_next)
{
    struct fixture f;
    struct replica_plan plan;
    log_offset offset;
    mono_ms at;
    follow(&f, 20);
    struct replica_answer answer = answer_to(&f);
    answer.err = ERR_FENCED_LEADER_EPOCH;
    cr_assert_eq(take(&f, &answer, &offset), REPLICA_BACK_OFF);
    cr_assert_not(replica_plan_fetch(f.replica, f.now, &plan, &at));

    f.record.leader = C;
    f.record.leader_epoch++;
    fixture_apply(&f);

    cr_assert(replica_plan_fetch(f.replica, f.now, &plan, &at));
    cr_assert_eq(plan.leader, C);
    fixture_close(&f);
}

Test(replica_follower, forgets_in_a_new_epoch_what_the_last_leader_called_committed)
{
    struct fixture f;
    log_offset offset;
    follow(&f, 20);
    struct replica_answer answer = answer_to(&f);
    answer.high_watermark = 25;
    take(&f, &answer, &offset);
    cr_assert_eq(fixture_high_watermark(&f), 20);

    f.record.leader = C;
    f.record.leader_epoch++;
    fixture_apply(&f);
    fixture_grow(&f, 25, 25);

    cr_assert_eq(fixture_high_watermark(&f), 20);
    fixture_close(&f);
}

Test(replica_follower, starts_where_its_leader_does_once_it_knows_that_to_be_committed)
{
    struct fixture f;
    log_offset offset;
    follow(&f, 20);
    struct replica_answer answer = answer_to(&f);
    answer.log_start = 15;
    answer.high_watermark = 12;

    cr_assert_eq(take(&f, &answer, &offset), REPLICA_IDLE);
    cr_assert_eq(f.out.start, 12);
    f.log.start = 12;
    replica_on_log(f.replica, f.now, &f.log, &f.out);
    cr_assert_eq(f.out.start, -1);
    answer = answer_to(&f);
    answer.log_start = 15;
    answer.high_watermark = 18;
    take(&f, &answer, &offset);

    cr_assert_eq(f.out.start, 15);
    fixture_close(&f);
}

Test(replica_follower, takes_no_start_from_an_answer_that_does_not_match)
{
    struct fixture f;
    log_offset offset;
    follow(&f, 20);
    struct replica_answer answer = answer_to(&f);
    answer.log_start = 15;
    answer.high_watermark = 20;
    answer.diverging_epoch = 3;
    answer.diverging_end = 18;
    answer.own_epoch_end = 18;

    cr_assert_eq(take(&f, &answer, &offset), REPLICA_TRUNCATE);
    cr_assert_eq(f.out.start, -1);
    fixture_close(&f);
}

Test(replica_follower, forgets_the_start_of_a_leader_that_is_none_any_more)
{
    struct fixture f;
    log_offset offset;
    follow(&f, 20);
    struct replica_answer answer = answer_to(&f);
    answer.log_start = 15;
    answer.high_watermark = 12;
    take(&f, &answer, &offset);

    f.record.leader = C;
    f.record.leader_epoch++;
    fixture_apply(&f);
    answer = answer_to(&f);
    answer.high_watermark = 20;
    take(&f, &answer, &offset);

    cr_assert_eq(f.out.start, -1);
    fixture_close(&f);
}

Test(replica_follower, an_empty_log_takes_a_batch_that_begins_before_it)
{
    struct fixture f;
    log_offset offset;
    follow(&f, 20);
    f.log =
        (struct replica_log){.start = 50, .synced = 50, .written = 50, .end = 50, .last_epoch = -1};
    replica_on_log(f.replica, f.now, &f.log, &f.out);
    struct replica_answer answer = answer_to(&f);
    answer.first_base = 48;
    answer.first_epoch = answer.max_epoch = 5;

    cr_assert_eq(take(&f, &answer, &offset), REPLICA_APPEND);
    fixture_close(&f);
}
