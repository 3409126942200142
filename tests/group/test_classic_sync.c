/* test_classic_sync.c -- SyncGroup: assignments reach members, through the log. */
#include "world.h"

#include <criterion/criterion.h>

Test(sync, rule_103_stores_the_assignment_and_answers_everybody)
{
    struct world *world = world_open();
    struct str leader = world_stable(world, "g");
    uint64_t other = world_join_simply(world, "g", STR(""));
    uint64_t again = world_join_simply(world, "g", leader);
    struct str follower = world_reply(world, other)->join.member_id;
    uint32_t records = world->log_count;
    uint64_t waits = world_sync_as(world, "g", follower, 2);
    cr_assert_null(world_reply(world, waits));
    uint64_t leads = world_sync_leader(world, "g", again);

    cr_assert_eq(world->log_count, records + 1);
    cr_assert(world_reply(world, leads)->rests);
    cr_assert(world_reply(world, waits)->rests);
    cr_assert(bytes_equal(world_reply(world, waits)->sync.assignment, bytes_of_str(follower)));
    cr_assert(bytes_equal(world_reply(world, leads)->sync.assignment, bytes_of_str(leader)));
    cr_assert(str_equal(world_reply(world, waits)->sync.protocol, STR("range")));
    cr_assert_eq(coordinator_hash(world->coordinator), world_replay_hash(world));
    world_close(world);
}

Test(sync, answers_again_with_the_same_assignment_and_after_a_failover_too)
{
    struct world *world = world_open();
    struct str id = world_stable(world, "g");
    uint64_t again = world_sync_as(world, "g", id, 1);
    cr_assert(bytes_equal(world_reply(world, again)->sync.assignment, bytes_of_str(id)));
    world_fail_over(world);
    again = world_sync_as(world, "g", id, 1);
    cr_assert(bytes_equal(world_reply(world, again)->sync.assignment, bytes_of_str(id)));
    world_close(world);
}

Test(sync, rule_103_gives_empty_bytes_to_whom_the_leader_left_out)
{
    struct world *world = world_open();
    uint64_t join = world_join_simply(world, "g", STR(""));
    uint64_t sync = world_sync_as(world, "g", world_reply(world, join)->join.member_id, 1);
    cr_assert_eq(world_err(world, sync), ERR_NONE);
    cr_assert_eq(world_reply(world, sync)->sync.assignment.size, 0);
    world_close(world);
}

Test(sync, rule_103_refuses_what_is_not_of_this_generation)
{
    struct world *world = world_open();
    struct str id = world_stable(world, "g");
    cr_assert_eq(world_err(world, world_sync_as(world, "g", id, 0)), ERR_ILLEGAL_GENERATION);
    cr_assert_eq(world_err(world, world_sync_as(world, "g", id, 2)), ERR_ILLEGAL_GENERATION);
    cr_assert_eq(world_err(world, world_sync_as(world, "g", STR("x"), 1)), ERR_UNKNOWN_MEMBER_ID);
    cr_assert_eq(world_err(world, world_sync_as(world, "h", id, 1)), ERR_UNKNOWN_MEMBER_ID);
    world_join_simply(world, "g", STR(""));
    cr_assert_eq(world_err(world, world_sync_as(world, "g", id, 1)), ERR_REBALANCE_IN_PROGRESS);
    world_close(world);
}

Test(sync, rule_103_refuses_another_protocol_from_version_5_on)
{
    struct world *world = world_open();
    struct sync_group_command command = {.group_id = STR("g"), .generation = 1};
    command.member_id = world_stable(world, "g");

    command.protocol_type = STR("connect");
    cr_assert_eq(world_err(world, world_sync(world, command)), ERR_INCONSISTENT_GROUP_PROTOCOL);
    command.protocol_type = STR("consumer");
    command.protocol = STR("sticky");
    cr_assert_eq(world_err(world, world_sync(world, command)), ERR_INCONSISTENT_GROUP_PROTOCOL);
    command.protocol = STR("range");
    cr_assert_eq(world_err(world, world_sync(world, command)), ERR_NONE);
    world_close(world);
}

Test(sync, rule_104_refuses_an_assignment_that_no_record_holds)
{
    struct coordinator_config config = world_config();
    config.record_size_max = 2000;
    struct world *world = world_open_with(&config);
    uint64_t join = world_join_simply(world, "g", STR(""));
    struct group_assignment large = {.member_id = world_reply(world, join)->join.member_id,
                                     .assignment = {.data = (const uint8_t *)world, .size = 2000}};
    uint64_t sync = world_sync(world, (struct sync_group_command){.group_id = STR("g"),
                                                                  .generation = 1,
                                                                  .member_id = large.member_id,
                                                                  .assignment_count = 1,
                                                                  .assignments = &large});
    cr_assert_eq(world_err(world, sync), ERR_UNKNOWN_SERVER_ERROR);
    cr_assert_eq(world->log_count, 0);
    cr_assert(str_equal(world_state(world, "g"), STR("PreparingRebalance")));
    world_close(world);
}
