/* old_versions.c -- versions older than Kafka 4's oldest ones, which KIP-896 removed there: clients
 * that still send them are served. */
#include <criterion/criterion.h>

#include "node_fixture.h"

static struct node node;

static void start(void)
{
    node_start(&node, NULL);
    node_keep_record(&node);
}

static void stop(void)
{
    node_check_record(&node);
    node_stop(&node);
}

TestSuite(old_versions, .init = start, .fini = stop);

static struct create_topics_response_topic create(int16_t version, const char *name,
                                                  bool validate_only)
{
    struct create_topics_request body;
    struct create_topics_response response;
    create_topics_request_init(&body);
    body.topics_count = 1;
    body.topics = create_topics_request_topic_new(&node.arena, 1);
    body.topics[0].name = str_from(name);
    body.topics[0].num_partitions = 2;
    body.topics[0].replication_factor = 1;
    body.validate_only = validate_only;
    node_call(&node, node_connect(&node), WIRE_CREATE_TOPICS, version, &body, &response);
    cr_assert_eq(response.topics_count, 1);
    cr_assert(str_equal(response.topics[0].name, str_from(name)));
    return response.topics[0];
}

static struct delete_topics_response_topic delete (int16_t version, const char *name)
{
    struct delete_topics_request body;
    struct delete_topics_response response;
    struct str wanted = str_from(name);
    delete_topics_request_init(&body);
    if (version < 6) {
        body.topic_names = &wanted;
        body.topic_names_count = 1;
    } else {
        body.topics_count = 1;
        body.topics = delete_topics_request_topic_new(&node.arena, 1);
        body.topics[0].name = wanted;
    }
    node_call(&node, node_connect(&node), WIRE_DELETE_TOPICS, version, &body, &response);
    cr_assert_eq(response.topics_count, 1);
    cr_assert(str_equal(response.topics[0].name, wanted));
    return response.topics[0];
}

Test(old_versions, topics_are_made_and_deleted_in_every_version)
{
    for (int16_t version = 0; version <= 7; version++) {
        int16_t deletes = version < 6 ? version : 6;
        cr_assert_eq(create(version, "t", false).error_code, ERR_NONE, "v%d", version);
        cr_assert_eq(create(version, "t", false).error_code, ERR_TOPIC_ALREADY_EXISTS);
        cr_assert_eq(delete (deletes, "t").error_code, ERR_NONE, "v%d", deletes);
        cr_assert_eq(delete (deletes, "t").error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION);
    }
}

Test(old_versions, topics_are_only_validated_where_a_version_can_say_so)
{
    cr_assert_eq(create(1, "t", true).error_code, ERR_NONE);
    cr_assert_eq(delete (0, "t").error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION);
    cr_assert_eq(create(0, "t", true).error_code, ERR_NONE);
    cr_assert_eq(delete (0, "t").error_code, ERR_NONE);
}

Test(old_versions, a_refused_topic_has_no_words_before_version_1)
{
    cr_assert_eq(create(0, "no name", false).error_message.size, 0);
    cr_assert_eq(create(0, "no name", false).error_code, ERR_INVALID_TOPIC_EXCEPTION);
    cr_assert_gt(create(1, "no name", false).error_message.size, 0);
}

static struct offset_for_leader_epoch_response_partition epoch_end(int16_t version,
                                                                   log_epoch current,
                                                                   log_epoch epoch)
{
    struct offset_for_leader_epoch_request body;
    struct offset_for_leader_epoch_response response;
    offset_for_leader_epoch_request_init(&body);
    body.topics_count = 1;
    body.topics = offset_for_leader_epoch_request_topic_new(&node.arena, 1);
    body.topics[0].name = STR("kept");
    body.topics[0].partitions_count = 1;
    body.topics[0].partitions = offset_for_leader_epoch_request_partition_new(&node.arena, 1);
    body.topics[0].partitions[0].current_leader_epoch = current;
    body.topics[0].partitions[0].leader_epoch = epoch;
    node_call(&node, node_connect(&node), WIRE_OFFSET_FOR_LEADER_EPOCH, version, &body, &response);
    cr_assert_eq(response.topics_count, 1);
    cr_assert_eq(response.topics[0].partitions_count, 1);
    return response.topics[0].partitions[0];
}

Test(old_versions, the_end_of_an_epoch_is_told_in_every_version)
{
    log_epoch epoch = epoch_end(4, -1, 1000).leader_epoch;
    for (int16_t version = 0; version <= 4; version++) {
        struct offset_for_leader_epoch_response_partition told = epoch_end(version, -1, 0);
        cr_assert_eq(told.error_code, ERR_NONE, "v%d", version);
        cr_assert_eq(told.end_offset, 1, "v%d", version);
        cr_assert_eq(told.leader_epoch, version >= 1 ? 0 : -1, "v%d", version);
    }
    cr_assert_eq(epoch, -1); /* Nobody knows it. */
}

