/* placement.c -- which brokers hold a new topic's partitions. */
#include "world.h"

#include <stdio.h>

Test(placement, spreads_leaders_evenly_over_a_topic)
{
    struct world world;
    uint32_t led[4] = {0};
    world_open(&world);
    world_start(&world, 3);

    world_create(&world, "orders", 12, 3);

    for (partition_id index = 0; index < 12; index++)
        led[world_partition(&world, "orders", index)->leader]++;
    cr_assert_eq(led[1], 4);
    cr_assert_eq(led[2], 4);
    cr_assert_eq(led[3], 4);
    world_close(&world);
}

Test(placement, spreads_leaders_evenly_over_topics_of_one_partition)
{
    struct world world;
    uint32_t led[4] = {0};
    world_open(&world);
    world_start(&world, 3);

    for (int i = 0; i < 9; i++) {
        char name[8];
        snprintf(name, sizeof name, "t%d", i);
        world_create(&world, name, 1, 2);
        led[world_partition(&world, name, 0)->leader]++;
    }

    cr_assert_eq(led[1], 3);
    cr_assert_eq(led[2], 3);
    cr_assert_eq(led[3], 3);
    world_close(&world);
}

Test(placement, spreads_the_followers_of_one_leader)
{
    struct world world;
    uint32_t followed[6] = {0};
    world_open(&world);
    world_start(&world, 5);

    world_create(&world, "orders", 40, 2);

    for (partition_id index = 0; index < 40; index++) {
        const struct image_partition *partition = world_partition(&world, "orders", index);
        if (partition->replicas.ids[0] == 1)
            followed[partition->replicas.ids[1]]++;
    }
    for (uint32_t id = 2; id <= 5; id++)
        cr_assert_eq(followed[id], 2);
    world_close(&world);
}

Test(placement, never_names_a_broker_twice)
{
    struct world world;
    world_open(&world);
    world_start(&world, 5);

    for (int32_t factor = 1; factor <= 5; factor++) {
        char name[8];
        snprintf(name, sizeof name, "t%d", (int)factor);
        world_create(&world, name, 30, factor);
        for (partition_id index = 0; index < 30; index++) {
            struct node_list seen = {.count = 0};
            const struct image_partition *partition = world_partition(&world, name, index);
            for (uint32_t i = 0; i < partition->replicas.count; i++)
                node_list_add(&seen, partition->replicas.ids[i]);
            cr_assert_eq(seen.count, (uint32_t)factor);
        }
    }
    world_close(&world);
}

Test(placement, uses_fenced_brokers_only_where_active_ones_do_not_suffice)
{
    struct world world;
    world_open(&world);
    world_start(&world, 4);
    world_kill(&world, 4);

    world_create(&world, "three", 6, 3);
    world_create(&world, "four", 6, 4);

    for (partition_id index = 0; index < 6; index++) {
        cr_assert_not(node_list_has(&world_partition(&world, "three", index)->replicas, 4));
        cr_assert(node_list_has(&world_partition(&world, "four", index)->replicas, 4));
        cr_assert_eq(world_partition(&world, "four", index)->isr.count, 3);
    }
    world_close(&world);
}

Test(placement, refuses_when_nobody_is_active)
{
    struct world world;
    world_open(&world);
    world_register(&world, 1);

    struct create_topic_reply reply = world_create(&world, "orders", 1, 1);

    cr_assert_eq(reply.err, ERR_INVALID_REPLICATION_FACTOR);
    cr_assert_eq(reply.partition_count, -1);
    world_close(&world);
}
