/* test_memory.c -- what all groups together may keep: what would take more is refused, what is
 * there goes on, and what is in the log is read whatever it takes. */
#include "consumers.h"

#include <criterion/criterion.h>

enum { SMALL = 20000 };

static char letters[4096];

static struct world *world_of(uint64_t memory_max)
{
    struct coordinator_config config = world_config();
    config.memory_max = memory_max;
    memset(letters, 'm', sizeof letters);
    return world_open_with(&config);
}

/* By a consumer without a group, of partition `index` of "t". */
static enum err commit(struct world *world, const char *group, int32_t index, uint32_t metadata)
{
    struct offset_commit_command command = {
        .group_id = str_from(group), .member_id = STR(""), .generation = -1, .retention_ms = -1};
    struct group_commit_partition partition = {
        .index = index, .offset = 7, .metadata = {.data = letters, .size = metadata}};
    uint64_t token = world_commit(world, command, "t", partition);
    cr_assert_eq(world_err(world, token), ERR_NONE);
    return world_reply(world, token)->partitions.topics[0].partitions[0].err;
}

/* Commits until one is refused; how many were taken. */
static int32_t fill(struct world *world, const char *group, uint32_t metadata)
{
    int32_t index = 0;
    enum err err;
    while ((err = commit(world, group, index, metadata)) == ERR_NONE)
        index++;
    cr_assert_eq(err, ERR_INVALID_COMMIT_OFFSET_SIZE);
    return index;
}

Test(memory, takes_no_more_offsets_than_fit_and_goes_on_with_those_that_are_there)
{
    struct world *world = world_of(SMALL);
    int32_t count = fill(world, "g", 1000);
    cr_assert_geq(count, 10);
    cr_assert_leq(count, SMALL / 1000);
    cr_assert_leq(world->memory.kept, SMALL);

    cr_assert_eq(commit(world, "g", count - 1, 1000), ERR_NONE);
    cr_assert_eq(commit(world, "g", count - 1, 3000), ERR_INVALID_COMMIT_OFFSET_SIZE);
    cr_assert_eq(commit(world, "h", 0, 1000), ERR_INVALID_COMMIT_OFFSET_SIZE);
    cr_assert(str_equal(world_state(world, "h"), STR("Dead")));
    cr_assert_eq(commit(world, "g", 0, 10), ERR_NONE);
    cr_assert_eq(commit(world, "h", 0, 100), ERR_NONE);
    world_close(world);
}

Test(memory, is_there_again_when_a_group_is_deleted)
{
    struct world *world = world_of(SMALL);
    int32_t count = fill(world, "g", 1000);
    world_delete(world, "g");
    cr_assert_eq(fill(world, "h", 1000), count);
    world_close(world);
}

Test(memory, is_one_of_all_coordinators_that_share_it)
{
    struct world *world = world_of(SMALL), *other = world_of(SMALL);
    coordinator_close(other->coordinator);
    other->config.memory = &world->memory;
    other->coordinator = coordinator_open(&other->config);
    coordinator_start(other->coordinator, other->now);
    fill(world, "g", 1000);
    cr_assert_eq(commit(other, "h", 0, 3000), ERR_INVALID_COMMIT_OFFSET_SIZE);

    world_delete(world, "g");
    cr_assert_eq(commit(other, "h", 0, 3000), ERR_NONE);
    world_close(other);
    world_close(world);
}

Test(memory, is_taken_by_what_the_log_holds_whatever_the_limit_is)
{
    struct world *world = world_of(SMALL);
    int32_t count = fill(world, "g", 1000);
    world->config.memory_max = 1;
    world_fail_over(world);

    cr_assert_eq(world_replay_hash(world), coordinator_hash(world->coordinator));
    cr_assert_eq(world_committed(world, "g", "t"), 7);
    for (int32_t i = 0; i < count; i++)
        cr_assert_eq(commit(world, "g", i, 1000), ERR_NONE);
    cr_assert_eq(commit(world, "g", count, 0), ERR_INVALID_COMMIT_OFFSET_SIZE);
    world_close(world);
}

