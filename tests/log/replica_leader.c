/* replica_leader.c -- what is committed, who is proposed, when a leader yields. */
#include "replica_fixture.h"

/* -- The high watermark. */

Test(replica_leader, the_high_watermark_is_the_least_durable_end_of_the_isr)
{
    struct fixture f;
    fixture_lead(&f, 0, NODES(A, B, C));
    fixture_grow(&f, 8, 10);

    fixture_fetch(&f, B, 10);
    cr_assert_not(f.out.high_watermark_moved);
    fixture_fetch(&f, C, 9);
    cr_assert(f.out.high_watermark_moved);
    cr_assert_eq(fixture_high_watermark(&f), 8); /* Its own disk is the slowest. */
    fixture_grow(&f, 10, 10);
    cr_assert_eq(fixture_high_watermark(&f), 9);
    fixture_close(&f);
}

Test(replica_leader, counts_what_is_written_where_the_class_is_page_cache)
{
    struct fixture f;
    fixture_open(&f, 0);
    f.record.flush_each = false;
    f.record.isr = NODES(A, B);
    fixture_apply(&f);
    fixture_grow(&f, 0, 10);

    fixture_fetch(&f, B, 10);

    cr_assert_eq(fixture_high_watermark(&f), 10);
    fixture_close(&f);
}

Test(replica_leader, never_lowers_the_high_watermark_for_a_member_that_restarted)
{
    struct fixture f;
    fixture_lead(&f, 0, NODES(A, B));
    fixture_grow(&f, 10, 10);
    fixture_fetch(&f, B, 10);

    f.epochs[B] = 201;
    fixture_fetch(&f, B, 3);

    cr_assert_eq(fixture_high_watermark(&f), 10);
    cr_assert_not(f.out.high_watermark_moved);
    fixture_close(&f);
}

Test(replica_leader, is_silent_about_the_high_watermark_until_the_start_of_its_epoch)
{
    struct fixture f;
    fixture_lead(&f, 20, NODES(A, B));

    fixture_fetch(&f, B, 19);
    cr_assert_eq(fixture_high_watermark(&f), 19);
    cr_assert_eq(replica_exported_high_watermark(f.replica), -1);
    fixture_fetch(&f, B, 20);
    cr_assert_eq(replica_exported_high_watermark(f.replica), 20);
    fixture_close(&f);
}

Test(replica_leader, rule_3_moves_nothing_while_the_committed_isr_is_below_min)
{
    struct fixture f;
    fixture_lead(&f, 10, NODES(A));
    f.record.elr = NODES(B);
    fixture_apply(&f);

    fixture_fetch(&f, C, 10); /* Proposed, and perhaps lost on the way. */
    cr_assert_eq(fixture_proposed(&f), 13);
    fixture_grow(&f, 20, 20);
    fixture_fetch(&f, C, 20);

    cr_assert_eq(fixture_high_watermark(&f), 0);
    cr_assert_eq(replica_may_append(f.replica, -1), ERR_NOT_ENOUGH_REPLICAS);
    cr_assert_eq(replica_may_append(f.replica, 1), ERR_NONE);
    f.record.isr = NODES(A, C);
    fixture_apply(&f);
    cr_assert_eq(fixture_high_watermark(&f), 20);
    cr_assert_eq(replica_may_append(f.replica, -1), ERR_NONE);
    fixture_close(&f);
}

Test(replica_leader, rule_5_takes_min_isr_from_the_record)
{
    struct fixture f;
    fixture_lead(&f, 10, NODES(A));
    cr_assert_eq(fixture_high_watermark(&f), 0);

    f.record.min_isr = 1;
    fixture_apply(&f);

    cr_assert_eq(fixture_high_watermark(&f), 10);
    fixture_close(&f);
}

