/* decide_elect_leaders.c -- elections that somebody asks for. */
#include "world.h"

/* One partition on [1,2,3], led by 2, since 1 died and came back; 1 is in sync if `in_sync`. */
static void open_moved(struct world *world, bool in_sync)
{
    const struct create_assignment list = {.replica_count = 3,
                                           .replicas = (const node_id[]){1, 2, 3}};
    world_open(world);
    world_start(world, 3);
    world_create_with(world, (struct create_topic){.name = STR("orders"),
                                                   .partition_count = -1,
                                                   .replication_factor = -1,
                                                   .assignment_count = 1,
                                                   .assignments = &list});
    world_kill(world, 1);
    world_register(world, 1);
    world_heartbeat(world, 1);
    cr_assert_eq(world_partition(world, "orders", 0)->leader, 2);
    if (in_sync)
        cr_assert_eq(world_alter(world, "orders", 0, 3, (node_id[]){1, 2, 3}), ERR_NONE);
}

Test(decide_elect_leaders, gives_the_preferred_replica_a_new_leader_epoch)
{
    struct world world;
    open_moved(&world, true);
    log_epoch before = world_partition(&world, "orders", 0)->leader_epoch;

    cr_assert_eq(world_elect(&world, ELECT_PREFERRED, "orders", 0), ERR_NONE);

    const struct image_partition *partition = world_partition(&world, "orders", 0);
    cr_assert_eq(partition->leader, 1);
    cr_assert_eq(partition->leader_epoch, before + 1);
    cr_assert_eq(partition->isr.count, 3);
    cr_assert(str_equal(world.last[0].cause, STR("ElectLeaders of User:ANONYMOUS")));
    world_close(&world);
}

Test(decide_elect_leaders, needs_no_election_where_the_preferred_replica_leads)
{
    struct world world;
    open_moved(&world, true);
    world_elect(&world, ELECT_PREFERRED, "orders", 0);
    uint32_t records = world.record_count;

    cr_assert_eq(world_elect(&world, ELECT_PREFERRED, "orders", 0), ERR_ELECTION_NOT_NEEDED);
    cr_assert_eq(world.record_count, records);
    world_close(&world);
}

Test(decide_elect_leaders, leaves_a_replica_alone_that_is_not_in_sync)
{
    struct world world;
    open_moved(&world, false);
    uint32_t records = world.record_count;

    cr_assert_eq(world_elect(&world, ELECT_PREFERRED, "orders", 0),
                 ERR_PREFERRED_LEADER_NOT_AVAILABLE);
    cr_assert_eq(world.record_count, records);
    world_close(&world);
}

Test(decide_elect_leaders, refuses_what_is_not_there)
{
    struct world world;
    open_moved(&world, true);

    cr_assert_eq(world_elect(&world, ELECT_PREFERRED, "orders", 1), ERR_UNKNOWN_TOPIC_OR_PARTITION);
    cr_assert_eq(world_elect(&world, ELECT_PREFERRED, "orders", -1),
                 ERR_UNKNOWN_TOPIC_OR_PARTITION);
    cr_assert_eq(world_elect(&world, ELECT_UNCLEAN, "orders", INT32_MAX),
                 ERR_UNKNOWN_TOPIC_OR_PARTITION);
    cr_assert_eq(world_elect(&world, ELECT_PREFERRED, "nothing", 0),
                 ERR_UNKNOWN_TOPIC_OR_PARTITION);
    world_close(&world);
}

static enum err elect_type(struct world *world, int32_t type)
{
    struct elect_leaders_command command = {.principal = STR("User:x"), .type = type, .all = true};
    struct elect_leaders_reply reply;
    enum err err = decide_elect_leaders(world_begin(world), &command, &reply);
    world_accept(world);
    return err;
}

Test(decide_elect_leaders, knows_two_types)
{
    struct world world;
    open_moved(&world, true);

    cr_assert_eq(elect_type(&world, -1), ERR_INVALID_REQUEST);
    cr_assert_eq(elect_type(&world, 2), ERR_INVALID_REQUEST);
    cr_assert_eq(elect_type(&world, 127), ERR_INVALID_REQUEST);
    cr_assert_eq(elect_type(&world, ELECT_PREFERRED), ERR_NONE);
    world_close(&world);
}

Test(decide_elect_leaders, elects_uncleanly_only_where_nobody_leads)
{
    struct world world;
    open_moved(&world, false);

    cr_assert_eq(world_elect(&world, ELECT_UNCLEAN, "orders", 0), ERR_ELECTION_NOT_NEEDED);
    world_close(&world);
}

