/* decide_create_topics.c -- new topics, and every way in which they are refused. */
#include "world.h"

static void open(struct world *world)
{
    world_open(world);
    world_start(world, 3);
}

Test(decide_create_topics, writes_the_topic_and_its_partitions_in_one_batch)
{
    struct world world;
    open(&world);

    struct create_topic_reply reply = world_create(&world, "orders", 3, 3);

    cr_assert_eq(reply.err, ERR_NONE);
    cr_assert_eq(world.last_count, 4);
    cr_assert_eq(reply.partition_count, 3);
    cr_assert_eq(reply.replication_factor, 3);
    cr_assert(uuid_equal(image_topic_by_name(world.image, STR("orders"))->id, reply.id));
    for (partition_id index = 0; index < 3; index++) {
        const struct image_partition *partition = world_partition(&world, "orders", index);
        cr_assert_eq(partition->isr.count, 3);
        cr_assert_eq(partition->leader, partition->replicas.ids[0]);
        cr_assert_eq(partition->leader_epoch, 0);
    }
    world_close(&world);
}

Test(decide_create_topics, says_why_in_every_record)
{
    struct world world;
    open(&world);

    world_create(&world, "orders", 1, 1);

    cr_assert(str_equal(world.last[0].cause, STR("CreateTopics of User:ANONYMOUS")));
    cr_assert(str_equal(world.last[1].cause, STR("CreateTopics of User:ANONYMOUS")));
    world_close(&world);
}

Test(decide_create_topics, is_safe_by_default)
{
    struct world world;
    open(&world);

    struct create_topic_reply reply = world_create(&world, "orders", -1, -1);

    const struct image_partition *partition = world_partition(&world, "orders", 0);
    cr_assert_eq(reply.partition_count, 1);
    cr_assert_eq(reply.replication_factor, 3);
    cr_assert_eq(partition->min_insync, 2);
    cr_assert(partition->flush_each);
    cr_assert_not(partition->unclean_allowed);
    world_close(&world);
}

Test(decide_create_topics, takes_the_topics_own_settings_over_the_defaults)
{
    struct world world;
    const struct record_config configs[] = {
        {.name = STR("min.insync.replicas"), .value = STR("5")},
        {.name = STR("flush.messages"), .value = STR("9223372036854775807")},
        {.name = STR("unclean.leader.election.enable"), .value = STR("true")},
    };
    open(&world);

    struct create_topic_reply reply =
        world_create_with(&world, (struct create_topic){.name = STR("loose"),
                                                        .partition_count = 1,
                                                        .replication_factor = 2,
                                                        .config_count = 3,
                                                        .configs = configs});

    const struct image_partition *partition = world_partition(&world, "loose", 0);
    cr_assert_eq(reply.err, ERR_NONE);
    cr_assert_eq(partition->min_insync, 2); /* Never above the replicas. */
    cr_assert_not(partition->flush_each);
    cr_assert(partition->unclean_allowed);
    cr_assert_eq(image_topic_number(image_topic_by_name(world.image, STR("loose")),
                                    STR("min.insync.replicas"), 0),
                 5);
    world_close(&world);
}

Test(decide_create_topics, refuses_bad_names)
{
    struct world world;
    char long_name[251];
    memset(long_name, 'a', 250);
    long_name[250] = '\0';
    open(&world);

    cr_assert_eq(world_create(&world, "", 1, 1).err, ERR_INVALID_TOPIC_EXCEPTION);
    cr_assert_eq(world_create(&world, "..", 1, 1).err, ERR_INVALID_TOPIC_EXCEPTION);
    cr_assert_eq(world_create(&world, "a/b", 1, 1).err, ERR_INVALID_TOPIC_EXCEPTION);
    cr_assert_eq(world_create(&world, long_name, 1, 1).err, ERR_INVALID_TOPIC_EXCEPTION);
    cr_assert_eq(world_create(&world, NULL, 1, 1).err, ERR_INVALID_TOPIC_EXCEPTION);
    cr_assert_eq(world_create(&world, "__cluster_metadata", 1, 1).err, ERR_INVALID_REQUEST);
    cr_assert_eq(world.image->topic_count, 0);
    world_close(&world);
}

Test(decide_create_topics, refuses_names_that_exist_or_collide)
{
    struct world world;
    open(&world);
    world_create(&world, "a.b_c", 1, 1);

    cr_assert_eq(world_create(&world, "a.b_c", 1, 1).err, ERR_TOPIC_ALREADY_EXISTS);
    cr_assert_eq(world_create(&world, "a_b.c", 1, 1).err, ERR_INVALID_TOPIC_EXCEPTION);
    cr_assert_eq(world_create(&world, "a.b_cd", 1, 1).err, ERR_NONE);
    world_close(&world);
}

