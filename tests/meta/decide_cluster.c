/* decide_cluster.c -- the first batch of a cluster. */
#include "world.h"

Test(decide_cluster, writes_the_id_the_level_and_the_voters)
{
    struct world world;
    struct record_voters voters = {
        .count = 2,
        .voters = {{.id = 1, .directory = world_uuid(1)}, {.id = 2, .directory = world_uuid(2)}}};
    world_open(&world);

    enum err err = decide_found_cluster(world_begin(&world), world_uuid(7), &voters);
    world_accept(&world);

    cr_assert_eq(err, ERR_NONE);
    cr_assert(uuid_equal(world.image->cluster_id, world_uuid(7)));
    cr_assert_eq(world.image->level, RECORD_LEVEL);
    cr_assert_eq(world.image->voters.count, 2);
    cr_assert_eq(world.image->voters.voters[1].id, 2);
    world_close(&world);
}

Test(decide_cluster, never_founds_a_second_cluster_in_the_same_log)
{
    struct world world;
    struct record_voters voters = {.count = 1, .voters = {{.id = 1, .directory = world_uuid(1)}}};
    world_open(&world);
    decide_found_cluster(world_begin(&world), world_uuid(7), &voters);
    world_accept(&world);

    enum err err = decide_found_cluster(world_begin(&world), world_uuid(8), &voters);
    world_accept(&world);

    cr_assert_eq(err, ERR_EXISTS);
    cr_assert(uuid_equal(world.image->cluster_id, world_uuid(7)));
    world_close(&world);
}
