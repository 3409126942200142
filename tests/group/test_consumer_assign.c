/* test_consumer_assign.c -- which assignor, and how often (KIP-848, KIP-1263). */
#include "consumers.h"

#include <criterion/criterion.h>

Test(consumer_assign, uses_what_most_members_wish_for)
{
    struct world *world = world_open();
    struct client clients[3] = {client_new(world, "g", "a"), client_new(world, "g", "b"),
                                client_new(world, "g", "c")};
    world_topic(world, "t", 4);
    world_topic(world, "u", 4);
    for (int i = 0; i < 3; i++) {
        clients[i].topics[1] = "u";
        clients[i].assignor = i == 0 ? "uniform" : "range";
        cr_assert_eq(client_join(&clients[i]), ERR_NONE);
    }
    clients_settle(clients, 3);
    cr_assert(str_equal(world_consumers(world, "g")->assignor, STR("range")));
    cr_assert_eq(clients[0].assigned_count, 4);
    cr_assert_eq(clients[1].assigned_count, 2);
    cr_assert(client_has(&clients[0], "t", 0) && client_has(&clients[0], "t", 1));
    cr_assert(client_has(&clients[0], "u", 0) && client_has(&clients[0], "u", 1));
    world_close(world);
}

Test(consumer_assign, lets_static_members_take_their_turn_by_instance)
{
    struct world *world = world_open();
    struct client clients[2] = {client_new(world, "g", "b"), client_new(world, "g", "a")};
    clients[0].instance_id = STR("1");
    clients[0].assignor = clients[1].assignor = "range";
    world_topic(world, "t", 3);
    client_join(&clients[0]);
    client_join(&clients[1]);
    clients_settle(clients, 2);
    cr_assert_eq(clients[0].assigned_count, 2);
    cr_assert(client_has(&clients[0], "t", 0));
    world_close(world);
}

/* As even as one move at a time makes it. */
Test(consumer_assign, evens_out_unequal_subscriptions)
{
    struct world *world = world_open();
    struct client clients[3] = {client_new(world, "g", "a"), client_new(world, "g", "b"),
                                client_new(world, "g", "c")};
    world_topic(world, "t", 4);
    world_topic(world, "u", 5);
    clients[1].topics[1] = "u";
    clients[2].topics[0] = "u";
    for (int i = 0; i < 3; i++)
        cr_assert_eq(client_join(&clients[i]), ERR_NONE);
    clients_settle(clients, 3);
    for (uint32_t i = 0; i < 3; i++)
        cr_assert_eq(clients[i].assigned_count, 4 - i);
    world_close(world);
}

Test(consumer_assign, waits_a_while_between_two_assignments)
{
    struct coordinator_config config = world_config();
    config.consumer.assignment_interval_ms = 1000;
    struct world *world = world_open_with(&config);
    struct client clients[2] = {client_new(world, "g", "a"), client_new(world, "g", "b")};
    world_topic(world, "t", 4);
    client_join(&clients[0]);
    cr_assert_eq(client_join(&clients[1]), ERR_NONE);
    cr_assert(str_equal(world_consumers_state(world, "g"), STR("Assigning")));
    cr_assert_eq(clients[1].epoch, 1);
    world_pass(world, 999);
    client_beat(&clients[1]);
    cr_assert_eq(world_consumers(world, "g")->assignment_epoch, 1);
    world_pass(world, 1);
    client_beat(&clients[1]);
    cr_assert_eq(world_consumers(world, "g")->assignment_epoch, 2);
    clients_settle(clients, 2);
    cr_assert_eq(clients[1].assigned_count, 2);
    world_close(world);
}

/* PR8: the cluster's time stands still until the right one has caught up with a wrong one. */
Test(consumer_assign, does_not_wait_for_a_clock_that_was_ahead)
{
    struct coordinator_config config = world_config();
    config.consumer.assignment_interval_ms = 1000;
    struct world *world = world_open_with(&config);
    struct client client = client_new(world, "g", "a");
    world_topic(world, "t", 4);
    world->time += 3600000;
    client_join(&client);
    world->time -= 3600000;
    world_pass(world, 1000);
    world_topic(world, "t", 5);
    client_beat(&client);
    cr_assert_eq(client.assigned_count, 5);
    world_close(world);
}

/* PR8: a clock that was ahead does not stop a group. */
Test(consumer_assign, does_not_wait_for_an_assignment_of_the_future)
{
    struct coordinator_config config = world_config();
    config.consumer.assignment_interval_ms = 1000;
    struct world *world = world_open_with(&config);
    struct client client = client_new(world, "g", "a");
    world_topic(world, "t", 4);
    client_join(&client);
    world->time -= 3600000;
    world_fail_over(world);
    world_topic(world, "t", 5);
    client_beat(&client);
    cr_assert_eq(client.assigned_count, 5);
    world_close(world);
}
