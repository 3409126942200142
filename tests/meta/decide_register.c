/* decide_register.c -- broker processes introduce themselves. */
#include "controller_state.h"
#include "world.h"

Test(decide_register, makes_the_record_offset_the_broker_epoch_and_starts_fenced)
{
    struct world world;
    world_open(&world);
    log_offset offset = world.end;

    broker_epoch epoch = world_register(&world, 1);

    cr_assert_eq(epoch, offset);
    cr_assert_eq(image_broker(world.image, 1)->epoch, offset);
    cr_assert(image_broker(world.image, 1)->fenced);
    world_close(&world);
}

Test(decide_register, answers_a_repeated_registration_with_the_same_epoch_and_no_record)
{
    struct world world;
    broker_epoch first, second;
    world_open(&world);

    world_register_as(&world, 1, 77, 1, &first);
    uint32_t records = world.record_count;
    cr_assert_eq(world_register_as(&world, 1, 77, 1, &second), ERR_NONE);

    cr_assert_eq(first, second);
    cr_assert_eq(world.record_count, records);
    world_close(&world);
}

Test(decide_register, refuses_a_second_process_while_the_first_lives_rule_24)
{
    struct world world;
    world_open(&world);
    world_start(&world, 3);

    cr_assert_eq(world_register_as(&world, 1, 555, 1, NULL), ERR_DUPLICATE_BROKER_REGISTRATION);

    world_close(&world);
}

Test(decide_register, replaces_the_old_process_at_once_when_its_link_is_closed_rule_24)
{
    struct world world;
    world_open(&world);
    world_start(&world, 3);
    broker_epoch old = world_epoch(&world, 1);

    controller_link_closed(world.controller, 1, old);
    cr_assert_eq(world_register_as(&world, 1, 555, 1, NULL), ERR_NONE);

    cr_assert_gt(world_epoch(&world, 1), old);
    world_close(&world);
}

Test(decide_register, replaces_a_process_that_was_silent_for_a_session)
{
    struct world world;
    world_open(&world);
    world_start(&world, 3);

    world.now += 3000;
    cr_assert_eq(world_register_as(&world, 1, 555, 1, NULL), ERR_NONE);

    world_close(&world);
}

Test(decide_register, replaces_the_controllers_own_old_process_at_once_rule_24)
{
    struct world world;
    world_open(&world);
    world_start(&world, 3);
    world_register(&world, world.config.node_id);

    cr_assert_eq(
        world_register_as(&world, world.config.node_id, 555, (uint64_t)world.config.node_id, NULL),
        ERR_NONE);

    world_close(&world);
}

Test(decide_register, lets_no_late_request_of_a_dead_process_replace_the_controllers_own_rule_24)
{
    struct world world;
    world_open(&world);
    world_start(&world, 3);
    node_id self = world.config.node_id;
    cr_assert_eq(world_register_as(&world, self, 555, (uint64_t)self, NULL), ERR_NONE);

    cr_assert_eq(world_register_as(&world, self, 444, (uint64_t)self, NULL),
                 ERR_DUPLICATE_BROKER_REGISTRATION);

    world_close(&world);
}

Test(decide_register, ignores_a_closed_link_of_an_older_broker_epoch)
{
    struct world world;
    world_open(&world);
    world_start(&world, 3);
    broker_epoch old = world_epoch(&world, 1);
    world_register(&world, 1);

    controller_link_closed(world.controller, 1, old);

    cr_assert_eq(world_register_as(&world, 1, 555, 1, NULL), ERR_DUPLICATE_BROKER_REGISTRATION);
    world_close(&world);
}

