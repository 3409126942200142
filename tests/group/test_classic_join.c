/* test_classic_join.c -- JoinGroup: who gets in, and when a join rebalances. */
#include "world.h"

#include <criterion/criterion.h>

static const struct group_joined *joined(const struct world *world, uint64_t token)
{
    cr_assert_eq(world_err(world, token), ERR_NONE);
    return &world_reply(world, token)->join;
}

Test(join, of_a_new_group_makes_its_member_the_leader_of_generation_1)
{
    struct world *world = world_open();
    const struct group_joined *join = joined(world, world_join_simply(world, "g", STR("")));

    cr_assert_eq(join->generation, 1);
    cr_assert(str_equal(join->leader, join->member_id));
    cr_assert_eq(join->member_id.size, 4 + 36);
    cr_assert_eq(memcmp(join->member_id.data, "app-", 4), 0);
    cr_assert(str_equal(join->protocol, STR("range")));
    cr_assert(str_equal(join->protocol_type, STR("consumer")));
    cr_assert_eq(join->member_count, 1);
    cr_assert_eq(join->members[0].metadata.size, 1);
    world_close(world);
}

Test(join, rule_92_gives_an_id_first_from_version_4_on)
{
    struct world *world = world_open();
    struct join_group_command command = world_joiner("g", "");
    command.requires_known_member_id = true;
    uint64_t first = world_join(world, command);
    const struct group_reply *reply = world_reply(world, first);

    cr_assert_eq(reply->err, ERR_MEMBER_ID_REQUIRED);
    cr_assert_not(reply->rests);
    command.member_id = reply->join.member_id;
    cr_assert(
        str_equal(joined(world, world_join(world, command))->member_id, reply->join.member_id));
    world_close(world);
}

Test(join, rule_92_forgets_an_id_that_nobody_used_within_the_session_timeout)
{
    struct world *world = world_open();
    struct join_group_command command = world_joiner("g", "");
    command.requires_known_member_id = true;
    command.member_id = world_reply(world, world_join(world, command))->join.member_id;

    world_pass(world, 10000);
    cr_assert_eq(world_err(world, world_join(world, command)), ERR_UNKNOWN_MEMBER_ID);
    cr_assert(str_equal(world_state(world, "g"), STR("Dead")));
    world_close(world);
}

Test(join, rule_93_refuses_an_id_that_it_does_not_know)
{
    struct world *world = world_open();
    cr_assert_eq(world_err(world, world_join_simply(world, "g", STR("x"))), ERR_UNKNOWN_MEMBER_ID);
    cr_assert(str_equal(world_reply(world, world->token)->join.member_id, STR("x")));
    world_stable(world, "g");
    cr_assert_eq(world_err(world, world_join_simply(world, "g", STR("x"))), ERR_UNKNOWN_MEMBER_ID);
    cr_assert(str_equal(world_reply(world, world->token)->join.member_id, STR("x")));
    world_close(world);
}

static uint64_t join_static(struct world *world, const char *member_id, const char *metadata,
                            bool can_skip)
{
    struct group_protocol protocol = {.name = STR("range"),
                                      .metadata = bytes_of_str(str_from(metadata))};
    struct join_group_command command = world_joiner("g", member_id);
    command.instance_id = STR("i");
    command.requires_known_member_id = true;
    command.can_skip_assignment = can_skip;
    command.protocols = &protocol;
    return world_join(world, command);
}

Test(join, rule_94_swaps_the_id_of_a_static_member_without_a_rebalance)
{
    struct world *world = world_open();
    uint64_t first = join_static(world, "", "m", true);
    world_sync_leader(world, "g", first);
    uint32_t records = world->log_count;
    const struct group_joined *again = joined(world, join_static(world, "", "m", true));

    cr_assert_eq(again->generation, 1);
    cr_assert_not(str_equal(again->member_id, joined(world, first)->member_id));
    cr_assert(again->skip_assignment);
    cr_assert(str_equal(again->leader, again->member_id));
    cr_assert_eq(world->log_count, records + 1);
    cr_assert(str_equal(world_state(world, "g"), STR("Stable")));
    cr_assert_eq(coordinator_hash(world->coordinator), world_replay_hash(world));
    world_close(world);
}

Test(join, rule_94_names_the_old_leader_to_a_client_that_cannot_skip_the_assignment)
{
    struct world *world = world_open();
    uint64_t first = join_static(world, "", "m", false);
    world_sync_leader(world, "g", first);
    const struct group_joined *again = joined(world, join_static(world, "", "m", false));

    cr_assert(str_equal(again->leader, joined(world, first)->member_id));
    cr_assert_not(again->skip_assignment);
    cr_assert_eq(again->member_count, 0);
    world_close(world);
}

