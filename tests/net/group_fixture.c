/* group_fixture.c -- requests of groups, in any version. */
#include "group_fixture.h"

#include "node.h"

void groups_tune(struct config *config)
{
    config->group_initial_delay_ms = 0;
    config->offsets_partitions = 4;
}

struct find_coordinator_response client_find(struct node *node, const char *group, int16_t version)
{
    struct find_coordinator_request body;
    struct find_coordinator_response response;
    struct str key = str_from(group);
    find_coordinator_request_init(&body);
    body.key = key;
    body.coordinator_keys_count = 1;
    body.coordinator_keys = &key;
    node_call(node, node_connect(node), WIRE_FIND_COORDINATOR, version, &body, &response);
    return response;
}

void groups_start(struct node *node)
{
    node_start(node, groups_tune);
    node_keep_record(node);
    struct find_coordinator_response found = client_find(node, "g", 4);
    check(found.coordinators_count == 1);
    check(found.coordinators[0].error_code == ERR_NONE);
    node_run(node, 100); /* Its coordinators have read nothing, and begin. */
}

struct client client_new(struct node *node, const char *group)
{
    return (struct client){.node = node,
                           .conn = node_connect(node),
                           .group = group,
                           .member_id = STR(""),
                           .generation = -1};
}

struct join_group_request client_join_request(struct client *client)
{
    struct join_group_request body;
    join_group_request_init(&body);
    body.group_id = str_from(client->group);
    body.session_timeout_ms = 10000;
    body.rebalance_timeout_ms = 10000;
    body.member_id = client->member_id;
    body.instance_id = client->instance_id;
    body.protocol_type = STR("consumer");
    body.protocols_count = 1;
    body.protocols = join_group_request_protocol_new(&client->node->arena, 1);
    body.protocols[0].name = STR("range");
    body.protocols[0].metadata = bytes_of_str(STR("subscription"));
    return body;
}

struct join_group_response client_join(struct client *client, int16_t version)
{
    struct join_group_request body = client_join_request(client);
    struct join_group_response response;
    node_call(client->node, client->conn, WIRE_JOIN_GROUP, version, &body, &response);
    if (response.member_id.size > 0)
        client->member_id = response.member_id;
    if (response.error_code == ERR_NONE)
        client->generation = response.generation_id;
    return response;
}

struct sync_group_response client_sync(struct client *client, const char *assignment,
                                       int16_t version)
{
    struct sync_group_request body;
    struct sync_group_response response;
    sync_group_request_init(&body);
    body.group_id = str_from(client->group);
    body.generation_id = client->generation;
    body.member_id = client->member_id;
    body.instance_id = client->instance_id;
    body.protocol_type = STR("consumer");
    body.protocol_name = STR("range");
    body.assignments_count = assignment != NULL;
    body.assignments = sync_group_request_assignment_new(&client->node->arena, 1);
    body.assignments[0].member_id = client->member_id;
    body.assignments[0].assignment = bytes_of_str(str_from(assignment));
    node_call(client->node, client->conn, WIRE_SYNC_GROUP, version, &body, &response);
    return response;
}

void client_enter(struct client *client)
{
    struct join_group_response joined = client_join(client, 9);
    if (joined.error_code == ERR_MEMBER_ID_REQUIRED)
        joined = client_join(client, 9);
    check(joined.error_code == ERR_NONE);
    check(client_sync(client, "all of it", 5).error_code == ERR_NONE);
}

enum err client_heartbeat(struct client *client, int16_t version)
{
    struct heartbeat_request body;
    struct heartbeat_response response;
    heartbeat_request_init(&body);
    body.group_id = str_from(client->group);
    body.generation_id = client->generation;
    body.member_id = client->member_id;
    node_call(client->node, client->conn, WIRE_HEARTBEAT, version, &body, &response);
    return (enum err)response.error_code;
}

