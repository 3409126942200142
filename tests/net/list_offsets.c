/* list_offsets.c -- ListOffsets: timestamps that are none (KIP-79, 207, 405, 734, 1005, 1023). */
#include <criterion/criterion.h>

#include "batch.h"
#include "node.h"
#include "node_fixture.h"

static struct node node;

enum { NEWEST = 11 };

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

TestSuite(list_offsets, .init = start, .fini = stop);

static struct list_offsets_response_partition ask_of(const char *topic, int16_t version,
                                                     int32_t index, log_epoch epoch,
                                                     int64_t timestamp)
{
    struct list_offsets_request body;
    struct list_offsets_response response;
    list_offsets_request_init(&body);
    body.replica_id = -1;
    body.topics_count = 1;
    body.topics = list_offsets_request_topic_new(&node.arena, 1);
    body.topics[0].name = str_from(topic);
    body.topics[0].partitions_count = 1;
    body.topics[0].partitions = list_offsets_request_partition_new(&node.arena, 1);
    body.topics[0].partitions[0].index = index;
    body.topics[0].partitions[0].current_leader_epoch = epoch;
    body.topics[0].partitions[0].timestamp = timestamp;
    body.topics[0].partitions[0].max_num_offsets = 1;
    node_call(&node, node_connect(&node), WIRE_LIST_OFFSETS, version, &body, &response);
    cr_assert_eq(response.topics_count, 1);
    cr_assert_eq(response.topics[0].partitions_count, 1);
    return response.topics[0].partitions[0];
}

static struct list_offsets_response_partition ask(int16_t version, int32_t index, log_epoch epoch,
                                                  int64_t timestamp)
{
    return ask_of("kept", version, index, epoch, timestamp);
}

static void produce_at(wall_ms time)
{
    struct batch_spec spec = batch_spec(0, -1, time);
    struct batch_record record = {.value = bytes_of_str(STR("timed"))};
    struct buf *batch = batch_build(&spec, &record, 1);
    struct bytes bytes = {.data = arena_copy(&node.arena, batch->data, batch->size),
                          .size = batch->size};
    buf_unref(batch);
    cr_assert_eq(node_produce(&node, node_connect(&node), "kept", bytes).error_code, ERR_NONE);
}

Test(list_offsets, the_ends_are_told_in_every_version)
{
    produce_at(1700000000005);
    for (int16_t version = 1; version <= NEWEST; version++) {
        cr_assert_eq(ask(version, 0, -1, -1).offset, 2, "v%d", version);
        cr_assert_eq(ask(version, 0, -1, -2).offset, 0, "v%d", version);
    }
    cr_assert_eq(ask(0, 0, -1, -1).old_style_offsets_count, 1);
    cr_assert_eq(ask(0, 0, -1, -1).old_style_offsets[0], 2);
    cr_assert_eq(ask(0, 0, -1, -2).old_style_offsets[0], 0);
}

Test(list_offsets, the_newest_time_is_told_with_its_offset)
{
    produce_at(1700000000009);
    produce_at(1700000000005);
    struct list_offsets_response_partition told = ask(7, 0, -1, -3);
    cr_assert_eq(told.error_code, ERR_NONE);
    cr_assert_eq(told.offset, 1);
    cr_assert_eq(told.timestamp, 1700000000009);
}

Test(list_offsets, all_is_local_and_nothing_is_tiered)
{
    cr_assert_eq(ask(8, 0, -1, -4).offset, 0);
    cr_assert_eq(ask(9, 0, -1, -5).error_code, ERR_NONE);
    cr_assert_eq(ask(9, 0, -1, -5).offset, -1);
    cr_assert_eq(ask(NEWEST, 0, -1, -6).error_code, ERR_NONE);
    cr_assert_eq(ask(NEWEST, 0, -1, -6).offset, -1);
}

Test(list_offsets, versions_that_are_older_than_a_meaning_do_not_know_it)
{
    static const int16_t since[] = {7, 8, 9, 11}; /* -3, -4, -5, -6 */
    for (int i = 0; i < 4; i++)
        cr_assert_eq(ask((int16_t)(since[i] - 1), 0, -1, -3 - i).error_code,
                     ERR_UNSUPPORTED_VERSION, "%d", -3 - i);
    cr_assert_eq(ask(NEWEST, 0, -1, -7).error_code, ERR_UNSUPPORTED_VERSION);
    cr_assert_eq(ask(NEWEST, 0, -1, INT64_MIN).error_code, ERR_UNSUPPORTED_VERSION);
}

Test(list_offsets, epochs_are_checked_from_version_4_on)
{
    cr_assert_eq(ask(4, 0, 1000, -1).error_code, ERR_UNKNOWN_LEADER_EPOCH);
    cr_assert_eq(ask(3, 0, 1000, -1).error_code, ERR_NONE);
}

Test(list_offsets, a_partition_that_is_not_there_is_an_error)
{
    cr_assert_eq(ask(7, -1, -1, -1).error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION);
    cr_assert_eq(ask(7, INT32_MAX, -1, -1).error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION);
}

/* Partition 0 of each topic, at its end. */
static struct list_offsets_response ask_each(const char *const *topics, uint32_t count)
{
    struct list_offsets_request body;
    struct list_offsets_response response;
    list_offsets_request_init(&body);
    body.replica_id = -1;
    body.topics_count = count;
    body.topics = list_offsets_request_topic_new(&node.arena, count);
    for (uint32_t t = 0; t < count; t++) {
        body.topics[t].name = str_from(topics[t]);
        body.topics[t].partitions_count = 1;
        body.topics[t].partitions = list_offsets_request_partition_new(&node.arena, 1);
        body.topics[t].partitions[0].timestamp = -1;
        body.topics[t].partitions[0].current_leader_epoch = -1;
    }
    node_call(&node, node_connect(&node), WIRE_LIST_OFFSETS, NEWEST, &body, &response);
    return response;
}