Test(replica_leader, rule_6_counts_no_fetch_whose_last_epoch_did_not_match)
{
    struct fixture f;
    fixture_lead(&f, 15, NODES(A, B));
    struct replica_fetch fetch = {.node = B, .epoch = 200, .current = 5, .offset = 14};

    cr_assert_eq(replica_on_fetch(f.replica, f.now, &fetch, &f.out), ERR_NONE);
    cr_assert_eq(fixture_high_watermark(&f), 0);
    fetch.offset = 10;
    fetch.matched = true;
    replica_on_fetch(f.replica, f.now, &fetch, &f.out);
    cr_assert_eq(fixture_high_watermark(&f), 10);
    fixture_close(&f);
}

Test(replica_leader, counts_no_fetch_beyond_its_own_log)
{
    struct fixture f;
    fixture_lead(&f, 15, NODES(A, B));

    cr_assert_eq(fixture_fetch(&f, B, 16), ERR_NONE);

    cr_assert_eq(fixture_high_watermark(&f), 0);
    fixture_close(&f);
}

Test(replica_leader, forgets_in_a_new_epoch_what_followers_had_in_the_old_one)
{
    struct fixture f;
    fixture_lead(&f, 0, NODES(A, B));
    fixture_grow(&f, 5, 10);
    fixture_fetch(&f, B, 10);

    f.record.leader_epoch++;
    fixture_apply(&f);
    cr_assert_eq(f.out.turn, REPLICA_LEAD);
    fixture_grow(&f, 10, 10);

    cr_assert_eq(fixture_high_watermark(&f), 5);
    fixture_fetch(&f, B, 10);
    cr_assert_eq(fixture_high_watermark(&f), 10);
    fixture_close(&f);
}

/* -- Fetches that are refused. */

Test(replica_leader, refuses_fetches_of_other_epochs_strangers_and_replaced_incarnations)
{
    struct fixture f;
    fixture_lead(&f, 10, NODES(A, B, C));
    struct replica_fetch fetch = {.node = B, .epoch = 200, .current = 4, .matched = true};

    cr_assert_eq(replica_on_fetch(f.replica, f.now, &fetch, &f.out), ERR_FENCED_LEADER_EPOCH);
    fetch.current = 6;
    cr_assert_eq(replica_on_fetch(f.replica, f.now, &fetch, &f.out), ERR_UNKNOWN_LEADER_EPOCH);
    fetch.current = 5;
    fetch.epoch = 199;
    cr_assert_eq(replica_on_fetch(f.replica, f.now, &fetch, &f.out), ERR_STALE_BROKER_EPOCH);
    fetch.node = D;
    fetch.epoch = 400;
    cr_assert_eq(replica_on_fetch(f.replica, f.now, &fetch, &f.out), ERR_NOT_LEADER_OR_FOLLOWER);
    fixture_close(&f);
}

Test(replica_leader, a_late_fetch_of_a_former_incarnation_changes_nothing)
{
    struct fixture f;
    fixture_lead(&f, 10, NODES(A, B));
    f.epochs[B] = 201;
    fixture_fetch(&f, B, 5);
    struct replica_fetch late = {
        .node = B, .epoch = 200, .current = 5, .offset = 10, .matched = true};

    cr_assert_eq(replica_on_fetch(f.replica, f.now, &late, &f.out), ERR_STALE_BROKER_EPOCH);

    cr_assert_eq(fixture_high_watermark(&f), 5);
    fixture_close(&f);
}

/* -- Expanding the ISR. */

Test(replica_leader, proposes_a_replica_that_has_reached_the_high_watermark)
{
    struct fixture f;
    fixture_lead(&f, 0, NODES(A, B));
    fixture_grow(&f, 10, 10);
    fixture_fetch(&f, B, 10);

    fixture_fetch(&f, C, 9);
    cr_assert_not(f.out.propose);
    fixture_fetch(&f, C, 10);

    cr_assert_eq(fixture_proposed(&f), 123);
    cr_assert_eq(f.out.proposal.leader_epoch, 5);
    cr_assert_eq(f.out.proposal.partition_epoch, 11);
    cr_assert_eq(f.out.proposal.isr[0].epoch, 100);
    cr_assert_eq(f.out.proposal.isr[2].epoch, 300);
    fixture_close(&f);
}

