/* decide_balance.c -- leadership goes back to preferred replicas by itself. */
#include "world.h"

enum { INTERVAL_MS = 300000 };

/* Node 1 was away: what it led is led by others, and it is in sync again. */
static void open_moved(struct world *world)
{
    world_open(world);
    world->config.balance_interval_ms = INTERVAL_MS;
    world_change_office(world, -1, 0);
    world_start(world, 3);
    world_create(world, "orders", 6, 3);
    world_kill(world, 1);
    world_register(world, 1);
    world_heartbeat(world, 1);
    for (partition_id index = 0; index < 6; index++)
        world_alter(world, "orders", index, 3, (node_id[]){1, 2, 3});
}

static uint32_t count_preferred(const struct world *world)
{
    uint32_t count = 0;
    for (partition_id index = 0; index < 6; index++) {
        const struct image_partition *partition = world_partition(world, "orders", index);
        count += partition->leader == partition->replicas.ids[0];
    }
    return count;
}

static void pass(struct world *world, mono_ms time)
{
    world->now += time;
    for (node_id id = 1; id <= 3; id++)
        world_heartbeat(world, id);
    world_sessions(world);
}

Test(decide_balance, waits_for_its_time)
{
    struct world world;
    open_moved(&world);

    pass(&world, INTERVAL_MS - 2);

    cr_assert_eq(count_preferred(&world), 4);
    world_close(&world);
}

Test(decide_balance, gives_leadership_back_and_says_why)
{
    struct world world;
    open_moved(&world);

    pass(&world, INTERVAL_MS);

    cr_assert_eq(count_preferred(&world), 6);
    cr_assert_eq(world.last_count, 2);
    cr_assert(str_equal(world.last[0].cause, STR("leadership goes back to preferred replicas")));
    world_close(&world);
}

Test(decide_balance, leaves_replicas_alone_that_are_not_in_sync)
{
    struct world world;
    open_moved(&world);
    for (partition_id index = 0; index < 6; index++)
        world_alter(&world, "orders", index, 2, (node_id[]){2, 3});

    pass(&world, INTERVAL_MS);

    cr_assert_eq(count_preferred(&world), 4);
    world_close(&world);
}

Test(decide_balance, is_due_again_after_an_interval)
{
    struct world world;
    open_moved(&world);
    pass(&world, INTERVAL_MS);
    world_kill(&world, 1);
    world_register(&world, 1);
    world_heartbeat(&world, 1);
    for (partition_id index = 0; index < 6; index++)
        world_alter(&world, "orders", index, 3, (node_id[]){1, 2, 3});
    cr_assert_eq(count_preferred(&world), 4);

    pass(&world, INTERVAL_MS);

    cr_assert_eq(count_preferred(&world), 6);
    world_close(&world);
}

Test(decide_balance, can_be_switched_off)
{
    struct world world;
    open_moved(&world);
    world.config.balance_interval_ms = 0;
    world_change_office(&world, -1, 0);

    pass(&world, (mono_ms)2 * INTERVAL_MS);

    cr_assert_eq(count_preferred(&world), 4);
    world_close(&world);
}

/* Both nodes are in sync again with all of "wide", by one request of its leader. */
static void come_into_sync(struct world *world, partition_id count)
{
    struct alter_member both[] = {{1, world_epoch(world, 1)}, {2, world_epoch(world, 2)}};
    struct alter_partition *alters =
        arena_array(&world->arena, struct alter_partition, (size_t)count);
    for (partition_id index = 0; index < count; index++) {
        const struct image_partition *partition = world_partition(world, "wide", index);
        alters[index] = (struct alter_partition){.key = partition->key,
                                                 .leader_epoch = partition->leader_epoch,
                                                 .partition_epoch = partition->partition_epoch,
                                                 .member_count = 2,
                                                 .isr = both};
    }
    struct alter_partitions_command command = {
        .id = 2, .epoch = world_epoch(world, 2), .count = (uint32_t)count, .partitions = alters};
    struct alter_partitions_reply reply;
    cr_assert_eq(decide_alter_partitions(world_begin(world), &command, &reply), ERR_NONE);
    world_accept(world);
}

Test(decide_balance, moves_some_at_a_time_and_soon_the_rest)
{
    struct world world;
    world_open(&world);
    world.config.balance_interval_ms = INTERVAL_MS;
    world_change_office(&world, -1, 0);
    world_start(&world, 2);
    cr_assert_eq(world_create(&world, "wide", 2500, 2).err, ERR_NONE);
    world_kill(&world, 1);
    world_register(&world, 1);
    world_heartbeat(&world, 1);
    come_into_sync(&world, 2500);

    world.now += INTERVAL_MS;
    world_heartbeat(&world, 1);
    world_heartbeat(&world, 2);
    world_sessions(&world);

    cr_assert_eq(world.decision.count, 1000);
    cr_assert_eq(controller_deadline(world.controller), world.now + 1000);
    world.now += 1000;
    world_sessions(&world);
    cr_assert_eq(world.decision.count, 250);
    world_close(&world);
}