Test(old_versions, epochs_are_checked_where_a_version_can_say_which_is_current)
{
    cr_assert_eq(epoch_end(2, 1000, 0).error_code, ERR_UNKNOWN_LEADER_EPOCH);
    cr_assert_eq(epoch_end(1, 1000, 0).error_code, ERR_NONE);
}

static enum err produce(int16_t version)
{
    struct produce_request body =
        node_produce_request(&node, "kept", -1, node_large_batch(&node, 1000000));
    struct produce_response response;
    node_call(&node, node_connect(&node), WIRE_PRODUCE, version, &body, &response);
    return (enum err)response.topics[0].partitions[0].error_code;
}

Test(old_versions, of_produce_take_a_full_disk_for_a_leader_that_has_moved)
{
    node.fake.is_full = true;
    while (produce(4) == ERR_NONE) /* What was set aside before is used first. */
        ;
    cr_assert_eq(produce(4), ERR_KAFKA_STORAGE_ERROR);
    cr_assert_eq(produce(3), ERR_NOT_LEADER_OR_FOLLOWER);
    node.fake.is_full = false;
}

static enum err fetch(int16_t version)
{
    struct fetch_request body;
    struct fetch_response response;
    fetch_request_init(&body);
    body.topics_count = 1;
    body.topics = fetch_request_topic_new(&node.arena, 1);
    body.topics[0].name = STR("t");
    body.topics[0].partitions_count = 1;
    body.topics[0].partitions = fetch_request_partition_new(&node.arena, 1);
    body.topics[0].partitions[0].partition_max_bytes = 1 << 20;
    node_call(&node, node_connect(&node), WIRE_FETCH, version, &body, &response);
    return (enum err)response.topics[0].partitions[0].error_code;
}

static enum err search_by_time(void)
{
    struct list_offsets_request body;
    struct list_offsets_response response;
    list_offsets_request_init(&body);
    body.replica_id = -1;
    body.topics_count = 1;
    body.topics = list_offsets_request_topic_new(&node.arena, 1);
    body.topics[0].name = STR("t");
    body.topics[0].partitions_count = 1;
    body.topics[0].partitions = list_offsets_request_partition_new(&node.arena, 1);
    body.topics[0].partitions[0].timestamp = 1;
    node_call(&node, node_connect(&node), WIRE_LIST_OFFSETS, 5, &body, &response);
    return (enum err)response.topics[0].partitions[0].error_code;
}

/* A batch's size is not what it was. */
static void rot(const char *path)
{
    for (uint32_t i = 0; i < node.fake.inode_count; i++)
        if (strcmp(node.fake.inodes[i]->path, path) == 0)
            node.fake.inodes[i]->data[8] ^= 0x40;
}

Test(old_versions, of_fetch_take_a_log_that_is_offline_for_a_leader_that_has_moved)
{
    cr_assert_eq(node_create_topic(&node, "t"), ERR_NONE);
    cr_assert_eq(
        node_produce(&node, node_connect(&node), "t", node_batch(&node, "a value")).error_code,
        ERR_NONE);
    rot("t-0/00000000000000000000.log");
    cr_assert_neq(search_by_time(), ERR_NONE); /* Which meets it. */
    for (int16_t version = 0; version <= 5; version++)
        cr_assert_eq(fetch(version), ERR_NOT_LEADER_OR_FOLLOWER, "v%d", version);
    cr_assert_eq(fetch(6), ERR_KAFKA_STORAGE_ERROR);
    cr_assert_eq(fetch(12), ERR_KAFKA_STORAGE_ERROR);
}

static struct metadata_response_topic topic_by_id(int16_t version, struct uuid id)
{
    struct metadata_request body;
    struct metadata_response response;
    metadata_request_init(&body);
    body.topics_count = 1;
    body.topics = metadata_request_topic_new(&node.arena, 1);
    body.topics[0].name = version < 10 ? STR("none") : (struct str){0};
    body.topics[0].topic_id = id;
    body.allow_auto_topic_creation = version < 4; /* Older ones cannot say so. */
    node_call(&node, node_connect(&node), WIRE_METADATA, version, &body, &response);
    cr_assert_eq(response.topics_count, 1);
    return response.topics[0];
}

Test(old_versions, of_metadata_know_topics_by_name_alone)
{
    struct uuid none = {{7}};
    cr_assert_eq(topic_by_id(9, none).error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION);
    cr_assert_eq(topic_by_id(10, none).error_code, ERR_INVALID_REQUEST);
    cr_assert_eq(topic_by_id(11, none).error_code, ERR_INVALID_REQUEST);
    cr_assert_eq(topic_by_id(12, none).error_code, ERR_UNKNOWN_TOPIC_ID);
}