struct leave_group_response client_leave(struct client *client, int16_t version)
{
    struct leave_group_request body;
    struct leave_group_response response;
    leave_group_request_init(&body);
    body.group_id = str_from(client->group);
    body.member_id = client->member_id;
    body.members_count = 1;
    body.members = leave_group_request_member_new(&client->node->arena, 1);
    body.members[0].member_id = client->member_id;
    node_call(client->node, client->conn, WIRE_LEAVE_GROUP, version, &body, &response);
    return response;
}

static struct uuid kept_id(const struct node *node)
{
    const struct image_topic *topic = image_topic_by_name(node->shard->image, STR("kept"));
    check(topic != NULL);
    return topic->id;
}

struct offset_commit_request client_commit_request(struct client *client, log_offset offset)
{
    struct offset_commit_request body;
    offset_commit_request_init(&body);
    body.group_id = str_from(client->group);
    body.generation_id = client->generation;
    body.member_id = client->member_id;
    body.instance_id = client->instance_id;
    body.topics_count = 1;
    body.topics = offset_commit_request_topic_new(&client->node->arena, 1);
    body.topics[0].name = STR("kept");
    body.topics[0].topic_id = kept_id(client->node);
    body.topics[0].partitions_count = 1;
    body.topics[0].partitions = offset_commit_request_partition_new(&client->node->arena, 1);
    body.topics[0].partitions[0].committed_offset = offset;
    body.topics[0].partitions[0].committed_metadata = STR("note");
    return body;
}

enum err client_commit(struct client *client, log_offset offset, int16_t version)
{
    struct offset_commit_request body = client_commit_request(client, offset);
    struct offset_commit_response response;
    node_call(client->node, client->conn, WIRE_OFFSET_COMMIT, version, &body, &response);
    check(response.topics_count == 1);
    check(response.topics[0].partitions_count == 1);
    return (enum err)response.topics[0].partitions[0].error_code;
}

static log_offset as_error(int16_t code)
{
    return -1000 - code;
}

static log_offset committed_of_one(const struct offset_fetch_response *response)
{
    if (response->error_code != ERR_NONE)
        return as_error(response->error_code);
    check(response->topics_count == 1);
    const struct offset_fetch_response_partition *partition = response->topics[0].partitions;
    return partition->error_code == ERR_NONE ? partition->committed_offset
                                             : as_error(partition->error_code);
}

static log_offset committed_of_several(const struct offset_fetch_response *response)
{
    check(response->groups_count == 1);
    if (response->groups[0].error_code != ERR_NONE)
        return as_error(response->groups[0].error_code);
    check(response->groups[0].topics_count == 1);
    const struct offset_fetch_response_group_partition *partition =
        response->groups[0].topics[0].partitions;
    return partition->error_code == ERR_NONE ? partition->committed_offset
                                             : as_error(partition->error_code);
}

log_offset client_committed(struct client *client, int16_t version)
{
    struct offset_fetch_request body;
    struct offset_fetch_response response;
    struct offset_fetch_request_topic topic;
    struct offset_fetch_request_group group;
    struct offset_fetch_request_group_topic group_topic;
    int32_t partition = 0;
    offset_fetch_request_init(&body);
    offset_fetch_request_topic_init(&topic);
    offset_fetch_request_group_init(&group);
    offset_fetch_request_group_topic_init(&group_topic);
    topic.name = group_topic.name = STR("kept");
    group_topic.topic_id = kept_id(client->node);
    topic.partitions_count = group_topic.partitions_count = 1;
    topic.partitions = group_topic.partitions = &partition;
    body.group_id = group.group_id = str_from(client->group);
    body.topics_count = group.topics_count = 1;
    body.topics = &topic;
    group.topics = &group_topic;
    body.groups_count = 1;
    body.groups = &group;
    node_call(client->node, client->conn, WIRE_OFFSET_FETCH, version, &body, &response);
    return version < 8 ? committed_of_one(&response) : committed_of_several(&response);
}