Test(replica_leader, rule_3_proposes_nobody_before_the_start_of_its_epoch)
{
    struct fixture f;
    fixture_lead(&f, 20, NODES(A, B)); /* The high watermark it knows is 0. */

    fixture_fetch(&f, C, 19);
    cr_assert_not(f.out.propose);
    fixture_fetch(&f, C, 20);

    cr_assert_eq(fixture_proposed(&f), 123);
    fixture_close(&f);
}

Test(replica_leader, rule_3_a_former_member_too_must_reach_the_start_of_the_epoch)
{
    struct fixture f;
    fixture_lead(&f, 20, NODES(A, B, C));
    f.record.isr = NODES(A, B); /* C was fenced for a moment; its lag is within the limit. */
    fixture_apply(&f);

    fixture_fetch(&f, C, 19);
    cr_assert_not(f.out.propose);
    fixture_fetch(&f, C, 20);

    cr_assert_eq(fixture_proposed(&f), 123);
    fixture_close(&f);
}

Test(replica_leader, proposes_nobody_who_is_fenced_or_whose_incarnation_is_not_known_yet)
{
    struct fixture f;
    fixture_lead(&f, 10, NODES(A, B));
    struct replica_fetch newer = {
        .node = C, .epoch = 301, .current = 5, .offset = 10, .matched = true};

    replica_on_fetch(f.replica, f.now, &newer, &f.out);
    cr_assert_not(f.out.propose);
    f.epochs[C] = -1;
    fixture_tick(&f, 0);
    cr_assert_not(f.out.propose);
    f.epochs[C] = 301;
    fixture_tick(&f, 0);

    cr_assert_eq(fixture_proposed(&f), 123);
    fixture_close(&f);
}

Test(replica_leader, has_one_proposal_in_flight)
{
    struct fixture f;
    fixture_lead(&f, 10, NODES(A));
    f.record.min_isr = 1;
    fixture_apply(&f);

    fixture_fetch(&f, B, 10);
    cr_assert_eq(fixture_proposed(&f), 12);
    fixture_fetch(&f, C, 10);
    cr_assert_not(f.out.propose);
    f.record.isr = NODES(A, B);
    fixture_apply(&f);

    cr_assert_eq(fixture_proposed(&f), 123);
    cr_assert_eq(f.out.proposal.partition_epoch, f.record.partition_epoch);
    fixture_close(&f);
}

Test(replica_leader, a_joining_replica_that_keeps_up_is_not_run_away_from)
{
    struct fixture f;
    fixture_open(&f, 10);
    f.record.replicas = NODES(A, B, C, D);
    f.record.isr = NODES(A, B);
    fixture_apply(&f);
    fixture_fetch(&f, D, 10);
    cr_assert_eq(fixture_proposed(&f), 124);
    fixture_fetch(&f, C, 10); /* Must wait for the answer to D's proposal. */

    fixture_grow(&f, 20, 20);
    fixture_fetch(&f, B, 20);
    fixture_fetch(&f, D, 20);
    cr_assert_eq(fixture_high_watermark(&f), 10);
    cr_assert_eq(f.out.deadline, f.now + LAG + 1);
    fixture_tick(&f, LAG + 1);

    cr_assert_eq(fixture_high_watermark(&f), 20); /* It doesn't keep up. */
    fixture_close(&f);
}

/* -- Rule 4: a proposed addition counts until a newer record. */

static void propose_c_and_hear_an_error(struct fixture *f)
{
    fixture_lead(f, 0, NODES(A, B));
    fixture_fetch(f, B, 0);
    fixture_fetch(f, C, 0);
    cr_assert_eq(fixture_proposed(f), 123);
    fixture_altered(f, ERR_NETWORK_EXCEPTION);
    fixture_grow(f, 10, 10);
    fixture_fetch(f, B, 10);
}

