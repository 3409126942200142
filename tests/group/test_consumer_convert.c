/* test_consumer_convert.c -- groups go from one protocol to the other with their members in
 * them (KIP-848, group.consumer.migration.policy), and both live in one group meanwhile. */
#include "base/walk.h"
#include "consumers.h"
#include "embedded.h"

#include <criterion/criterion.h>

/* A client of the classic protocol. */
struct old_client {
    struct world *world;
    struct str id;
    struct str instance_id;
    int32_t generation;
    struct bytes subscription;
    struct embedded_assignment assignment;
    enum err err;
};

/* Version 1: topic "t", no user data, and what it owns: partitions of "t". */
static struct bytes subscription_of(struct arena *arena, uint32_t count, const int32_t *owned)
{
    uint8_t *data = arena_alloc(arena, 256);
    struct wire_writer writer;
    wire_writer_init(&writer, data, 256, NULL, 0);
    wire_write_int16(&writer, 1);
    wire_write_int32(&writer, 1);
    wire_write_string(&writer, STR("t"));
    wire_write_int32(&writer, -1);
    wire_write_int32(&writer, count > 0);
    if (count > 0) {
        wire_write_string(&writer, STR("t"));
        wire_write_int32(&writer, (int32_t)count);
        for (uint32_t i = 0; i < count; i++)
            wire_write_int32(&writer, owned[i]);
    }
    return (struct bytes){.data = data, .size = writer.size};
}

static struct old_client old_new(struct world *world)
{
    return (struct old_client){
        .world = world, .id = STR(""), .subscription = subscription_of(&world->arena, 0, NULL)};
}

static void old_owns(struct old_client *client)
{
    const struct embedded_assignment *has = &client->assignment;
    client->subscription = subscription_of(
        &client->world->arena, has->topic_count > 0 ? has->topics[0].partition_count : 0,
        has->topic_count > 0 ? has->topics[0].partitions : NULL);
}

static uint64_t old_join_only(struct old_client *client)
{
    struct join_group_command command = world_joiner("g", "");
    struct group_protocol *protocol = arena_array(&client->world->arena, struct group_protocol, 1);
    *protocol = (struct group_protocol){.name = STR("range"), .metadata = client->subscription};
    command.member_id = client->id;
    command.instance_id = client->instance_id;
    command.protocols = protocol;
    uint64_t token = world_join(client->world, command);
    const struct group_reply *reply = world_reply(client->world, token);
    if (reply == NULL)
        return token;
    client->err = reply->err;
    if (reply->err != ERR_NONE)
        return token;
    client->id = reply->join.member_id;
    client->generation = reply->join.generation;
    return token;
}

static enum err old_sync(struct old_client *client)
{
    uint64_t token = world_sync_as(client->world, "g", client->id, client->generation);
    client->err = world_err(client->world, token);
    if (client->err == ERR_NONE)
        cr_assert(embedded_read_assignment(world_reply(client->world, token)->sync.assignment,
                                           &client->world->arena, &client->assignment));
    return client->err;
}

static enum err old_join(struct old_client *client)
{
    old_join_only(client);
    return client->err != ERR_NONE ? client->err : old_sync(client);
}

static enum err old_beat(struct old_client *client)
{
    return world_heartbeat(client->world, "g", client->id, client->generation);
}

static uint32_t old_count(const struct old_client *client)
{
    return client->assignment.topic_count == 0 ? 0 : client->assignment.topics[0].partition_count;
}

