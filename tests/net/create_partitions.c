/* create_partitions.c -- CreatePartitions, from a client's side of one node. */
#include <criterion/criterion.h>

#include "node.h"
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

TestSuite(create_partitions, .init = start, .fini = stop);

static struct create_partitions_request request_of(const char *topic, int32_t count)
{
    struct create_partitions_request body;
    create_partitions_request_init(&body);
    body.timeout_ms = 1000;
    body.topics_count = 1;
    body.topics = create_partitions_request_topic_new(&node.arena, 1);
    body.topics[0].name = str_from(topic);
    body.topics[0].count = count;
    body.topics[0].assignments = NULL;
    return body;
}

static struct create_partitions_response_result ask(int16_t version,
                                                    const struct create_partitions_request *body)
{
    struct create_partitions_response response;
    node_call(&node, node_connect(&node), WIRE_CREATE_PARTITIONS, version, body, &response);
    cr_assert_eq(response.results_count, 1);
    cr_assert(str_equal(response.results[0].name, body->topics[0].name));
    return response.results[0];
}

static enum err grow(const char *topic, int32_t count)
{
    struct create_partitions_request body = request_of(topic, count);
    return (enum err)ask(3, &body).error_code;
}

static int32_t partitions_of(const char *topic)
{
    return image_topic_by_name(node.shard->image, str_from(topic))->partition_count;
}

static enum err produce_to(const char *topic, partition_id index)
{
    struct produce_request body =
        node_produce_request(&node, topic, -1, node_batch(&node, "a value"));
    struct produce_response response;
    body.topics[0].partitions[0].index = index;
    node_call(&node, node_connect(&node), WIRE_PRODUCE, 11, &body, &response);
    return (enum err)response.topics[0].partitions[0].error_code;
}

Test(create_partitions, grows_a_topic_whose_new_partitions_take_records_at_once)
{
    cr_assert_eq(node_create_topic(&node, "t"), ERR_NONE);
    cr_assert_eq(produce_to("t", 2), ERR_UNKNOWN_TOPIC_OR_PARTITION);

    cr_assert_eq(grow("t", 3), ERR_NONE);

    cr_assert_eq(partitions_of("t"), 3);
    node_run(&node, 10);
    cr_assert_eq(produce_to("t", 0), ERR_NONE);
    cr_assert_eq(produce_to("t", 2), ERR_NONE);
    cr_assert_eq(produce_to("t", 3), ERR_UNKNOWN_TOPIC_OR_PARTITION);
}

Test(create_partitions, are_there_after_a_restart)
{
    cr_assert_eq(node_create_topic(&node, "t"), ERR_NONE);
    cr_assert_eq(grow("t", 3), ERR_NONE);
    node_run(&node, 10);
    cr_assert_eq(produce_to("t", 2), ERR_NONE);

    node_restart(&node);

    cr_assert_eq(partitions_of("t"), 3);
    cr_assert_eq(produce_to("t", 2), ERR_NONE);
}

Test(create_partitions, answers_in_every_version)
{
    cr_assert_eq(node_create_topic(&node, "t"), ERR_NONE);
    for (int16_t version = 0; version <= 3; version++) {
        struct create_partitions_request body = request_of("t", 2 + version);
        cr_assert_eq(ask(version, &body).error_code, ERR_NONE);
        cr_assert_eq(partitions_of("t"), 2 + version);
    }
}

Test(create_partitions, changes_nothing_when_it_only_validates)
{
    cr_assert_eq(node_create_topic(&node, "t"), ERR_NONE);
    struct create_partitions_request body = request_of("t", 3);
    body.validate_only = true;

    cr_assert_eq(ask(3, &body).error_code, ERR_NONE);
    body.topics[0].count = 1;
    cr_assert_eq(ask(3, &body).error_code, ERR_INVALID_PARTITIONS);

    cr_assert_eq(partitions_of("t"), 1);
}

Test(create_partitions, refuses_numbers_that_are_out_of_range_and_says_why)
{
    static const int32_t counts[] = {1, 0, -1, INT32_MIN};
    cr_assert_eq(node_create_topic(&node, "t"), ERR_NONE);
    for (int i = 0; i < 4; i++) {
        struct create_partitions_request body = request_of("t", counts[i]);
        struct create_partitions_response_result result = ask(3, &body);
        cr_assert_eq(result.error_code, ERR_INVALID_PARTITIONS);
        cr_assert_gt(result.error_message.size, 0);
    }
    cr_assert_eq(grow("t", INT32_MAX), ERR_POLICY_VIOLATION);
    cr_assert_eq(partitions_of("t"), 1);
}

Test(create_partitions, refuses_names_that_are_no_topics)
{
    static char large[32000];
    memset(large, 'a', sizeof large - 1);

    cr_assert_eq(grow("", 3), ERR_UNKNOWN_TOPIC_OR_PARTITION);
    cr_assert_eq(grow("../t", 3), ERR_UNKNOWN_TOPIC_OR_PARTITION);
    cr_assert_eq(grow("missing", 3), ERR_UNKNOWN_TOPIC_OR_PARTITION);
    cr_assert_eq(grow(large, 3), ERR_UNKNOWN_TOPIC_OR_PARTITION);
}

static enum err assign(int32_t count, uint32_t assigned, uint32_t replicas, const int32_t *ids)
{
    struct create_partitions_request body = request_of("t", count);
    body.topics[0].assignments_count = assigned;
    body.topics[0].assignments = create_partitions_request_assignment_new(&node.arena, assigned);
    for (uint32_t i = 0; i < assigned; i++) {
        int32_t *copy = arena_array(&node.arena, int32_t, replicas + 1); /* Empty is not null. */
        memcpy(copy, ids, replicas * sizeof *ids);
        body.topics[0].assignments[i].broker_ids_count = replicas;
        body.topics[0].assignments[i].broker_ids = copy;
    }
    return (enum err)ask(3, &body).error_code;
}

Test(create_partitions, takes_assignments_of_the_new_ones_alone)
{
    static const int32_t one[] = {1, 1}, stranger[] = {-1}, other[] = {INT32_MAX};
    cr_assert_eq(node_create_topic(&node, "t"), ERR_NONE);

    cr_assert_eq(assign(3, 3, 1, one), ERR_INVALID_REPLICA_ASSIGNMENT);
    cr_assert_eq(assign(3, 0, 1, one), ERR_INVALID_REPLICA_ASSIGNMENT);
    cr_assert_eq(assign(3, 2, 0, one), ERR_INVALID_REPLICA_ASSIGNMENT);
    cr_assert_eq(assign(3, 2, 2, one), ERR_INVALID_REPLICA_ASSIGNMENT);
    cr_assert_eq(assign(3, 2, 1, stranger), ERR_INVALID_REPLICA_ASSIGNMENT);
    cr_assert_eq(assign(3, 2, 1, other), ERR_INVALID_REPLICA_ASSIGNMENT);
    cr_assert_eq(partitions_of("t"), 1);
    cr_assert_eq(assign(3, 2, 1, one), ERR_NONE);
    cr_assert_eq(partitions_of("t"), 3);
}

Test(create_partitions, answers_an_empty_request_with_nothing)
{
    struct create_partitions_request body = request_of("t", 3);
    struct create_partitions_response response;
    body.topics_count = 0;
    body.timeout_ms = INT32_MIN;

    node_call(&node, node_connect(&node), WIRE_CREATE_PARTITIONS, 3, &body, &response);

    cr_assert_eq(response.results_count, 0);
}
