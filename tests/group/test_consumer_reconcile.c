/* test_consumer_reconcile.c -- a partition goes from one member to another when the first has
 * given it up, and not before (rule 145). */
#include "consumers.h"

#include <criterion/criterion.h>

/* Two members, of which the first has the four partitions of "t". */
static void open_two(struct world **world, struct client clients[2])
{
    *world = world_open();
    world_topic(*world, "t", 4);
    clients[0] = client_new(*world, "g", "a");
    clients[1] = client_new(*world, "g", "b");
    cr_assert_eq(client_join(&clients[0]), ERR_NONE);
}

Test(consumer_reconcile, waits_until_partitions_are_given_up)
{
    struct world *world;
    struct client clients[2];
    open_two(&world, clients);

    cr_assert_eq(client_join(&clients[1]), ERR_NONE);
    cr_assert_eq(clients[1].epoch, 2);
    cr_assert_eq(clients[1].assigned_count, 0);
    cr_assert(str_equal(world_consumers_state(world, "g"), STR("Reconciling")));

    struct client before = clients[0];
    cr_assert_eq(client_beat(&clients[0]), ERR_NONE);
    cr_assert_eq(clients[0].epoch, 1);
    cr_assert_eq(clients[0].assigned_count, 2);
    cr_assert_eq(client_beat(&clients[1]), ERR_NONE);
    cr_assert_eq(clients[1].assigned_count, 0);

    /* It still owns what it shall give up. */
    cr_assert_eq(client_beat(&before), ERR_NONE);
    cr_assert_eq(before.epoch, 1);
    cr_assert_eq(client_ping(&clients[0]), ERR_NONE);
    cr_assert_eq(clients[0].epoch, 1);
    cr_assert_eq(client_beat(&clients[1]), ERR_NONE);
    cr_assert_eq(clients[1].assigned_count, 0);

    cr_assert_eq(client_beat(&clients[0]), ERR_NONE);
    cr_assert_eq(clients[0].epoch, 2);
    cr_assert_eq(client_beat(&clients[1]), ERR_NONE);
    cr_assert_eq(clients[1].assigned_count, 2);
    cr_assert(str_equal(world_consumers_state(world, "g"), STR("Stable")));
    world_close(world);
}

Test(consumer_reconcile, moves_nothing_without_need)
{
    struct world *world;
    struct client clients[2];
    open_two(&world, clients);
    client_join(&clients[1]);
    clients_settle(clients, 2);
    cr_assert_eq(client_leave(&clients[1], -1), ERR_NONE);
    cr_assert_eq(client_beat(&clients[0]), ERR_NONE);
    cr_assert_eq(clients[0].epoch, 3);
    cr_assert_eq(clients[0].assigned_count, 4);
    world_close(world);
}

Test(consumer_reconcile, frees_what_a_member_had_when_it_leaves)
{
    struct world *world;
    struct client clients[2];
    open_two(&world, clients);
    client_join(&clients[1]);
    cr_assert_eq(client_leave(&clients[0], -1), ERR_NONE);
    cr_assert_eq(clients[0].epoch, -1);
    cr_assert_eq(client_beat(&clients[1]), ERR_NONE);
    cr_assert_eq(clients[1].epoch, 3);
    cr_assert_eq(clients[1].assigned_count, 4);
    world_close(world);
}

Test(consumer_reconcile, fences_who_does_not_give_up_in_time)
{
    struct world *world;
    struct client clients[2];
    open_two(&world, clients);
    client_join(&clients[1]);
    for (int i = 0; i < 7; i++) { /* 70 s of heartbeats that say nothing. */
        client_ping(&clients[0]);
        client_beat(&clients[1]);
        world_pass(world, 10000);
    }
    cr_assert_eq(client_ping(&clients[0]), ERR_UNKNOWN_MEMBER_ID);
    cr_assert_eq(client_beat(&clients[1]), ERR_NONE);
    cr_assert_eq(clients[1].assigned_count, 4);
    world_close(world);
}

