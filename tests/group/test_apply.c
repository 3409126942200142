/* test_apply.c -- records that are read back: old versions, damage, speed. */
#include "world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <time.h>

/* Of processor time; sanitizers cost a multiple. */
#ifdef __SANITIZE_ADDRESS__
static const double LIMIT_S = 5.0;
#else
static const double LIMIT_S = 1.0;
#endif

static enum err apply(struct coordinator *coordinator, const void *key, uint32_t key_size,
                      const void *value, uint32_t value_size)
{
    return coordinator_apply(coordinator, (struct bytes){.data = key, .size = key_size},
                             (struct bytes){.data = value, .size = value_size});
}

static const uint8_t offset_key[] = {0, 1, 0, 1, 'g', 0, 1, 't', 0, 0, 0, 0};

Test(apply, takes_an_offset_of_any_version_and_of_the_oldest_type)
{
    static const uint8_t value[][26] = {
        {0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5},
        {0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5},
        {0, 2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5},
        {0, 3, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0},
        {0, 4, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 1},
    };
    static const uint32_t sizes[] = {20, 28, 20, 24, 24};
    struct world *world = world_open();
    for (size_t i = 0; i < 5; i++) {
        uint8_t padded[28] = {0}, key[sizeof offset_key];
        memcpy(padded, value[i], sizeof value[i]);
        memcpy(key, offset_key, sizeof key);
        key[1] = i == 0 ? 0 : 1;
        coordinator_close(world->coordinator);
        world->coordinator = coordinator_open(&world->config);
        cr_assert_eq(apply(world->coordinator, key, sizeof key, padded, sizes[i]), ERR_NONE);
        coordinator_start(world->coordinator, world->now);
        cr_assert_eq(world_committed(world, "g", "t"), (log_offset)i + 1);
    }
    world_close(world);
}

Test(apply, refuses_what_it_cannot_read_and_changes_nothing)
{
    static const uint8_t other[] = {0, 99, 0, 1, 'g'}, value[] = {0, 9, 0, 0};
    struct world *world = world_open();
    struct coordinator *coordinator = coordinator_open(&world->config);
    uint64_t empty = coordinator_hash(coordinator);

    cr_assert_eq(apply(coordinator, other, sizeof other, value, 4), ERR_INVALID_RECORD);
    cr_assert_eq(apply(coordinator, other, 1, value, 4), ERR_INVALID_RECORD);
    cr_assert_eq(apply(coordinator, offset_key, 7, value, 4), ERR_INVALID_RECORD);
    cr_assert_eq(apply(coordinator, offset_key, sizeof offset_key, value, 4), ERR_INVALID_RECORD);
    cr_assert_eq(apply(coordinator, offset_key, sizeof offset_key, value, 1), ERR_INVALID_RECORD);
    cr_assert_eq(apply(coordinator, offset_key, sizeof offset_key, NULL, 0), ERR_NONE);
    cr_assert_eq(coordinator_hash(coordinator), empty);
    coordinator_close(coordinator);
    world_close(world);
}

Test(apply, replays_100000_offsets_well_within_a_second)
{
    enum { TOPICS = 100, PARTITIONS = 1000 };
    struct world *world = world_open();
    struct group_commit_partition *partitions =
        arena_array(&world->arena, struct group_commit_partition, PARTITIONS);
    for (int32_t i = 0; i < PARTITIONS; i++)
        partitions[i] = (struct group_commit_partition){.index = i, .offset = i};
    for (int i = 0; i < TOPICS; i++) {
        struct group_commit_topic topic = {.topic =
                                               str_from(arena_format(&world->arena, "topic-%d", i)),
                                           .partition_count = PARTITIONS,
                                           .partitions = partitions};
        struct offset_commit_command command = {.token = ++world->token,
                                                .group_id = STR("g"),
                                                .member_id = STR(""),
                                                .generation = -1,
                                                .retention_ms = -1,
                                                .topic_count = 1,
                                                .topics = &topic};
        group_decide_commit(world_begin(world), &command);
        world_end(world);
    }
    cr_assert_eq(world->log_count, TOPICS * PARTITIONS);
    clock_t start = clock();
    cr_assert_eq(world_replay_hash(world), coordinator_hash(world->coordinator));
    double took = (double)(clock() - start) / CLOCKS_PER_SEC;
    fprintf(stderr, "replayed, hashed and freed %u offsets in %.3f s of processor time\n",
            world->log_count, took);
    cr_assert_lt(took, LIMIT_S);
    world_close(world);
}