Test(decide_create_topics, refuses_bad_counts)
{
    struct world world;
    open(&world);

    cr_assert_eq(world_create(&world, "t", 0, 1).err, ERR_INVALID_PARTITIONS);
    cr_assert_eq(world_create(&world, "t", -2, 1).err, ERR_INVALID_PARTITIONS);
    cr_assert_eq(world_create(&world, "t", 1, 0).err, ERR_INVALID_REPLICATION_FACTOR);
    cr_assert_eq(world_create(&world, "t", 1, -2).err, ERR_INVALID_REPLICATION_FACTOR);
    cr_assert_eq(world_create(&world, "t", 1, 4).err, ERR_INVALID_REPLICATION_FACTOR);
    cr_assert_eq(world_create(&world, "t", INT32_MAX, 1).err, ERR_POLICY_VIOLATION);
    cr_assert_eq(world_create(&world, "t", 10000, 1).err, ERR_POLICY_VIOLATION);
    world_close(&world);
}

Test(decide_create_topics, refuses_unknown_and_malformed_configs)
{
    struct world world;
    struct record_config config = {.name = STR("no.such.key"), .value = STR("1")};
    struct create_topic topic = {.name = STR("t"),
                                 .partition_count = 1,
                                 .replication_factor = 1,
                                 .config_count = 1,
                                 .configs = &config};
    open(&world);

    cr_assert_eq(world_create_with(&world, topic).err, ERR_INVALID_CONFIG);
    config = (struct record_config){.name = STR("retention.ms"), .value = STR("soon")};
    cr_assert_eq(world_create_with(&world, topic).err, ERR_INVALID_CONFIG);
    world_close(&world);
}

Test(decide_create_topics, refuses_configs_that_do_not_go_together)
{
    struct world world;
    const struct record_config configs[] = {
        {.name = STR("min.compaction.lag.ms"), .value = STR("8")},
        {.name = STR("max.compaction.lag.ms"), .value = STR("7")}};
    open(&world);

    struct create_topic_reply reply =
        world_create_with(&world, (struct create_topic){.name = STR("t"),
                                                        .partition_count = 1,
                                                        .replication_factor = 1,
                                                        .config_count = 2,
                                                        .configs = configs});

    cr_assert_eq(reply.err, ERR_INVALID_CONFIG);
    cr_assert(str_equal(reply.message, STR("min.compaction.lag.ms=8 is above "
                                           "max.compaction.lag.ms=7.")));
    world_close(&world);
}

Test(decide_create_topics, refuses_a_name_given_twice_in_both_places)
{
    struct world world;
    struct create_topic topics[3] = {
        {.name = STR("a"), .partition_count = 1, .replication_factor = 1},
        {.name = STR("b"), .partition_count = 1, .replication_factor = 1},
        {.name = STR("a"), .partition_count = 1, .replication_factor = 1},
    };
    struct create_topics_command command = {
        .principal = STR("User:x"), .count = 3, .topics = topics};
    struct create_topics_reply reply;
    open(&world);

    decide_create_topics(world_begin(&world), &command, &reply);
    world_accept(&world);

    cr_assert_eq(reply.topics[0].err, ERR_INVALID_REQUEST);
    cr_assert_eq(reply.topics[1].err, ERR_NONE);
    cr_assert_eq(reply.topics[2].err, ERR_INVALID_REQUEST);
    world_close(&world);
}

Test(decide_create_topics, writes_nothing_when_it_only_validates)
{
    struct world world;
    struct create_topic topics[2] = {
        {.name = STR("a.b"), .partition_count = 2, .replication_factor = 3},
        {.name = STR("a_b"), .partition_count = 2, .replication_factor = 3},
    };
    struct create_topics_command command = {
        .principal = STR("User:x"), .validate_only = true, .count = 2, .topics = topics};
    struct create_topics_reply reply;
    open(&world);
    uint32_t records = world.record_count;

    decide_create_topics(world_begin(&world), &command, &reply);
    world_accept(&world);

    cr_assert_eq(reply.topics[0].err, ERR_NONE);
    cr_assert_eq(reply.topics[0].partition_count, 2);
    cr_assert(uuid_is_zero(reply.topics[0].id));
    cr_assert_eq(reply.topics[1].err, ERR_INVALID_TOPIC_EXCEPTION);
    cr_assert_eq(world.record_count, records);
    world_close(&world);
}

Test(decide_create_topics, tells_the_configs_that_the_topic_keeps)
{
    struct world world;
    open(&world);
    const struct record_config wanted = {.name = STR("retention.ms"), .value = STR(" 7")};

    struct create_topic_reply reply =
        world_create_with(&world, (struct create_topic){.name = STR("orders"),
                                                        .partition_count = 1,
                                                        .replication_factor = 3,
                                                        .config_count = 1,
                                                        .configs = &wanted});

    cr_assert_eq(reply.config_count, 1);
    cr_assert(str_equal(reply.configs[0].name, STR("retention.ms")));
    cr_assert(str_equal(reply.configs[0].value, STR("7")));
    world_close(&world);
}

