/* test_consumer_offsets.c -- commits and fetches by members in their epochs (rules 118, 120 and
 * 147). */
#include "consumers.h"

#include <criterion/criterion.h>

static enum err commit(struct client *client, const char *topic, int32_t index, int32_t epoch)
{
    struct offset_commit_command command = {.group_id = str_from(client->group),
                                            .member_id = str_from(client->id),
                                            .generation = epoch,
                                            .retention_ms = -1,
                                            .knows_group_not_found = true};
    struct group_commit_partition partition = {.index = index, .offset = 7};
    return world_err(client->world, world_commit(client->world, command, topic, partition));
}

static enum err fetch(struct world *world, const char *member_id, int32_t epoch)
{
    struct group_fetch fetch = {.group_id = STR("g"),
                                .member_id = str_from(member_id),
                                .member_epoch = epoch,
                                .is_all = true};
    struct offset_fetch_command command = {.token = ++world->token, .count = 1, .groups = &fetch};
    group_decide_fetch(world_begin(world), &command);
    world_end(world);
    return world_reply(world, command.token)->fetch.groups[0].err;
}

Test(consumer_offsets, are_committed_in_the_members_epoch)
{
    struct world *world = world_open();
    struct client client = client_new(world, "g", "a"), other = client_new(world, "g", "x");
    world_topic(world, "t", 2);
    client_join(&client);
    cr_assert_eq(commit(&client, "t", 0, 1), ERR_NONE);
    cr_assert_eq(commit(&client, "t", 0, 2), ERR_STALE_MEMBER_EPOCH);
    cr_assert_eq(commit(&client, "t", 0, 0), ERR_STALE_MEMBER_EPOCH);
    cr_assert_eq(commit(&client, "t", 0, -1), ERR_STALE_MEMBER_EPOCH);
    cr_assert_eq(commit(&other, "t", 0, 1), ERR_UNKNOWN_MEMBER_ID);
    cr_assert_eq(world_err(world, world_commit_alone(world, "g", "t", 1)), ERR_UNKNOWN_MEMBER_ID);
    cr_assert_eq(world_committed(world, "g", "t"), 7);
    client_leave(&client, -1);
    cr_assert_eq(world_err(world, world_commit_alone(world, "g", "t", 9)), ERR_NONE);
    cr_assert_eq(world_committed(world, "g", "t"), 9);
    world_close(world);
}

/* KIP-1251. */
Test(consumer_offsets, may_be_late_for_what_the_member_has_had_since)
{
    struct world *world = world_open();
    struct client client = client_new(world, "g", "a");
    world_topic(world, "t", 1);
    client_join(&client);
    world_topic(world, "t", 2);
    client_beat(&client);
    cr_assert_eq(client.epoch, 2);
    cr_assert_eq(commit(&client, "t", 0, 1), ERR_NONE);
    cr_assert_eq(commit(&client, "t", 1, 1), ERR_STALE_MEMBER_EPOCH);
    cr_assert_eq(commit(&client, "t", 5, 1), ERR_STALE_MEMBER_EPOCH);
    cr_assert_eq(commit(&client, "u", 0, 1), ERR_STALE_MEMBER_EPOCH);
    world_fail_over(world);
    cr_assert_eq(commit(&client, "t", 0, 1), ERR_NONE);
    cr_assert_eq(commit(&client, "t", 1, 1), ERR_STALE_MEMBER_EPOCH);
    world_close(world);
}

Test(consumer_offsets, need_a_version_that_knows_epochs)
{
    struct world *world = world_open();
    struct client client = client_new(world, "g", "a");
    client_join(&client);
    struct offset_commit_command command = {
        .group_id = STR("g"), .member_id = STR("a"), .generation = 1, .retention_ms = -1};
    cr_assert_eq(world_err(world, world_commit(world, command, "t",
                                               (struct group_commit_partition){.offset = 1})),
                 ERR_UNSUPPORTED_VERSION);
    world_close(world);
}

Test(consumer_offsets, are_fetched_in_the_members_epoch)
{
    struct world *world = world_open();
    struct client client = client_new(world, "g", "a");
    cr_assert_eq(fetch(world, "a", 1), ERR_NONE); /* There is no group. */
    client_join(&client);
    cr_assert_eq(fetch(world, "a", 1), ERR_NONE);
    cr_assert_eq(fetch(world, "a", 2), ERR_STALE_MEMBER_EPOCH);
    cr_assert_eq(fetch(world, "b", 1), ERR_UNKNOWN_MEMBER_ID);
    cr_assert_eq(fetch(world, NULL, 1), ERR_UNKNOWN_MEMBER_ID);
    cr_assert_eq(fetch(world, NULL, -1), ERR_NONE);
    cr_assert_eq(fetch(world, NULL, 0), ERR_NONE);
    world_close(world);
}

Test(consumer_offsets, expire_when_nobody_reads_their_topic)
{
    struct coordinator_config config = world_config();
    config.consumer.session_timeout_ms = INT32_MAX;
    struct world *world = world_open_with(&config);
    struct client client = client_new(world, "g", "a");
    client.topics[1] = "u";
    world_topic(world, "t", 1);
    world_topic(world, "u", 1);
    client_join(&client);
    commit(&client, "t", 0, 1);
    commit(&client, "u", 0, 1);
    client.topics[1] = NULL;
    client_join(&client);
    world_pass(world, config.offsets_retention_ms + 1200000);
    cr_assert_eq(world_committed(world, "g", "t"), 7);
    cr_assert_eq(world_committed(world, "g", "u"), -1);
    world_close(world);
}

Test(consumer_offsets, take_the_empty_group_with_them)
{
    struct world *world = world_open();
    struct client client = client_new(world, "g", "a");
    world_topic(world, "t", 1);
    client_join(&client);
    commit(&client, "t", 0, 1);
    client_leave(&client, -1);
    world_pass(world, world->config.offsets_retention_ms + 1200000);
    cr_assert_eq(world_consumers(world, "g")->err, ERR_GROUP_ID_NOT_FOUND);
    struct coordinator *empty = coordinator_open(&world->config);
    cr_assert_eq(world_replay_hash(world), coordinator_hash(empty));
    coordinator_close(empty);
    world_close(world);
}

Test(consumer_offsets, are_not_deleted_while_their_topic_is_read)
{
    struct world *world = world_open();
    struct client client = client_new(world, "g", "a");
    int32_t index = 0;
    struct group_topic_partitions topics[2] = {
        {.topic = STR("log-1"), .partition_count = 1, .partitions = &index},
        {.topic = STR("u"), .partition_count = 1, .partitions = &index}};
    client.topics[0] = NULL;
    client.regex = "log-.*";
    world_topic(world, "log-1", 1);
    world_topic(world, "u", 1);
    client_join(&client);
    commit(&client, "log-1", 0, 1);
    commit(&client, "u", 0, 1);
    struct offset_delete_command command = {
        .token = ++world->token, .group_id = STR("g"), .topic_count = 2, .topics = topics};
    group_decide_offset_delete(world_begin(world), &command);
    world_end(world);
    const struct group_partition_errors *errors = &world_reply(world, command.token)->partitions;
    cr_assert_eq(errors->topics[0].partitions[0].err, ERR_GROUP_SUBSCRIBED_TO_TOPIC);
    cr_assert_eq(errors->topics[1].partitions[0].err, ERR_NONE);
    cr_assert_eq(world_committed(world, "g", "u"), -1);
    world_close(world);
}
