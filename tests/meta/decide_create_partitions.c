/* decide_create_partitions.c -- topics that grow, and every way in which they do not. */
#include "world.h"

static void open(struct world *world)
{
    world_open(world);
    world_start(world, 3);
}

Test(decide_create_partitions, adds_partitions_in_one_batch_and_leaves_the_others_alone)
{
    struct world world;
    open(&world);
    const struct record_config config = {.name = STR("min.insync.replicas"), .value = STR("1")};
    world_create_with(&world, (struct create_topic){.name = STR("orders"),
                                                    .partition_count = 2,
                                                    .replication_factor = 3,
                                                    .config_count = 1,
                                                    .configs = &config});
    struct uuid id = image_topic_by_name(world.image, STR("orders"))->id;

    struct grow_topic_reply reply = world_grow(&world, "orders", 5);

    const struct image_topic *topic = image_topic_by_name(world.image, STR("orders"));
    cr_assert_eq(reply.err, ERR_NONE);
    cr_assert_eq(world.last_count, 4);
    cr_assert_eq(topic->partition_count, 5);
    cr_assert(uuid_equal(topic->id, id));
    cr_assert_eq(topic->config_count, 1);
    cr_assert_eq(world.image->partition_count, 5);
    cr_assert_eq(world_partition(&world, "orders", 1)->partition_epoch, 0);
    for (partition_id index = 2; index < 5; index++) {
        const struct image_partition *partition = world_partition(&world, "orders", index);
        cr_assert_eq(partition->isr.count, 3);
        cr_assert_eq(partition->leader, partition->replicas.ids[0]);
        cr_assert_eq(partition->min_insync, 1);
        cr_assert(partition->flush_each);
    }
    world_close(&world);
}

Test(decide_create_partitions, says_why_in_every_record)
{
    struct world world;
    open(&world);
    world_create(&world, "orders", 1, 1);

    world_grow(&world, "orders", 2);

    cr_assert(str_equal(world.last[0].cause, STR("CreatePartitions of User:ANONYMOUS")));
    cr_assert(str_equal(world.last[1].cause, STR("CreatePartitions of User:ANONYMOUS")));
    world_close(&world);
}

Test(decide_create_partitions, keeps_the_replication_factor_of_the_topic)
{
    struct world world;
    open(&world);
    world_create(&world, "orders", 1, 2);

    cr_assert_eq(world_grow(&world, "orders", 2).err, ERR_NONE);

    cr_assert_eq(world_partition(&world, "orders", 1)->replicas.count, 2);
    world_close(&world);
}

Test(decide_create_partitions, refuses_what_is_no_increase)
{
    struct world world;
    open(&world);
    world_create(&world, "orders", 3, 1);
    uint32_t records = world.record_count;

    cr_assert_eq(world_grow(&world, "orders", 3).err, ERR_INVALID_PARTITIONS);
    cr_assert_eq(world_grow(&world, "orders", 2).err, ERR_INVALID_PARTITIONS);
    cr_assert_eq(world_grow(&world, "orders", 0).err, ERR_INVALID_PARTITIONS);
    cr_assert_eq(world_grow(&world, "orders", -1).err, ERR_INVALID_PARTITIONS);
    cr_assert_eq(world_grow(&world, "orders", INT32_MIN).err, ERR_INVALID_PARTITIONS);
    cr_assert_eq(world.record_count, records);
    world_close(&world);
}

Test(decide_create_partitions, refuses_more_than_one_batch_holds)
{
    struct world world;
    open(&world);
    world_create(&world, "orders", 1, 1);

    cr_assert_eq(world_grow(&world, "orders", INT32_MAX).err, ERR_POLICY_VIOLATION);
    cr_assert_eq(world_grow(&world, "orders", 10001).err, ERR_POLICY_VIOLATION);
    cr_assert_eq(world_grow(&world, "orders", 10000).err, ERR_NONE);
    world_close(&world);
}