Test(decide_elect_leaders, elects_uncleanly_whoever_lives_and_says_that_records_may_be_lost)
{
    struct world world;
    open_moved(&world, false);
    cr_assert_eq(world_alter(&world, "orders", 0, 2, (node_id[]){2, 3}), ERR_NONE);
    world_kill(&world, 3);
    world_kill(&world, 2);
    cr_assert_eq(world_partition(&world, "orders", 0)->leader, -1);
    log_epoch before = world_partition(&world, "orders", 0)->leader_epoch;

    cr_assert_eq(world_elect(&world, ELECT_UNCLEAN, "orders", 0), ERR_NONE);

    const struct image_partition *partition = world_partition(&world, "orders", 0);
    cr_assert_eq(partition->leader, 1);
    cr_assert_eq(partition->leader_epoch, before + 1);
    assert_nodes(partition->isr, 1);
    assert_nobody(partition->elr);
    cr_assert(partition->recovering);
    cr_assert_not(partition->unclean_allowed);
    cr_assert(world.last[0].partition.data_loss);
    world_close(&world);
}

Test(decide_elect_leaders, elects_nobody_where_no_replica_lives)
{
    struct world world;
    open_moved(&world, false);
    for (node_id id = 1; id <= 3; id++)
        world_kill(&world, id);
    log_epoch before = world_partition(&world, "orders", 0)->leader_epoch;

    cr_assert_eq(world_elect(&world, ELECT_UNCLEAN, "orders", 0),
                 ERR_ELIGIBLE_LEADERS_NOT_AVAILABLE);

    cr_assert_eq(world_partition(&world, "orders", 0)->leader, -1);
    cr_assert_eq(world_partition(&world, "orders", 0)->leader_epoch, before);
    world_close(&world);
}

Test(decide_elect_leaders, tells_of_all_only_where_there_was_something_to_do)
{
    struct world world;
    struct elect_leaders_command command = {
        .principal = STR("User:x"), .type = ELECT_PREFERRED, .all = true};
    struct elect_leaders_reply reply;
    open_moved(&world, true);
    world_create(&world, "rests", 3, 3);

    cr_assert_eq(decide_elect_leaders(world_begin(&world), &command, &reply), ERR_NONE);
    world_accept(&world);

    cr_assert_eq(reply.count, 1);
    cr_assert(str_equal(reply.topics[0].name, STR("orders")));
    cr_assert_eq(reply.topics[0].count, 1);
    cr_assert_eq(reply.topics[0].partitions[0].err, ERR_NONE);
    world_close(&world);
}

Test(decide_elect_leaders, needs_one_election_for_a_partition_named_twice)
{
    struct world world;
    const struct elect_topic topic = {
        .name = STR("orders"), .count = 2, .indexes = (const partition_id[]){0, 0}};
    struct elect_leaders_command command = {
        .principal = STR("User:x"), .type = ELECT_PREFERRED, .count = 1, .topics = &topic};
    struct elect_leaders_reply reply;
    open_moved(&world, true);

    cr_assert_eq(decide_elect_leaders(world_begin(&world), &command, &reply), ERR_NONE);
    world_accept(&world);

    cr_assert_eq(reply.topics[0].partitions[0].err, ERR_NONE);
    cr_assert_eq(reply.topics[0].partitions[1].err, ERR_ELECTION_NOT_NEEDED);
    cr_assert_eq(world.last_count, 1);
    world_close(&world);
}

Test(decide_elect_leaders, looks_no_further_at_more_partitions_than_there_can_be)
{
    enum { COUNT = 20000 };
    struct world world;
    struct elect_leaders_reply reply;
    open_moved(&world, true);
    partition_id *indexes = arena_array(&world.arena, partition_id, COUNT);
    const struct elect_topic topics[] = {
        {.name = STR("orders"), .count = COUNT, .indexes = indexes},
        {.name = STR("orders"), .count = UINT32_MAX, .indexes = indexes}};
    for (uint32_t count = 1; count <= 2; count++) {
        struct elect_leaders_command command = {
            .principal = STR("User:x"), .type = ELECT_PREFERRED, .count = count, .topics = topics};
        enum err err = decide_elect_leaders(world_begin(&world), &command, &reply);
        cr_assert_eq(err, ERR_POLICY_VIOLATION);
        world_accept(&world);
    }
    cr_assert_eq(world_partition(&world, "orders", 0)->leader, 2);
    world_close(&world);
}