/* A classic group of one member that has partitions 0 to count - 1 of "t". */
static struct old_client classic_group(struct world *world, int32_t count)
{
    struct old_client client = old_new(world);
    struct group_topic_partitions topic = {.topic = STR("t"), .partition_count = (uint32_t)count};
    int32_t *partitions = arena_array(&world->arena, int32_t, count);
    for (int32_t i = 0; i < count; i++)
        partitions[i] = i;
    topic.partitions = partitions;
    old_join_only(&client);
    struct group_assignment assignment = {
        .member_id = client.id,
        .assignment = embedded_write_assignment(&world->arena, 1, 1, &topic)};
    struct sync_group_command command = {.group_id = STR("g"),
                                         .generation = client.generation,
                                         .member_id = client.id,
                                         .assignment_count = 1,
                                         .assignments = &assignment};
    cr_assert_eq(world_err(world, world_sync(world, command)), ERR_NONE);
    cr_assert_eq(old_sync(&client), ERR_NONE);
    cr_assert_eq(old_count(&client), (uint32_t)count);
    return client;
}

/* Both do what stock clients do until neither has anything to do. */
static void settle(struct old_client *old, struct client *new)
{
    for (int i = 0; i < 8; i++) {
        cr_assert_eq(client_beat(new), ERR_NONE);
        if (old_beat(old) == ERR_NONE)
            continue;
        old_owns(old);
        cr_assert_eq(old_join(old), ERR_NONE, "%s", err_name(old->err));
        old_owns(old);
    }
}

Test(consumer_convert, upgrades_a_group_with_its_members)
{
    struct world *world = world_open();
    world_topic(world, "t", 4);
    struct old_client old = classic_group(world, 4);
    struct client new = client_new(world, "g", "new");

    cr_assert_eq(client_join(&new), ERR_NONE);
    cr_assert_eq(new.epoch, old.generation + 1);
    cr_assert_eq(new.assigned_count, 0);
    const struct consumer_described *group = world_consumers(world, "g");
    cr_assert_eq(group->member_count, 2);
    cr_assert(group->members[0].is_classic);
    cr_assert_eq(old_beat(&old), ERR_REBALANCE_IN_PROGRESS);

    settle(&old, &new);
    cr_assert_eq(old_count(&old), 2);
    cr_assert_eq(new.assigned_count, 2);
    cr_assert(str_equal(world_consumers_state(world, "g"), STR("Stable")));
    cr_assert_eq(world_replay_hash(world), coordinator_hash(world->coordinator));
    world_close(world);
}

Test(consumer_convert, keeps_partitions_of_a_classic_member_until_it_joins)
{
    struct world *world = world_open();
    world_topic(world, "t", 4);
    struct old_client old = classic_group(world, 4);
    struct client new = client_new(world, "g", "new");
    client_join(&new);
    old_owns(&old);
    cr_assert_eq(old_join(&old), ERR_NONE); /* It owns all, and is told what it keeps. */
    cr_assert_eq(old_count(&old), 2);
    client_beat(&new);
    cr_assert_eq(new.assigned_count, 0);
    cr_assert_eq(old_beat(&old), ERR_REBALANCE_IN_PROGRESS);
    old_owns(&old);
    cr_assert_eq(old_join(&old), ERR_NONE);
    client_beat(&new);
    cr_assert_eq(new.assigned_count, 2);
    world_close(world);
}

Test(consumer_convert, downgrades_when_the_last_consumer_leaves)
{
    struct world *world = world_open();
    world_topic(world, "t", 4);
    struct old_client old = classic_group(world, 4);
    struct client new = client_new(world, "g", "new");
    client_join(&new);
    settle(&old, &new);
    int32_t epoch = new.epoch;

    cr_assert_eq(client_leave(&new, -1), ERR_NONE);
    cr_assert(str_equal(world_state(world, "g"), STR("PreparingRebalance")));
    cr_assert_eq(old_beat(&old), ERR_REBALANCE_IN_PROGRESS);
    old_join_only(&old);
    cr_assert_eq(old.err, ERR_NONE);
    cr_assert_gt(old.generation, epoch);
    world_fail_over(world);
    cr_assert_eq(world_consumers(world, "g")->err, ERR_GROUP_ID_NOT_FOUND);
    cr_assert(str_equal(world_state(world, "g"), STR("Stable")));
    world_close(world);
}