Test(decide_create_partitions, refuses_topics_that_are_not_there_or_have_no_name)
{
    struct world world;
    open(&world);

    cr_assert_eq(world_grow(&world, "nothing", 2).err, ERR_UNKNOWN_TOPIC_OR_PARTITION);
    cr_assert_eq(world_grow(&world, "", 2).err, ERR_UNKNOWN_TOPIC_OR_PARTITION);
    cr_assert_eq(world_grow(&world, NULL, 2).err, ERR_UNKNOWN_TOPIC_OR_PARTITION);
    world_close(&world);
}

Test(decide_create_partitions, leaves_the_topic_alone_by_which_groups_are_found)
{
    struct world world;
    open(&world);
    world_create(&world, "__consumer_offsets", 3, 1);

    cr_assert_eq(world_grow(&world, "__consumer_offsets", 4).err, ERR_POLICY_VIOLATION);
    world_close(&world);
}

static enum err assign(struct world *world, int32_t partitions, uint32_t count,
                       const struct create_assignment *list)
{
    return world_grow_with(world, (struct grow_topic){.name = STR("placed"),
                                                      .partition_count = partitions,
                                                      .is_assigned = true,
                                                      .assignment_count = count,
                                                      .assignments = list})
        .err;
}

Test(decide_create_partitions, places_as_the_client_says)
{
    struct world world;
    const struct create_assignment list[] = {
        {.replica_count = 2, .replicas = (node_id[]){3, 1}},
        {.replica_count = 2, .replicas = (node_id[]){2, 3}},
    };
    open(&world);
    world_create(&world, "placed", 1, 2);

    cr_assert_eq(assign(&world, 3, 2, list), ERR_NONE);

    assert_nodes(world_partition(&world, "placed", 1)->replicas, 3, 1);
    assert_nodes(world_partition(&world, "placed", 2)->replicas, 2, 3);
    cr_assert_eq(world_partition(&world, "placed", 1)->leader, 3);
    world_close(&world);
}

Test(decide_create_partitions, refuses_bad_assignments)
{
    struct world world;
    struct create_assignment fine = {.replica_count = 2, .replicas = (const node_id[]){1, 2}};
    struct create_assignment stranger = {.replica_count = 2, .replicas = (const node_id[]){1, 7}};
    struct create_assignment repeated = {.replica_count = 2, .replicas = (const node_id[]){1, 1}};
    struct create_assignment narrow = {.replica_count = 1, .replicas = (const node_id[]){1}};
    struct create_assignment wide = {.replica_count = 3, .replicas = (const node_id[]){1, 2, 3}};
    struct create_assignment empty = {.replica_count = 0};
    struct create_assignment huge = {.replica_count = UINT32_MAX, .replicas = narrow.replicas};
    open(&world);
    world_create(&world, "placed", 1, 2);
    uint32_t records = world.record_count;

    cr_assert_eq(assign(&world, 3, 1, &fine), ERR_INVALID_REPLICA_ASSIGNMENT);
    cr_assert_eq(assign(&world, 2, 0, NULL), ERR_INVALID_REPLICA_ASSIGNMENT);
    cr_assert_eq(assign(&world, 2, 1, &stranger), ERR_INVALID_REPLICA_ASSIGNMENT);
    cr_assert_eq(assign(&world, 2, 1, &repeated), ERR_INVALID_REPLICA_ASSIGNMENT);
    cr_assert_eq(assign(&world, 2, 1, &narrow), ERR_INVALID_REPLICA_ASSIGNMENT);
    cr_assert_eq(assign(&world, 2, 1, &wide), ERR_INVALID_REPLICA_ASSIGNMENT);
    cr_assert_eq(assign(&world, 2, 1, &empty), ERR_INVALID_REPLICA_ASSIGNMENT);
    cr_assert_eq(assign(&world, 2, 1, &huge), ERR_INVALID_REPLICA_ASSIGNMENT);
    cr_assert_eq(world.record_count, records);
    world_close(&world);
}

