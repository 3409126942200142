/* test_offset_forget.c -- what was committed for a topic that was deleted. */
#include "world.h"

#include <criterion/criterion.h>

static const struct uuid old_id = {.bytes = {1}}, new_id = {.bytes = {2}};

static void commit(struct world *world, const char *topic, struct uuid id, uint32_t count)
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
    cr_assert_eq(world_err(world, command.token), ERR_NONE);
}

static bool forget(struct world *world, const char *topic, struct uuid id)
{
    bool done = group_decide_forget_topic(world_begin(world), str_from(topic), id);
    world_end(world);
    return done;
}

Test(offset_forget, rule_85_goes_and_nothing_else)
{
    struct world *world = world_open();
    commit(world, "t", old_id, 1);
    commit(world, "u", new_id, 1);
    cr_assert(forget(world, "t", old_id));
    cr_assert_eq(world_committed(world, "g", "t"), -1);
    cr_assert_eq(world_committed(world, "g", "u"), 7);
    world_fail_over(world);
    cr_assert_eq(world_committed(world, "g", "t"), -1);
    world_close(world);
}

/* The new topic was there, and committed for, before the old one's end was heard of. */
Test(offset_forget, what_is_of_a_new_topic_of_that_name_stays)
{
    struct world *world = world_open();
    commit(world, "t", new_id, 1);
    cr_assert(forget(world, "t", old_id));
    cr_assert_eq(world_committed(world, "g", "t"), 7);
    world_close(world);
}

Test(offset_forget, takes_as_many_decisions_as_it_needs)
{
    struct world *world = world_open();
    commit(world, "t", old_id, 2 * GROUP_EXPIRED_MAX + 1);
    cr_assert_not(forget(world, "t", old_id));
    cr_assert_not(forget(world, "t", old_id));
    cr_assert(forget(world, "t", old_id));
    cr_assert(str_equal(world_state(world, "g"), STR("Dead")));
    world_close(world);
}
