/* test_classic_rebalance.c -- rebalances as whole traces: who waits for whom, and how long. */
#include "world.h"

#include <criterion/criterion.h>

static const struct group_joined *joined(const struct world *world, uint64_t token)
{
    cr_assert_eq(world_err(world, token), ERR_NONE);
    return &world_reply(world, token)->join;
}

static struct world *open_with_delay(int32_t delay_ms)
{
    struct coordinator_config config = world_config();
    config.initial_delay_ms = delay_ms;
    return world_open_with(&config);
}

/* A leader and a follower, stable in generation 2. */
static struct world *open_pair(struct str *leader, struct str *follower)
{
    struct world *world = world_open();
    *leader = world_stable(world, "g");
    uint64_t other = world_join_simply(world, "g", STR(""));
    uint64_t again = world_join_simply(world, "g", *leader);
    *follower = joined(world, other)->member_id;
    world_sync_as(world, "g", *follower, 2);
    world_sync_leader(world, "g", again);
    cr_assert(str_equal(world_state(world, "g"), STR("Stable")));
    return world;
}

Test(rebalance, rule_97_waits_for_more_members_and_longer_as_they_arrive)
{
    struct world *world = open_with_delay(3000);
    uint64_t first = world_join_simply(world, "g", STR(""));
    world_pass(world, 2000);
    uint64_t second = world_join_simply(world, "g", STR(""));
    world_pass(world, 3999);
    cr_assert_null(world_reply(world, first));
    world_pass(world, 1);

    cr_assert_eq(joined(world, first)->generation, 1);
    cr_assert_eq(joined(world, first)->member_count, 2);
    cr_assert_eq(joined(world, second)->member_count, 0);
    cr_assert(str_equal(joined(world, second)->leader, joined(world, first)->member_id));
    world_close(world);
}

Test(rebalance, rule_97_waits_no_longer_than_the_rebalance_timeout)
{
    struct world *world = open_with_delay(3000);
    struct join_group_command command = world_joiner("g", "");
    command.rebalance_timeout_ms = 7000;
    uint64_t first = world_join(world, command);
    for (int i = 0; i < 3; i++) {
        world_pass(world, 2300);
        world_join(world, command);
    }
    cr_assert_null(world_reply(world, first));
    world_pass(world, 100);
    cr_assert_eq(joined(world, first)->member_count, 4);
    world_close(world);
}

Test(rebalance, waits_no_longer_when_as_many_are_back_as_there_were)
{
    struct world *world = open_with_delay(3000);
    uint64_t first = world_join_simply(world, "g", STR(""));
    uint64_t second = world_join_simply(world, "g", STR(""));
    world_pass(world, 6000);
    world_leave(world, "g", (struct group_leaver){.member_id = joined(world, first)->member_id});
    world_leave(world, "g", (struct group_leaver){.member_id = joined(world, second)->member_id});
    cr_assert(str_equal(world_state(world, "g"), STR("Empty")));

    uint64_t third = world_join_simply(world, "g", STR(""));
    cr_assert_null(world_reply(world, third));
    world_join_simply(world, "g", STR(""));
    cr_assert_eq(joined(world, third)->member_count, 2);
    world_close(world);
}

Test(rebalance, rule_98_ends_when_all_are_back)
{
    struct str leader, follower;
    struct world *world = open_pair(&leader, &follower);
    uint64_t third = world_join_simply(world, "g", STR(""));
    cr_assert_eq(world_heartbeat(world, "g", follower, 2), ERR_REBALANCE_IN_PROGRESS);
    uint64_t back = world_join_simply(world, "g", follower);
    cr_assert_null(world_reply(world, third));
    uint64_t last = world_join_simply(world, "g", leader);

    cr_assert_eq(joined(world, third)->generation, 3);
    cr_assert_eq(joined(world, back)->generation, 3);
    cr_assert_eq(joined(world, last)->member_count, 3);
    world_close(world);
}

Test(rebalance, rule_98_removes_dynamic_members_that_do_not_come_back)
{
    struct str leader, follower;
    struct world *world = open_pair(&leader, &follower);
    uint64_t third = world_join_simply(world, "g", STR(""));
    for (int i = 0; i < 12; i++) { /* The follower lives, and never joins. */
        cr_assert_null(world_reply(world, third));
        world_pass(world, 4999);
        world_heartbeat(world, "g", follower, 2);
        world_heartbeat(world, "g", leader, 2);
    }
    world_pass(world, 12);

    cr_assert_eq(joined(world, third)->generation, 3);
    cr_assert_eq(joined(world, third)->member_count, 1);
    cr_assert_eq(world_heartbeat(world, "g", follower, 2), ERR_UNKNOWN_MEMBER_ID);
    world_close(world);
}

Test(rebalance, rule_98_keeps_static_members_that_do_not_come_back)
{
    struct world *world = world_open();
    struct join_group_command command = world_joiner("g", "");
    command.instance_id = STR("i");
    command.session_timeout_ms = 300000;
    world_sync_leader(world, "g", world_join(world, command));
    uint64_t second = world_join_simply(world, "g", STR(""));
    world_pass(world, 60000);

    cr_assert_eq(joined(world, second)->generation, 2);
    cr_assert_eq(joined(world, second)->member_count, 2);
    cr_assert(str_equal(joined(world, second)->leader, joined(world, second)->member_id));
    world_close(world);
}

