/* test_consumer_describe.c -- what is shown of groups of consumers, and to whom. */
#include "consumers.h"

#include <criterion/criterion.h>

Test(consumer_describe, shows_what_members_have_and_shall_have)
{
    struct world *world = world_open();
    struct client clients[2] = {client_new(world, "g", "a"), client_new(world, "g", "b")};
    world_topic(world, "t", 4);
    client_join(&clients[0]);
    client_join(&clients[1]);
    client_beat(&clients[0]);

    const struct consumer_described *group = world_consumers(world, "g");
    cr_assert(str_equal(group->state, STR("Reconciling")));
    cr_assert_eq(group->group_epoch, 2);
    cr_assert_eq(group->assignment_epoch, 2);
    cr_assert(str_equal(group->assignor, STR("uniform")));
    cr_assert_eq(group->member_count, 2);
    const struct consumer_described_member *member = &group->members[0];
    cr_assert(str_equal(member->member_id, STR("a")));
    cr_assert_eq(member->member_epoch, 1);
    cr_assert_eq(member->assigned_count, 1);
    cr_assert(str_equal(member->assigned[0].topic, STR("t")));
    cr_assert_eq(member->assigned[0].partition_count, 2);
    cr_assert_eq(group->members[1].assigned_count, 0);
    cr_assert_eq(group->members[1].target[0].partition_count, 2);
    cr_assert_not(member->is_classic);
    world_close(world);
}

Test(consumer_describe, knows_its_own_kind_alone)
{
    struct world *world = world_open();
    struct client client = client_new(world, "g", "a");
    world_stable(world, "h");
    client_join(&client);
    cr_assert_eq(world_consumers(world, "h")->err, ERR_GROUP_ID_NOT_FOUND);
    cr_assert_eq(world_consumers(world, "nobody")->err, ERR_GROUP_ID_NOT_FOUND);
    cr_assert(str_equal(world_state(world, "g"), STR("Dead")));
    cr_assert_eq(world_reply(world, world->token)->describe.groups[0].err, ERR_GROUP_ID_NOT_FOUND);
    world_close(world);
}

Test(consumer_describe, lists_groups_with_their_type_and_state)
{
    struct world *world = world_open();
    struct client client = client_new(world, "g", "a");
    static const struct str type = {.data = "consumer", .size = 8};
    world_stable(world, "h");
    client_join(&client);
    struct list_groups_command command = {.token = ++world->token, .type_count = 1, .types = &type};
    group_decide_list(world_begin(world), &command);
    world_end(world);
    const struct group_listing *list = &world_reply(world, command.token)->list;
    cr_assert_eq(list->count, 1);
    cr_assert(str_equal(list->groups[0].group_id, STR("g")));
    cr_assert(str_equal(list->groups[0].type, STR("consumer")));
    cr_assert(str_equal(list->groups[0].protocol_type, STR("consumer")));
    cr_assert(str_equal(list->groups[0].state, STR("Stable")));
    world_close(world);
}
