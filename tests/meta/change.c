/* change.c -- leader, ISR, ELR and epochs of one partition. */
#include "controller_state.h"
#include "world.h"

static void open(struct world *world)
{
    world_open(world);
    world_start(world, 3);
    world_create(world, "orders", 1, 3);
}

static void emit(struct world *world, const struct change *change)
{
    change_emit(&world->decision, change, STR("test"));
    world_accept(world);
}

Test(change, writes_no_record_when_nothing_differs)
{
    struct world world;
    struct change change;
    open(&world);

    world_begin(&world);
    change_begin(&change, world_partition(&world, "orders", 0));
    emit(&world, &change);

    cr_assert_eq(world.last_count, 0);
    world_close(&world);
}

Test(change, recomputes_the_elr_with_the_min_isr_in_one_record_rule_5)
{
    struct world world;
    struct change change;
    open(&world);
    node_id leader = world_partition(&world, "orders", 0)->leader;
    world_alter(&world, "orders", 0, 1, &leader);
    cr_assert_eq(world_partition(&world, "orders", 0)->elr.count, 2);

    world_begin(&world);
    change_begin(&change, world_partition(&world, "orders", 0));
    change.min_insync = 1;
    emit(&world, &change);

    cr_assert_eq(world.last_count, 1);
    assert_nobody(world_partition(&world, "orders", 0)->elr);
    cr_assert_eq(world_partition(&world, "orders", 0)->min_insync, 1);
    world_close(&world);
}

Test(change, bumps_the_leader_epoch_with_the_durability_class_rule_15)
{
    struct world world;
    struct change change;
    open(&world);
    log_epoch epoch = world_partition(&world, "orders", 0)->leader_epoch;

    world_begin(&world);
    change_begin(&change, world_partition(&world, "orders", 0));
    change.flush_each = false;
    emit(&world, &change);

    cr_assert_eq(world_partition(&world, "orders", 0)->leader_epoch, epoch + 1);
    world_close(&world);
}

Test(change, elects_in_assignment_order)
{
    struct world world;
    open(&world);
    struct node_list replicas = world_partition(&world, "orders", 0)->replicas;

    world_kill(&world, replicas.ids[0]);
    cr_assert_eq(world_partition(&world, "orders", 0)->leader, replicas.ids[1]);

    world_heartbeat(&world, replicas.ids[0]);
    world_alter(&world, "orders", 0, 3, replicas.ids);
    cr_assert_eq(world_partition(&world, "orders", 0)->leader, replicas.ids[1]);
    world_kill(&world, replicas.ids[1]);
    cr_assert_eq(world_partition(&world, "orders", 0)->leader, replicas.ids[0]);
    world_close(&world);
}

Test(change, prefers_the_isr_to_the_elr)
{
    struct world world;
    open(&world);
    struct node_list replicas = world_partition(&world, "orders", 0)->replicas;
    node_id two[] = {replicas.ids[0], replicas.ids[2]};
    world_alter(&world, "orders", 0, 2, two);

    world_kill(&world, replicas.ids[0]);

    cr_assert_eq(world_partition(&world, "orders", 0)->leader, replicas.ids[2]);
    cr_assert_not(world.decision.elr_election);
    assert_nodes(world_partition(&world, "orders", 0)->elr, replicas.ids[0]);
    world_close(&world);
}

Test(change, never_elects_who_left_an_isr_that_could_commit_without_it)
{
    struct world world;
    open(&world);
    struct node_list replicas = world_partition(&world, "orders", 0)->replicas;
    world_alter(&world, "orders", 0, 2, replicas.ids);

    world_kill(&world, replicas.ids[1]);
    world_kill(&world, replicas.ids[0]);

    cr_assert(image_broker_is_active(world.image, replicas.ids[2]));
    cr_assert_eq(world_partition(&world, "orders", 0)->leader, -1);
    world_close(&world);
}
