/* decide_heartbeat.c -- brokers say that they live, and what they want. */
#include "world.h"

Test(decide_heartbeat, keeps_a_broker_fenced_until_it_applied_its_own_registration)
{
    struct world world;
    struct heartbeat_reply reply;
    world_open(&world);
    broker_epoch epoch = world_register(&world, 1);

    world_heartbeat_with(
        &world, (struct heartbeat_command){.id = 1, .epoch = epoch, .metadata_offset = epoch - 1},
        &reply);
    cr_assert(reply.is_fenced);
    cr_assert_not(reply.is_caught_up);

    world_heartbeat_with(
        &world, (struct heartbeat_command){.id = 1, .epoch = epoch, .metadata_offset = epoch},
        &reply);
    cr_assert_not(reply.is_fenced);
    cr_assert(reply.is_caught_up);
    world_close(&world);
}

Test(decide_heartbeat, refuses_an_older_broker_epoch)
{
    struct world world;
    world_open(&world);
    broker_epoch old = world_register(&world, 1);
    world_register(&world, 1);

    enum err err = world_heartbeat_with(
        &world, (struct heartbeat_command){.id = 1, .epoch = old, .metadata_offset = 100}, NULL);

    cr_assert_eq(err, ERR_STALE_BROKER_EPOCH);
    world_close(&world);
}

Test(decide_heartbeat, refuses_a_broker_that_never_registered)
{
    struct world world;
    world_open(&world);

    cr_assert_eq(world_heartbeat_with(&world, (struct heartbeat_command){.id = 5}, NULL),
                 ERR_BROKER_ID_NOT_REGISTERED);

    world_close(&world);
}

Test(decide_heartbeat, leaves_a_broker_fenced_that_wants_to_be)
{
    struct world world;
    struct heartbeat_reply reply;
    world_open(&world);
    broker_epoch epoch = world_register(&world, 1);

    world_heartbeat_with(&world,
                         (struct heartbeat_command){
                             .id = 1, .epoch = epoch, .metadata_offset = epoch, .want_fence = true},
                         &reply);

    cr_assert(reply.is_fenced);
    world_close(&world);
}

Test(decide_heartbeat, fences_an_active_broker_that_asks_for_it)
{
    struct world world;
    struct heartbeat_reply reply;
    world_open(&world);
    world_start(&world, 3);
    world_create(&world, "orders", 3, 3);

    world_heartbeat_with(&world,
                         (struct heartbeat_command){.id = 1,
                                                    .epoch = world_epoch(&world, 1),
                                                    .metadata_offset = world.end - 1,
                                                    .want_fence = true},
                         &reply);

    cr_assert(reply.is_fenced);
    cr_assert_not(node_list_has(&world_partition(&world, "orders", 0)->isr, 1));
    world_close(&world);
}

Test(decide_heartbeat, needs_a_broker_to_have_applied_its_fencing_before_it_returns)
{
    struct world world;
    struct heartbeat_reply reply;
    world_open(&world);
    world_start(&world, 3);
    log_offset before = world.end - 1;
    world_kill(&world, 1);

    world_heartbeat_with(&world,
                         (struct heartbeat_command){
                             .id = 1, .epoch = world_epoch(&world, 1), .metadata_offset = before},
                         &reply);
    cr_assert(reply.is_fenced);

    cr_assert_not(world_heartbeat(&world, 1).is_fenced);
    world_close(&world);
}

Test(decide_heartbeat, writes_nothing_when_nothing_changes)
{
    struct world world;
    world_open(&world);
    world_start(&world, 3);
    uint32_t records = world.record_count;

    world_heartbeat(&world, 1);

    cr_assert_eq(world.record_count, records);
    world_close(&world);
}

static enum err name_rotten_in(struct world *world, node_id id, struct partition_key key,
                               log_epoch epoch)
{
    return world_heartbeat_with(world,
                                (struct heartbeat_command){.id = id,
                                                           .epoch = world_epoch(world, id),
                                                           .metadata_offset = world->end - 1,
                                                           .unserviceable_count = 1,
                                                           .unserviceable = &key,
                                                           .unserviceable_epochs = &epoch},
                                NULL);
}

static enum err name_rotten(struct world *world, node_id id, struct partition_key key)
{
    return name_rotten_in(world, id, key, -1);
}