Test(replica_leader, rule_4_a_proposed_addition_counts_although_an_error_came_back)
{
    struct fixture f;
    propose_c_and_hear_an_error(&f);

    cr_assert_eq(fixture_high_watermark(&f), 0); /* The next controller may commit +C. */
    f.record.isr = NODES(A, B, C);
    fixture_apply(&f);
    cr_assert_eq(fixture_high_watermark(&f), 0);
    fixture_fetch(&f, C, 10);
    cr_assert_eq(fixture_high_watermark(&f), 10);
    fixture_close(&f);
}

Test(replica_leader, rule_4_a_record_with_a_higher_partition_epoch_ends_the_proposal)
{
    struct fixture f;
    propose_c_and_hear_an_error(&f);

    f.epochs[C] = -1; /* The record says that C was fenced. */
    fixture_apply(&f);

    cr_assert_eq(fixture_high_watermark(&f), 10);
    fixture_close(&f);
}

Test(replica_leader, rule_4_a_replayed_record_does_not_end_the_proposal)
{
    struct fixture f;
    propose_c_and_hear_an_error(&f);

    f.epochs[C] = -1;
    replica_apply(f.replica, f.now, &f.record, 100, &f.out);

    cr_assert_eq(fixture_high_watermark(&f), 0);
    fixture_close(&f);
}

Test(replica_leader, rule_4_withdraws_a_proposal_by_a_proposal)
{
    struct fixture f;
    propose_c_and_hear_an_error(&f);
    f.epochs[C] = -1; /* C died. */

    fixture_tick(&f, BACKOFF - 1);
    cr_assert_not(f.out.propose);
    cr_assert_eq(f.out.deadline, f.now + 1);
    fixture_tick(&f, 1);

    cr_assert_eq(fixture_proposed(&f), 12); /* The committed ISR, to bump its epoch. */
    cr_assert_eq(fixture_high_watermark(&f), 0);
    fixture_altered(&f, ERR_NONE);
    cr_assert_eq(fixture_high_watermark(&f), 0); /* Not by a reply (rule 5). */
    fixture_apply(&f);
    cr_assert_eq(fixture_high_watermark(&f), 10);
    fixture_close(&f);
}

Test(replica_leader, rule_4_retries_with_the_same_partition_epoch_and_remembers_all_it_asked_for)
{
    struct fixture f;
    fixture_open(&f, 0);
    f.record.replicas = NODES(A, B, C, D);
    f.record.isr = NODES(A, B);
    fixture_apply(&f);
    fixture_fetch(&f, C, 0);
    cr_assert_eq(fixture_proposed(&f), 123);
    fixture_altered(&f, ERR_REQUEST_TIMED_OUT);
    f.epochs[C] = -1;
    fixture_fetch(&f, D, 0);
    fixture_tick(&f, BACKOFF);
    cr_assert_eq(fixture_proposed(&f), 124);
    cr_assert_eq(f.out.proposal.partition_epoch, 11);

    struct replica_nodes maximal;
    replica_maximal_isr(f.replica, &maximal);

    cr_assert_eq(maximal.count, 4); /* Either request may have been taken. */
    fixture_close(&f);
}

Test(replica_leader, an_answer_to_an_older_proposal_is_ignored)
{
    struct fixture f;
    fixture_lead(&f, 0, NODES(A, B));
    fixture_fetch(&f, C, 0);
    fixture_apply(&f); /* Refused by a newer record; proposed again at once. */
    cr_assert_eq(fixture_proposed(&f), 123);

    replica_on_altered(f.replica, f.now, 11, ERR_INVALID_UPDATE_VERSION, &f.out);
    fixture_tick(&f, BACKOFF);

    cr_assert_not(f.out.propose); /* The second one is still out. */
    fixture_close(&f);
}

Test(replica_leader, asks_again_when_an_accepted_proposal_leads_to_no_record)
{
    struct fixture f;
    fixture_lead(&f, 0, NODES(A, B));
    fixture_fetch(&f, C, 0);
    fixture_altered(&f, ERR_NONE);

    fixture_tick(&f, LAG - 1);
    cr_assert_not(f.out.propose);
    fixture_fetch(&f, B, 0);
    fixture_fetch(&f, C, 0);
    fixture_tick(&f, 1);

    cr_assert_eq(fixture_proposed(&f), 123);
    fixture_close(&f);
}