Test(consumer_reconcile, does_not_fence_who_gave_up_in_time)
{
    struct world *world;
    struct client clients[2];
    open_two(&world, clients);
    client_join(&clients[1]);
    client_beat(&clients[0]);
    clients_settle(clients, 2);
    for (int i = 0; i < 10; i++) {
        world_pass(world, 10000);
        cr_assert_eq(client_ping(&clients[0]), ERR_NONE);
        cr_assert_eq(client_ping(&clients[1]), ERR_NONE);
    }
    world_close(world);
}

Test(consumer_reconcile, ends_the_session_of_who_is_silent)
{
    struct world *world;
    struct client clients[2];
    open_two(&world, clients);
    client_join(&clients[1]);
    world_pass(world, 44000);
    cr_assert_eq(client_ping(&clients[1]), ERR_NONE);
    world_pass(world, 2000);
    cr_assert_eq(client_ping(&clients[0]), ERR_UNKNOWN_MEMBER_ID);
    cr_assert_eq(client_beat(&clients[1]), ERR_NONE);
    cr_assert_eq(clients[1].assigned_count, 4);
    world_close(world);
}

Test(consumer_reconcile, gives_the_free_part_of_a_target_first)
{
    struct world *world = world_open();
    struct client clients[3] = {client_new(world, "g", "a"), client_new(world, "g", "b"),
                                client_new(world, "g", "c")};
    world_topic(world, "t", 6);
    client_join(&clients[0]);
    client_join(&clients[1]);
    clients_settle(clients, 2);
    cr_assert_eq(client_join(&clients[2]), ERR_NONE);
    client_beat(&clients[0]);
    client_beat(&clients[0]); /* It gave one up; the other one still has its own. */
    cr_assert_eq(client_beat(&clients[2]), ERR_NONE);
    cr_assert_eq(clients[2].assigned_count, 1);
    cr_assert(str_equal(world_consumers_state(world, "g"), STR("Reconciling")));
    clients_settle(clients, 3);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(clients[i].assigned_count, 2);
    cr_assert(str_equal(world_consumers_state(world, "g"), STR("Stable")));
    world_close(world);
}

Test(consumer_reconcile, asks_a_fenced_member_for_nothing_when_it_joins_again)
{
    struct world *world;
    struct client clients[2];
    open_two(&world, clients);
    client_join(&clients[1]);
    client_beat(&clients[0]); /* Told to give up two. */
    cr_assert_eq(client_join(&clients[0]), ERR_NONE);
    cr_assert_eq(clients[0].epoch, 2);
    cr_assert_eq(clients[0].assigned_count, 2);
    cr_assert_eq(client_beat(&clients[1]), ERR_NONE);
    cr_assert_eq(clients[1].assigned_count, 2);
    world_close(world);
}

Test(consumer_reconcile, survives_a_failover_at_each_step)
{
    for (int step = 0; step < 6; step++) {
        struct world *world;
        struct client clients[2];
        open_two(&world, clients);
        client_join(&clients[1]);
        for (int i = 0; i < 6; i++) {
            if (i == step) {
                cr_assert_eq(world_replay_hash(world), coordinator_hash(world->coordinator));
                world_fail_over(world);
            }
            cr_assert_eq(client_beat(&clients[i % 2]), ERR_NONE);
        }
        cr_assert_eq(clients[0].assigned_count, 2);
        cr_assert_eq(clients[1].assigned_count, 2);
        world_close(world);
    }
}

Test(consumer_reconcile, waits_for_revocation_after_a_failover_too)
{
    struct world *world;
    struct client clients[2];
    open_two(&world, clients);
    client_join(&clients[1]);
    client_beat(&clients[0]);
    world_fail_over(world);
    for (int i = 0; i < 7; i++) {
        client_ping(&clients[0]);
        client_beat(&clients[1]);
        world_pass(world, 10000);
    }
    cr_assert_eq(client_ping(&clients[0]), ERR_UNKNOWN_MEMBER_ID);
    world_close(world);
}