Test(decide_heartbeat, takes_a_rotten_replica_out_of_the_isr_under_a_new_leader_epoch_rule_11)
{
    struct world world;
    world_open(&world);
    world_start(&world, 3);
    world_create(&world, "orders", 1, 3);
    const struct image_partition *before = world_partition(&world, "orders", 0);
    node_id leader = before->leader;
    node_id rotten = leader == 1 ? 2 : 1;
    log_epoch epoch = before->leader_epoch;

    name_rotten(&world, rotten, before->key);

    const struct image_partition *after = world_partition(&world, "orders", 0);
    cr_assert_eq(after->leader, leader);
    cr_assert_eq(after->leader_epoch, epoch + 1);
    cr_assert_not(node_list_has(&after->isr, rotten));
    world_close(&world);
}

Test(decide_heartbeat, takes_a_rotten_replica_out_of_the_elr_too_rule_11)
{
    struct world world;
    world_open(&world);
    world_start(&world, 3);
    world_create(&world, "orders", 1, 3);
    node_id leader = world_partition(&world, "orders", 0)->leader;
    node_id rotten = leader == 1 ? 2 : 1;
    world_alter(&world, "orders", 0, 1, &leader);
    log_epoch epoch = world_partition(&world, "orders", 0)->leader_epoch;

    name_rotten(&world, rotten, world_partition(&world, "orders", 0)->key);

    const struct image_partition *after = world_partition(&world, "orders", 0);
    assert_nodes(after->elr, 6 - leader - rotten);
    cr_assert_eq(after->leader_epoch, epoch + 1);
    world_close(&world);
}

/* Seed 737: its leader may propose it for what it fetched in this epoch. */
Test(decide_heartbeat, gives_a_rotten_replica_outside_isr_and_elr_a_new_epoch_once_rule_11)
{
    struct world world;
    world_open(&world);
    world_start(&world, 3);
    world_create(&world, "orders", 1, 3);
    const struct image_partition *partition = world_partition(&world, "orders", 0);
    struct partition_key key = partition->key;
    node_id leader = partition->leader, rotten = leader == 1 ? 2 : 1;
    node_id others[] = {leader, 6 - leader - rotten};
    world_alter(&world, "orders", 0, 2, others);
    log_epoch epoch = world_partition(&world, "orders", 0)->leader_epoch;

    name_rotten_in(&world, rotten, key, epoch - 1);
    cr_assert_eq(world_partition(&world, "orders", 0)->leader_epoch, epoch);
    name_rotten_in(&world, rotten, key, epoch);
    cr_assert_eq(world_partition(&world, "orders", 0)->leader_epoch, epoch + 1);
    name_rotten_in(&world, rotten, key, epoch);
    cr_assert_eq(world_partition(&world, "orders", 0)->leader_epoch, epoch + 1);
    cr_assert_eq(world_partition(&world, "orders", 0)->leader, leader);
    world_close(&world);
}

Test(decide_heartbeat, moves_leadership_off_a_rotten_replica)
{
    struct world world;
    world_open(&world);
    world_start(&world, 3);
    world_create(&world, "orders", 1, 3);
    node_id leader = world_partition(&world, "orders", 0)->leader;

    name_rotten(&world, leader, world_partition(&world, "orders", 0)->key);

    const struct image_partition *after = world_partition(&world, "orders", 0);
    cr_assert_neq(after->leader, leader);
    cr_assert_neq(after->leader, -1);
    cr_assert_eq(after->isr.count, 2);
    world_close(&world);
}

Test(decide_heartbeat, does_not_let_a_replica_back_while_it_is_named_rotten)
{
    struct world world;
    world_open(&world);
    world_start(&world, 3);
    world_create(&world, "orders", 1, 3);
    node_id leader = world_partition(&world, "orders", 0)->leader;
    node_id rotten = leader == 1 ? 2 : 1;
    node_id all[] = {1, 2, 3};
    name_rotten(&world, rotten, world_partition(&world, "orders", 0)->key);

    cr_assert_eq(world_alter(&world, "orders", 0, 3, all), ERR_INELIGIBLE_REPLICA);

    world_heartbeat(&world, rotten); /* It names nothing any more. */
    cr_assert_eq(world_alter(&world, "orders", 0, 3, all), ERR_NONE);
    world_close(&world);
}
