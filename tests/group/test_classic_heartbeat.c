/* test_classic_heartbeat.c -- Heartbeat, in every state of the group. */
#include "world.h"

#include <criterion/criterion.h>

Test(heartbeat, rule_105_says_in_each_state_what_the_member_has_to_do)
{
    struct world *world = world_open();
    uint64_t join = world_join_simply(world, "g", STR(""));
    struct str id = world_reply(world, join)->join.member_id;

    cr_assert_eq(world_heartbeat(world, "g", id, 1), ERR_NONE); /* CompletingRebalance. */
    world_sync_leader(world, "g", join);
    cr_assert_eq(world_heartbeat(world, "g", id, 1), ERR_NONE);
    cr_assert_eq(world_heartbeat(world, "g", id, 0), ERR_ILLEGAL_GENERATION);
    cr_assert_eq(world_heartbeat(world, "g", STR("x"), 1), ERR_UNKNOWN_MEMBER_ID);
    cr_assert_eq(world_heartbeat(world, "h", id, 1), ERR_UNKNOWN_MEMBER_ID);
    world_join_simply(world, "g", STR(""));
    cr_assert_eq(world_heartbeat(world, "g", id, 1), ERR_REBALANCE_IN_PROGRESS);
    world_leave(world, "g", (struct group_leaver){.member_id = id});
    cr_assert_eq(world_heartbeat(world, "g", id, 1), ERR_UNKNOWN_MEMBER_ID);
    world_close(world);
}

Test(heartbeat, prolongs_the_session)
{
    struct world *world = world_open();
    struct str id = world_stable(world, "g");
    for (int i = 0; i < 5; i++) {
        world_pass(world, 9999);
        cr_assert_eq(world_heartbeat(world, "g", id, 1), ERR_NONE);
    }
    world_pass(world, 10000);
    cr_assert_eq(world_heartbeat(world, "g", id, 1), ERR_UNKNOWN_MEMBER_ID);
    world_close(world);
}

Test(heartbeat, finds_a_full_session_after_a_failover)
{
    struct world *world = world_open();
    struct str id = world_stable(world, "g");
    world_pass(world, 9999);
    world_fail_over(world);
    world_pass(world, 9999);
    cr_assert_eq(world_heartbeat(world, "g", id, 1), ERR_NONE);
    world_close(world);
}
