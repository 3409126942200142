/* test_classic_leave.c -- LeaveGroup: of oneself, of an id, of a static member. */
#include "world.h"

#include <criterion/criterion.h>

static enum err left(const struct world *world, uint64_t token)
{
    cr_assert_eq(world_err(world, token), ERR_NONE);
    return world_reply(world, token)->leave.members[0].err;
}

Test(leave, rule_106_makes_the_others_rebalance)
{
    struct world *world = world_open();
    struct str first = world_stable(world, "g");
    uint64_t join = world_join_simply(world, "g", STR(""));
    world_leave(world, "g", (struct group_leaver){.member_id = first});

    cr_assert_eq(world_err(world, join), ERR_NONE); /* Nobody else is waited for. */
    cr_assert_eq(world_reply(world, join)->join.member_count, 1);
    world_close(world);
}

Test(leave, rule_106_takes_static_members_by_their_instance)
{
    struct world *world = world_open();
    struct join_group_command command = world_joiner("g", "");
    command.instance_id = STR("i");
    world_sync_leader(world, "g", world_join(world, command));
    struct group_leaver leaver = {.member_id = STR(""), .instance_id = STR("j")};

    cr_assert_eq(left(world, world_leave(world, "g", leaver)), ERR_UNKNOWN_MEMBER_ID);
    leaver.instance_id = STR("i");
    leaver.member_id = STR("wrong");
    cr_assert_eq(left(world, world_leave(world, "g", leaver)), ERR_FENCED_INSTANCE_ID);
    leaver.member_id = STR("");
    cr_assert_eq(left(world, world_leave(world, "g", leaver)), ERR_NONE);
    cr_assert(str_equal(world_state(world, "g"), STR("Empty")));
    world_close(world);
}

Test(leave, gives_back_an_id_that_was_not_used_and_ends_the_wait_for_it)
{
    struct world *world = world_open();
    struct join_group_command command = world_joiner("g", "");
    struct str first = world_stable(world, "g");
    command.requires_known_member_id = true;
    uint64_t pending = world_join(world, command);
    uint64_t again = world_join_simply(world, "g", first);
    cr_assert_null(world_reply(world, again));
    struct group_leaver leaver = {.member_id = world_reply(world, pending)->join.member_id};

    cr_assert_eq(left(world, world_leave(world, "g", leaver)), ERR_NONE);
    cr_assert_eq(world_err(world, again), ERR_NONE);
    world_close(world);
}

Test(leave, of_a_group_that_is_not_there_is_refused_as_a_whole)
{
    struct world *world = world_open();
    cr_assert_eq(
        world_err(world, world_leave(world, "g", (struct group_leaver){.member_id = STR("x")})),
        ERR_UNKNOWN_MEMBER_ID);
    world_close(world);
}
