/* decide_sessions.c -- who is dead, at two speeds. */
#include "world.h"

Test(decide_sessions, fences_at_once_when_the_link_closed_and_the_port_refused_twice)
{
    struct world world;
    world_open(&world);
    world_start(&world, 3);
    world_create(&world, "orders", 3, 3);

    world_kill(&world, 1);

    cr_assert(world.decision.fast_fence);
    cr_assert(image_broker(world.image, 1)->fenced);
    for (partition_id index = 0; index < 3; index++) {
        cr_assert_neq(world_partition(&world, "orders", index)->leader, 1);
        cr_assert_neq(world_partition(&world, "orders", index)->leader, -1);
    }
    world_close(&world);
}

Test(decide_sessions, does_not_fence_on_one_refusal)
{
    struct world world;
    world_open(&world);
    world_start(&world, 3);

    controller_link_closed(world.controller, 1, world_epoch(&world, 1));
    controller_dial_refused(world.controller, 1, world_epoch(&world, 1));
    world_sessions(&world);

    cr_assert_not(image_broker(world.image, 1)->fenced);
    world_close(&world);
}

Test(decide_sessions, does_not_fence_on_refusals_while_the_link_stands)
{
    struct world world;
    world_open(&world);
    world_start(&world, 3);

    controller_dial_refused(world.controller, 1, world_epoch(&world, 1));
    controller_dial_refused(world.controller, 1, world_epoch(&world, 1));
    world_sessions(&world);
    cr_assert_not(image_broker(world.image, 1)->fenced);

    /* Nor do those count once it is closed. */
    controller_link_closed(world.controller, 1, world_epoch(&world, 1));
    world_sessions(&world);
    cr_assert_not(image_broker(world.image, 1)->fenced);
    world_close(&world);
}

Test(decide_sessions, counts_refusals_in_a_row_only)
{
    struct world world;
    world_open(&world);
    world_start(&world, 3);
    broker_epoch epoch = world_epoch(&world, 1);

    controller_link_closed(world.controller, 1, epoch);
    controller_dial_refused(world.controller, 1, epoch);
    controller_dial_answered(world.controller, 1, epoch);
    controller_dial_refused(world.controller, 1, epoch);
    world_sessions(&world);

    cr_assert_not(image_broker(world.image, 1)->fenced);
    world_close(&world);
}

Test(decide_sessions, fences_a_stopped_process_after_its_session)
{
    struct world world;
    world_open(&world);
    world_start(&world, 3);
    world.now += 2999;
    world_heartbeat(&world, 2);
    world_heartbeat(&world, 3);
    world_sessions(&world);
    cr_assert_not(image_broker(world.image, 1)->fenced);

    cr_assert_eq(controller_deadline(world.controller), world.now + 1);
    world.now += 1;
    world_sessions(&world);

    cr_assert(world.decision.slow_fence);
    cr_assert(image_broker(world.image, 1)->fenced);
    cr_assert_not(image_broker(world.image, 2)->fenced);
    world_close(&world);
}

Test(decide_sessions, counts_a_predecessors_session_from_its_last_answer_rule_24)
{
    struct world world;
    world_open(&world);
    world_start(&world, 3);
    world.now += 2000;

    world_change_office(&world, 1, world.now - 1500);
    world.now += 1500;
    world_sessions(&world);

    cr_assert(image_broker(world.image, 1)->fenced);
    cr_assert_not(image_broker(world.image, 2)->fenced);
    world_close(&world);
}

Test(decide_sessions, wants_every_active_broker_dialled_after_taking_office)
{
    struct world world;
    world_open(&world);
    world_start(&world, 3);
    cr_assert_not(controller_wants_dial(world.controller, 1));
    world_kill(&world, 3);

    world_change_office(&world, -1, 0);

    cr_assert(controller_wants_dial(world.controller, 1));
    cr_assert(controller_wants_dial(world.controller, 2));
    cr_assert_not(controller_wants_dial(world.controller, 3));
    world_heartbeat(&world, 1);
    cr_assert_not(controller_wants_dial(world.controller, 1));
    world_close(&world);
}

