/* test_consumer_heartbeat.c -- joining, living, and what is wrong with a heartbeat. */
#include "consumers.h"

#include <criterion/criterion.h>

static void check_invalid(struct client *client, struct consumer_heartbeat_command command)
{
    cr_assert_eq(client_send(client, command), ERR_INVALID_REQUEST);
}

Test(consumer_heartbeat, gives_all_partitions_to_a_first_member)
{
    struct world *world = world_open();
    struct client client = client_new(world, "g", "a");
    world_topic(world, "t", 3);

    cr_assert_eq(client_join(&client), ERR_NONE);

    cr_assert_eq(client.epoch, 1);
    cr_assert_eq(client.assigned_count, 3);
    cr_assert_eq(client.beat.heartbeat_interval_ms, 5000);
    cr_assert(str_equal(client.beat.member_id, STR("a")));
    cr_assert(str_equal(world_consumers_state(world, "g"), STR("Stable")));
    world_close(world);
}

Test(consumer_heartbeat, says_nothing_new_when_nothing_is)
{
    struct world *world = world_open();
    struct client client = client_new(world, "g", "a");
    world_topic(world, "t", 3);
    client_join(&client);
    uint32_t records = world->log_count;

    cr_assert_eq(client_ping(&client), ERR_NONE);
    cr_assert_not(client.was_assigned);
    cr_assert_eq(client_beat(&client), ERR_NONE);
    cr_assert_not(client.was_assigned);
    cr_assert_eq(client.epoch, 1);
    cr_assert_eq(world->log_count, records);
    world_close(world);
}

Test(consumer_heartbeat, answers_a_whole_request_wholly)
{
    struct world *world = world_open();
    struct client client = client_new(world, "g", "a");
    world_topic(world, "t", 3);
    client_join(&client);
    struct consumer_heartbeat_command command = client_joining(&client);
    command.member_epoch = 1;

    cr_assert_eq(client_send(&client, command), ERR_NONE);
    cr_assert(client.was_assigned);
    cr_assert_eq(client.assigned_count, 3);
    world_close(world);
}

Test(consumer_heartbeat, refuses_what_cannot_be_meant)
{
    struct world *world = world_open();
    struct client client = client_new(world, "g", "a");
    struct consumer_heartbeat_command good = client_joining(&client), command;
    struct group_topic_partitions owned = {.partition_count = 0};

    command = good, command.group_id = STR("");
    check_invalid(&client, command);
    command = good, command.member_id = STR("");
    check_invalid(&client, command);
    command = good, command.instance_id = STR("");
    check_invalid(&client, command);
    command = good, command.rack_id = STR("");
    check_invalid(&client, command);
    command = good, command.rebalance_timeout_ms = -1;
    check_invalid(&client, command);
    command = good, command.has_topics = false;
    check_invalid(&client, command);
    command = good, command.has_owned = false;
    check_invalid(&client, command);
    command = good, command.owned_count = 1, command.owned = &owned;
    check_invalid(&client, command);
    command = good, command.member_epoch = -2;
    check_invalid(&client, command);
    command = good, command.member_epoch = -3;
    check_invalid(&client, command);
    command = good, command.member_epoch = INT32_MIN;
    check_invalid(&client, command);
    cr_assert_eq(world->log_count, 0);
    world_close(world);
}

Test(consumer_heartbeat, gives_an_id_to_an_old_client_that_has_none)
{
    struct world *world = world_open();
    struct client client = client_new(world, "g", "");
    struct consumer_heartbeat_command command = client_joining(&client);
    command.makes_member_id = false;

    cr_assert_eq(client_send(&client, command), ERR_NONE);
    cr_assert_eq(client.beat.member_id.size, 22);
    cr_assert_eq(client_beat(&client), ERR_NONE);
    command.member_epoch = 1;
    cr_assert_eq(client_send(&client, command), ERR_INVALID_REQUEST);
    world_close(world);
}

