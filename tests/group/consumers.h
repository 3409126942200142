/* consumers.h -- clients of the consumer protocol, for tests: each keeps what it was told. */
#ifndef TESTS_GROUP_CONSUMERS_H
#define TESTS_GROUP_CONSUMERS_H

#include "world.h"

enum { CLIENT_PARTITIONS_MAX = 4096 };

struct client {
    struct world *world;
    const char *group;
    char id[64];
    struct str instance_id; /* Null: dynamic. */
    const char *topics[4];  /* It subscribes to; NULL at the end. */
    const char *regex;      /* NULL: none. */
    const char *assignor;
    int32_t epoch;
    uint32_t assigned_count; /* What it was told. */
    struct {
        struct uuid topic_id;
        int32_t index;
    } assigned[CLIENT_PARTITIONS_MAX];
    enum err err;      /* Of its last heartbeat. */
    bool was_assigned; /* The last answer held an assignment. */
    struct consumer_beat beat;
};

/* Subscribes to "t". */
struct client client_new(struct world *world, const char *group, const char *id);
/* A whole heartbeat in epoch 0, with nothing owned. */
enum err client_join(struct client *client);
/* A heartbeat that says what the client owns: what it was told last. */
enum err client_beat(struct client *client);
/* A heartbeat that says nothing at all. */
enum err client_ping(struct client *client);
enum err client_leave(struct client *client, int32_t epoch);
/* The command that client_join() sends, for tests that bend it. */
struct consumer_heartbeat_command client_joining(struct client *client);
enum err client_send(struct client *client, struct consumer_heartbeat_command command);
bool client_has(const struct client *client, const char *topic, int32_t index);
/* All beat until nothing moves any more. */
void clients_settle(struct client *clients, uint32_t count);
/* The group as it is described; one group. */
const struct consumer_described *world_consumers(struct world *world, const char *group);
struct str world_consumers_state(struct world *world, const char *group);

#endif
