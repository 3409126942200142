/* test_offsets.c -- committed offsets: who may commit, what is fetched, deleted, expired. */
#include "world.h"

#include <criterion/criterion.h>

enum { WEEK_MS = 7 * 24 * 3600 * 1000 };

static struct offset_commit_command as_member(const char *group, struct str id, int32_t generation)
{
    return (struct offset_commit_command){
        .group_id = str_from(group), .member_id = id, .generation = generation, .retention_ms = -1};
}

static enum err commit_as(struct world *world, struct str id, int32_t generation)
{
    return world_err(world, world_commit(world, as_member("g", id, generation), "t",
                                         (struct group_commit_partition){.offset = 5}));
}

static enum err only_error(const struct world *world, uint64_t token)
{
    cr_assert_eq(world_err(world, token), ERR_NONE);
    return world_reply(world, token)->partitions.topics[0].partitions[0].err;
}

static void commit_many(struct world *world, uint32_t count)
{
    struct group_commit_partition *partitions =
        arena_array(&world->arena, struct group_commit_partition, count);
    for (uint32_t i = 0; i < count; i++)
        partitions[i] = (struct group_commit_partition){.index = (int32_t)i, .offset = 7};
    struct group_commit_topic topic = {
        .topic = STR("t"), .partition_count = count, .partitions = partitions};
    struct offset_commit_command command = as_member("g", STR(""), -1);
    command.token = ++world->token;
    command.topic_count = 1;
    command.topics = &topic;
    group_decide_commit(world_begin(world), &command);
    world_end(world);
    cr_assert_eq(only_error(world, command.token), ERR_NONE);
}

Test(offsets, rule_114_lets_a_consumer_without_a_group_commit_where_nobody_is)
{
    struct world *world = world_open();
    uint64_t token = world_commit_alone(world, "g", "t", 17);
    cr_assert_eq(only_error(world, token), ERR_NONE);
    cr_assert(world_reply(world, token)->rests);
    cr_assert_eq(world_committed(world, "g", "t"), 17);
    cr_assert_eq(world_committed(world, "g", "u"), -1);
    cr_assert_eq(world_committed(world, "h", "t"), -1);
    world_fail_over(world);
    cr_assert_eq(world_committed(world, "g", "t"), 17);
    world_close(world);
}

Test(offsets, rule_114_refuses_it_where_there_are_members)
{
    struct world *world = world_open();
    world_stable(world, "g");
    cr_assert_eq(world_err(world, world_commit_alone(world, "g", "t", 1)), ERR_UNKNOWN_MEMBER_ID);
    world_close(world);
}

Test(offsets, rule_114_refuses_a_generation_of_a_group_that_is_not_there)
{
    struct world *world = world_open();
    struct offset_commit_command command = as_member("g", STR("x"), 3);
    struct group_commit_partition partition = {.offset = 1};
    cr_assert_eq(world_err(world, world_commit(world, command, "t", partition)),
                 ERR_ILLEGAL_GENERATION);
    command.knows_group_not_found = true;
    cr_assert_eq(world_err(world, world_commit(world, command, "t", partition)),
                 ERR_GROUP_ID_NOT_FOUND);
    cr_assert(str_equal(world_state(world, "g"), STR("Dead")));
    world_close(world);
}

Test(offsets, rule_115_takes_the_old_generation_until_there_is_a_new_one)
{
    struct world *world = world_open();
    struct str id = world_stable(world, "g");
    cr_assert_eq(commit_as(world, id, 1), ERR_NONE);
    cr_assert_eq(commit_as(world, id, 0), ERR_ILLEGAL_GENERATION);
    cr_assert_eq(commit_as(world, STR("x"), 1), ERR_UNKNOWN_MEMBER_ID);

    world_join_simply(world, "g", STR(""));
    cr_assert_eq(commit_as(world, id, 1), ERR_NONE); /* PreparingRebalance. */
    world_join_simply(world, "g", id);
    cr_assert_eq(commit_as(world, id, 1), ERR_ILLEGAL_GENERATION);
    cr_assert_eq(commit_as(world, id, 2), ERR_REBALANCE_IN_PROGRESS);
    world_close(world);
}

Test(offsets, rule_116_count_as_a_heartbeat)
{
    struct world *world = world_open();
    struct str id = world_stable(world, "g");
    world_pass(world, 9999);
    commit_as(world, id, 1);
    world_pass(world, 9999);
    cr_assert_eq(world_heartbeat(world, "g", id, 1), ERR_NONE);
    world_close(world);
}

