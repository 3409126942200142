/* group_fixture.h -- what a member of a group, or who administers it, asks a node. */
#ifndef TESTS_NET_GROUP_FIXTURE_H
#define TESTS_NET_GROUP_FIXTURE_H

#include "node_fixture.h"

/* A member of a group; strings live in the node's arena. */
struct client {
    struct node *node;
    conn_id conn;
    const char *group;
    struct str member_id; /* Empty: it has not joined. */
    struct str instance_id;
    int32_t generation;
};

/* A node with __consumer_offsets and a topic `kept`, where groups begin at once. */
void groups_start(struct node *node);
/* The same settings, without anything else. */
void groups_tune(struct config *config);

struct client client_new(struct node *node, const char *group);
struct find_coordinator_response client_find(struct node *node, const char *group, int16_t version);
struct join_group_request client_join_request(struct client *client);
struct join_group_response client_join(struct client *client, int16_t version);
struct sync_group_response client_sync(struct client *client, const char *assignment,
                                       int16_t version);
/* Alone in the group: joins and syncs. */
void client_enter(struct client *client);
enum err client_heartbeat(struct client *client, int16_t version);
struct leave_group_response client_leave(struct client *client, int16_t version);
struct offset_commit_request client_commit_request(struct client *client, log_offset offset);
/* Of partition 0 of `kept`: its error. */
enum err client_commit(struct client *client, log_offset offset, int16_t version);
/* What the group has committed for partition 0 of `kept`; below -1: an error's code, negated and
 * less 1000. */
log_offset client_committed(struct client *client, int16_t version);

#endif