Test(rebalance, rule_98_starts_again_when_only_static_members_are_left_and_away)
{
    struct world *world = world_open();
    struct join_group_command command = world_joiner("g", "");
    command.instance_id = STR("i");
    command.session_timeout_ms = 300000;
    struct str id = joined(world, world_join(world, command))->member_id;
    world_sync_as(world, "g", id, 1);
    uint64_t second = world_join_simply(world, "g", STR(""));
    world_leave(world, "g", (struct group_leaver){.member_id = STR("no such")});
    cr_assert_null(world_reply(world, second));
    world_pass(world, 60000);
    world_leave(world, "g", (struct group_leaver){.member_id = joined(world, second)->member_id});
    world_pass(world, 90000);
    cr_assert(str_equal(world_state(world, "g"), STR("PreparingRebalance")));
    command.member_id = id;
    cr_assert_eq(joined(world, world_join(world, command))->generation, 3);
    world_close(world);
}

Test(rebalance, rule_99_keeps_the_leader_that_is_back_and_else_takes_the_first)
{
    struct str leader, follower;
    struct world *world = open_pair(&leader, &follower);
    uint64_t first = world_join_simply(world, "g", follower);
    cr_assert_eq(joined(world, first)->generation, 2); /* Nothing changed. */
    uint64_t again = world_join_simply(world, "g", leader);
    uint64_t other = world_join_simply(world, "g", follower);
    cr_assert(str_equal(joined(world, other)->leader, leader));
    cr_assert_eq(joined(world, again)->member_count, 2);

    world_leave(world, "g", (struct group_leaver){.member_id = leader});
    uint64_t alone = world_join_simply(world, "g", follower);
    cr_assert(str_equal(joined(world, alone)->leader, follower));
    cr_assert_eq(joined(world, alone)->member_count, 1);
    world_close(world);
}

Test(rebalance, rule_103_drops_members_that_never_sync)
{
    struct world *world = world_open();
    struct str leader = world_stable(world, "g");
    uint64_t silent = world_join_simply(world, "g", STR(""));
    uint64_t again = world_join_simply(world, "g", leader);
    world_sync_leader(world, "g", again);
    for (int i = 0; i < 12; i++) { /* It sends heartbeats, and no sync. */
        world_pass(world, 4999);
        world_heartbeat(world, "g", leader, 2);
        cr_assert_eq(world_heartbeat(world, "g", joined(world, silent)->member_id, 2), ERR_NONE);
    }
    world_pass(world, 12);

    cr_assert(str_equal(world_state(world, "g"), STR("PreparingRebalance")));
    cr_assert_eq(world_heartbeat(world, "g", joined(world, silent)->member_id, 2),
                 ERR_UNKNOWN_MEMBER_ID);
    cr_assert_eq(joined(world, world_join_simply(world, "g", leader))->generation, 3);
    world_close(world);
}

Test(rebalance, ends_the_wait_of_syncs_when_a_member_leaves)
{
    struct world *world = world_open();
    struct str leader = world_stable(world, "g");
    uint64_t other = world_join_simply(world, "g", STR(""));
    world_join_simply(world, "g", leader);
    uint64_t sync = world_sync_as(world, "g", joined(world, other)->member_id, 2);
    cr_assert_null(world_reply(world, sync));
    world_leave(world, "g", (struct group_leaver){.member_id = leader});

    cr_assert_eq(world_err(world, sync), ERR_REBALANCE_IN_PROGRESS);
    world_close(world);
}

Test(rebalance, goes_on_after_a_session_ended)
{
    struct str leader, follower;
    struct world *world = open_pair(&leader, &follower);
    world_pass(world, 9000);
    cr_assert_eq(world_heartbeat(world, "g", leader, 2), ERR_NONE);
    world_pass(world, 1000);
    cr_assert_eq(world_heartbeat(world, "g", leader, 2), ERR_REBALANCE_IN_PROGRESS);
    uint64_t join = world_join_simply(world, "g", leader);

    cr_assert_eq(joined(world, join)->generation, 3);
    cr_assert_eq(joined(world, join)->member_count, 1);
    world_close(world);
}

Test(rebalance, leaves_a_record_when_a_group_becomes_empty)
{
    struct world *world = world_open();
    struct str id = world_stable(world, "g");
    world_leave(world, "g", (struct group_leaver){.member_id = id});

    cr_assert(str_equal(world_state(world, "g"), STR("Empty")));
    cr_assert_eq(coordinator_hash(world->coordinator), world_replay_hash(world));
    world_fail_over(world);
    cr_assert_eq(world_heartbeat(world, "g", id, 2), ERR_UNKNOWN_MEMBER_ID);
    cr_assert_eq(joined(world, world_join_simply(world, "g", STR("")))->generation, 3);
    world_close(world);
}

Test(rebalance, rule_91_resigns_with_an_answer_to_all_that_waits)
{
    struct world *world = world_open();
    struct str leader = world_stable(world, "g");
    uint64_t other = world_join_simply(world, "g", STR(""));
    world_join_simply(world, "g", leader);
    uint64_t sync = world_sync_as(world, "g", joined(world, other)->member_id, 2);
    world_join_simply(world, "h", STR(""));
    struct str first = world_stable(world, "i");
    uint64_t join = world_join_simply(world, "i", STR(""));
    group_decide_resign(world_begin(world));
    world_end(world);

    cr_assert_eq(world_err(world, sync), ERR_NOT_COORDINATOR);
    cr_assert_eq(world_err(world, join), ERR_NOT_COORDINATOR);
    cr_assert_gt(first.size, 0);
    world_close(world);
}
