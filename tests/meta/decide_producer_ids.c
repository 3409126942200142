/* decide_producer_ids.c -- blocks of producer ids. */
#include "world.h"

static enum err ask(struct world *world, node_id id, broker_epoch epoch,
                    struct producer_ids_reply *reply)
{
    struct producer_ids_command command = {.id = id, .epoch = epoch};
    enum err err = decide_producer_ids(world_begin(world), &command, reply);
    world_accept(world);
    return err;
}

Test(decide_producer_ids, never_hands_out_an_id_twice_across_controllers_too)
{
    struct world world;
    struct producer_ids_reply first, second, third;
    world_open(&world);
    world_start(&world, 2);

    ask(&world, 1, world_epoch(&world, 1), &first);
    ask(&world, 2, world_epoch(&world, 2), &second);
    world_change_office(&world, -1, 0);
    ask(&world, 1, world_epoch(&world, 1), &third);

    cr_assert_eq(first.first, 0);
    cr_assert_eq(first.count, 1000);
    cr_assert_eq(second.first, 1000);
    cr_assert_eq(third.first, 2000);
    world_close(&world);
}

Test(decide_producer_ids, refuses_a_stale_broker)
{
    struct world world;
    struct producer_ids_reply reply;
    world_open(&world);
    world_start(&world, 1);

    cr_assert_eq(ask(&world, 1, world_epoch(&world, 1) - 1, &reply), ERR_STALE_BROKER_EPOCH);
    cr_assert_eq(ask(&world, 4, 0, &reply), ERR_BROKER_ID_NOT_REGISTERED);
    world_close(&world);
}
