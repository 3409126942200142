/* decide_shutdown.c -- brokers leave in good order. */
#include "world.h"

static struct heartbeat_reply ask(struct world *world, node_id id)
{
    struct heartbeat_reply reply = {0};
    world_heartbeat_with(world,
                         (struct heartbeat_command){.id = id,
                                                    .epoch = world_epoch(world, id),
                                                    .metadata_offset = world->end - 1,
                                                    .want_shut_down = true},
                         &reply);
    return reply;
}

Test(decide_shutdown, moves_leadership_and_isr_memberships_away)
{
    struct world world;
    world_open(&world);
    world_start(&world, 3);
    world_create(&world, "orders", 6, 3);

    ask(&world, 1);

    for (partition_id index = 0; index < 6; index++) {
        const struct image_partition *partition = world_partition(&world, "orders", index);
        cr_assert_neq(partition->leader, 1);
        cr_assert_neq(partition->leader, -1);
        cr_assert_not(node_list_has(&partition->isr, 1));
    }
    cr_assert(image_broker(world.image, 1)->shutting_down);
    world_close(&world);
}

Test(decide_shutdown, lets_the_broker_stop_once_every_active_one_has_applied_that)
{
    struct world world;
    world_open(&world);
    world_start(&world, 3);
    world_create(&world, "orders", 6, 3);

    cr_assert_not(ask(&world, 1).should_shut_down);
    world_heartbeat(&world, 2);
    cr_assert_not(ask(&world, 1).should_shut_down);
    world_heartbeat(&world, 3);
    cr_assert(ask(&world, 1).should_shut_down);
    world_close(&world);
}

Test(decide_shutdown, lets_a_fenced_broker_stop_at_once)
{
    struct world world;
    world_open(&world);
    world_register(&world, 1);

    cr_assert(ask(&world, 1).should_shut_down);
    world_close(&world);
}

Test(decide_shutdown, does_not_unfence_a_broker_that_is_on_its_way_out)
{
    struct world world;
    world_open(&world);
    world_start(&world, 3);
    ask(&world, 1);
    world_kill(&world, 1);

    cr_assert(world_heartbeat(&world, 1).is_fenced);
    world_close(&world);
}

Test(decide_shutdown, elects_from_the_elr_when_the_last_isr_member_leaves)
{
    struct world world;
    world_open(&world);
    world_start(&world, 3);
    world_create(&world, "orders", 1, 3);
    node_id leader = world_partition(&world, "orders", 0)->leader;
    world_alter(&world, "orders", 0, 1, &leader);

    ask(&world, leader);

    const struct image_partition *partition = world_partition(&world, "orders", 0);
    cr_assert(world.decision.elr_election);
    cr_assert_neq(partition->leader, -1);
    cr_assert_neq(partition->leader, leader);
    cr_assert(node_list_has(&partition->elr, leader));
    world_close(&world);
}

Test(decide_shutdown, lets_everybody_stop_when_nobody_stays)
{
    struct world world;
    world_open(&world);
    world_start(&world, 2);
    world_create(&world, "orders", 1, 2);

    ask(&world, 1);
    cr_assert(ask(&world, 2).should_shut_down);
    cr_assert(ask(&world, 1).should_shut_down);
    cr_assert_eq(world_partition(&world, "orders", 0)->leader, -1);
    world_close(&world);
}

Test(decide_shutdown, lets_a_new_incarnation_serve_again)
{
    struct world world;
    world_open(&world);
    world_start(&world, 3);
    ask(&world, 1);

    world_register(&world, 1);

    cr_assert_not(world_heartbeat(&world, 1).is_fenced);
    world_close(&world);
}
