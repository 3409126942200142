/* test_coordinator.c -- the frame of a decision: what rests, what is due. */
#include "world.h"

#include <criterion/criterion.h>

Test(coordinator, g5_lets_a_commit_and_a_fetch_rest_until_the_log_is_committed)
{
    struct world *world = world_open();
    uint64_t token = world_commit_alone(world, "g", "t", 1);
    cr_assert(world_reply(world, token)->rests);
    cr_assert_eq(group_decision_offset(&world->decision), 1);
    world_committed(world, "g", "t");
    cr_assert(world_reply(world, world->token)->rests);
    cr_assert_eq(group_decision_offset(&world->decision), 1);
    world_close(world);
}

Test(coordinator, g7_answers_nothing_before_it_has_loaded)
{
    struct world *world = world_open();
    struct groups_command none = {.token = ++world->token};
    coordinator_close(world->coordinator);
    world->coordinator = coordinator_open(&world->config);

    cr_assert_eq(world_err(world, world_commit_alone(world, "g", "t", 1)),
                 ERR_COORDINATOR_LOAD_IN_PROGRESS);
    cr_assert_eq(world_heartbeat(world, "g", STR("x"), 1), ERR_COORDINATOR_LOAD_IN_PROGRESS);
    group_decide_describe(world_begin(world), &none);
    world_end(world);
    cr_assert_eq(world_err(world, none.token), ERR_COORDINATOR_LOAD_IN_PROGRESS);
    cr_assert_eq(coordinator_deadline(world->coordinator), MONO_NEVER);
    coordinator_start(world->coordinator, world->now);
    cr_assert(coordinator_is_started(world->coordinator));
    world_close(world);
}

Test(coordinator, is_due_when_a_shorter_interval_of_expiry_ends)
{
    struct world *world = world_open();
    mono_ms due = coordinator_deadline(world->coordinator);
    world_pass(world, 100);
    world->config.expiry_interval_ms -= 1000;
    coordinator_configure(world->coordinator, &world->config);
    cr_assert_eq(coordinator_deadline(world->coordinator), due - 1000);
    world_close(world);
}

Test(coordinator, is_due_when_the_next_session_ends)
{
    struct world *world = world_open();
    cr_assert_eq(coordinator_deadline(world->coordinator),
                 world->now + world->config.expiry_interval_ms);
    world_stable(world, "g");
    cr_assert_eq(coordinator_deadline(world->coordinator), world->now + 10000);
    world_close(world);
}
