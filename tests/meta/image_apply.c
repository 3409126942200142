/* image_apply.c -- the fold, also over records that make no sense. */
#include "world.h"

static struct image *apply(struct image *image, struct record record)
{
    record.cause = STR("test");
    struct image *next = image_apply(image, &record, image->offset + 1, NULL);
    image_unref(image);
    return next;
}

static const struct record_topic orders = {
    .id = {.bytes = {1}}, .name = {.data = "orders", .size = 6}, .partition_count = 2};

static struct record_partition partition_of(partition_id index)
{
    return (struct record_partition){.key = {.topic_id = orders.id, .index = index},
                                     .replicas = NODES(1, 2),
                                     .isr = NODES(1),
                                     .leader = 1,
                                     .min_insync = 1};
}

static struct image *image_with_orders(void)
{
    struct image *image = image_new();
    image = apply(image, (struct record){.type = RECORD_TOPIC, .topic = orders});
    return apply(image, (struct record){.type = RECORD_PARTITION, .partition = partition_of(0)});
}

Test(image_apply, changes_only_the_offset_for_what_is_not_there)
{
    struct image *image = image_with_orders();
    struct record_partition other = partition_of(0);
    other.key.topic_id = world_uuid(9);

    image = apply(image,
                  (struct record){.type = RECORD_PARTITION_CHANGE, .partition = partition_of(1)});
    image = apply(image, (struct record){.type = RECORD_PARTITION, .partition = other});
    image = apply(image, (struct record){.type = RECORD_PARTITION, .partition = partition_of(2)});
    image = apply(
        image, (struct record){.type = RECORD_REMOVE_TOPIC, .remove_topic = {.id = world_uuid(9)}});
    image = apply(image, (struct record){.type = RECORD_BROKER_CHANGE,
                                         .broker_change = {.id = 3, .epoch = 1}});

    cr_assert_eq(image->offset, 6);
    cr_assert_eq(image->partition_count, 1);
    cr_assert_eq(image->topic_count, 1);
    cr_assert_eq(image->broker_count, 0);
    image_unref(image);
}

Test(image_apply, never_gives_one_name_or_id_to_two_topics)
{
    struct image *image = image_with_orders();
    struct record_topic same_name = orders;
    struct record_topic same_id = orders;
    same_name.id = world_uuid(9);
    same_id.name = STR("other");

    image = apply(image, (struct record){.type = RECORD_TOPIC, .topic = same_name});
    image = apply(image, (struct record){.type = RECORD_TOPIC, .topic = same_id});

    cr_assert_eq(image->topic_count, 1);
    cr_assert_null(image_topic_by_id(image, world_uuid(9)));
    cr_assert_null(image_topic_by_name(image, STR("other")));
    image_unref(image);
}

Test(image_apply, ignores_a_change_of_an_older_broker_epoch)
{
    struct image *image = image_new();
    struct record registration = {.type = RECORD_REGISTER_BROKER, .broker = {.id = 1}};
    image = apply(image, registration);
    image = apply(image, registration);

    image = apply(image, (struct record){.type = RECORD_BROKER_CHANGE,
                                         .broker_change = {.id = 1, .epoch = 0}});
    cr_assert(image_broker(image, 1)->fenced);
    image = apply(image, (struct record){.type = RECORD_BROKER_CHANGE,
                                         .broker_change = {.id = 1, .epoch = 1}});
    cr_assert_not(image_broker(image, 1)->fenced);
    cr_assert_eq(image_broker(image, 1)->changed, 3);
    image_unref(image);
}

Test(image_apply, never_moves_floor_or_producer_ids_back)
{
    struct image *image = image_new();

    image = apply(image, (struct record){.type = RECORD_EPOCH_FLOOR, .epoch_floor = {.floor = 9}});
    image = apply(image, (struct record){.type = RECORD_EPOCH_FLOOR, .epoch_floor = {.floor = 3}});
    image =
        apply(image, (struct record){.type = RECORD_PRODUCER_IDS, .producer_ids = {.next = 2000}});
    image =
        apply(image, (struct record){.type = RECORD_PRODUCER_IDS, .producer_ids = {.next = 1000}});

    cr_assert_eq(image->epoch_floor, 9);
    cr_assert_eq(image->next_producer_id, 2000);
    image_unref(image);
}

Test(image_apply, grants_a_leader_epoch_to_the_process_that_is_registered_rule_1)
{
    struct image *image = image_with_orders();
    struct record registration = {.type = RECORD_REGISTER_BROKER, .broker = {.id = 1}};
    struct record_partition next = partition_of(0);
    image = apply(image, registration);
    cr_assert_eq(image_partition(image, orders.id, 0)->leader_broker_epoch, -1);

    next.partition_epoch = 1; /* Same leader, same leader epoch: no new grant. */
    image = apply(image, (struct record){.type = RECORD_PARTITION_CHANGE, .partition = next});
    cr_assert_eq(image_partition(image, orders.id, 0)->leader_broker_epoch, -1);
    next.leader_epoch = 1;
    image = apply(image, (struct record){.type = RECORD_PARTITION_CHANGE, .partition = next});
    cr_assert_eq(image_partition(image, orders.id, 0)->leader_broker_epoch, 2);
    image_unref(image);
}

Test(image_apply, says_what_a_run_of_records_touched_each_thing_once)
{
    struct image *image = image_with_orders();
    struct image_delta delta;
    struct record records[] = {
        {.type = RECORD_PARTITION, .cause = STR("x"), .partition = partition_of(1)},
        {.type = RECORD_PARTITION_CHANGE, .cause = STR("x"), .partition = partition_of(1)},
        {.type = RECORD_REGISTER_BROKER, .cause = STR("x"), .broker = {.id = 4}},
        {.type = RECORD_REGISTER_BROKER, .cause = STR("x"), .broker = {.id = 4}},
    };
    image_delta_init(&delta);

    for (uint32_t i = 0; i < 4; i++) {
        struct image *next = image_apply(image, &records[i], image->offset + 1, &delta);
        image_unref(image);
        image = next;
    }
    cr_assert_eq(delta.partition_count, 1);
    cr_assert_eq(delta.partitions[0].index, 1);
    cr_assert_eq(delta.broker_count, 1);
    cr_assert_eq(delta.brokers[0], 4);
    cr_assert_not(delta.topics);

    image_delta_free(&delta);
    image_delta_init(&delta);
    struct record remove = {.type = RECORD_REMOVE_TOPIC, .remove_topic = {.id = orders.id}};
    struct image *gone = image_apply(image, &remove, image->offset + 1, &delta);
    cr_assert_eq(delta.partition_count, 2);
    cr_assert(delta.topics);
    image_delta_free(&delta);
    image_unref(gone);
    image_unref(image);
}
