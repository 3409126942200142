/* test_offset_forget.c -- what was committed for a topic that was deleted. */
#include "world.h"

#include <criterion/criterion.h>

static const struct uuid no_id = {{0}};

static struct uuid id_of(const struct world *world, const char *topic)
{
    struct group_topic found;
    cr_assert(world->config.topics.by_name(world, str_from(topic), &found));
    return found.id;
}

static enum err commit(struct world *world, const char *topic, struct uuid id, uint32_t count)
{
    struct group_commit_partition *partitions =
        arena_array(&world->arena, struct group_commit_partition, count);
    for (uint32_t i = 0; i < count; i++)
        partitions[i] = (struct group_commit_partition){.index = (int32_t)i, .offset = 7};
    struct group_commit_topic one = {.topic = str_from(topic),
                                     .topic_id = id,
                                     .partition_count = count,
                                     .partitions = partitions};
    struct offset_commit_command command = {.token = ++world->token,
                                            .group_id = STR("g"),
                                            .generation = -1,
                                            .retention_ms = -1,
                                            .topic_count = 1,
                                            .topics = &one};
    group_decide_commit(world_begin(world), &command);
    world_end(world);
    const struct group_reply *reply = world_reply(world, command.token);
    cr_assert_eq(reply->err, ERR_NONE);
    return reply->partitions.topics[0].partitions[0].err;
}

static bool forget(struct world *world)
{
    bool done = group_decide_forget(world_begin(world));
    world_end(world);
    return done;
}

/* Topics that "all" of the group names. */
static uint32_t fetched_topics(struct world *world)
{
    struct group_fetch fetch = {.group_id = STR("g"), .is_all = true};
    struct offset_fetch_command command = {.token = ++world->token, .count = 1, .groups = &fetch};
    group_decide_fetch(world_begin(world), &command);
    world_end(world);
    return world_reply(world, command.token)->fetch.groups[0].topic_count;
}

static struct world *open_with_commits(void)
{
    struct world *world = world_open();
    world_topic(world, "t", 1);
    world_topic(world, "u", 1);
    cr_assert_eq(commit(world, "t", id_of(world, "t"), 1), ERR_NONE);
    cr_assert_eq(commit(world, "u", id_of(world, "u"), 1), ERR_NONE);
    return world;
}

Test(offset_forget, rule_85_goes_and_nothing_else)
{
    struct world *world = open_with_commits();
    world_topic(world, "t", 0);
    cr_assert(forget(world));
    world_topic(world, "t", 1);
    world_fail_over(world);
    cr_assert_eq(world_committed(world, "g", "t"), -1);
    cr_assert_eq(world_committed(world, "g", "u"), 7);
    cr_assert_eq(fetched_topics(world), 1);
    world_close(world);
}

/* The coordinator that heard of it has died before it wrote anything. */
Test(offset_forget, rule_85_goes_when_another_topic_has_the_name)
{
    struct world *world = open_with_commits();
    world_topic(world, "t", 0);
    world_topic(world, "t", 1);
    world_fail_over(world);
    cr_assert_eq(world_committed(world, "g", "t"), -1); /* Before it is forgotten, too. */
    cr_assert_eq(fetched_topics(world), 1);
    uint32_t before = world->log_count;
    cr_assert(forget(world));
    cr_assert_eq(world->log_count, before + 1);
    cr_assert(forget(world));
    cr_assert_eq(world->log_count, before + 1);
    world_close(world);
}

Test(offset_forget, what_is_of_a_new_topic_of_that_name_stays)
{
    struct world *world = open_with_commits();
    world_topic(world, "t", 0);
    world_topic(world, "t", 1);
    cr_assert_eq(commit(world, "t", id_of(world, "t"), 1), ERR_NONE);
    cr_assert(forget(world));
    world_fail_over(world);
    cr_assert_eq(world_committed(world, "g", "t"), 7);
    world_close(world);
}

/* Old records have none. */
Test(offset_forget, without_an_id_the_name_counts)
{
    struct world *world = world_open();
    world_topic(world, "t", 1);
    cr_assert_eq(commit(world, "t", no_id, 1), ERR_NONE);
    cr_assert(forget(world));
    cr_assert_eq(world_committed(world, "g", "t"), 7);
    world_topic(world, "t", 0);
    cr_assert(forget(world));
    cr_assert_eq(world_committed(world, "g", "t"), -1);
    world_close(world);
}

/* Who asked for it had not heard of the end; it would never be forgotten. */
Test(offset_forget, nothing_is_committed_for_a_topic_that_is_gone)
{
    struct world *world = world_open();
    world_topic(world, "t", 1);
    struct uuid old = id_of(world, "t");
    world_topic(world, "t", 0);
    cr_assert_eq(commit(world, "t", old, 1), ERR_UNKNOWN_TOPIC_OR_PARTITION);
    world_topic(world, "t", 1);
    cr_assert_eq(commit(world, "t", old, 1), ERR_UNKNOWN_TOPIC_OR_PARTITION);
    cr_assert_eq(world_committed(world, "g", "t"), -1);
    world_close(world);
}

Test(offset_forget, takes_as_many_decisions_as_it_needs)
{
    struct world *world = world_open();
    world_topic(world, "t", 1);
    cr_assert_eq(commit(world, "t", id_of(world, "t"), 2 * GROUP_EXPIRED_MAX + 1), ERR_NONE);
    world_topic(world, "t", 0);
    cr_assert_not(forget(world));
    cr_assert_not(forget(world));
    cr_assert(forget(world));
    cr_assert(str_equal(world_state(world, "g"), STR("Dead")));
    world_close(world);
}