Test(join, rule_94_rebalances_when_a_static_member_subscribes_to_something_else)
{
    struct world *world = world_open();
    world_sync_leader(world, "g", join_static(world, "", "m", true));
    const struct group_joined *again = joined(world, join_static(world, "", "other", true));
    cr_assert_eq(again->generation, 2);
    world_close(world);
}

Test(join, of_a_static_member_that_makes_the_record_too_large_rebalances)
{
    char name[1900];
    struct coordinator_config config = world_config();
    config.record_size_max = 2000;
    struct world *world = world_open_with(&config);
    struct join_group_command command = world_joiner("g", "");
    command.instance_id = STR("i");
    world_sync_leader(world, "g", world_join(world, command));
    uint32_t records = world->log_count;
    memset(name, 'c', sizeof name);
    command.client_id = (struct str){.data = name, .size = sizeof name};

    cr_assert_eq(joined(world, world_join(world, command))->generation, 2);
    cr_assert_eq(world->log_count, records);
    world_close(world);
}

Test(join, rule_93_fences_the_old_id_of_a_static_member)
{
    struct world *world = world_open();
    uint64_t first = join_static(world, "", "m", true);
    struct str old = joined(world, first)->member_id;
    uint64_t waiting = world_sync_as(world, "g", old, 1); /* It leads: answered at once. */
    join_static(world, "", "m", true);

    cr_assert_eq(world_err(world, waiting), ERR_NONE);
    cr_assert_eq(world_err(world, join_static(world, old.data, "m", true)), ERR_FENCED_INSTANCE_ID);
    world_close(world);
}

Test(join, rule_95_refuses_a_session_timeout_out_of_bounds)
{
    struct world *world = world_open();
    struct join_group_command command = world_joiner("g", "");
    command.session_timeout_ms = 5999;
    cr_assert_eq(world_err(world, world_join(world, command)), ERR_INVALID_SESSION_TIMEOUT);
    command.session_timeout_ms = 1800001;
    cr_assert_eq(world_err(world, world_join(world, command)), ERR_INVALID_SESSION_TIMEOUT);
    command.session_timeout_ms = 6000;
    cr_assert_eq(world_err(world, world_join(world, command)), ERR_NONE);
    world_close(world);
}

Test(join, rule_96_refuses_who_shares_no_protocol_or_type)
{
    struct world *world = world_open();
    struct group_protocol other = {.name = STR("sticky"), .metadata = bytes_of_str(STR("m"))};
    struct join_group_command command = world_joiner("g", "");
    world_stable(world, "g");

    command.protocols = &other;
    cr_assert_eq(world_err(world, world_join(world, command)), ERR_INCONSISTENT_GROUP_PROTOCOL);
    command = world_joiner("g", "");
    command.protocol_type = STR("connect");
    cr_assert_eq(world_err(world, world_join(world, command)), ERR_INCONSISTENT_GROUP_PROTOCOL);
    command.protocol_count = 0;
    cr_assert_eq(world_err(world, world_join(world, command)), ERR_INCONSISTENT_GROUP_PROTOCOL);
    world_close(world);
}

Test(join, rule_96_chooses_the_protocol_with_most_votes_among_those_that_all_know)
{
    struct world *world = world_open();
    struct group_protocol all[] = {{.name = STR("a"), .metadata = bytes_of_str(STR("1"))},
                                   {.name = STR("b"), .metadata = bytes_of_str(STR("2"))},
                                   {.name = STR("c"), .metadata = bytes_of_str(STR("3"))}};
    struct join_group_command command = world_joiner("g", "");
    command.protocol_count = 3;
    command.protocols = all; /* Would like a, which the others do not know. */
    uint64_t first = world_join(world, command);
    command.protocol_count = 2;
    command.protocols = all + 1;
    uint64_t second = world_join(world, command);
    command = world_joiner("g", "");
    command.member_id = joined(world, first)->member_id;
    command.protocol_count = 3;
    command.protocols = all;
    uint64_t again = world_join(world, command);

    cr_assert(str_equal(joined(world, second)->protocol, STR("b")));
    cr_assert_eq(joined(world, again)->members[1].metadata.data[0], '2');
    world_close(world);
}

Test(join, rule_100_answers_a_follower_that_lost_its_reply_with_the_same_generation)
{
    struct world *world = world_open();
    struct str leader = world_stable(world, "g");
    uint64_t follower = world_join_simply(world, "g", STR(""));
    uint64_t lead = world_join_simply(world, "g", leader);
    struct str id = joined(world, follower)->member_id;

    cr_assert_eq(joined(world, world_join_simply(world, "g", id))->generation, 2);
    world_sync_leader(world, "g", lead);
    cr_assert_eq(joined(world, world_join_simply(world, "g", id))->generation, 2);
    cr_assert(str_equal(world_state(world, "g"), STR("Stable")));
    world_close(world);
}

