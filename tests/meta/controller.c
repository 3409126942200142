/* controller.c -- office, and the frame of a decision. */
#include "world.h"

Test(controller, is_active_from_taking_office_to_resigning)
{
    struct world world;
    world_open(&world);
    world_start(&world, 1);
    cr_assert(controller_is_active(world.controller));

    controller_resign(world.controller);

    cr_assert_not(controller_is_active(world.controller));
    cr_assert_null(controller_image(world.controller));
    cr_assert_eq(controller_deadline(world.controller), MONO_NEVER);
    cr_assert_not(controller_wants_dial(world.controller, 1));
    world_close(&world);
}

Test(controller, forgets_a_decision_whose_append_failed)
{
    struct world world;
    struct create_topic topic = {.name = STR("t"), .partition_count = 1, .replication_factor = 1};
    struct create_topics_command command = {
        .principal = STR("User:x"), .count = 1, .topics = &topic};
    struct create_topics_reply reply;
    world_open(&world);
    world_start(&world, 1);
    uint64_t hash = image_hash(controller_image(world.controller));

    decide_create_topics(world_begin(&world), &command, &reply);
    cr_assert_eq(world.decision.count, 2);
    decision_drop(&world.decision);

    cr_assert_eq(image_hash(controller_image(world.controller)), hash);
    world_close(&world);
}

Test(controller, parks_a_reply_without_records_behind_what_it_rests_on)
{
    struct world world;
    struct create_topics_command command = {.principal = STR("User:x")};
    struct create_topics_reply reply;
    world_open(&world);
    world_start(&world, 1);
    log_offset end = world.end;
    world.end += 5; /* Others' records, such as raft's own. */

    decide_create_topics(world_begin(&world), &command, &reply);
    cr_assert_eq(decision_end(&world.decision), end);
    world_accept(&world);

    cr_assert_eq(decision_end(&world.decision), end);
    world_close(&world);
}

Test(controller, wants_to_sweep_at_once_after_taking_office)
{
    struct world world;
    world_open(&world);

    cr_assert_lt(controller_deadline(world.controller), world.now);
    world_sessions(&world);
    cr_assert_eq(controller_deadline(world.controller), MONO_NEVER);

    world_start(&world, 1);
    cr_assert_eq(controller_deadline(world.controller), world.now + 3000);
    world_close(&world);
}