Test(offsets, rule_116_refuses_long_metadata_for_its_partition_alone)
{
    static const char text[4097];
    struct world *world = world_open();
    struct group_commit_partition partition = {.offset = 1,
                                               .metadata = {.data = text, .size = 4096}};
    struct offset_commit_command command = as_member("g", STR(""), -1);
    cr_assert_eq(only_error(world, world_commit(world, command, "t", partition)), ERR_NONE);
    partition.metadata.size = 4097;
    partition.offset = 2;
    cr_assert_eq(only_error(world, world_commit(world, command, "t", partition)),
                 ERR_OFFSET_METADATA_TOO_LARGE);
    partition = (struct group_commit_partition){.err = ERR_UNKNOWN_TOPIC_OR_PARTITION};
    cr_assert_eq(only_error(world, world_commit(world, command, "t", partition)),
                 ERR_UNKNOWN_TOPIC_OR_PARTITION);
    cr_assert_eq(world_committed(world, "g", "t"), 1);
    world_close(world);
}

static const struct group_fetched *fetch_all(struct world *world, const char *group)
{
    struct group_fetch fetch = {.group_id = str_from(group), .is_all = true};
    struct offset_fetch_command command = {.token = ++world->token, .count = 1, .groups = &fetch};
    group_decide_fetch(world_begin(world), &command);
    world_end(world);
    cr_assert(world_reply(world, command.token)->rests);
    return &world_reply(world, command.token)->fetch.groups[0];
}

Test(offsets, rule_118_fetches_all_of_a_group)
{
    struct world *world = world_open();
    struct offset_commit_command command = as_member("g", STR(""), -1);
    world_commit(world, command, "b", (struct group_commit_partition){.index = 1, .offset = 3});
    world_commit(world, command, "b",
                 (struct group_commit_partition){
                     .index = 0, .offset = 2, .leader_epoch = 9, .metadata = STR("m")});
    world_commit(world, command, "a", (struct group_commit_partition){.offset = 1});
    const struct group_fetched *all = fetch_all(world, "g");

    cr_assert_eq(all->topic_count, 2);
    cr_assert(str_equal(all->topics[0].topic, STR("a")));
    cr_assert_eq(all->topics[1].partition_count, 2);
    cr_assert_eq(all->topics[1].partitions[0].offset, 2);
    cr_assert_eq(all->topics[1].partitions[0].leader_epoch, 9); /* Rule 121. */
    cr_assert(str_equal(all->topics[1].partitions[0].metadata, STR("m")));
    cr_assert_eq(all->topics[1].partitions[1].offset, 3);
    cr_assert_eq(fetch_all(world, "h")->topic_count, 0);
    world_close(world);
}

Test(offsets, of_another_topic_with_the_same_name_are_not_told)
{
    struct world *world = world_open();
    world_topic(world, "t", 1);
    struct group_commit_partition partition = {.offset = 5};
    struct group_commit_topic topic = {.topic = STR("t"),
                                       .topic_id = world->topics[0].id,
                                       .partition_count = 1,
                                       .partitions = &partition};
    struct offset_commit_command commit = as_member("g", STR(""), -1);
    int32_t index = 0;
    struct group_topic_partitions wanted = {
        .topic = STR("t"), .topic_id = {.bytes = {2}}, .partition_count = 1, .partitions = &index};
    struct group_fetch fetch = {.group_id = STR("g"), .topic_count = 1, .topics = &wanted};
    struct offset_fetch_command command = {.count = 1, .groups = &fetch};
    commit.token = ++world->token;
    commit.topic_count = 1;
    commit.topics = &topic;
    group_decide_commit(world_begin(world), &commit);
    world_end(world);
    command.token = ++world->token;
    group_decide_fetch(world_begin(world), &command);
    world_end(world);

    cr_assert_eq(world_reply(world, command.token)->fetch.groups[0].topics[0].partitions[0].offset,
                 -1);
    cr_assert_eq(world_committed(world, "g", "t"), 5);
    world_close(world);
}

Test(offsets, rule_117_expire_when_their_commit_said_so)
{
    struct world *world = world_open();
    struct offset_commit_command command = as_member("g", STR(""), -1);
    command.retention_ms = 3600000;
    world_commit(world, command, "t", (struct group_commit_partition){.offset = 1});
    world_fail_over(world);
    world_pass(world, 3000000);
    cr_assert_eq(world_committed(world, "g", "t"), 1);
    world_pass(world, 1200000);
    cr_assert_eq(world_committed(world, "g", "t"), -1);
    cr_assert_eq(coordinator_hash(world->coordinator), world_replay_hash(world));
    world_close(world);
}