Test(list_offsets, a_partition_that_is_named_twice_is_refused_once)
{
    static const char *const topics[] = {"kept", "none", "other", "kept", "none", "kept"};
    node_create(&node, "other", 1, NULL);

    struct list_offsets_response response = ask_each(topics, 6);

    cr_assert_eq(response.topics_count, 3);
    for (uint32_t t = 0; t < 3; t++) {
        cr_assert(str_equal(response.topics[t].name, str_from(topics[t])));
        cr_assert_eq(response.topics[t].partitions_count, 1);
    }
    cr_assert_eq(response.topics[0].partitions[0].error_code, ERR_INVALID_REQUEST);
    cr_assert_eq(response.topics[0].partitions[0].offset, -1);
    cr_assert_eq(response.topics[1].partitions[0].error_code, ERR_INVALID_REQUEST);
    cr_assert_eq(response.topics[2].partitions[0].error_code, ERR_NONE);
    cr_assert_eq(response.topics[2].partitions[0].offset, 0);
}

static const struct image_partition *partition_of(struct uuid topic_id)
{
    return image_partition(node.shard->image, topic_id, 0);
}

/* Its leader, as which the test speaks, hands it over or has both replicas in sync. */
static void alter(const struct image_partition *partition, bool yields)
{
    struct alter_partition_request body;
    struct alter_partition_response response;
    const struct image_broker *leader = image_broker(node.shard->image, partition->leader);
    alter_partition_request_init(&body);
    body.broker_id = leader->id;
    body.broker_epoch = leader->epoch;
    body.topics_count = 1;
    body.topics = alter_partition_request_topic_new(&node.arena, 1);
    body.topics[0].topic_id = partition->key.topic_id;
    body.topics[0].partitions_count = 1;
    body.topics[0].partitions = alter_partition_request_partition_new(&node.arena, 1);
    body.topics[0].partitions[0].leader_epoch = partition->leader_epoch;
    body.topics[0].partitions[0].partition_epoch = partition->partition_epoch;
    body.topics[0].partitions[0].yield = yields;
    body.topics[0].partitions[0].new_isr_count = 2;
    body.topics[0].partitions[0].new_isr = alter_partition_request_replica_new(&node.arena, 2);
    for (node_id id = 1; id <= 2; id++) {
        body.topics[0].partitions[0].new_isr[id - 1].broker_id = id;
        body.topics[0].partitions[0].new_isr[id - 1].broker_epoch =
            image_broker(node.shard->image, id)->epoch;
    }
    node_call(&node, fake_env_connect(&node.fake, LISTENER_INTERNAL), WIRE_ALTER_PARTITION, 3,
              &body, &response);
    cr_assert_eq(response.topics[0].partitions[0].error_code, ERR_NONE);
}

static void elect_preferred(const char *topic)
{
    struct elect_leaders_request body;
    struct elect_leaders_response response;
    partition_id index = 0;
    elect_leaders_request_init(&body);
    body.topics_count = 1;
    body.topics = elect_leaders_request_topic_new(&node.arena, 1);
    body.topics[0].name = str_from(topic);
    body.topics[0].partitions_count = 1;
    body.topics[0].partitions = &index;
    node_call(&node, node_connect(&node), WIRE_ELECT_LEADERS, 2, &body, &response);
    cr_assert_eq(response.topics[0].partitions[0].error_code, ERR_NONE);
}

/* A record that one replica alone has, and a leader that does not know whether it is committed. */
static void lead_in_doubt(const struct follower *follower, struct uuid id)
{
    struct produce_request body = node_produce_request(&node, "t", 1, node_batch(&node, "doubt"));
    struct produce_response response;
    node_call(&node, node_connect(&node), WIRE_PRODUCE, 9, &body, &response);
    cr_assert_eq(response.topics[0].partitions[0].error_code, ERR_NONE);
    alter(partition_of(id), true);
    cr_assert_eq(partition_of(id)->leader, follower->id);
    alter(partition_of(id), false);
    elect_preferred("t");
    cr_assert_eq(partition_of(id)->leader, 1);
    cr_assert_eq(partition_of(id)->isr.count, 2);
}

Test(list_offsets, a_new_leader_tells_no_end_before_it_knows_it)
{
    struct follower follower;
    node_add_follower(&node, &follower);
    struct uuid id = node_create_replicated(&node, "t", 1);
    lead_in_doubt(&follower, id);

    cr_assert_eq(ask_of("t", 5, 0, -1, -1).error_code, ERR_OFFSET_NOT_AVAILABLE);
    cr_assert_eq(ask_of("t", 4, 0, -1, -1).error_code, ERR_LEADER_NOT_AVAILABLE);
    cr_assert_eq(ask_of("t", 5, 0, -1, 0).error_code, ERR_OFFSET_NOT_AVAILABLE);
    cr_assert_eq(ask_of("t", 4, 0, -1, 0).error_code, ERR_LEADER_NOT_AVAILABLE);

    struct fetch_request body = node_follower_fetch(&node, &follower, id, 1);
    body.topics[0].partitions[0].current_leader_epoch = partition_of(id)->leader_epoch;
    node_ask(&node, fake_env_connect(&node.fake, LISTENER_INTERNAL), WIRE_FETCH, 17, &body);
    node_run(&node, 20);
    cr_assert_eq(ask_of("t", 5, 0, -1, -1).offset, 1);
    cr_assert_eq(ask_of("t", 4, 0, -1, -1).offset, 1);
}