Test(join, rule_100_rebalances_when_the_leader_joins_again)
{
    struct world *world = world_open();
    struct str leader = world_stable(world, "g");
    cr_assert_eq(joined(world, world_join_simply(world, "g", leader))->generation, 2);
    world_close(world);
}

Test(join, rule_101_ends_a_new_members_wait_after_five_minutes)
{
    struct coordinator_config config = world_config();
    struct world *world = world_open_with(&config);
    struct join_group_command command = world_joiner("g", "");
    command.rebalance_timeout_ms = 3600000;
    command.session_timeout_ms = 1800000;
    uint64_t first = world_join(world, command);
    world_sync_leader(world, "g", first);
    uint64_t second = world_join(world, command);

    world_pass(world, 299999);
    cr_assert_null(world_reply(world, second));
    world_pass(world, 1);
    cr_assert_eq(world_err(world, second), ERR_UNKNOWN_MEMBER_ID);
    world_close(world);
}

Test(join, rule_102_refuses_a_member_above_the_configured_size)
{
    struct coordinator_config config = world_config();
    config.members_max = 1;
    struct world *world = world_open_with(&config);
    struct str id = world_stable(world, "g");

    cr_assert_eq(world_err(world, world_join_simply(world, "g", STR(""))),
                 ERR_GROUP_MAX_SIZE_REACHED);
    cr_assert_eq(world_err(world, world_join_simply(world, "g", id)), ERR_NONE);
    world_close(world);
}

Test(join, refuses_metadata_beyond_what_a_group_may_hold)
{
    struct coordinator_config config = world_config();
    config.record_size_max = 1000;
    struct world *world = world_open_with(&config);
    struct group_protocol large = {.name = STR("range"),
                                   .metadata = {.data = (const uint8_t *)world, .size = 5000}};
    struct join_group_command command = world_joiner("g", "");
    command.protocols = &large;

    cr_assert_eq(world_err(world, world_join(world, command)), ERR_GROUP_MAX_SIZE_REACHED);
    cr_assert(str_equal(world_state(world, "g"), STR("Dead")));
    world_close(world);
}

Test(join, answers_an_earlier_join_of_the_same_member_when_it_joins_again)
{
    struct world *world = world_open();
    struct str leader = world_stable(world, "g");
    world_join_simply(world, "g", STR(""));
    world_sync_leader(world, "g", world_join_simply(world, "g", leader));
    uint64_t lost = world_join_simply(world, "g", leader);
    uint64_t again = world_join_simply(world, "g", leader);

    cr_assert_eq(world_err(world, lost), ERR_REBALANCE_IN_PROGRESS);
    cr_assert_null(world_reply(world, again));
    world_close(world);
}

Test(join, makes_ids_that_a_record_can_hold_whatever_the_client_is_called)
{
    char name[32767];
    struct world *world = world_open();
    struct join_group_command command = world_joiner("g", "");
    for (size_t i = 0; i < sizeof name; i++) /* Two bytes a letter, behind one byte. */
        name[i] = i == 0 ? 'x' : i % 2 == 1 ? '\xc3' : '\xa9';
    command.client_id = (struct str){.data = name, .size = sizeof name};
    uint64_t join = world_join(world, command);
    world_sync_leader(world, "g", join);

    cr_assert_eq(joined(world, join)->member_id.size, GROUP_ID_PREFIX_MAX + 37);
    command.client_id.size = GROUP_ID_PREFIX_MAX + 1;
    command.client_id.data++; /* The limit falls into a letter. */
    cr_assert_eq(
        joined(world,
               world_join(world, (struct join_group_command){.group_id = STR("h"),
                                                             .member_id = STR(""),
                                                             .client_id = command.client_id,
                                                             .client_host = STR("h"),
                                                             .protocol_type = STR("consumer"),
                                                             .session_timeout_ms = 10000,
                                                             .rebalance_timeout_ms = 10000,
                                                             .protocol_count = 1,
                                                             .protocols = command.protocols}))
            ->member_id.size,
        GROUP_ID_PREFIX_MAX - 1 + 37);
    cr_assert_eq(coordinator_hash(world->coordinator), world_replay_hash(world));
    world_close(world);
}

Test(join, refuses_an_empty_group_id_and_a_coordinator_that_loads)
{
    struct world *world = world_open();
    cr_assert_eq(world_err(world, world_join_simply(world, "", STR(""))), ERR_INVALID_GROUP_ID);
    coordinator_close(world->coordinator);
    world->coordinator = coordinator_open(&world->config);
    cr_assert_eq(world_err(world, world_join_simply(world, "g", STR(""))),
                 ERR_COORDINATOR_LOAD_IN_PROGRESS);
    world_close(world);
}
