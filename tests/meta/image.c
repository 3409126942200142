/* image.c -- images, and what can be asked of them. */
#include "world.h"

Test(image, gives_nothing_for_what_is_not_there)
{
    struct image *image = image_new();

    cr_assert_null(image_broker(image, 1));
    cr_assert_null(image_topic_by_name(image, STR("x")));
    cr_assert_null(image_topic_by_name(image, (struct str){0}));
    cr_assert_null(image_topic_by_id(image, world_uuid(1)));
    cr_assert_null(image_partition(image, world_uuid(1), 0));
    cr_assert_null(image_broker_after(image, -1));
    cr_assert_null(image_topic_after(image, NULL));
    cr_assert_null(image_partition_after(image, NULL));
    image_unref(image);
}

Test(image, finds_topics_by_name_and_by_id)
{
    struct world world;
    world_open(&world);
    world_start(&world, 3);
    struct uuid id = world_create(&world, "orders", 2, 3).id;

    const struct image_topic *topic = image_topic_by_name(world.image, STR("orders"));

    cr_assert_eq(topic, image_topic_by_id(world.image, id));
    cr_assert_eq(topic->partition_count, 2);
    cr_assert_null(image_partition(world.image, id, 2));
    world_close(&world);
}

Test(image, walks_brokers_topics_and_partitions_in_order)
{
    struct world world;
    world_open(&world);
    world_start(&world, 3);
    world_create(&world, "b", 2, 1);
    world_create(&world, "a.x", 1, 1);
    world_create(&world, "a", 1, 1);

    const struct image_topic *first = image_topic_after(world.image, NULL);
    const struct image_topic *second = image_topic_after(world.image, first);
    const struct image_topic *third = image_topic_after(world.image, second);
    uint32_t partitions = 0;
    const struct image_partition *last = NULL;
    for (const struct image_partition *p = NULL;
         (p = image_partition_after(world.image, p)) != NULL; last = p, partitions++)
        cr_assert(last == NULL || partition_key_compare(last->key, p->key) < 0);

    cr_assert(str_equal(first->name, STR("a")));
    cr_assert(str_equal(second->name, STR("a.x")));
    cr_assert(str_equal(third->name, STR("b")));
    cr_assert_null(image_topic_after(world.image, third));
    cr_assert_eq(partitions, 4);
    cr_assert_eq(image_broker_after(world.image, -1)->id, 1);
    cr_assert_eq(image_broker_after(world.image, 1)->id, 2);
    cr_assert_null(image_broker_after(world.image, 3));
    world_close(&world);
}

Test(image, finds_a_colliding_name_from_either_side)
{
    struct world world;
    world_open(&world);
    world_start(&world, 1);
    world_create(&world, "a.b", 1, 1);

    cr_assert_not_null(image_topic_colliding(world.image, STR("a_b")));
    cr_assert_null(image_topic_colliding(world.image, STR("a.b")));
    cr_assert_null(image_topic_colliding(world.image, STR("a_")));
    cr_assert_null(image_topic_colliding(world.image, STR("a_bc")));
    cr_assert_null(image_topic_colliding(world.image, STR("")));
    world_close(&world);
}

Test(image, finds_endpoints_by_name_and_the_internal_one_by_none)
{
    struct world world;
    world_open(&world);
    world_start(&world, 1);
    const struct image_broker *broker = image_broker(world.image, 1);

    cr_assert_eq(image_endpoint(broker, STR("CLIENT"))->port, 9092);
    cr_assert_eq(image_endpoint(broker, (struct str){0})->port, 10092);
    cr_assert_null(image_endpoint(broker, STR("NONE")));
    world_close(&world);
}

Test(image, keeps_an_old_root_as_it_was)
{
    struct world world;
    world_open(&world);
    world_start(&world, 3);
    world_create(&world, "orders", 1, 3);
    struct image *before = image_ref(world.image);
    uint64_t hash = image_hash(before);
    node_id leader = world_partition(&world, "orders", 0)->leader;

    world_kill(&world, leader);
    world_create(&world, "more", 5, 3);

    const struct image_topic *topic = image_topic_by_name(before, STR("orders"));
    cr_assert_eq(image_partition(before, topic->id, 0)->leader, leader);
    cr_assert_null(image_topic_by_name(before, STR("more")));
    cr_assert_eq(image_hash(before), hash);
    cr_assert_neq(image_hash(world.image), hash);
    image_unref(before);
    world_close(&world);
}

Test(image, counts_a_value_once_for_each_map_that_holds_it)
{
    struct world world;
    world_open(&world);
    world_start(&world, 1);
    world_create(&world, "orders", 1, 1);
    struct image *next = image_apply(world.image, &(struct record){.type = RECORD_EPOCH_FLOOR},
                                     world.image->offset + 1, NULL);

    /* The roots are shared, so a second image adds nothing. */
    cr_assert_eq(image_broker(next, 1)->refs, 1);
    cr_assert_eq(image_topic_by_name(next, STR("orders"))->refs, 2);
    cr_assert_eq(image_partition_after(next, NULL)->refs, 1);
    image_unref(next);
    world_close(&world);
}

Test(image, knows_valid_topic_names)
{
    cr_assert(topic_name_is_valid(STR("a.B_c-9")));
    cr_assert(topic_name_is_valid(STR("...")));
    cr_assert_not(topic_name_is_valid(STR("")));
    cr_assert_not(topic_name_is_valid(STR(".")));
    cr_assert_not(topic_name_is_valid(STR("a b")));
    cr_assert_not(topic_name_is_valid(STR("a\0b")));
}
