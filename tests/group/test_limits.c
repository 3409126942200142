/* test_limits.c -- more than there is room for: groups, members, ids, offsets; and the same thing
 * named twice. What is there goes on as it was. */
#include "consumers.h"

#include <criterion/criterion.h>
#include <time.h>

/* What an offset of partition 0 of "t" looks like in the log, of the group of this number. */
static void load_group(struct coordinator *coordinator, uint32_t number)
{
    static const uint8_t value[24] = {0, 3};
    uint8_t key[] = {0, 1, 0, 6, 'g', '0', '0', '0', '0', '0', 0, 1, 't', 0, 0, 0, 0};
    for (int i = 9; i >= 5; i--, number /= 10)
        key[i] = (uint8_t)('0' + number % 10);
    enum err err = coordinator_apply(coordinator, (struct bytes){.data = key, .size = sizeof key},
                                     (struct bytes){.data = value, .size = sizeof value});
    cr_assert_eq(err, ERR_NONE);
}

/* A coordinator that has read of as many groups. */
static struct world *world_of(uint32_t groups)
{
    struct world *world = world_open();
    coordinator_close(world->coordinator);
    world->coordinator = coordinator_open(&world->config);
    for (uint32_t i = 0; i < groups; i++)
        load_group(world->coordinator, i);
    coordinator_start(world->coordinator, world->now);
    return world;
}

static enum err partition_error(const struct world *world, uint64_t token)
{
    cr_assert_eq(world_err(world, token), ERR_NONE);
    return world_reply(world, token)->partitions.topics[0].partitions[0].err;
}

Test(limits, of_groups_refuse_another_one_and_serve_those_that_are_there)
{
    struct world *world = world_of(GROUP_GROUPS_MAX);
    struct client client = client_new(world, "new", "a");

    cr_assert_eq(world_err(world, world_join_simply(world, "new", STR(""))), ERR_POLICY_VIOLATION);
    cr_assert_eq(world_err(world, world_commit_alone(world, "new", "t", 1)), ERR_POLICY_VIOLATION);
    cr_assert_eq(client_join(&client), ERR_POLICY_VIOLATION);
    cr_assert_eq(world_committed(world, "new", "t"), -1);

    cr_assert_eq(partition_error(world, world_commit_alone(world, "g00000", "t", 1)), ERR_NONE);
    world_stable(world, "g00000");
    client = client_new(world, "g00001", "a");
    cr_assert_eq(client_join(&client), ERR_NONE);
    world_close(world);
}

Test(limits, of_groups_end_where_one_is_deleted)
{
    struct world *world = world_of(GROUP_GROUPS_MAX);
    world_delete(world, "g00000");
    cr_assert_eq(partition_error(world, world_commit_alone(world, "new", "t", 1)), ERR_NONE);
    cr_assert_eq(world_err(world, world_commit_alone(world, "g00000", "t", 1)),
                 ERR_POLICY_VIOLATION);
    world_close(world);
}