Test(consumer_convert, goes_up_and_down_and_keeps_offsets)
{
    struct world *world = world_open();
    world_topic(world, "t", 4);
    world_commit_alone(world, "g", "t", 5);
    for (int i = 0; i < 3; i++) {
        struct client new = client_new(world, "g", "new");
        cr_assert_eq(client_join(&new), ERR_NONE);
        cr_assert_eq(new.assigned_count, 4);
        cr_assert_eq(client_leave(&new, -1), ERR_NONE);
        struct old_client old = old_new(world);
        cr_assert_eq(old_join_only(&old) != 0 ? old.err : ERR_NONE, ERR_NONE);
        cr_assert(str_equal(world_state(world, "g"), STR("CompletingRebalance")));
        cr_assert_eq(
            world_err(world, world_leave(world, "g", (struct group_leaver){.member_id = old.id})),
            ERR_NONE);
        cr_assert_eq(world_replay_hash(world), coordinator_hash(world->coordinator));
    }
    cr_assert_eq(world_committed(world, "g", "t"), 5);
    world_close(world);
}

Test(consumer_convert, follows_its_policy)
{
    struct coordinator_config config = world_config();
    config.consumer.may_upgrade = config.consumer.may_downgrade = false;
    struct world *world = world_open_with(&config);
    world_topic(world, "t", 4);
    struct old_client old = classic_group(world, 4);
    struct client new = client_new(world, "g", "new");
    uint32_t records = world->log_count;

    cr_assert_eq(client_join(&new), ERR_GROUP_ID_NOT_FOUND);
    cr_assert_eq(old_beat(&old), ERR_NONE);
    cr_assert_eq(world->log_count, records);
    world_leave(world, "g", (struct group_leaver){.member_id = old.id});
    cr_assert_eq(client_join(&new), ERR_NONE); /* Nobody is in it: it is free. */
    old.id = STR("");
    cr_assert_eq(old_join(&old), ERR_NONE);
    cr_assert_eq(client_leave(&new, -1), ERR_NONE);
    cr_assert_eq(world_consumers(world, "g")->member_count, 1);
    world_close(world);
}

Test(consumer_convert, does_not_upgrade_what_it_cannot_read)
{
    struct world *world = world_open();
    struct client new = client_new(world, "g", "new");
    struct str id = world_stable(world, "g"); /* Its subscription is "m". */
    cr_assert_eq(client_join(&new), ERR_GROUP_ID_NOT_FOUND);
    cr_assert_eq(world_heartbeat(world, "g", id, 1), ERR_NONE);

    struct join_group_command connect = world_joiner("c", "");
    connect.protocol_type = STR("connect");
    world_join(world, connect);
    new.group = "c";
    cr_assert_eq(client_join(&new), ERR_GROUP_ID_NOT_FOUND);
    world_close(world);
}

Test(consumer_convert, answers_who_waits_when_it_upgrades)
{
    struct coordinator_config config = world_config();
    config.initial_delay_ms = 3000;
    struct world *world = world_open_with(&config);
    world_topic(world, "t", 4);
    struct old_client old = old_new(world);
    uint64_t token = old_join_only(&old);
    cr_assert_null(world_reply(world, token));
    struct client new = client_new(world, "g", "new");
    cr_assert_eq(client_join(&new), ERR_NONE);
    cr_assert_eq(world_err(world, token), ERR_REBALANCE_IN_PROGRESS);
    old.id = world_reply(world, token)->join.member_id;
    cr_assert_eq(old_join(&old), ERR_NONE);
    settle(&old, &new);
    cr_assert_eq(old_count(&old), 2);
    world_close(world);
}

