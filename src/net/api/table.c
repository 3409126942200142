/* table.c -- one line an API: where it is there, where it runs, who handles it. */
#include "api.h"

#define CLIENTS .client = true, .internal = true
#define NODES .internal = true

static const struct api apis[] = {
    {.key = WIRE_PRODUCE, CLIENTS, .handle = api_produce},
    {.key = WIRE_FETCH, CLIENTS, .handle = api_fetch},
    {.key = WIRE_LIST_OFFSETS, CLIENTS, .tells_each = true, .handle = api_list_offsets},
    {.key = WIRE_METADATA, CLIENTS, .tells_each = true, .handle = api_metadata},
    {.key = WIRE_API_VERSIONS, CLIENTS, .handle = api_api_versions},
    {.key = WIRE_CREATE_TOPICS,
     CLIENTS,
     .tells_each = true,
     .forwarded = true,
     .handle = api_create_topics},
    {.key = WIRE_DELETE_TOPICS,
     CLIENTS,
     .tells_each = true,
     .forwarded = true,
     .handle = api_delete_topics},
    {.key = WIRE_CREATE_PARTITIONS,
     CLIENTS,
     .tells_each = true,
     .forwarded = true,
     .handle = api_create_partitions},
    {.key = WIRE_ELECT_LEADERS,
     CLIENTS,
     .tells_each = true,
     .forwarded = true,
     .handle = api_elect_leaders},
    {.key = WIRE_DELETE_RECORDS, CLIENTS, .tells_each = true, .handle = api_delete_records},
    {.key = WIRE_DESCRIBE_CONFIGS, CLIENTS, .tells_much = true, .handle = api_describe_configs},
    {.key = WIRE_ALTER_CONFIGS,
     CLIENTS,
     .tells_each = true,
     .forwarded = true,
     .handle = api_alter_configs},
    {.key = WIRE_INCREMENTAL_ALTER_CONFIGS,
     CLIENTS,
     .tells_each = true,
     .forwarded = true,
     .handle = api_incremental_alter_configs},
    {.key = WIRE_OFFSET_COMMIT, CLIENTS, .handle = api_offset_commit},
    {.key = WIRE_OFFSET_FETCH, CLIENTS, .handle = api_offset_fetch},
    {.key = WIRE_FIND_COORDINATOR, CLIENTS, .handle = api_find_coordinator},
    {.key = WIRE_JOIN_GROUP, CLIENTS, .handle = api_join_group},
    {.key = WIRE_HEARTBEAT, CLIENTS, .handle = api_heartbeat},
    {.key = WIRE_LEAVE_GROUP, CLIENTS, .handle = api_leave_group},
    {.key = WIRE_SYNC_GROUP, CLIENTS, .handle = api_sync_group},
    {.key = WIRE_DESCRIBE_GROUPS, CLIENTS, .handle = api_describe_groups},
    {.key = WIRE_LIST_GROUPS, CLIENTS, .handle = api_list_groups},
    {.key = WIRE_DELETE_GROUPS, CLIENTS, .handle = api_delete_groups},
    {.key = WIRE_OFFSET_DELETE, CLIENTS, .handle = api_offset_delete},
    {.key = WIRE_CONSUMER_GROUP_HEARTBEAT, CLIENTS, .handle = api_consumer_group_heartbeat},
    {.key = WIRE_CONSUMER_GROUP_DESCRIBE, CLIENTS, .handle = api_consumer_group_describe},
    {.key = WIRE_INIT_PRODUCER_ID, CLIENTS, .handle = api_init_producer_id},
    {.key = WIRE_OFFSET_FOR_LEADER_EPOCH,
     CLIENTS,
     .tells_each = true,
     .handle = api_offset_for_leader_epoch},
    {.key = WIRE_DESCRIBE_ACLS, CLIENTS, .handle = api_describe_acls},
    {.key = WIRE_CREATE_ACLS, CLIENTS, .handle = api_create_acls},
    {.key = WIRE_DELETE_ACLS, CLIENTS, .handle = api_delete_acls},
    {.key = WIRE_DESCRIBE_LOG_DIRS, CLIENTS, .tells_much = true, .handle = api_describe_log_dirs},
    {.key = WIRE_DESCRIBE_PRODUCERS, CLIENTS, .tells_much = true, .handle = api_describe_producers},
    {.key = WIRE_LIST_CONFIG_RESOURCES,
     CLIENTS,
     .tells_much = true,
     .handle = api_list_config_resources},
    {.key = WIRE_DESCRIBE_TOPIC_PARTITIONS,
     CLIENTS,
     .tells_much = true,
     .handle = api_describe_topic_partitions},
    {.key = WIRE_VOTE, NODES, .home = API_QUORUM_SHARD, .handle = api_vote},
    {.key = WIRE_BEGIN_QUORUM_EPOCH,
     NODES,
     .home = API_QUORUM_SHARD,
     .handle = api_begin_quorum_epoch},
    {.key = WIRE_END_QUORUM_EPOCH, NODES, .home = API_QUORUM_SHARD, .handle = api_end_quorum_epoch},
    {.key = WIRE_DESCRIBE_QUORUM,
     CLIENTS,
     .tells_each = true,
     .forwarded = true,
     .home = API_QUORUM_SHARD,
     .handle = api_describe_quorum},
    {.key = WIRE_ALTER_PARTITION, NODES, .home = API_QUORUM_SHARD, .handle = api_alter_partition},
    {.key = WIRE_ENVELOPE, NODES, .home = API_QUORUM_SHARD, .handle = api_envelope},
    {.key = WIRE_DESCRIBE_CLUSTER, CLIENTS, .handle = api_describe_cluster},
    {.key = WIRE_BROKER_REGISTRATION,
     NODES,
     .home = API_QUORUM_SHARD,
     .handle = api_broker_registration},
    {.key = WIRE_BROKER_HEARTBEAT, NODES, .home = API_QUORUM_SHARD, .handle = api_broker_heartbeat},
    {.key = WIRE_ALLOCATE_PRODUCER_IDS,
     NODES,
     .home = API_QUORUM_SHARD,
     .handle = api_allocate_producer_ids},
};

enum { API_COUNT = sizeof apis / sizeof apis[0] };

static_assert((int)API_COUNT < (int)COUNTERS_REQUEST_KINDS_MAX, "a replica's Fetch comes on top");

uint32_t request_kind(const struct request *request)
{
    if (request->api->key == WIRE_FETCH && request->internal)
        return API_COUNT;
    return (uint32_t)(request->api - apis);
}

uint32_t request_kind_count(void)
{
    return API_COUNT + 1;
}

void request_kind_name(uint32_t kind, const char **api, const char **suffix)
{
    int16_t key = kind == API_COUNT ? WIRE_FETCH : apis[kind].key;
    *api = wire_api_find(key)->name;
    *suffix = kind == API_COUNT ? "Follower" : key == WIRE_FETCH ? "Consumer" : "";
}

const struct api *api_find(int16_t key)
{
    for (uint32_t i = 0; i < API_COUNT; i++)
        if (apis[i].key == key)
            return &apis[i];
    return NULL;
}

uint32_t api_count(void)
{
    return API_COUNT;
}

const struct api *api_at(uint32_t index)
{
    return &apis[index];
}