Test(consumer_heartbeat, refuses_an_assignor_that_it_has_not)
{
    struct world *world = world_open();
    struct client client = client_new(world, "g", "a");
    client.assignor = "cooperative-sticky";
    cr_assert_eq(client_join(&client), ERR_UNSUPPORTED_ASSIGNOR);
    client.assignor = "range";
    cr_assert_eq(client_join(&client), ERR_NONE);
    cr_assert(str_equal(world_consumers(world, "g")->assignor, STR("range")));
    world_close(world);
}

Test(consumer_heartbeat, knows_nobody_before_a_join)
{
    struct world *world = world_open();
    struct client a = client_new(world, "g", "a"), b = client_new(world, "g", "b");
    a.epoch = 1;
    b.epoch = 1;

    cr_assert_eq(client_beat(&a), ERR_GROUP_ID_NOT_FOUND);
    cr_assert_eq(client_leave(&a, -1), ERR_GROUP_ID_NOT_FOUND);
    cr_assert_eq(client_join(&a), ERR_NONE);
    cr_assert_eq(client_beat(&b), ERR_UNKNOWN_MEMBER_ID);
    cr_assert_eq(client_leave(&b, -1), ERR_UNKNOWN_MEMBER_ID);
    world_close(world);
}

Test(consumer_heartbeat, fences_an_epoch_that_is_not_the_members)
{
    struct world *world = world_open();
    struct client client = client_new(world, "g", "a");
    world_topic(world, "t", 3);
    client_join(&client);

    client.epoch = 2;
    cr_assert_eq(client_beat(&client), ERR_FENCED_MEMBER_EPOCH);
    cr_assert_eq(client_join(&client), ERR_NONE);
    cr_assert_eq(client.assigned_count, 3);
    world_close(world);
}

/* Rule 141. */
Test(consumer_heartbeat, takes_the_epoch_before_when_its_answer_was_lost)
{
    struct world *world = world_open();
    struct client client = client_new(world, "g", "a");
    world_topic(world, "t", 3);
    client_join(&client);
    struct client behind = client;
    world_topic(world, "t", 4);
    cr_assert_eq(client_beat(&client), ERR_NONE);
    cr_assert_eq(client.epoch, 2);

    struct client silent = behind, stranger = behind;
    cr_assert_eq(client_ping(&silent), ERR_FENCED_MEMBER_EPOCH);
    stranger.assigned[0].index = 7;
    cr_assert_eq(client_beat(&stranger), ERR_FENCED_MEMBER_EPOCH);
    cr_assert_eq(client_beat(&behind), ERR_NONE);
    cr_assert_eq(behind.epoch, 2);
    behind.epoch = 1;
    world_topic(world, "t", 5);
    cr_assert_eq(client_beat(&client), ERR_NONE);
    cr_assert_eq(client_beat(&behind), ERR_FENCED_MEMBER_EPOCH);
    world_close(world);
}

Test(consumer_heartbeat, refuses_who_finds_the_group_full)
{
    struct coordinator_config config = world_config();
    config.consumer.members_max = 2;
    struct world *world = world_open_with(&config);
    struct client clients[3] = {client_new(world, "g", "a"), client_new(world, "g", "b"),
                                client_new(world, "g", "c")};
    cr_assert_eq(client_join(&clients[0]), ERR_NONE);
    cr_assert_eq(client_join(&clients[1]), ERR_NONE);
    cr_assert_eq(client_join(&clients[2]), ERR_GROUP_MAX_SIZE_REACHED);
    cr_assert_eq(client_join(&clients[1]), ERR_NONE);
    cr_assert_eq(client_leave(&clients[0], -1), ERR_NONE);
    cr_assert_eq(client_join(&clients[2]), ERR_NONE);
    world_close(world);
}

Test(consumer_heartbeat, refuses_a_subscription_that_no_record_holds)
{
    struct coordinator_config config = world_config();
    config.record_size_max = 4096;
    struct world *world = world_open_with(&config);
    struct client client = client_new(world, "g", "a");
    struct consumer_heartbeat_command command = client_joining(&client);
    struct str topics[500];
    for (uint32_t i = 0; i < 500; i++)
        topics[i] = str_from(arena_format(&world->arena, "topic-%u", i));
    command.topic_count = 500;
    command.topics = topics;

    cr_assert_eq(client_send(&client, command), ERR_GROUP_MAX_SIZE_REACHED);
    command.topic_count = 10;
    cr_assert_eq(client_send(&client, command), ERR_NONE);
    world_close(world);
}