Test(consumer_convert, takes_a_classic_member_into_a_group_of_consumers)
{
    struct world *world = world_open();
    world_topic(world, "t", 4);
    struct client new = client_new(world, "g", "new");
    struct old_client old = old_new(world);
    client_join(&new);

    struct join_group_command command = world_joiner("g", "");
    struct group_protocol protocol = {.name = STR("range"), .metadata = old.subscription};
    command.protocols = &protocol;
    command.requires_known_member_id = true;
    uint64_t token = world_join(world, command);
    cr_assert_eq(world_err(world, token), ERR_MEMBER_ID_REQUIRED);
    old.id = world_reply(world, token)->join.member_id;
    cr_assert_eq(old_join(&old), ERR_NONE);
    settle(&old, &new);
    cr_assert_eq(old_count(&old), 2);
    cr_assert_eq(new.assigned_count, 2);
    world_close(world);
}

Test(consumer_convert, refuses_classic_members_that_have_nothing_in_common)
{
    struct world *world = world_open();
    struct client new = client_new(world, "g", "new");
    struct old_client old = old_new(world);
    client_join(&new);
    old_join(&old);
    struct group_protocol protocol = {.name = STR("sticky"), .metadata = old.subscription};
    struct join_group_command command = world_joiner("g", "");
    command.protocols = &protocol;
    cr_assert_eq(world_err(world, world_join(world, command)), ERR_INCONSISTENT_GROUP_PROTOCOL);
    protocol = (struct group_protocol){.name = STR("range"),
                                       .metadata = bytes_of_str(STR("\0\0\x7f\xff\xff\xff"))};
    cr_assert_eq(world_err(world, world_join(world, command)), ERR_INCONSISTENT_GROUP_PROTOCOL);
    command.protocol_type = STR("connect");
    cr_assert_eq(world_err(world, world_join(world, command)), ERR_INCONSISTENT_GROUP_PROTOCOL);
    world_close(world);
}

Test(consumer_convert, does_not_read_a_subscription_that_no_record_holds)
{
    struct coordinator_config config = world_config();
    config.record_size_max = 4096;
    struct world *world = world_open_with(&config);
    struct client new = client_new(world, "g", "new");
    client_join(&new);
    uint8_t *data = arena_alloc(&world->arena, 5000); /* A count of no topics, and zeros. */
    struct group_protocol protocol = {.name = STR("range"),
                                      .metadata = {.data = data, .size = 5000}};
    struct join_group_command command = world_joiner("g", "");
    command.protocols = &protocol;
    cr_assert_eq(world_err(world, world_join(world, command)), ERR_GROUP_MAX_SIZE_REACHED);
    protocol.metadata.size = 1000;
    cr_assert_eq(world_err(world, world_join(world, command)), ERR_NONE);
    world_close(world);
}

Test(consumer_convert, answers_classic_requests_as_a_classic_group_does)
{
    struct world *world = world_open();
    world_topic(world, "t", 2);
    struct client new = client_new(world, "g", "new");
    struct old_client old = old_new(world);
    client_join(&new);
    old_join(&old);
    settle(&old, &new);
    cr_assert_eq(world_heartbeat(world, "g", old.id, old.generation + 1), ERR_ILLEGAL_GENERATION);
    cr_assert_eq(world_heartbeat(world, "g", STR("x"), 1), ERR_UNKNOWN_MEMBER_ID);
    cr_assert_eq(world_heartbeat(world, "g", STR("new"), new.epoch), ERR_UNKNOWN_MEMBER_ID);
    cr_assert_eq(world_err(world, world_sync_as(world, "g", old.id, old.generation - 1)),
                 ERR_ILLEGAL_GENERATION);
    cr_assert_eq(world_err(world, world_sync_as(world, "g", STR("new"), new.epoch)),
                 ERR_UNKNOWN_MEMBER_ID);
    struct sync_group_command sync = {.group_id = STR("g"),
                                      .member_id = old.id,
                                      .generation = old.generation,
                                      .protocol_type = STR("consumer"),
                                      .protocol = STR("sticky")};
    cr_assert_eq(world_err(world, world_sync(world, sync)), ERR_INCONSISTENT_GROUP_PROTOCOL);
    uint64_t token = world_leave(world, "g", (struct group_leaver){.member_id = old.id});
    cr_assert_eq(world_reply(world, token)->leave.members[0].err, ERR_NONE);
    client_beat(&new);
    cr_assert_eq(new.assigned_count, 2);
    world_close(world);
}