/* -- Shrinking the ISR. */

Test(replica_leader, drops_a_member_that_has_not_caught_up_for_the_lag_time)
{
    struct fixture f;
    fixture_lead(&f, 0, NODES(A, B, C));
    fixture_grow(&f, 10, 10);
    fixture_fetch(&f, B, 10);
    cr_assert_eq(f.out.deadline, 1000 + LAG + 1);

    fixture_tick(&f, LAG);
    cr_assert_not(f.out.propose);
    fixture_fetch(&f, B, 10);
    fixture_tick(&f, 1);

    cr_assert_eq(fixture_proposed(&f), 12);
    cr_assert_eq(fixture_high_watermark(&f), 0); /* A removal counts only when committed. */
    f.record.isr = NODES(A, B);
    fixture_apply(&f);
    cr_assert_eq(fixture_high_watermark(&f), 10);
    fixture_close(&f);
}

Test(replica_leader, a_member_is_judged_by_what_it_has_durably_not_by_its_calls)
{
    struct fixture f;
    fixture_lead(&f, 0, NODES(A, B, C));
    fixture_grow(&f, 10, 10);
    fixture_fetch(&f, B, 10);

    for (int i = 0; i < 4; i++) { /* C comes each second, but its disk hangs. */
        fixture_tick(&f, 1000);
        fixture_fetch(&f, B, 10);
        if (i < 3)
            fixture_fetch(&f, C, 2);
    }

    cr_assert_eq(replica_partition(f.replica)->isr.count, 3);
    fixture_altered(&f, ERR_REQUEST_TIMED_OUT);
    fixture_tick(&f, BACKOFF);
    cr_assert_eq(fixture_proposed(&f), 12);
    fixture_close(&f);
}

Test(replica_leader, a_member_is_caught_up_when_it_has_what_there_was_at_its_last_fetch)
{
    struct fixture f;
    uint32_t proposals = 0;
    fixture_lead(&f, 0, NODES(A, B));
    fixture_fetch(&f, B, 0);

    for (log_offset end = 10; end < 100; end += 10) { /* Always one second behind. */
        fixture_grow(&f, end, end);
        fixture_tick(&f, 1000);
        fixture_fetch(&f, B, end - 10);
        proposals += f.out.propose;
    }

    cr_assert_eq(proposals, 0);
    fixture_close(&f);
}

Test(replica_leader, keeps_a_silent_member_while_there_is_nothing_to_fetch)
{
    struct fixture f;
    fixture_lead(&f, 10, NODES(A, B));
    fixture_fetch(&f, B, 10);

    fixture_tick(&f, 100 * LAG);

    cr_assert_not(f.out.propose);
    cr_assert_eq(f.out.deadline, MONO_NEVER);
    fixture_close(&f);
}

/* KIP-227: what a follower does not mention is as it was. */
Test(replica_leader, keeps_a_member_that_comes_without_naming_what_it_has)
{
    struct fixture f;
    fixture_lead(&f, 10, NODES(A, B));
    fixture_fetch(&f, B, 10);
    fixture_tick(&f, 100 * LAG);
    f.heard[B] = f.now - 400;

    fixture_grow(&f, 20, 20);
    cr_assert_not(f.out.propose);
    cr_assert_eq(f.out.deadline, f.now - 400 + LAG + 1);
    f.heard[B] = f.now + 100; /* That it comes is not enough from now on. */
    fixture_tick(&f, LAG);

    cr_assert_eq(fixture_proposed(&f), 1);
    fixture_close(&f);
}

Test(replica_leader, drops_a_member_that_never_came_in_this_epoch)
{
    struct fixture f;
    fixture_lead(&f, 0, NODES(A, B, C));
    fixture_fetch(&f, B, 0);

    fixture_tick(&f, LAG + 1);

    cr_assert_eq(fixture_proposed(&f), 12);
    fixture_close(&f);
}

