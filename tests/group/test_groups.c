/* test_groups.c -- DescribeGroups, ListGroups, DeleteGroups. */
#include "world.h"

#include <criterion/criterion.h>

static const struct group_described *describe(struct world *world, const char *group)
{
    struct str id = str_from(group);
    struct groups_command command = {.token = ++world->token, .count = 1, .group_ids = &id};
    group_decide_describe(world_begin(world), &command);
    world_end(world);
    return &world_reply(world, command.token)->describe.groups[0];
}

static const struct group_listing *list(struct world *world, const char *state, const char *type)
{
    struct str wanted_state = str_from(state), wanted_type = str_from(type);
    struct list_groups_command command = {.token = ++world->token,
                                          .state_count = state != NULL,
                                          .states = &wanted_state,
                                          .type_count = type != NULL,
                                          .types = &wanted_type};
    group_decide_list(world_begin(world), &command);
    world_end(world);
    return &world_reply(world, command.token)->list;
}

Test(groups, rule_111_show_what_members_have_when_stable_alone)
{
    struct world *world = world_open();
    struct str id = world_stable(world, "g");
    const struct group_described *stable = describe(world, "g");
    cr_assert_eq(stable->err, ERR_NONE);
    cr_assert(str_equal(stable->protocol, STR("range")));
    cr_assert_eq(stable->member_count, 1);
    cr_assert(str_equal(stable->members[0].client_host, STR("/127.0.0.1")));
    cr_assert(bytes_equal(stable->members[0].assignment, bytes_of_str(id)));
    cr_assert_eq(stable->members[0].metadata.size, 1);

    world_join_simply(world, "g", STR(""));
    const struct group_described *preparing = describe(world, "g");
    cr_assert(str_equal(preparing->state, STR("PreparingRebalance")));
    cr_assert_eq(preparing->protocol.size, 0);
    cr_assert_eq(preparing->members[0].assignment.size, 0);
    cr_assert_eq(preparing->members[0].metadata.size, 0);
    world_close(world);
}

Test(groups, rule_111_are_dead_when_they_are_not_there)
{
    struct world *world = world_open();
    cr_assert_eq(describe(world, "g")->err, ERR_GROUP_ID_NOT_FOUND);
    cr_assert(str_equal(describe(world, "g")->state, STR("Dead")));
    world_close(world);
}

Test(groups, rule_112_are_listed_by_state_and_type_without_regard_to_case)
{
    struct world *world = world_open();
    world_stable(world, "b");
    world_commit_alone(world, "a", "t", 1);
    cr_assert_eq(list(world, NULL, NULL)->count, 2);
    cr_assert(str_equal(list(world, NULL, NULL)->groups[0].group_id, STR("a")));
    cr_assert_eq(list(world, NULL, NULL)->groups[0].protocol_type.size, 0);
    cr_assert_eq(list(world, "sTABLE", NULL)->count, 1);
    cr_assert(str_equal(list(world, "sTABLE", NULL)->groups[0].group_id, STR("b")));
    cr_assert_eq(list(world, "no such state", NULL)->count, 0);
    cr_assert_eq(list(world, NULL, "classic")->count, 2);
    cr_assert_eq(list(world, NULL, "consumer")->count, 0);
    world_close(world);
}

Test(groups, rule_113_are_deleted_when_they_are_empty)
{
    struct world *world = world_open();
    struct str id = world_stable(world, "g");
    cr_assert_eq(world_reply(world, world_delete(world, "h"))->deletion.groups[0].err,
                 ERR_GROUP_ID_NOT_FOUND);
    cr_assert_eq(world_reply(world, world_delete(world, "g"))->deletion.groups[0].err,
                 ERR_NON_EMPTY_GROUP);
    world_leave(world, "g", (struct group_leaver){.member_id = id});
    world_commit_alone(world, "g", "t", 4);
    world_commit_alone(world, "g", "u", 4);
    uint32_t records = world->log_count;
    cr_assert_eq(world_reply(world, world_delete(world, "g"))->deletion.groups[0].err, ERR_NONE);

    cr_assert_eq(world->log_count, records + 3);
    cr_assert_eq(describe(world, "g")->err, ERR_GROUP_ID_NOT_FOUND);
    world_fail_over(world);
    cr_assert_eq(list(world, NULL, NULL)->count, 0);
    world_close(world);
}
