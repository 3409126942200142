/* new_partition.c -- how a partition begins. */
#include "world.h"

Test(new_partition, begins_at_the_epoch_that_deleted_topics_left_rule_18)
{
    struct world world;
    world_open(&world);
    world_start(&world, 3);
    struct uuid gone = world_create(&world, "gone", 1, 3).id;
    world_kill(&world, world_partition(&world, "gone", 0)->leader);
    world_create(&world, "orders", 1, 2);
    struct delete_topic topic = {.id = gone};
    struct delete_topics_command command = {
        .principal = STR("User:x"), .count = 1, .topics = &topic};
    struct delete_topics_reply reply;
    decide_delete_topics(world_begin(&world), &command, &reply);
    world_accept(&world);

    cr_assert_eq(world_grow(&world, "orders", 2).err, ERR_NONE);

    cr_assert_eq(world.image->epoch_floor, 2);
    cr_assert_eq(world_partition(&world, "orders", 0)->leader_epoch, 0);
    cr_assert_eq(world_partition(&world, "orders", 1)->leader_epoch, 2);
    world_close(&world);
}

Test(new_partition, has_the_durability_class_of_its_topic)
{
    const struct record_config paged[] = {{.name = STR("flush.messages"), .value = STR("10000")}};
    struct world world;
    world_open(&world);
    world_start(&world, 3);
    world_create(&world, "orders", 1, 3);
    /* Another controller, whose settings make other topics. */
    world.config.topic_defaults = paged;
    world.config.topic_default_count = 1;
    world_change_office(&world, -1, 0);

    cr_assert_eq(world_grow(&world, "orders", 2).err, ERR_NONE);

    cr_assert(world_partition(&world, "orders", 1)->flush_each);
    world_close(&world);
}