Test(limits, of_offsets_refuse_another_one_and_take_those_that_are_there)
{
    enum { PARTITIONS = 1000 };
    struct world *world = world_open();
    struct group_commit_partition *partitions =
        arena_array(&world->arena, struct group_commit_partition, PARTITIONS);
    for (int32_t i = 0; i < PARTITIONS; i++)
        partitions[i] = (struct group_commit_partition){.index = i, .offset = i};
    for (int i = 0; i < GROUP_OFFSETS_MAX / PARTITIONS; i++) {
        struct group_commit_topic topic = {.topic = str_from(arena_format(&world->arena, "t%d", i)),
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
        cr_assert_eq(partition_error(world, command.token), ERR_NONE);
    }
    cr_assert_eq(partition_error(world, world_commit_alone(world, "g", "more", 1)),
                 ERR_INVALID_COMMIT_OFFSET_SIZE);
    cr_assert_eq(partition_error(world, world_commit_alone(world, "g", "t7", 5)), ERR_NONE);
    cr_assert_eq(partition_error(world, world_commit_alone(world, "h", "more", 1)), ERR_NONE);
    cr_assert_eq(world_committed(world, "g", "t7"), 5);
    cr_assert_eq(world_committed(world, "g", "more"), -1);
    world_close(world);
}

Test(limits, of_members_hold_whatever_is_configured)
{
    struct coordinator_config config = world_config();
    config.record_size_max = 1 << 30;
    struct world *world = world_open_with(&config);
    struct str leader = world_stable(world, "g");
    for (int i = 0; i < GROUP_MEMBERS_MAX; i++)
        cr_assert_null(world_reply(world, world_join_simply(world, "g", STR(""))));
    cr_assert_eq(world_err(world, world_join_simply(world, "g", STR(""))),
                 ERR_GROUP_MAX_SIZE_REACHED);
    cr_assert_eq(world_err(world, world_join_simply(world, "g", leader)),
                 ERR_GROUP_MAX_SIZE_REACHED); /* Who came first has the place (KIP-389). */
    cr_assert(str_equal(world_state(world, "g"), STR("PreparingRebalance")));
    world_close(world);
}

Test(limits, of_protocols_are_those_that_a_member_may_offer)
{
    struct world *world = world_open();
    struct group_protocol protocols[GROUP_PROTOCOLS_MAX + 1];
    struct join_group_command command = world_joiner("g", "");
    for (int i = 0; i <= GROUP_PROTOCOLS_MAX; i++)
        protocols[i] =
            (struct group_protocol){.name = str_from(arena_format(&world->arena, "p%d", i)),
                                    .metadata = bytes_of_str(STR("m"))};
    command.protocols = protocols;
    command.protocol_count = GROUP_PROTOCOLS_MAX + 1;
    cr_assert_eq(world_err(world, world_join(world, command)), ERR_INCONSISTENT_GROUP_PROTOCOL);
    command.protocol_count = GROUP_PROTOCOLS_MAX;
    cr_assert_eq(world_err(world, world_join(world, command)), ERR_NONE);
    world_close(world);
}

/* Ids cost a client nothing, and live for a session each. */
Test(limits, of_ids_that_nobody_uses_end_with_their_sessions)
{
    struct world *world = world_open();
    struct join_group_command command = world_joiner("g", "");
    command.requires_known_member_id = true;
    for (int i = 0; i < GROUP_MEMBERS_MAX; i++)
        cr_assert_eq(world_err(world, world_join(world, command)), ERR_MEMBER_ID_REQUIRED);
    cr_assert_eq(world_err(world, world_join(world, command)), ERR_GROUP_MAX_SIZE_REACHED);
    world_pass(world, 10000);
    cr_assert_eq(world_err(world, world_join(world, command)), ERR_MEMBER_ID_REQUIRED);
    world_close(world);
}

/* Each incarnation takes the place of the one before. */
Test(limits, of_a_static_member_that_comes_and_comes_are_those_of_one)
{
    struct world *world = world_open();
    struct join_group_command command = world_joiner("g", "");
    command.instance_id = STR("i");
    world_sync_leader(world, "g", world_join(world, command));
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(world_err(world, world_join(world, command)), ERR_NONE);

    struct str id = STR("g");
    struct groups_command describe = {.token = ++world->token, .count = 1, .group_ids = &id};
    group_decide_describe(world_begin(world), &describe);
    world_end(world);
    cr_assert_eq(world_reply(world, describe.token)->describe.groups[0].member_count, 1);
    cr_assert_eq(world_replay_hash(world), coordinator_hash(world->coordinator));
    world_close(world);
}

/* A filter of a hundred thousand names, held against each of ten thousand groups, would stop the
 * node for seconds. */
Test(limits, of_filters_are_none_and_they_cost_no_more_for_many_groups)
{
    enum { GROUPS = 10000, NAMES = 100000 };
    struct world *world = world_of(GROUPS);
    struct str *names = arena_array(&world->arena, struct str, NAMES);
    for (int i = 0; i < NAMES; i++)
        names[i] = STR("Emptx");
    struct list_groups_command command = {
        .token = ++world->token, .state_count = NAMES, .states = names};
    clock_t start = clock();

    group_decide_list(world_begin(world), &command);
    world_end(world);
    cr_assert_eq(world_reply(world, command.token)->list.count, 0);
    names[NAMES - 1] = STR("empty");
    command.token = ++world->token;
    group_decide_list(world_begin(world), &command);
    world_end(world);

    cr_assert_eq(world_reply(world, command.token)->list.count, GROUPS);
    cr_assert_lt((double)(clock() - start) / CLOCKS_PER_SEC, 1.0);
    world_close(world);
}

/* ---- The same twice. */

Test(twice, the_last_commit_of_a_partition_stands)
{
    struct world *world = world_open();
    struct group_commit_partition partitions[] = {{.offset = 5}, {.offset = 9}, {.offset = 7}};
    struct group_commit_topic topics[] = {
        {.topic = STR("t"), .partition_count = 3, .partitions = partitions},
        {.topic = STR("t"), .partition_count = 1, .partitions = partitions}};
    struct offset_commit_command command = {.token = ++world->token,
                                            .group_id = STR("g"),
                                            .member_id = STR(""),
                                            .generation = -1,
                                            .retention_ms = -1,
                                            .topic_count = 2,
                                            .topics = topics};
    group_decide_commit(world_begin(world), &command);
    world_end(world);

    cr_assert_eq(world_reply(world, command.token)->partitions.topics[0].partition_count, 3);
    cr_assert_eq(world_committed(world, "g", "t"), 5);
    cr_assert_eq(world_replay_hash(world), coordinator_hash(world->coordinator));
    world_close(world);
}

Test(twice, an_offset_is_deleted_once)
{
    struct world *world = world_open();
    int32_t indexes[] = {0, 0, -1, INT32_MIN, INT32_MAX};
    struct group_topic_partitions topics[] = {
        {.topic = STR("t"), .partition_count = 5, .partitions = indexes},
        {.topic = STR("t"), .partition_count = 1, .partitions = indexes}};
    struct offset_delete_command command = {
        .group_id = STR("g"), .topic_count = 2, .topics = topics};
    world_commit_alone(world, "g", "t", 4);
    world_commit_alone(world, "g", "u", 4);
    uint32_t records = world->log_count;
    command.token = ++world->token;
    group_decide_offset_delete(world_begin(world), &command);
    world_end(world);

    cr_assert_eq(partition_error(world, command.token), ERR_NONE);
    cr_assert_eq(world->log_count, records + 1);
    cr_assert_eq(world_committed(world, "g", "u"), 4);
    world_close(world);
}

Test(twice, a_member_has_the_last_assignment_and_a_stranger_none)
{
    struct world *world = world_open();
    uint64_t join = world_join_simply(world, "g", STR(""));
    struct str id = world_reply(world, join)->join.member_id;
    struct group_assignment assignments[] = {
        {.member_id = id, .assignment = bytes_of_str(STR("first"))},
        {.member_id = STR("stranger"), .assignment = bytes_of_str(STR("x"))},
        {.member_id = id, .assignment = bytes_of_str(STR("last"))},
        {.member_id = STR(""), .assignment = {.data = NULL}}};
    uint64_t sync = world_sync(world, (struct sync_group_command){.group_id = STR("g"),
                                                                  .generation = 1,
                                                                  .member_id = id,
                                                                  .assignment_count = 4,
                                                                  .assignments = assignments});
    cr_assert_eq(world_err(world, sync), ERR_NONE);
    cr_assert(bytes_equal(world_reply(world, sync)->sync.assignment, bytes_of_str(STR("last"))));
    cr_assert_eq(world_replay_hash(world), coordinator_hash(world->coordinator));
    world_close(world);
}

Test(twice, who_leaves_is_a_stranger_the_second_time)
{
    struct world *world = world_open();
    struct str id = world_stable(world, "g");
    struct group_leaver leavers[] = {
        {.member_id = id}, {.member_id = id}, {.member_id = STR("")}, {.member_id = STR("x")}};
    struct leave_group_command command = {
        .token = ++world->token, .group_id = STR("g"), .count = 4, .members = leavers};
    group_decide_leave(world_begin(world), &command);
    world_end(world);

    const struct group_leaving *left = &world_reply(world, command.token)->leave;
    cr_assert_eq(left->count, 4);
    cr_assert_eq(left->members[0].err, ERR_NONE);
    for (int i = 1; i < 4; i++)
        cr_assert_eq(left->members[i].err, ERR_UNKNOWN_MEMBER_ID);
    world_close(world);
}

Test(twice, a_protocol_is_refused)
{
    struct world *world = world_open();
    struct group_protocol same[] = {{.name = STR("range"), .metadata = bytes_of_str(STR("m"))},
                                    {.name = STR("range"), .metadata = bytes_of_str(STR("n"))}};
    struct join_group_command command = world_joiner("g", "");
    command.protocol_count = 2;
    command.protocols = same;
    cr_assert_eq(world_err(world, world_join(world, command)), ERR_INCONSISTENT_GROUP_PROTOCOL);
    cr_assert(str_equal(world_state(world, "g"), STR("Dead")));
    world_close(world);
}

/* ---- Numbers that nobody means. */

Test(odd, rebalance_timeouts_of_consumers_end_and_harm_nobody)
{
    static const int32_t timeouts[] = {INT32_MIN, -2, 0, INT32_MAX};
    for (int i = 0; i < 4; i++) {
        struct world *world = world_open();
        struct client clients[2] = {client_new(world, "g", "a"), client_new(world, "g", "b")};
        world_topic(world, "t", 2);
        struct consumer_heartbeat_command command = client_joining(&clients[0]);
        command.rebalance_timeout_ms = timeouts[i];
        cr_assert_eq(client_send(&clients[0], command), ERR_NONE);
        cr_assert_eq(client_join(&clients[1]), ERR_NONE);
        client_ping(&clients[0]); /* It is asked to give one up, and may be late at once. */
        world_pass(world, 1000);
        cr_assert_eq(client_beat(&clients[1]), ERR_NONE);
        cr_assert_eq(world_replay_hash(world), coordinator_hash(world->coordinator));
        world_close(world);
    }
}

Test(odd, generations_are_illegal)
{
    static const int32_t generations[] = {INT32_MIN, -1, 0, 2, INT32_MAX};
    struct world *world = world_open();
    struct str id = world_stable(world, "g");
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(world_heartbeat(world, "g", id, generations[i]), ERR_ILLEGAL_GENERATION);
        cr_assert_eq(world_err(world, world_sync_as(world, "g", id, generations[i])),
                     ERR_ILLEGAL_GENERATION);
    }
    cr_assert_eq(world_heartbeat(world, "g", id, 1), ERR_NONE);
    world_close(world);
}