Test(memory, has_no_room_for_another_member_when_it_is_full)
{
    struct world *world = world_of(SMALL);
    struct client client = client_new(world, "c", "a"), late = client_new(world, "c", "b");
    struct join_group_command asks = world_joiner("new", "");
    asks.requires_known_member_id = true;
    world_topic(world, "t", 3);
    struct str member = world_stable(world, "m");
    cr_assert_eq(client_join(&client), ERR_NONE);
    fill(world, "g", 100);

    cr_assert_eq(world_err(world, world_join_simply(world, "new", STR(""))),
                 ERR_GROUP_MAX_SIZE_REACHED);
    cr_assert_eq(world_err(world, world_join(world, asks)), ERR_GROUP_MAX_SIZE_REACHED);
    cr_assert_eq(client_join(&late), ERR_GROUP_MAX_SIZE_REACHED);
    late = client_new(world, "new", "b");
    cr_assert_eq(client_join(&late), ERR_GROUP_MAX_SIZE_REACHED);
    cr_assert(str_equal(world_state(world, "new"), STR("Dead")));

    cr_assert_eq(world_heartbeat(world, "m", member, 1), ERR_NONE);
    uint64_t again = world_join_simply(world, "m", member);
    cr_assert_eq(world_err(world, again), ERR_NONE);
    cr_assert_eq(world_err(world, world_sync_leader(world, "m", again)), ERR_NONE);
    cr_assert_eq(client_join(&client), ERR_NONE);
    cr_assert_eq(client_beat(&client), ERR_NONE);
    world_close(world);
}

/* A member costs little, and its assignment may be as large as a record. */
Test(memory, has_no_room_for_any_assignment_of_those_who_are_in)
{
    struct world *world = world_of(SMALL);
    static const uint8_t bytes[100000];
    uint64_t join = world_join_simply(world, "g", STR(""));
    struct group_assignment large = {.member_id = world_reply(world, join)->join.member_id,
                                     .assignment = {.data = bytes, .size = sizeof bytes}};
    uint64_t sync = world_sync(world, (struct sync_group_command){.group_id = STR("g"),
                                                                  .generation = 1,
                                                                  .member_id = large.member_id,
                                                                  .assignment_count = 1,
                                                                  .assignments = &large});
    cr_assert_eq(world_err(world, sync), ERR_UNKNOWN_SERVER_ERROR);
    cr_assert_lt(world->memory.kept, SMALL);
    world_close(world);
}

Test(memory, of_one_group_is_what_an_answer_may_hold)
{
    enum { PARTITIONS = 1000 };
    struct world *world = world_open();
    struct group_commit_partition *partitions =
        arena_array(&world->arena, struct group_commit_partition, PARTITIONS);
    struct offset_commit_command command = {
        .group_id = STR("g"), .member_id = STR(""), .generation = -1, .retention_ms = -1};
    struct group_commit_topic topic = {.topic = STR("t"), .partition_count = PARTITIONS};
    memset(letters, 'm', sizeof letters);
    topic.partitions = partitions;
    command.topic_count = 1;
    command.topics = &topic;
    enum err err = ERR_NONE;
    int32_t next = 0;
    for (; err == ERR_NONE && next < GROUP_OFFSETS_MAX; next += PARTITIONS) {
        for (int32_t i = 0; i < PARTITIONS; i++)
            partitions[i] = (struct group_commit_partition){
                .index = next + i, .offset = i, .metadata = {.data = letters, .size = 4096}};
        command.token = ++world->token;
        group_decide_commit(world_begin(world), &command);
        world_end(world);
        err = world_reply(world, command.token)->partitions.topics[0].partitions[999].err;
    }
    cr_assert_eq(err, ERR_INVALID_COMMIT_OFFSET_SIZE);
    cr_assert_leq((int64_t)(next - PARTITIONS) * 4096, GROUP_OFFSETS_SIZE_MAX);
    cr_assert_gt((int64_t)next * 4500, GROUP_OFFSETS_SIZE_MAX);
    cr_assert_eq(commit(world, "h", 0, 4096), ERR_NONE);
    world_close(world);
}
