/* consumers.c -- see consumers.h. */
#include "consumers.h"

#include <criterion/criterion.h>
#include <stdio.h>

struct client client_new(struct world *world, const char *group, const char *id)
{
    struct client client = {.world = world, .group = group, .topics = {"t"}};
    snprintf(client.id, sizeof client.id, "%s", id);
    return client;
}

static void subscribe(struct client *client, struct consumer_heartbeat_command *command)
{
    struct arena *arena = &client->world->arena;
    struct str *topics = arena_array(arena, struct str, 4);
    while (command->topic_count < 4 && client->topics[command->topic_count] != NULL) {
        topics[command->topic_count] = str_from(client->topics[command->topic_count]);
        command->topic_count++;
    }
    command->has_topics = true;
    command->topics = topics;
    command->topic_regex = str_from(client->regex);
    command->assignor = str_from(client->assignor);
}

static struct consumer_heartbeat_command ping_of(struct client *client)
{
    return (struct consumer_heartbeat_command){
        .group_id = str_from(client->group),
        .member_id = str_from(client->id),
        .makes_member_id = true,
        .member_epoch = client->epoch,
        .instance_id = client->instance_id,
        .client_id = STR("app"),
        .client_host = STR("/127.0.0.1"),
        .rebalance_timeout_ms = -1,
    };
}

struct consumer_heartbeat_command client_joining(struct client *client)
{
    struct consumer_heartbeat_command command = ping_of(client);
    command.member_epoch = 0;
    command.rebalance_timeout_ms = 60000;
    command.has_owned = true;
    subscribe(client, &command);
    return command;
}

static void hear(struct client *client, const struct group_reply *reply)
{
    client->err = reply->err;
    if (reply->err != ERR_NONE)
        return;
    client->beat = reply->beat;
    client->epoch = reply->beat.member_epoch;
    client->was_assigned = reply->beat.has_assignment;
    cr_assert(reply->rests);
    if (reply->beat.member_id.data != client->id)
        snprintf(client->id, sizeof client->id, "%.*s", (int)reply->beat.member_id.size,
                 reply->beat.member_id.data);
    if (!reply->beat.has_assignment)
        return;
    client->assigned_count = 0;
    for (uint32_t i = 0; i < reply->beat.topic_count; i++)
        for (uint32_t j = 0; j < reply->beat.topics[i].partition_count; j++) {
            cr_assert_lt(client->assigned_count, CLIENT_PARTITIONS_MAX);
            client->assigned[client->assigned_count].topic_id = reply->beat.topics[i].topic_id;
            client->assigned[client->assigned_count++].index = reply->beat.topics[i].partitions[j];
        }
}

enum err client_send(struct client *client, struct consumer_heartbeat_command command)
{
    struct world *world = client->world;
    cr_assert_lt(world->token + 1, WORLD_REPLIES_MAX);
    command.token = ++world->token;
    group_decide_consumer_heartbeat(world_begin(world), &command);
    world_end(world);
    hear(client, world_reply(world, command.token));
    return client->err;
}

enum err client_join(struct client *client)
{
    client->assigned_count = 0;
    return client_send(client, client_joining(client));
}

enum err client_ping(struct client *client)
{
    return client_send(client, ping_of(client));
}

enum err client_leave(struct client *client, int32_t epoch)
{
    struct consumer_heartbeat_command command = ping_of(client);
    command.member_epoch = epoch;
    return client_send(client, command);
}

enum err client_beat(struct client *client)
{
    struct consumer_heartbeat_command command = ping_of(client);
    struct arena *arena = &client->world->arena;
    struct group_topic_partitions *owned =
        arena_array(arena, struct group_topic_partitions, client->assigned_count);
    for (uint32_t i = 0; i < client->assigned_count; i++)
        owned[i] = (struct group_topic_partitions){
            .topic_id = client->assigned[i].topic_id,
            .partition_count = 1,
            .partitions = arena_copy(arena, &client->assigned[i].index, sizeof(int32_t))};
    command.has_owned = true;
    command.owned_count = client->assigned_count;
    command.owned = owned;
    return client_send(client, command);
}

bool client_has(const struct client *client, const char *topic, int32_t index)
{
    struct group_topic found;
    const struct group_topics *topics = &client->world->config.topics;
    cr_assert(topics->by_name(topics->context, str_from(topic), &found));
    for (uint32_t i = 0; i < client->assigned_count; i++)
        if (uuid_equal(client->assigned[i].topic_id, found.id) &&
            client->assigned[i].index == index)
            return true;
    return false;
}

void clients_settle(struct client *clients, uint32_t count)
{
    for (int round = 0; round < 8; round++)
        for (uint32_t i = 0; i < count; i++)
            cr_assert_eq(client_beat(&clients[i]), ERR_NONE, "%s", clients[i].id);
}

const struct consumer_described *world_consumers(struct world *world, const char *group)
{
    struct str id = str_from(group);
    struct groups_command command = {.token = ++world->token, .count = 1, .group_ids = &id};
    group_decide_consumer_describe(world_begin(world), &command);
    world_end(world);
    return &world_reply(world, command.token)->consumers.groups[0];
}

struct str world_consumers_state(struct world *world, const char *group)
{
    return world_consumers(world, group)->state;
}