Test(consumer_convert, fences_a_classic_member_that_does_not_join_or_sync)
{
    struct world *world = world_open();
    world_topic(world, "t", 2);
    struct client new = client_new(world, "g", "new");
    struct old_client old = old_new(world), lazy = old_new(world);
    client_join(&new);
    old_join(&old);
    settle(&old, &new);
    struct client third = client_new(world, "g", "third");
    client_join(&third);
    cr_assert_eq(old_beat(&old), ERR_REBALANCE_IN_PROGRESS);
    old_join_only(&lazy);
    for (int i = 0; i < 14; i++) {
        world_pass(world, 5000);
        client_beat(&new);
        client_beat(&third);
        if (i < 11)
            cr_assert_eq(old_beat(&old), ERR_REBALANCE_IN_PROGRESS, "%d", i);
    }
    cr_assert_eq(old_beat(&old), ERR_UNKNOWN_MEMBER_ID);
    cr_assert_eq(old_beat(&lazy), ERR_UNKNOWN_MEMBER_ID);
    world_close(world);
}

Test(consumer_convert, lets_a_static_member_change_its_protocol)
{
    struct world *world = world_open();
    world_topic(world, "t", 2);
    struct old_client old = old_new(world);
    struct client new = client_new(world, "g", "new");
    old.instance_id = new.instance_id = STR("i");
    cr_assert_eq(client_join(&new), ERR_NONE);
    old_join_only(&old); /* Nobody else is in the group: it is of the classic protocol now. */
    cr_assert_eq(old.err, ERR_NONE);
    cr_assert(str_equal(world_state(world, "g"), STR("CompletingRebalance")));
    cr_assert_eq(client_beat(&new), ERR_GROUP_ID_NOT_FOUND);
    cr_assert_eq(client_join(&new), ERR_NONE);
    cr_assert_eq(world_consumers(world, "g")->member_count, 1);
    cr_assert_eq(new.assigned_count, 2);
    cr_assert_eq(old_beat(&old), ERR_UNKNOWN_MEMBER_ID);
    world_close(world);
}

Test(consumer_convert, tells_classic_members_of_illegal_generations_when_they_commit)
{
    struct world *world = world_open();
    world_topic(world, "t", 2);
    struct client new = client_new(world, "g", "new");
    struct old_client old = old_new(world);
    client_join(&new);
    old_join(&old);
    settle(&old, &new);
    struct offset_commit_command command = {.group_id = STR("g"),
                                            .member_id = old.id,
                                            .generation = old.generation,
                                            .retention_ms = -1};
    struct group_commit_partition partition = {.offset = 3};
    cr_assert_eq(world_err(world, world_commit(world, command, "t", partition)), ERR_NONE);
    command.generation--;
    cr_assert_eq(world_err(world, world_commit(world, command, "t", partition)),
                 ERR_ILLEGAL_GENERATION);
    world_close(world);
}

Test(consumer_convert, lets_a_classic_member_sync_again_where_there_was_no_room)
{
    struct world *world = world_open();
    world_topic(world, "t", CLIENT_PARTITIONS_MAX);
    struct old_client old = classic_group(world, CLIENT_PARTITIONS_MAX);
    struct client new = client_new(world, "g", "new");
    new.topics[0] = "u";
    client_join(&new);
    old_join_only(&old);
    cr_assert_eq(old.err, ERR_NONE);
    world->has_no_room = true;

    cr_assert_eq(old_sync(&old), ERR_AGAIN);

    world->has_no_room = false;
    cr_assert_eq(old_sync(&old), ERR_NONE);
    cr_assert_eq(old_count(&old), CLIENT_PARTITIONS_MAX);
    world_close(world);
}