Test(replica_leader, does_not_propose_what_it_would_drop_at_once)
{
    struct fixture f;
    fixture_lead(&f, 0, NODES(A, B)); /* Nothing is committed: C is past the high watermark ... */
    fixture_grow(&f, 10, 10);

    fixture_fetch(&f, C, 2); /* ... but far behind. */

    cr_assert_not(f.out.propose);
    fixture_close(&f);
}

/* -- Sessions and yielding. */

Test(replica_leader, rule_23_resumes_in_the_same_epoch_when_heartbeats_are_accepted_again)
{
    struct fixture f;
    fixture_lead(&f, 10, NODES(A, B));
    fixture_fetch(&f, B, 5);

    replica_on_session(f.replica, f.now, false, &f.out);
    fixture_grow(&f, 12, 12);
    cr_assert_eq(replica_may_append(f.replica, 1), ERR_NOT_LEADER_OR_FOLLOWER);
    cr_assert_eq(fixture_fetch(&f, B, 10), ERR_NOT_LEADER_OR_FOLLOWER);
    cr_assert_eq(fixture_high_watermark(&f), 5);
    f.now += 2 * LAG;
    replica_on_session(f.replica, f.now, true, &f.out);

    cr_assert_not(f.out.propose); /* B isn't blamed for fetches that we refused. */
    cr_assert_eq(replica_may_append(f.replica, -1), ERR_NONE);
    cr_assert_eq(fixture_fetch(&f, B, 12), ERR_NONE);
    cr_assert_eq(fixture_high_watermark(&f), 12);
    fixture_close(&f);
}

Test(replica_leader, rule_29_asks_to_be_replaced_when_its_disk_hangs)
{
    struct fixture f;
    fixture_lead(&f, 0, NODES(A, B));
    fixture_grow(&f, 0, 10);
    fixture_fetch(&f, B, 10);

    fixture_tick(&f, LAG);
    cr_assert_eq(f.out.yield, REPLICA_KEEP);
    fixture_fetch(&f, B, 10);
    fixture_tick(&f, 1);

    cr_assert_eq(f.out.yield, REPLICA_YIELD_STALLED);
    cr_assert_eq(replica_may_append(f.replica, 1), ERR_NOT_LEADER_OR_FOLLOWER);
    fixture_close(&f);
}

Test(replica_leader, rule_29_a_busy_disk_that_keeps_up_is_no_stall)
{
    struct fixture f;
    uint32_t yields = 0;
    fixture_lead(&f, 0, NODES(A));
    f.record.min_isr = 1;
    fixture_apply(&f);

    for (log_offset end = 10; end < 200; end += 10) { /* Never clean, always a second behind. */
        fixture_grow(&f, end - 10, end);
        fixture_tick(&f, 1000);
        yields += f.out.yield != REPLICA_KEEP;
    }

    cr_assert_eq(yields, 0);
    fixture_close(&f);
}

Test(replica_leader, rule_29_goes_on_when_nobody_replaced_it_and_the_disk_recovers)
{
    struct fixture f;
    fixture_lead(&f, 0, NODES(A));
    f.record.min_isr = 1;
    fixture_apply(&f);
    fixture_grow(&f, 0, 10);
    fixture_tick(&f, LAG + 1);
    cr_assert_eq(f.out.yield, REPLICA_YIELD_STALLED);
    cr_assert_eq(f.out.deadline, f.now + LAG); /* To ask again. */

    fixture_grow(&f, 10, 10);

    cr_assert_eq(f.out.yield, REPLICA_KEEP);
    cr_assert_eq(replica_may_append(f.replica, -1), ERR_NONE);
    cr_assert_eq(fixture_high_watermark(&f), 10);
    fixture_close(&f);
}