Test(decide_create_topics, waits_for_configured_nodes_that_have_not_registered)
{
    struct world world;
    world_open(&world);
    world_start(&world, 2);

    cr_assert_eq(world_create(&world, "orders", 1, -1).err, ERR_INVALID_REPLICATION_FACTOR);
    world_register(&world, 3);
    cr_assert_eq(world_create(&world, "orders", 1, -1).err, ERR_NONE);

    const struct image_partition *partition = world_partition(&world, "orders", 0);
    cr_assert_eq(partition->replicas.count, 3);
    cr_assert_eq(partition->isr.count, 2);
    cr_assert_not(node_list_has(&partition->isr, 3));
    world_close(&world);
}

static enum err assign(struct world *world, uint32_t count, const struct create_assignment *list)
{
    return world_create_with(world, (struct create_topic){.name = STR("placed"),
                                                          .partition_count = -1,
                                                          .replication_factor = -1,
                                                          .assignment_count = count,
                                                          .assignments = list})
        .err;
}

Test(decide_create_topics, places_as_the_client_says)
{
    struct world world;
    const struct create_assignment list[] = {
        {.index = 1, .replica_count = 2, .replicas = (node_id[]){3, 1}},
        {.index = 0, .replica_count = 2, .replicas = (node_id[]){2, 3}},
    };
    open(&world);

    cr_assert_eq(assign(&world, 2, list), ERR_NONE);

    assert_nodes(world_partition(&world, "placed", 0)->replicas, 2, 3);
    assert_nodes(world_partition(&world, "placed", 1)->replicas, 3, 1);
    cr_assert_eq(world_partition(&world, "placed", 1)->leader, 3);
    world_close(&world);
}

Test(decide_create_topics, refuses_bad_assignments)
{
    struct world world;
    const node_id some[] = {1, 2, 7, 1};
    struct create_assignment gap = {.index = 1, .replica_count = 1, .replicas = some};
    struct create_assignment stranger = {.index = 0, .replica_count = 3, .replicas = some};
    struct create_assignment empty = {.index = 0};
    struct create_assignment huge = {.replica_count = UINT32_MAX, .replicas = some};
    struct create_assignment uneven[] = {
        {.index = 0, .replica_count = 1, .replicas = some},
        {.index = 1, .replica_count = 2, .replicas = some},
    };
    struct create_assignment repeated = {.replica_count = 2, .replicas = (const node_id[]){1, 1}};
    open(&world);

    cr_assert_eq(assign(&world, 1, &gap), ERR_INVALID_REPLICA_ASSIGNMENT);
    cr_assert_eq(assign(&world, 1, &stranger), ERR_INVALID_REPLICA_ASSIGNMENT);
    cr_assert_eq(assign(&world, 1, &empty), ERR_INVALID_REPLICA_ASSIGNMENT);
    cr_assert_eq(assign(&world, 1, &huge), ERR_INVALID_REPLICA_ASSIGNMENT);
    cr_assert_eq(assign(&world, 2, uneven), ERR_INVALID_REPLICA_ASSIGNMENT);
    cr_assert_eq(assign(&world, 1, &repeated), ERR_INVALID_REPLICA_ASSIGNMENT);
    world_close(&world);
}

Test(decide_create_topics, refuses_an_assignment_beside_counts)
{
    struct world world;
    const struct create_assignment list = {
        .index = 0, .replica_count = 1, .replicas = (node_id[]){1}};
    open(&world);

    struct create_topic_reply reply =
        world_create_with(&world, (struct create_topic){.name = STR("t"),
                                                        .partition_count = 1,
                                                        .replication_factor = -1,
                                                        .assignment_count = 1,
                                                        .assignments = &list});

    cr_assert_eq(reply.err, ERR_INVALID_REQUEST);
    world_close(&world);
}

Test(decide_create_topics, draws_other_ids_in_another_office_with_the_same_seed)
{
    struct world world;
    open(&world);
    struct uuid first = world_create(&world, "a", 1, 1).id;
    struct image *before = image_ref(world.image);

    world_change_office(&world, -1, 0);
    struct uuid second = world_create(&world, "b", 1, 1).id;

    cr_assert_not(uuid_equal(first, second));
    image_unref(before);
    world_close(&world);
}

Test(decide_create_topics, refuses_more_topics_than_one_request_may_name)
{
    enum { COUNT = CONTROLLER_RECORDS_MAX + 1 };
    struct world world;
    struct create_topics_reply reply;
    open(&world);
    struct create_topic *topics = arena_array(&world.arena, struct create_topic, COUNT);
    for (uint32_t i = 0; i < COUNT; i++)
        topics[i] =
            (struct create_topic){.name = STR("a"), .partition_count = 1, .replication_factor = 1};
    struct create_topics_command command = {
        .principal = STR("User:x"), .count = COUNT, .topics = topics};

    decide_create_topics(world_begin(&world), &command, &reply);
    world_accept(&world);

    cr_assert_eq(reply.topics[0].err, ERR_POLICY_VIOLATION);
    cr_assert(str_equal(reply.topics[COUNT - 1].message,
                        STR("The request names 10001 topics, and may name 10000.")));
    cr_assert_eq(world.image->topic_count, 0);
    world_close(&world);
}