Test(offsets, rule_120_of_a_consumer_without_a_group_expire_after_their_commit)
{
    struct world *world = world_open();
    world_commit_alone(world, "g", "t", 1);
    world_pass(world, WEEK_MS - 600000);
    world_commit_alone(world, "g", "u", 1);
    world_pass(world, 1200000);

    cr_assert_eq(world_committed(world, "g", "t"), -1);
    cr_assert_eq(world_committed(world, "g", "u"), 1);
    cr_assert(str_equal(world_state(world, "g"), STR("Empty")));
    world_pass(world, WEEK_MS);
    cr_assert(str_equal(world_state(world, "g"), STR("Dead")));
    world_close(world);
}

Test(offsets, rule_120_of_a_group_expire_after_its_last_member_left)
{
    struct world *world = world_open();
    struct str id = world_stable(world, "g");
    commit_as(world, id, 1);
    for (int i = 0; i < 200; i++) { /* Nine days of work. */
        for (int j = 0; j < 500; j++) {
            world->now += 8000;
            world->time += 8000;
            group_decide_tick(world_begin(world));
            world_end(world);
            struct group_heartbeat_command command = {
                .token = 1, .group_id = STR("g"), .generation = 1, .member_id = id};
            world->replies[1] = NULL;
            group_decide_heartbeat(world_begin(world), &command);
            world_end(world);
        }
    }
    cr_assert_eq(world_committed(world, "g", "t"), 5);
    world_pass(world, WEEK_MS); /* Its session ends. */
    cr_assert_eq(world_committed(world, "g", "t"), 5);
    world_pass(world, 1200000);
    cr_assert_eq(world_committed(world, "g", "t"), -1);
    cr_assert(str_equal(world_state(world, "g"), STR("Dead")));
    cr_assert_eq(coordinator_hash(world->coordinator), world_replay_hash(world));
    world_close(world);
}

/* One batch must fit into a segment, and a tick must end. */
Test(offsets, rule_120_expire_a_bounded_number_at_once)
{
    struct world *world = world_open();
    uint32_t count = 2 * GROUP_EXPIRED_MAX + 1, ticks = 0;
    commit_many(world, count);
    uint32_t before = world->log_count;
    world->now += WEEK_MS;
    world->time += WEEK_MS;
    while (coordinator_deadline(world->coordinator) <= world->now && ticks < 10) {
        uint32_t start = world->log_count;
        group_decide_tick(world_begin(world));
        world_end(world);
        cr_assert_leq(world->log_count - start, GROUP_EXPIRED_MAX);
        ticks++;
    }
    cr_assert_eq(ticks, 3);
    cr_assert_geq(world->log_count - before, count);
    cr_assert_eq(world_committed(world, "g", "t"), -1);
    world_close(world);
}

Test(offsets, g6_do_not_expire_when_the_clock_goes_back)
{
    struct world *world = world_open();
    world_commit_alone(world, "g", "t", 1);
    world->time -= 2 * (wall_ms)WEEK_MS;
    world_pass(world, 1200000);
    cr_assert_eq(world_committed(world, "g", "t"), 1);
    world_close(world);
}

/* Of three clocks one is dead and one two weeks late: it may be now, or two weeks ago. */
Test(offsets, g6_that_came_while_a_clock_was_late_do_not_expire_when_it_is_right_again)
{
    struct world *world = world_open();
    world->unsure_ms = 2 * (int64_t)WEEK_MS;
    world_commit_alone(world, "g", "t", 1);
    world->unsure_ms = 0;
    world_pass(world, 1200000);
    cr_assert_eq(world_committed(world, "g", "t"), 1);
    world_pass(world, WEEK_MS);
    cr_assert_eq(world_committed(world, "g", "t"), -1);
    world_close(world);
}

/* Of three clocks one is dead and one two weeks ahead. */
Test(offsets, g6_do_not_expire_while_it_may_be_earlier)
{
    struct world *world = world_open();
    world_commit_alone(world, "g", "t", 1);
    world->time += 2 * (wall_ms)WEEK_MS;
    world->unsure_ms = 2 * (int64_t)WEEK_MS;
    world_pass(world, 1200000);
    cr_assert_eq(world_committed(world, "g", "t"), 1);
    world_close(world);
}