Test(decide_sessions, keeps_acknowledged_records_reachable_when_brokers_die_in_turn)
{
    struct world world;
    world_open(&world);
    world_start(&world, 3);
    world_create(&world, "orders", 1, 3);
    node_id order[3];
    for (uint32_t i = 0; i < 3; i++) {
        order[i] = world_partition(&world, "orders", 0)->leader;
        world_kill(&world, order[i]);
    }

    const struct image_partition *partition = world_partition(&world, "orders", 0);
    cr_assert_eq(partition->leader, -1);
    assert_nobody(partition->isr);
    cr_assert(node_list_has(&partition->elr, order[1]));
    cr_assert(node_list_has(&partition->elr, order[2]));
    cr_assert_not(node_list_has(&partition->elr, order[0])); /* It left a full enough ISR. */

    world_heartbeat(&world, order[0]);
    cr_assert_eq(world_partition(&world, "orders", 0)->leader, -1);
    world_heartbeat(&world, order[1]);
    cr_assert_eq(world_partition(&world, "orders", 0)->leader, order[1]);
    cr_assert(world.decision.elr_election);
    world_close(&world);
}

Test(decide_sessions, elects_uncleanly_only_where_allowed_and_says_so)
{
    struct world world;
    const struct record_config config = {.name = STR("unclean.leader.election.enable"),
                                         .value = STR("true")};
    world_open(&world);
    world_start(&world, 3);
    world_create_with(&world, (struct create_topic){.name = STR("loose"),
                                                    .partition_count = 1,
                                                    .replication_factor = 2,
                                                    .config_count = 1,
                                                    .configs = &config});
    node_id leader = world_partition(&world, "loose", 0)->leader;
    const struct node_list *replicas = &world_partition(&world, "loose", 0)->replicas;
    node_id other = replicas->ids[0] == leader ? replicas->ids[1] : replicas->ids[0];
    world_alter(&world, "loose", 0, 1, &leader);

    world_kill(&world, leader);

    const struct image_partition *partition = world_partition(&world, "loose", 0);
    cr_assert(world.decision.unclean_election);
    cr_assert_eq(partition->leader, other);
    cr_assert(partition->recovering);
    assert_nobody(partition->elr);
    cr_assert(world.last[world.last_count - 1].partition.data_loss);
    cr_assert_not_null(strstr(world.last[world.last_count - 1].cause.data, "unclean election"));
    world_close(&world);
}

/* Three replicas, min ISR 2, unclean elections allowed. */
static node_id create_loose(struct world *world)
{
    const struct record_config config = {.name = STR("unclean.leader.election.enable"),
                                         .value = STR("true")};
    world_open(world);
    world_start(world, 3);
    world_create_with(world, (struct create_topic){.name = STR("loose"),
                                                   .partition_count = 1,
                                                   .replication_factor = 3,
                                                   .config_count = 1,
                                                   .configs = &config});
    return world_partition(world, "loose", 0)->leader;
}

Test(decide_sessions, makes_nobody_eligible_after_an_unclean_election)
{
    struct world world;
    node_id leader = create_loose(&world);
    struct node_list replicas = world_partition(&world, "loose", 0)->replicas;
    world_alter(&world, "loose", 0, 2, replicas.ids);
    world_kill(&world, replicas.ids[1]);
    assert_nodes(world_partition(&world, "loose", 0)->elr, replicas.ids[1]);

    world_kill(&world, leader);

    cr_assert_eq(world_partition(&world, "loose", 0)->leader, replicas.ids[2]);
    assert_nodes(world_partition(&world, "loose", 0)->isr, replicas.ids[2]);
    assert_nobody(world_partition(&world, "loose", 0)->elr);
    world_close(&world);
}

Test(decide_sessions, never_elects_a_replica_that_is_named_rotten)
{
    struct world world;
    node_id leader = create_loose(&world);
    struct node_list replicas = world_partition(&world, "loose", 0)->replicas;
    struct partition_key key = world_partition(&world, "loose", 0)->key;
    world_kill(&world, replicas.ids[1]);
    world_heartbeat_with(&world,
                         (struct heartbeat_command){.id = replicas.ids[2],
                                                    .epoch = world_epoch(&world, replicas.ids[2]),
                                                    .metadata_offset = world.end - 1,
                                                    .unserviceable_count = 1,
                                                    .unserviceable = &key,
                                                    .unserviceable_epochs = &(log_epoch){-1}},
                         NULL);

    world_kill(&world, leader);

    cr_assert_eq(world_partition(&world, "loose", 0)->leader, -1);
    world_close(&world);
}
