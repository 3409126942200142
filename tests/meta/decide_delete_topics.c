/* decide_delete_topics.c -- topics go, and leave a floor. */
#include "world.h"

static enum err remove_topic(struct world *world, const char *name, struct uuid id)
{
    struct delete_topic topic = {.name = str_from(name), .id = id};
    struct delete_topics_command command = {
        .principal = STR("User:x"), .count = 1, .topics = &topic};
    struct delete_topics_reply reply;
    decide_delete_topics(world_begin(world), &command, &reply);
    world_accept(world);
    return reply.topics[0].err;
}

static const struct uuid nothing = {.bytes = {0}};

Test(decide_delete_topics, removes_a_topic_by_name_with_its_partitions)
{
    struct world world;
    world_open(&world);
    world_start(&world, 3);
    world_create(&world, "orders", 3, 3);
    world_create(&world, "other", 2, 3);

    cr_assert_eq(remove_topic(&world, "orders", nothing), ERR_NONE);

    cr_assert_null(image_topic_by_name(world.image, STR("orders")));
    cr_assert_eq(world.image->partition_count, 2);
    cr_assert_eq(world.image->topic_count, 1);
    world_close(&world);
}

Test(decide_delete_topics, removes_a_topic_by_id)
{
    struct world world;
    world_open(&world);
    world_start(&world, 3);
    struct uuid id = world_create(&world, "orders", 1, 3).id;

    cr_assert_eq(remove_topic(&world, NULL, id), ERR_NONE);

    cr_assert_null(image_topic_by_id(world.image, id));
    world_close(&world);
}

Test(decide_delete_topics, refuses_what_it_cannot_find)
{
    struct world world;
    world_open(&world);
    world_start(&world, 3);
    struct uuid id = world_create(&world, "orders", 1, 3).id;

    cr_assert_eq(remove_topic(&world, "nothing", nothing), ERR_UNKNOWN_TOPIC_OR_PARTITION);
    cr_assert_eq(remove_topic(&world, NULL, world_uuid(5)), ERR_UNKNOWN_TOPIC_ID);
    cr_assert_eq(remove_topic(&world, NULL, nothing), ERR_INVALID_REQUEST);
    cr_assert_eq(remove_topic(&world, "orders", id), ERR_INVALID_REQUEST);
    cr_assert_eq(world.image->topic_count, 1);
    world_close(&world);
}

Test(decide_delete_topics, deletes_nothing_that_is_named_twice)
{
    struct world world;
    world_open(&world);
    world_start(&world, 3);
    struct uuid id = world_create(&world, "orders", 1, 3).id;
    world_create(&world, "other", 1, 3);
    struct delete_topic topics[] = {
        {.name = STR("orders")}, {.name = STR("other")}, {.id = id}, {.name = STR("orders")}};
    struct delete_topics_command command = {
        .principal = STR("User:x"), .count = 4, .topics = topics};
    struct delete_topics_reply reply;

    decide_delete_topics(world_begin(&world), &command, &reply);
    world_accept(&world);

    cr_assert_eq(reply.topics[0].err, ERR_INVALID_REQUEST);
    cr_assert_eq(reply.topics[1].err, ERR_NONE);
    cr_assert_eq(reply.topics[2].err, ERR_INVALID_REQUEST);
    cr_assert_eq(reply.topics[3].err, ERR_INVALID_REQUEST);
    cr_assert_not_null(image_topic_by_name(world.image, STR("orders")));
    cr_assert_null(image_topic_by_name(world.image, STR("other")));
    world_close(&world);
}

Test(decide_delete_topics, starts_a_recreated_topic_above_every_epoch_of_the_old_one_rule_18)
{
    struct world world;
    world_open(&world);
    world_start(&world, 3);
    struct uuid old = world_create(&world, "orders", 1, 3).id;
    for (uint32_t i = 0; i < 4; i++) {
        node_id leader = world_partition(&world, "orders", 0)->leader;
        world_kill(&world, leader);
        world_heartbeat(&world, leader);
        world_alter(&world, "orders", 0, 3, (node_id[]){1, 2, 3});
    }
    log_epoch highest = world_partition(&world, "orders", 0)->leader_epoch;
    cr_assert_eq(highest, 4);

    remove_topic(&world, "orders", nothing);
    struct uuid id = world_create(&world, "orders", 1, 3).id;

    cr_assert_not(uuid_equal(id, old));
    cr_assert_eq(world_partition(&world, "orders", 0)->leader_epoch, highest + 1);
    world_close(&world);
}