/* When the last member left is written down too. */
Test(offsets, g6_of_a_group_that_was_left_while_a_clock_was_late_do_not_expire_either)
{
    struct world *world = world_open();
    struct str id = world_stable(world, "g");
    commit_as(world, id, 1);
    world->time += 2 * (wall_ms)WEEK_MS; /* Of work. */
    world->unsure_ms = 2 * (int64_t)WEEK_MS;
    world_pass(world, 1200000); /* Its session ends. */
    cr_assert(str_equal(world_state(world, "g"), STR("Empty")));
    world->unsure_ms = 0;
    world_pass(world, 1200000);
    cr_assert_eq(world_committed(world, "g", "t"), 5);
    world_close(world);
}

/* One that the test makes: version 0, one topic. */
static struct str subscribe(struct world *world, const char *type, struct bytes subscription)
{
    struct group_protocol protocol = {.name = STR("range"), .metadata = subscription};
    struct join_group_command command = world_joiner("g", "");
    command.protocol_type = str_from(type);
    command.protocols = &protocol;
    uint64_t join = world_join(world, command);
    world_sync_leader(world, "g", join);
    return world_reply(world, join)->join.member_id;
}

static uint64_t delete_offset(struct world *world, const char *topic)
{
    int32_t index = 0;
    struct group_topic_partitions topics = {
        .topic = str_from(topic), .partition_count = 1, .partitions = &index};
    struct offset_delete_command command = {
        .token = ++world->token, .group_id = STR("g"), .topic_count = 1, .topics = &topics};
    group_decide_offset_delete(world_begin(world), &command);
    world_end(world);
    return command.token;
}

static const uint8_t reads_t[] = {0, 0, 0, 0, 0, 1, 0, 1, 't'};

Test(offsets, rule_113_are_deleted_only_of_topics_that_nobody_reads)
{
    struct world *world = world_open();
    world_commit_alone(world, "g", "t", 1);
    world_commit_alone(world, "g", "u", 1);
    subscribe(world, "consumer", (struct bytes){.data = reads_t, .size = sizeof reads_t});

    cr_assert_eq(only_error(world, delete_offset(world, "t")), ERR_GROUP_SUBSCRIBED_TO_TOPIC);
    cr_assert_eq(only_error(world, delete_offset(world, "u")), ERR_NONE);
    cr_assert_eq(world_committed(world, "g", "t"), 1);
    cr_assert_eq(world_committed(world, "g", "u"), -1);
    cr_assert_eq(coordinator_hash(world->coordinator), world_replay_hash(world));
    world_close(world);
}

Test(offsets, rule_107_stay_where_a_subscription_cannot_be_read)
{
    static const uint8_t damaged[][10] = {{0}, {0, 0, 0x7f, 0xff, 0xff, 0xff}, {0xff, 0xff}};
    for (size_t i = 0; i < 3; i++) {
        struct world *world = world_open();
        world_commit_alone(world, "g", "t", 1);
        subscribe(world, "consumer", (struct bytes){.data = damaged[i], .size = 6 - (uint32_t)i});
        delete_offset(world, "t");
        /* The first can be read: it subscribes to nothing. */
        cr_assert_eq(world_committed(world, "g", "t"), i == 0 ? -1 : 1);
        world_close(world);
    }
}

Test(offsets, rule_113_of_another_kind_of_group_with_members_are_not_deleted)
{
    struct world *world = world_open();
    cr_assert_eq(world_err(world, delete_offset(world, "t")), ERR_GROUP_ID_NOT_FOUND);
    world_commit_alone(world, "g", "t", 1);
    subscribe(world, "connect", bytes_of_str(STR("x")));
    cr_assert_eq(world_err(world, delete_offset(world, "t")), ERR_NON_EMPTY_GROUP);
    world_close(world);
}

Test(offsets, rule_120_of_a_working_group_expire_where_nobody_reads_the_topic)
{
    struct coordinator_config config = world_config();
    config.offsets_retention_ms = 5000;
    config.expiry_interval_ms = 1000;
    struct world *world = world_open_with(&config);
    world_commit_alone(world, "g", "t", 1);
    world_commit_alone(world, "g", "u", 1);
    subscribe(world, "consumer", (struct bytes){.data = reads_t, .size = sizeof reads_t});
    world_pass(world, 6000);

    cr_assert_eq(world_committed(world, "g", "t"), 1);
    cr_assert_eq(world_committed(world, "g", "u"), -1);
    world_close(world);
}
