/* test_consumer_topics.c -- topics come, grow and go, and subscriptions change. */
#include "consumers.h"

#include <criterion/criterion.h>

Test(consumer_topics, assigns_a_topic_that_is_made_later)
{
    struct world *world = world_open();
    struct client client = client_new(world, "g", "a");
    cr_assert_eq(client_join(&client), ERR_NONE);
    cr_assert_eq(client.assigned_count, 0);
    cr_assert_eq(client.epoch, 1);
    world_topic(world, "u", 1);
    cr_assert_eq(client_beat(&client), ERR_NONE);
    cr_assert_eq(client.epoch, 1);
    world_topic(world, "t", 2);
    cr_assert_eq(client_ping(&client), ERR_NONE);
    cr_assert_eq(client.epoch, 2);
    cr_assert_eq(client.assigned_count, 2);
    world_close(world);
}

Test(consumer_topics, follows_a_topic_that_grows_and_goes)
{
    struct world *world = world_open();
    struct client client = client_new(world, "g", "a");
    client.topics[1] = "u";
    world_topic(world, "t", 2);
    world_topic(world, "u", 1);
    client_join(&client);
    world_topic(world, "t", 3);
    client_beat(&client);
    cr_assert_eq(client.assigned_count, 4);
    world_topic(world, "t", 0);
    client_beat(&client);
    cr_assert_eq(client.assigned_count, 1);
    client_beat(&client);
    cr_assert(str_equal(world_consumers_state(world, "g"), STR("Stable")));
    world_topic(world, "t", 2); /* The same name, but another topic. */
    client_beat(&client);
    cr_assert_eq(client.assigned_count, 3);
    cr_assert(client_has(&client, "t", 1));
    world_close(world);
}

Test(consumer_topics, changes_the_target_with_a_subscription)
{
    struct world *world = world_open();
    struct client clients[2] = {client_new(world, "g", "a"), client_new(world, "g", "b")};
    world_topic(world, "t", 4);
    world_topic(world, "u", 2);
    client_join(&clients[0]);
    client_join(&clients[1]);
    clients_settle(clients, 2);
    clients[1].topics[0] = "u";
    struct consumer_heartbeat_command command = client_joining(&clients[1]);
    command.member_epoch = clients[1].epoch;
    command.has_owned = false;
    command.rebalance_timeout_ms = -1;
    cr_assert_eq(client_send(&clients[1], command), ERR_NONE);
    clients_settle(clients, 2);
    cr_assert_eq(clients[0].assigned_count, 4);
    cr_assert(client_has(&clients[1], "u", 0));
    cr_assert_eq(clients[1].assigned_count, 2);
    world_close(world);
}

Test(consumer_topics, subscribes_by_expression)
{
    struct world *world = world_open();
    struct client client = client_new(world, "g", "a");
    client.topics[0] = NULL;
    client.regex = "log-.*";
    world_topic(world, "log-1", 2);
    world_topic(world, "other", 2);
    cr_assert_eq(client_join(&client), ERR_NONE);
    cr_assert_eq(client.assigned_count, 2);
    cr_assert(str_equal(world_consumers(world, "g")->members[0].topic_regex, STR("log-.*")));
    world_pass(world, 10000);
    world_topic(world, "log-2", 1);
    client_beat(&client);
    cr_assert_eq(client.assigned_count, 3);
    cr_assert_eq(world_replay_hash(world), coordinator_hash(world->coordinator));
    world_close(world);
}

Test(consumer_topics, resolves_expressions_at_most_every_ten_seconds)
{
    struct world *world = world_open();
    struct client client = client_new(world, "g", "a");
    client.topics[0] = NULL;
    client.regex = "log-.*";
    client_join(&client);
    world_topic(world, "log-1", 1);
    world_topic(world, "log-2", 1);
    client_beat(&client);
    cr_assert_eq(client.assigned_count, 0);
    world_pass(world, 9999);
    client_beat(&client);
    cr_assert_eq(client.assigned_count, 0);
    world_pass(world, 1);
    client_beat(&client);
    cr_assert_eq(client.assigned_count, 2);
    world_close(world);
}

Test(consumer_topics, forgets_an_expression_with_its_last_member)
{
    struct world *world = world_open();
    struct client a = client_new(world, "g", "a"), b = client_new(world, "g", "b");
    a.topics[0] = b.topics[0] = NULL;
    a.regex = b.regex = "log-.*";
    world_topic(world, "log-1", 2);
    client_join(&a);
    client_join(&b);
    client_leave(&a, -1);
    struct consumer_heartbeat_command command = client_joining(&b);
    command.topic_regex = STR("");
    cr_assert_eq(client_send(&b, command), ERR_NONE);
    cr_assert_eq(b.assigned_count, 0);
    cr_assert(str_equal(world_consumers(world, "g")->members[0].topic_regex, STR("")));
    cr_assert_not_null(world_consumers(world, "g")->members[0].topic_regex.data);
    client_leave(&b, -1);
    world_delete(world, "g");
    struct coordinator *empty = coordinator_open(&world->config);
    cr_assert_eq(world_replay_hash(world), coordinator_hash(empty));
    coordinator_close(empty);
    world_close(world);
}

Test(consumer_topics, refuses_a_bad_expression_and_changes_nothing)
{
    struct world *world = world_open();
    struct client client = client_new(world, "g", "a");
    client.regex = "log-(";
    cr_assert_eq(client_join(&client), ERR_INVALID_REGULAR_EXPRESSION);
    cr_assert_eq(world->log_count, 0);
    cr_assert_eq(world_consumers(world, "g")->err, ERR_GROUP_ID_NOT_FOUND);
    client.regex = "log-(?=a)";
    cr_assert_eq(client_join(&client), ERR_INVALID_REGULAR_EXPRESSION);
    world_close(world);
}

Test(consumer_topics, bounds_the_expressions_of_a_group)
{
    struct world *world = world_open();
    struct client client = client_new(world, "g", "");
    for (int i = 0; i <= GROUP_REGEXES_MAX; i++) {
        client = client_new(world, "g", arena_format(&world->arena, "m%d", i));
        client.regex = arena_format(&world->arena, "log-%d", i);
        cr_assert_eq(client_join(&client),
                     i < GROUP_REGEXES_MAX ? ERR_NONE : ERR_INVALID_REGULAR_EXPRESSION);
    }
    client.regex = "log-0";
    cr_assert_eq(client_join(&client), ERR_NONE);
    world_close(world);
}