Test(decide_register, bumps_the_leader_epoch_of_what_the_old_process_led_rule_1)
{
    struct world world;
    world_open(&world);
    world_start(&world, 3);
    world_create(&world, "single", 1, 1);
    const struct image_partition *before = world_partition(&world, "single", 0);
    node_id leader = before->leader;
    log_epoch epoch = before->leader_epoch;

    world_register(&world, leader);
    const struct image_partition *waiting = world_partition(&world, "single", 0);
    cr_assert_eq(waiting->leader, -1);
    cr_assert_eq(waiting->leader_epoch, epoch + 1);
    assert_nodes(waiting->elr, leader);

    world_heartbeat(&world, leader);
    const struct image_partition *after = world_partition(&world, "single", 0);
    cr_assert_eq(after->leader, leader);
    cr_assert_eq(after->leader_epoch, epoch + 2);
    cr_assert_eq(after->leader_broker_epoch, world_epoch(&world, leader));
    world_close(&world);
}

Test(decide_register, takes_a_node_with_another_directory_out_of_isr_and_elr_rule_2)
{
    struct world world;
    world_open(&world);
    world_start(&world, 3);
    world_create(&world, "orders", 1, 3);
    node_id leader = world_partition(&world, "orders", 0)->leader;
    node_id wiped = leader == 1 ? 2 : 1;
    node_id third = 6 - leader - wiped;
    world_alter(&world, "orders", 0, 1, &leader);
    cr_assert(node_list_has(&world_partition(&world, "orders", 0)->elr, wiped));

    controller_link_closed(world.controller, wiped, world_epoch(&world, wiped));
    cr_assert_eq(world_register_as(&world, wiped, 9000, 9001, NULL), ERR_NONE);

    cr_assert(world.decision.wiped_directory);
    assert_nodes(world_partition(&world, "orders", 0)->elr, third);
    world_close(&world);
}

Test(decide_register, lets_a_partition_wait_when_its_only_replica_lost_its_directory_rule_2)
{
    struct world world;
    world_open(&world);
    world_start(&world, 3);
    world_create(&world, "single", 1, 1);
    node_id leader = world_partition(&world, "single", 0)->leader;

    controller_link_closed(world.controller, leader, world_epoch(&world, leader));
    world_register_as(&world, leader, 9000, 9001, NULL);
    world_heartbeat(&world, leader);

    const struct image_partition *partition = world_partition(&world, "single", 0);
    cr_assert_eq(partition->leader, -1);
    assert_nobody(partition->isr);
    assert_nobody(partition->elr);
    world_close(&world);
}

Test(decide_register, refuses_a_directory_that_another_node_registered)
{
    struct world world;
    world_open(&world);
    world_start(&world, 2);

    cr_assert_eq(world_register_as(&world, 3, 555, 2, NULL), ERR_INVALID_REGISTRATION);

    world_close(&world);
}

Test(decide_register, refuses_a_broker_without_an_internal_endpoint)
{
    struct world world;
    const struct record_endpoint endpoint = {
        .name = STR("CLIENT"), .host = STR("localhost"), .port = 9092};
    struct register_command command = {
        .broker = {.id = 1,
                   .directory = world_uuid(1),
                   .incarnation = world_uuid(2),
                   .endpoint_count = 1,
                   .endpoints = &endpoint},
    };
    struct register_reply reply = {.epoch = -1};
    world_open(&world);

    enum err err = decide_register_broker(world_begin(&world), &command, &reply);
    world_accept(&world);

    cr_assert_eq(err, ERR_INVALID_REGISTRATION);
    cr_assert_eq(world.record_count, 0);
    cr_assert_eq(reply.epoch, -1);
    world_close(&world);
}

Test(decide_register, refuses_a_broker_of_another_cluster)
{
    struct world world;
    struct register_command command = {.cluster_id = world_uuid(2)};
    struct register_reply reply;
    world_open(&world);
    decision_emit(world_begin(&world), &(struct record){.type = RECORD_CLUSTER,
                                                        .cause = STR("forming"),
                                                        .cluster = {.cluster_id = world_uuid(1),
                                                                    .level = RECORD_LEVEL}});
    world_accept(&world);

    enum err err = decide_register_broker(world_begin(&world), &command, &reply);
    world_accept(&world);

    cr_assert_eq(err, ERR_INCONSISTENT_CLUSTER_ID);
    world_close(&world);
}
