/* replica.c -- roles, records, and what every role has in common. */
#include "replica_fixture.h"

Test(replica, leads_in_an_epoch_that_was_granted_to_it)
{
    struct fixture f;
    fixture_open(&f, 20);

    fixture_apply(&f);

    cr_assert_eq(f.out.turn, REPLICA_LEAD);
    cr_assert_eq(replica_role(f.replica), REPLICA_LEADER);
    cr_assert_eq(replica_epoch_start(f.replica), 20);
    fixture_close(&f);
}

Test(replica, rule_1_does_not_lead_in_an_epoch_of_its_former_incarnation)
{
    struct fixture f;
    fixture_open(&f, 20);
    f.record.granted = 99;

    fixture_apply(&f);

    cr_assert_eq(replica_role(f.replica), REPLICA_FOLLOWER);
    cr_assert_eq(replica_may_append(f.replica, 1), ERR_NOT_LEADER_OR_FOLLOWER);
    f.record.granted = 100; /* The registration bumped the leader epoch. */
    f.record.leader_epoch++;
    fixture_apply(&f);
    cr_assert_eq(f.out.turn, REPLICA_LEAD);
    fixture_close(&f);
}

Test(replica, does_not_lead_before_it_has_a_broker_epoch)
{
    struct fixture f;
    fixture_open(&f, 20);
    f.record.granted = -1;
    f.epochs[A] = -1;

    fixture_apply(&f);

    cr_assert_eq(replica_role(f.replica), REPLICA_FOLLOWER);
    fixture_close(&f);
}

Test(replica, takes_no_record_twice_and_none_that_is_older)
{
    struct fixture f;
    fixture_lead(&f, 0, NODES(A, B, C));
    struct replica_partition older = f.record;
    older.isr = NODES(A);
    older.partition_epoch--;

    replica_apply(f.replica, f.now, &older, 100, &f.out);

    cr_assert_eq(f.out.turn, REPLICA_STAY);
    cr_assert_eq(replica_partition(f.replica)->isr.count, 3);
    fixture_close(&f);
}

Test(replica, follows_when_another_leads_and_leaves_when_it_is_no_replica)
{
    struct fixture f;
    fixture_lead(&f, 0, NODES(A, B, C));

    f.record.leader = B;
    f.record.leader_epoch++;
    fixture_apply(&f);
    cr_assert_eq(f.out.turn, REPLICA_FOLLOW);
    cr_assert_eq(replica_check_leader(f.replica, -1), ERR_NOT_LEADER_OR_FOLLOWER);

    f.record.replicas = NODES(B, C);
    f.record.isr = NODES(B, C);
    fixture_apply(&f);
    cr_assert_eq(f.out.turn, REPLICA_LEAVE);
    cr_assert_eq(replica_role(f.replica), REPLICA_NONE);
    fixture_close(&f);
}

Test(replica, a_change_of_the_isr_is_no_change_of_the_role)
{
    struct fixture f;
    fixture_lead(&f, 20, NODES(A, B, C));
    fixture_grow(&f, 30, 30);

    f.record.isr = NODES(A, B);
    fixture_apply(&f);

    cr_assert_eq(f.out.turn, REPLICA_STAY);
    cr_assert_eq(replica_epoch_start(f.replica), 20);
    fixture_close(&f);
}

Test(replica, leader_epochs_fence_both_ways)
{
    struct fixture f;
    fixture_lead(&f, 0, NODES(A, B, C));

    cr_assert_eq(replica_check_leader(f.replica, 4), ERR_FENCED_LEADER_EPOCH);
    cr_assert_eq(replica_check_leader(f.replica, 5), ERR_NONE);
    cr_assert_eq(replica_check_leader(f.replica, 6), ERR_UNKNOWN_LEADER_EPOCH);
    cr_assert_eq(replica_check_leader(f.replica, -1), ERR_NONE);
    fixture_close(&f);
}

Test(replica, begins_with_a_high_watermark_within_what_is_durable)
{
    struct replica_log log = {.start = 5, .synced = 10, .written = 12, .end = 12, .last_epoch = 1};
    struct fixture f = {.now = 0};
    struct replica_config config = {.self = A, .active = fixture_active, .context = &f};

    struct replica *above = replica_open(&config, &log, 11);
    struct replica *below = replica_open(&config, &log, 0);

    cr_assert_eq(replica_high_watermark(above), 10);
    cr_assert_eq(replica_high_watermark(below), 5);
    replica_close(above);
    replica_close(below);
}

Test(replica, the_high_watermark_does_not_fall_when_the_role_changes)
{
    struct fixture f;
    fixture_lead(&f, 0, NODES(A, B));
    fixture_grow(&f, 10, 10);
    fixture_fetch(&f, B, 10);

    f.record.leader = B;
    f.record.leader_epoch++;
    fixture_apply(&f);
    f.record.leader = A;
    f.record.leader_epoch++;
    fixture_apply(&f);

    cr_assert_eq(fixture_high_watermark(&f), 10);
    fixture_close(&f);
}

Test(replica, the_logs_start_is_committed)
{
    struct fixture f;
    fixture_open(&f, 20);
    f.log.start = 20;

    replica_on_log(f.replica, f.now, &f.log, &f.out);

    cr_assert(f.out.high_watermark_moved);
    cr_assert_eq(fixture_high_watermark(&f), 20);
    fixture_close(&f);
}