Test(consumer_heartbeat, looks_at_no_more_than_a_record_holds)
{
    struct world *world = world_open();
    struct client client = client_new(world, "g", "a");
    struct consumer_heartbeat_command command = client_joining(&client);
    uint32_t count = 1000000;
    struct str *topics = arena_array(&world->arena, struct str, count);
    int32_t *partitions = arena_array(&world->arena, int32_t, count);
    struct group_topic_partitions owned = {.partition_count = count, .partitions = partitions};
    for (uint32_t i = 0; i < count; i++)
        topics[i] = STR("t");
    client_join(&client);
    size_t before = world->arena.total;
    command.topic_count = count;
    command.topics = topics;
    cr_assert_eq(client_send(&client, command), ERR_GROUP_MAX_SIZE_REACHED);
    command = client_joining(&client);
    command.member_epoch = 1;
    command.owned_count = 1;
    command.owned = &owned;
    cr_assert_eq(client_send(&client, command), ERR_INVALID_REQUEST);
    cr_assert_lt(world->arena.total - before, 100000);
    world_close(world);
}

Test(consumer_heartbeat, counts_a_topic_that_is_named_twice_once)
{
    struct world *world = world_open();
    struct client client = client_new(world, "g", "a");
    world_topic(world, "t", 2);
    client.topics[1] = "t";
    cr_assert_eq(client_join(&client), ERR_NONE);
    cr_assert_eq(client.assigned_count, 2);
    cr_assert_eq(world_consumers(world, "g")->members[0].topic_count, 1);
    world_close(world);
}

Test(consumer_heartbeat, keeps_what_a_request_does_not_say)
{
    struct world *world = world_open();
    struct client client = client_new(world, "g", "a");
    world_topic(world, "t", 2);
    client.assignor = "range";
    struct consumer_heartbeat_command command = client_joining(&client);
    command.rack_id = STR("r1");
    client_send(&client, command);
    client_ping(&client);

    const struct consumer_described_member *member = world_consumers(world, "g")->members;
    cr_assert(str_equal(member->rack_id, STR("r1")));
    cr_assert_eq(member->topic_count, 1);
    cr_assert(str_equal(world_consumers(world, "g")->assignor, STR("range")));
    world_close(world);
}

Test(consumer_heartbeat, is_refused_while_the_log_is_read)
{
    struct world *world = world_open();
    struct client client = client_new(world, "g", "a");
    coordinator_close(world->coordinator);
    world->coordinator = coordinator_open(&world->config);
    cr_assert_eq(client_join(&client), ERR_COORDINATOR_LOAD_IN_PROGRESS);
    world_close(world);
}

Test(consumer_heartbeat, that_finds_no_room_for_its_assignment_may_be_repeated)
{
    struct world *world = world_open();
    struct client client = client_new(world, "g", "a");
    world_topic(world, "t", CLIENT_PARTITIONS_MAX);
    world->has_no_room = true;

    cr_assert_eq(client_join(&client), ERR_AGAIN);
    cr_assert_eq(client_join(&client), ERR_AGAIN);
    uint32_t records = world->log_count;

    world->has_no_room = false;
    cr_assert_eq(client_join(&client), ERR_NONE);
    cr_assert_eq(client.assigned_count, CLIENT_PARTITIONS_MAX);
    cr_assert_eq(world->log_count, records);
    world_close(world);
}

/* It would not hear of it again: it has not lost anything. */
Test(consumer_heartbeat, is_told_once_what_is_new_whether_there_is_room_or_not)
{
    struct world *world = world_open();
    struct client client = client_new(world, "g", "a");
    world_topic(world, "t", 1);
    client_join(&client);
    world_topic(world, "t", CLIENT_PARTITIONS_MAX);
    world->has_no_room = true;

    cr_assert_eq(client_ping(&client), ERR_NONE);
    cr_assert_eq(client.assigned_count, CLIENT_PARTITIONS_MAX);
    world_close(world);
}
