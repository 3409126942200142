/* describe.c -- records as the lines that the server prints. */
#include "world.h"

/* The last record of the last batch, told against `before`. */
static void assert_line(const struct world *world, const struct image *before, const char *expected)
{
    char line[RECORD_DESCRIPTION_MAX];
    uint32_t size = record_describe(&world->last[world->last_count - 1], before, line, sizeof line);
    cr_assert_str_eq(line, expected);
    cr_assert_eq(size, strlen(expected));
}

Test(describe, tells_a_leader_change)
{
    struct world world;
    const struct create_assignment place = {.replica_count = 2, .replicas = (node_id[]){1, 2}};
    world_open(&world);
    world_start(&world, 3);
    world_create_with(&world, (struct create_topic){.name = STR("orders"),
                                                    .partition_count = -1,
                                                    .replication_factor = -1,
                                                    .assignment_count = 1,
                                                    .assignments = &place});
    struct image *before = image_ref(world.image);

    world_kill(&world, 1);

    assert_line(&world, before,
                "orders/0 leader 1 -> 2 epoch 0 -> 1 isr [1,2] -> [2] partition epoch 0 -> 1 cause "
                "failure of node 1: link closed, port refuses");
    image_unref(before);
    world_close(&world);
}

Test(describe, tells_fencing_and_unfencing)
{
    struct world world;
    world_open(&world);
    world_register(&world, 1);
    struct image *registered = image_ref(world.image);

    world_heartbeat(&world, 1);
    assert_line(&world, registered,
                "node 1 fenced -> active broker epoch 1 cause node 1 has caught up with broker "
                "epoch 1");

    struct image *active = image_ref(world.image);
    world_kill(&world, 1);
    assert_line(&world, active,
                "node 1 active -> fenced broker epoch 1 cause failure of node 1: link closed, port "
                "refuses");
    image_unref(active);
    image_unref(registered);
    world_close(&world);
}

Test(describe, tells_a_registration)
{
    struct world world;
    world_open(&world);
    struct image *before = image_ref(world.image);

    world_register_as(&world, 2, 2, 2, NULL);

    assert_line(&world, before,
                "node 2 unknown -> fenced, directory AQAAAAAAAAAAAAAAAAAAAg cause registration of "
                "node 2, incarnation AQAAAAAAAAAAAAAAAAAAAg");
    image_unref(before);
    world_close(&world);
}

Test(describe, says_nothing_of_records_that_change_nothing_worth_a_line)
{
    struct image *image = image_new();
    struct record record = {
        .type = RECORD_PRODUCER_IDS, .cause = STR("x"), .producer_ids = {.next = 7}};
    char line[64];

    cr_assert_eq(record_describe(&record, image, line, sizeof line), 0);
    cr_assert_eq(line[0], '\0');
    image_unref(image);
}

Test(describe, cuts_and_cleans_what_it_prints)
{
    struct image *image = image_new();
    struct record record = {.type = RECORD_VOTERS, .cause = STR("a\nb")};
    char line[64];
    char small[8];

    record_describe(&record, image, line, sizeof line);
    uint32_t size = record_describe(&record, image, small, sizeof small);

    cr_assert_str_eq(line, "quorum voters [] -> [] cause a?b");
    cr_assert_str_eq(small, "quorum ");
    cr_assert_eq(size, 7);
    cr_assert_eq(record_describe(&record, image, NULL, 0), 0);
    image_unref(image);
}