Test(decide_create_partitions, needs_a_live_broker_for_what_a_client_places)
{
    struct world world;
    struct create_assignment dead = {.replica_count = 1, .replicas = (const node_id[]){3}};
    struct create_assignment half = {.replica_count = 2, .replicas = (const node_id[]){3, 2}};
    open(&world);
    world_create(&world, "placed", 1, 1);
    world_create(&world, "wide", 1, 2);
    world_kill(&world, 3);

    cr_assert_eq(assign(&world, 2, 1, &dead), ERR_INVALID_REPLICA_ASSIGNMENT);
    cr_assert_eq(world_grow_with(&world, (struct grow_topic){.name = STR("wide"),
                                                             .partition_count = 2,
                                                             .is_assigned = true,
                                                             .assignment_count = 1,
                                                             .assignments = &half})
                     .err,
                 ERR_NONE);

    const struct image_partition *partition = world_partition(&world, "wide", 1);
    cr_assert_eq(partition->leader, 2);
    assert_nodes(partition->isr, 2);
    world_close(&world);
}

Test(decide_create_partitions, needs_a_live_broker_for_what_it_places_itself)
{
    struct world world;
    open(&world);
    world_create(&world, "orders", 1, 1);
    for (node_id id = 1; id <= 3; id++)
        world_kill(&world, id);

    cr_assert_eq(world_grow(&world, "orders", 2).err, ERR_INVALID_REPLICATION_FACTOR);
    world_close(&world);
}

static struct create_partitions_reply grow_all(struct world *world, bool validate_only,
                                               uint32_t count, const struct grow_topic *topics)
{
    struct create_partitions_command command = {.principal = STR("User:x"),
                                                .validate_only = validate_only,
                                                .count = count,
                                                .topics = topics};
    struct create_partitions_reply reply;
    decide_create_partitions(world_begin(world), &command, &reply);
    world_accept(world);
    return reply;
}

Test(decide_create_partitions, refuses_a_topic_named_twice_in_both_places)
{
    struct world world;
    const struct grow_topic topics[] = {{.name = STR("a"), .partition_count = 2},
                                        {.name = STR("b"), .partition_count = 2},
                                        {.name = STR("a"), .partition_count = 3}};
    open(&world);
    world_create(&world, "a", 1, 1);
    world_create(&world, "b", 1, 1);

    struct create_partitions_reply reply = grow_all(&world, false, 3, topics);

    cr_assert_eq(reply.topics[0].err, ERR_INVALID_REQUEST);
    cr_assert_eq(reply.topics[1].err, ERR_NONE);
    cr_assert_eq(reply.topics[2].err, ERR_INVALID_REQUEST);
    cr_assert_null(world_partition(&world, "a", 1));
    cr_assert_not_null(world_partition(&world, "b", 1));
    world_close(&world);
}

Test(decide_create_partitions, writes_nothing_when_it_only_validates)
{
    struct world world;
    const struct grow_topic topics[] = {{.name = STR("a"), .partition_count = 2},
                                        {.name = STR("b"), .partition_count = 1}};
    open(&world);
    world_create(&world, "a", 1, 1);
    world_create(&world, "b", 1, 1);
    uint32_t records = world.record_count;

    struct create_partitions_reply reply = grow_all(&world, true, 2, topics);

    cr_assert_eq(reply.topics[0].err, ERR_NONE);
    cr_assert_eq(reply.topics[1].err, ERR_INVALID_PARTITIONS);
    cr_assert_eq(world.record_count, records);
    cr_assert_null(world_partition(&world, "a", 1));
    world_close(&world);
}

Test(decide_create_partitions, refuses_more_topics_than_one_request_may_name)
{
    enum { COUNT = CONTROLLER_RECORDS_MAX + 1 };
    struct world world;
    open(&world);
    world_create(&world, "a", 1, 1);
    struct grow_topic *topics = arena_array(&world.arena, struct grow_topic, COUNT);
    for (uint32_t i = 0; i < COUNT; i++)
        topics[i] = (struct grow_topic){.name = STR("a"), .partition_count = 2};

    struct create_partitions_reply reply = grow_all(&world, false, COUNT, topics);

    cr_assert_eq(reply.count, COUNT);
    cr_assert_eq(reply.topics[0].err, ERR_POLICY_VIOLATION);
    cr_assert_eq(reply.topics[COUNT - 1].err, ERR_POLICY_VIOLATION);
    cr_assert(str_equal(reply.topics[COUNT - 1].message,
                        STR("The request names 10001 topics, and may name 10000.")));
    cr_assert_null(world_partition(&world, "a", 1));
    world_close(&world);
}
