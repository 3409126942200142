/* test_consumer_leave.c -- static members, who come back; and what is left of a group. */
#include "consumers.h"

#include <criterion/criterion.h>

static struct client static_client(struct world *world, const char *id)
{
    struct client client = client_new(world, "g", id);
    client.instance_id = STR("i");
    return client;
}

Test(consumer_leave, keeps_a_static_members_partitions_until_it_is_back)
{
    struct world *world = world_open();
    struct client old = static_client(world, "a"), new = static_client(world, "b");
    struct client other = client_new(world, "g", "z");
    world_topic(world, "t", 4);
    client_join(&old);
    client_join(&other);
    for (int i = 0; i < 4; i++) {
        client_beat(&old);
        client_beat(&other);
    }
    int32_t epoch = other.epoch;

    cr_assert_eq(client_leave(&old, -2), ERR_NONE);
    cr_assert_eq(old.epoch, -2);
    cr_assert_eq(client_beat(&other), ERR_NONE);
    cr_assert_eq(other.assigned_count, 2);
    cr_assert_eq(client_join(&new), ERR_NONE);
    cr_assert_eq(new.assigned_count, 2);
    cr_assert_eq(new.epoch, epoch);
    old.epoch = epoch;
    cr_assert_eq(client_beat(&old), ERR_FENCED_INSTANCE_ID);
    cr_assert_eq(client_beat(&new), ERR_NONE);
    cr_assert_eq(world_replay_hash(world), coordinator_hash(world->coordinator));
    world_close(world);
}

Test(consumer_leave, does_not_give_an_instance_away_that_is_in_use)
{
    struct world *world = world_open();
    struct client old = static_client(world, "a"), new = static_client(world, "b");
    client_join(&old);
    cr_assert_eq(client_join(&new), ERR_UNRELEASED_INSTANCE_ID);
    cr_assert_eq(client_join(&old), ERR_NONE);
    struct client thief = client_new(world, "g", "z");
    client_join(&thief);
    thief.instance_id = STR("i");
    cr_assert_eq(client_join(&thief), ERR_FENCED_INSTANCE_ID);
    thief.instance_id = STR("j");
    thief.epoch = 1;
    cr_assert_eq(client_beat(&thief), ERR_UNKNOWN_MEMBER_ID);
    world_close(world);
}

Test(consumer_leave, gives_partitions_away_when_a_static_member_does_not_come_back)
{
    struct world *world = world_open();
    struct client old = static_client(world, "a"), other = client_new(world, "g", "z");
    world_topic(world, "t", 4);
    client_join(&old);
    client_join(&other);
    client_leave(&old, -2);
    for (int i = 0; i < 5; i++) {
        world_pass(world, 10000);
        cr_assert_eq(client_beat(&other), ERR_NONE);
    }
    cr_assert_eq(other.assigned_count, 4);
    world_close(world);
}

Test(consumer_leave, frees_what_a_static_member_was_asked_for_when_it_goes_away)
{
    struct world *world = world_open();
    struct client old = static_client(world, "a"), other = client_new(world, "g", "z");
    world_topic(world, "t", 4);
    client_join(&old);
    client_join(&other);
    client_beat(&old);
    client_leave(&old, -2);
    cr_assert_eq(client_beat(&other), ERR_NONE);
    cr_assert_eq(other.assigned_count, 2);
    cr_assert_eq(world_replay_hash(world), coordinator_hash(world->coordinator));
    world_close(world);
}

Test(consumer_leave, lets_a_static_member_leave_for_good)
{
    struct world *world = world_open();
    struct client old = static_client(world, "a"), new = static_client(world, "b");
    client_join(&old);
    cr_assert_eq(client_leave(&old, -1), ERR_NONE);
    cr_assert_eq(client_join(&new), ERR_NONE);
    world_close(world);
}

Test(consumer_leave, leaves_an_empty_group_that_can_be_deleted)
{
    struct world *world = world_open();
    struct client client = client_new(world, "g", "a");
    world_topic(world, "t", 4);
    client_join(&client);
    cr_assert_eq(world_err(world, world_delete(world, "g")), ERR_NONE);
    cr_assert_eq(world_reply(world, world->token)->deletion.groups[0].err, ERR_NON_EMPTY_GROUP);
    client_leave(&client, -1);
    cr_assert(str_equal(world_consumers_state(world, "g"), STR("Empty")));
    world_delete(world, "g");
    cr_assert_eq(world_reply(world, world->token)->deletion.groups[0].err, ERR_NONE);
    cr_assert_eq(world_consumers(world, "g")->err, ERR_GROUP_ID_NOT_FOUND);
    struct coordinator *empty = coordinator_open(&world->config);
    cr_assert_eq(world_replay_hash(world), coordinator_hash(empty));
    coordinator_close(empty);
    world_close(world);
}

static enum err remove_as_administrator(struct world *world, struct group_leaver leaver)
{
    uint64_t token = world_leave(world, "g", leaver);
    cr_assert_eq(world_err(world, token), ERR_NONE);
    return world_reply(world, token)->leave.members[0].err;
}

Test(consumer_leave, lets_an_administrator_remove_a_member_by_its_id)
{
    struct world *world = world_open();
    struct client gone = client_new(world, "g", "a"), fixed = static_client(world, "b");
    world_topic(world, "t", 4);
    client_join(&gone);
    client_join(&fixed);
    struct group_leaver stranger = {.member_id = STR("nobody")}, dynamic = {.member_id = STR("a")},
                        other = {.member_id = STR("a"), .instance_id = fixed.instance_id},
                        both = {.member_id = STR("b"), .instance_id = fixed.instance_id};
    cr_assert_eq(remove_as_administrator(world, stranger), ERR_UNKNOWN_MEMBER_ID);
    cr_assert_eq(remove_as_administrator(world, other), ERR_FENCED_INSTANCE_ID);
    cr_assert_eq(remove_as_administrator(world, dynamic), ERR_NONE);
    cr_assert_eq(client_beat(&gone), ERR_UNKNOWN_MEMBER_ID);
    cr_assert_eq(world_consumers(world, "g")->member_count, 1);
    cr_assert_eq(remove_as_administrator(world, both), ERR_NONE);
    cr_assert(str_equal(world_consumers_state(world, "g"), STR("Empty")));
    cr_assert_eq(world_replay_hash(world), coordinator_hash(world->coordinator));
    world_close(world);
}