Test(replica_leader, gives_leadership_away_when_it_is_cut_off_from_its_followers)
{
    struct fixture f;
    fixture_lead(&f, 10, NODES(A));
    f.record.elr = NODES(B);
    fixture_apply(&f);
    cr_assert_eq(f.out.deadline, f.now + LAG + 1);

    fixture_tick(&f, LAG);
    cr_assert_eq(f.out.yield, REPLICA_KEEP);
    fixture_tick(&f, 1);

    cr_assert_eq(f.out.yield, REPLICA_YIELD_CUT_OFF);
    fixture_close(&f);
}

Test(replica_leader, keeps_leadership_below_min_while_a_follower_is_catching_up)
{
    struct fixture f;
    fixture_lead(&f, 10, NODES(A));
    f.record.elr = NODES(B);
    fixture_apply(&f);

    fixture_tick(&f, LAG);
    fixture_fetch(&f, B, 3);
    fixture_tick(&f, 1);

    cr_assert_eq(f.out.yield, REPLICA_KEEP);
    fixture_close(&f);
}

Test(replica_leader, keeps_leadership_below_min_while_a_follower_comes_without_naming_it)
{
    struct fixture f;
    fixture_lead(&f, 10, NODES(A));
    f.record.elr = NODES(B);
    fixture_apply(&f);

    f.heard[B] = f.now + LAG;
    fixture_tick(&f, LAG + 1);
    cr_assert_eq(f.out.yield, REPLICA_KEEP);
    fixture_tick(&f, LAG);

    cr_assert_eq(f.out.yield, REPLICA_YIELD_CUT_OFF);
    fixture_close(&f);
}

Test(replica_leader, keeps_leadership_when_nobody_else_has_all_that_is_committed)
{
    struct fixture f;
    fixture_lead(&f, 10, NODES(A));
    f.record.elr = NODES(B);
    f.epochs[B] = -1;
    fixture_apply(&f);

    fixture_tick(&f, LAG + 1);

    cr_assert_eq(f.out.yield, REPLICA_KEEP);
    fixture_close(&f);
}

static void fetch_from(struct fixture *f, node_id node, log_offset offset, log_offset start)
{
    struct replica_fetch fetch = {.node = node,
                                  .epoch = f->epochs[node],
                                  .current = f->record.leader_epoch,
                                  .offset = offset,
                                  .start = start,
                                  .matched = true};
    cr_assert_eq(replica_on_fetch(f->replica, f->now, &fetch, &f->out), ERR_NONE);
}

Test(replica_leader, has_the_low_watermark_of_all_replicas_that_live)
{
    struct fixture f;
    fixture_lead(&f, 10, NODES(A, B, C));
    fetch_from(&f, B, 10, 0);
    cr_assert_eq(f.out.low_watermark, -1); /* C has not told. */
    fetch_from(&f, C, 10, 0);
    cr_assert_eq(f.out.low_watermark, 0);

    f.log.start = 7;
    f.log.start_synced = 6;
    fixture_grow(&f, 10, 10);
    fetch_from(&f, B, 10, 7);
    cr_assert_eq(f.out.low_watermark, 0);
    f.epochs[C] = -1;
    fixture_tick(&f, 1);

    cr_assert_eq(f.out.low_watermark, 6);
    f.log.start_synced = 7;
    fixture_grow(&f, 10, 10);
    cr_assert_eq(f.out.low_watermark, 7);
    fixture_close(&f);
}

Test(replica_leader, counts_the_start_of_an_incarnation_and_not_of_its_last)
{
    struct fixture f;
    fixture_lead(&f, 10, NODES(A, B));
    f.epochs[C] = -1;
    fetch_from(&f, B, 10, 0);
    cr_assert_eq(f.out.low_watermark, 0);

    f.epochs[B] = 201;
    fixture_tick(&f, 1);
    struct replica_fetch behind = {
        .node = B, .epoch = 201, .current = 5, .offset = 4, .start = 0, .matched = false};
    replica_on_fetch(f.replica, f.now, &behind, &f.out);

    cr_assert_eq(f.out.low_watermark, -1);
    fixture_close(&f);
}
