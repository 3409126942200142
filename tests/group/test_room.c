/* test_room.c -- large replies that are not made: what was decided stands, and whoever asks again
 * hears the same. */
#include <criterion/criterion.h>

#include "world.h"

static const uint8_t much[GROUP_REPLY_SMALL + 1];

static struct bytes large(void)
{
    return (struct bytes){.data = much, .size = sizeof much};
}

static const struct group_joined *joined(const struct world *world, uint64_t token)
{
    cr_assert_eq(world_err(world, token), ERR_NONE);
    return &world_reply(world, token)->join;
}

static uint64_t join_as(struct world *world, struct str member_id, struct bytes metadata)
{
    struct group_protocol protocol = {.name = STR("range"), .metadata = metadata};
    struct join_group_command command = world_joiner("g", "");
    command.member_id = member_id;
    command.protocol_count = 1;
    command.protocols = &protocol;
    return world_join(world, command);
}

/* A leader that is alone in the group, and a follower who offers much and waits for it. */
static struct str lead(struct world *world, uint64_t *follower)
{
    uint64_t join = join_as(world, STR(""), bytes_of_str(STR("topics")));
    struct str leader = joined(world, join)->member_id;
    *follower = join_as(world, STR(""), large());
    return leader;
}

Test(room, that_is_missing_keeps_a_leader_alone_from_its_reply)
{
    struct world *world = world_open();
    uint64_t follower;
    struct str leader = lead(world, &follower);
    world->has_no_room = true;

    uint64_t join = join_as(world, leader, bytes_of_str(STR("topics")));
    uint64_t again = join_as(world, leader, bytes_of_str(STR("topics")));
    cr_assert_eq(world_err(world, join), ERR_AGAIN);
    cr_assert_eq(world_err(world, again), ERR_AGAIN);
    cr_assert_eq(joined(world, follower)->generation, 2);

    world->has_no_room = false;
    again = join_as(world, leader, bytes_of_str(STR("topics")));
    cr_assert_eq(joined(world, again)->generation, 2);
    cr_assert_eq(joined(world, again)->member_count, 2);
    world_close(world);
}

Test(room, that_is_missing_when_the_others_were_waited_for_lets_the_leader_join_again)
{
    struct world *world = world_open();
    uint64_t follower;
    struct str leader = lead(world, &follower);
    joined(world, join_as(world, leader, bytes_of_str(STR("topics"))));
    join_as(world, STR(""), bytes_of_str(STR("topics")));
    uint64_t join = join_as(world, leader, large());
    world->has_no_room = true;
    world_pass(world, 11000); /* Its session ends. */

    cr_assert_eq(world_err(world, join), ERR_REBALANCE_IN_PROGRESS);
    cr_assert_eq(world_err(world, join_as(world, leader, large())), ERR_AGAIN);
    world->has_no_room = false;
    uint64_t again = join_as(world, leader, large());
    cr_assert_eq(joined(world, again)->generation, 3);
    world_close(world);
}

Test(room, that_is_missing_refuses_who_would_become_another_member_each_time)
{
    struct world *world = world_open();
    world->has_no_room = true;

    cr_assert_eq(world_err(world, join_as(world, STR(""), large())), ERR_REBALANCE_IN_PROGRESS);
    world_close(world);
}

static uint64_t sync_with(struct world *world, struct str member_id, int32_t generation,
                          uint32_t count, const struct group_assignment *assignments)
{
    return world_sync(world, (struct sync_group_command){.group_id = STR("g"),
                                                         .generation = generation,
                                                         .member_id = member_id,
                                                         .assignment_count = count,
                                                         .assignments = assignments});
}

Test(room, that_is_missing_keeps_assignments_from_members_and_not_from_the_group)
{
    struct world *world = world_open();
    uint64_t follower;
    struct str leader = lead(world, &follower);
    joined(world, join_as(world, leader, bytes_of_str(STR("topics"))));
    struct str member = joined(world, follower)->member_id;
    struct group_assignment both[] = {{.member_id = leader, .assignment = large()},
                                      {.member_id = member, .assignment = large()}};
    uint64_t waits = sync_with(world, member, 2, 0, NULL);
    world->has_no_room = true;

    cr_assert_eq(world_err(world, sync_with(world, leader, 2, 2, both)), ERR_AGAIN);
    cr_assert_eq(world_err(world, waits), ERR_REBALANCE_IN_PROGRESS);
    cr_assert(str_equal(world_state(world, "g"), STR("Stable")));
    cr_assert_eq(coordinator_hash(world->coordinator), world_replay_hash(world));

    world->has_no_room = false;
    uint64_t again = sync_with(world, leader, 2, 2, both);
    cr_assert_eq(world_reply(world, again)->sync.assignment.size, sizeof much);
    joined(world, join_as(world, member, large())); /* It is told of the same generation. */
    again = sync_with(world, member, 2, 0, NULL);
    cr_assert_eq(world_reply(world, again)->sync.assignment.size, sizeof much);
    world_close(world);
}

Test(room, is_taken_by_each_large_reply)
{
    struct world *world = world_open();
    uint64_t follower;
    struct str leader = lead(world, &follower);
    struct group_decision *decision = world_begin(world);
    decision->room = 1;
    struct join_group_command command = world_joiner("g", "");
    command.member_id = leader;
    command.token = ++world->token;

    group_decide_join(decision, &command);
    world_end(world);

    cr_assert_eq(joined(world, command.token)->member_count, 2);
    cr_assert_eq(decision->room, 0);
    world_close(world);
}
