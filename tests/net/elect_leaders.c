/* elect_leaders.c -- ElectLeaders, from a client's side of one node, and going back to preferred
 * leaders without being asked. */
#include <criterion/criterion.h>

#include "controller.h"
#include "node.h"
#include "node_fixture.h"

static struct node node;
static struct follower follower;

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

TestSuite(elect_leaders, .init = start, .fini = stop);

static struct elect_leaders_response elect(int16_t version, int8_t type, const char *topic,
                                           partition_id index)
{
    struct elect_leaders_request body;
    struct elect_leaders_response response;
    elect_leaders_request_init(&body);
    body.election_type = type;
    if (topic) {
        body.topics_count = 1;
        body.topics = elect_leaders_request_topic_new(&node.arena, 1);
        body.topics[0].name = str_from(topic);
        body.topics[0].partitions_count = 1;
        body.topics[0].partitions = &index;
    } else {
        body.topics = NULL;
    }
    node_call(&node, node_connect(&node), WIRE_ELECT_LEADERS, version, &body, &response);
    return response;
}

static enum err elect_one(int8_t type, const char *topic, partition_id index)
{
    struct elect_leaders_response response = elect(2, type, topic, index);
    cr_assert_eq(response.error_code, ERR_NONE);
    cr_assert_eq(response.topics_count, 1);
    cr_assert_eq(response.topics[0].partitions_count, 1);
    cr_assert_eq(response.topics[0].partitions[0].index, index);
    return (enum err)response.topics[0].partitions[0].error_code;
}

static struct uuid create_preferring_the_follower(const char *name)
{
    return node_create_assigned(&node, name, 1, (node_id[]){2, 1});
}

static const struct image_partition *partition_of(const char *topic)
{
    const struct image *image = node.shard->image;
    return image_partition(image, image_topic_by_name(image, str_from(topic))->id, 0);
}

/* The follower led it, was away, and is back, unfenced; in sync too once it fetches. */
static struct uuid lose_leadership(const char *topic)
{
    node_add_follower(&node, &follower);
    struct uuid id = create_preferring_the_follower(topic);
    cr_assert_eq(partition_of(topic)->leader, 2);
    node_run(&node, 4000);
    cr_assert_eq(partition_of(topic)->leader, 1);
    node_unfence_follower(&node, &follower);
    return id;
}

static void come_into_sync(struct uuid id, const char *topic)
{
    struct fetch_request body = node_follower_fetch(&node, &follower, id, 0);
    body.topics[0].partitions[0].current_leader_epoch = partition_of(topic)->leader_epoch;
    node_ask(&node, fake_env_connect(&node.fake, LISTENER_INTERNAL), WIRE_FETCH, 17, &body);
    node_run(&node, 20);
    cr_assert_eq(partition_of(topic)->isr.count, 2);
}

Test(elect_leaders, hand_over_to_the_preferred_replica)
{
    struct uuid id = lose_leadership("t");
    come_into_sync(id, "t");
    log_epoch before = partition_of("t")->leader_epoch;

    cr_assert_eq(elect_one(ELECT_PREFERRED, "t", 0), ERR_NONE);

    cr_assert_eq(partition_of("t")->leader, 2);
    cr_assert_eq(partition_of("t")->leader_epoch, before + 1);
    cr_assert_eq(elect_one(ELECT_PREFERRED, "t", 0), ERR_ELECTION_NOT_NEEDED);
}

Test(elect_leaders, wait_for_the_preferred_replica_to_be_in_sync)
{
    lose_leadership("t");

    cr_assert_eq(elect_one(ELECT_PREFERRED, "t", 0), ERR_PREFERRED_LEADER_NOT_AVAILABLE);

    cr_assert_eq(partition_of("t")->leader, 1);
}

Test(elect_leaders, are_told_of_all_topics_only_where_something_was_done)
{
    struct uuid id = lose_leadership("t");
    come_into_sync(id, "t");

    struct elect_leaders_response response = elect(2, ELECT_PREFERRED, NULL, 0);

    cr_assert_eq(response.error_code, ERR_NONE);
    cr_assert_eq(response.topics_count, 1);
    cr_assert(str_equal(response.topics[0].name, STR("t")));
    cr_assert_eq(partition_of("t")->leader, 2);
    cr_assert_eq(elect(2, ELECT_PREFERRED, NULL, 0).topics_count, 0);
}

Test(elect_leaders, are_preferred_ones_in_version_0)
{
    struct uuid id = lose_leadership("t");
    come_into_sync(id, "t");

    struct elect_leaders_response response = elect(0, ELECT_PREFERRED, "t", 0);

    cr_assert_eq(response.topics[0].partitions[0].error_code, ERR_NONE);
    cr_assert_eq(partition_of("t")->leader, 2);
}

Test(elect_leaders, are_unclean_only_where_nobody_leads)
{
    cr_assert_eq(elect_one(ELECT_UNCLEAN, "kept", 0), ERR_ELECTION_NOT_NEEDED);
}

Test(elect_leaders, refuse_types_that_do_not_exist)
{
    static const int8_t types[] = {-128, -1, 2, 127};
    for (int i = 0; i < 4; i++)
        for (int16_t version = 1; version <= 2; version++) {
            struct elect_leaders_response response = elect(version, types[i], "kept", 0);
            cr_assert_eq(response.error_code, ERR_INVALID_REQUEST);
            cr_assert_eq(response.topics_count, 1);
            cr_assert_eq(response.topics[0].partitions[0].error_code, ERR_INVALID_REQUEST);
            cr_assert_gt(response.topics[0].partitions[0].error_message.size, 0);
        }
    cr_assert_eq(elect(2, 2, NULL, 0).error_code, ERR_INVALID_REQUEST);
}

Test(elect_leaders, refuse_what_is_not_there)
{
    cr_assert_eq(elect_one(ELECT_PREFERRED, "kept", 1), ERR_UNKNOWN_TOPIC_OR_PARTITION);
    cr_assert_eq(elect_one(ELECT_PREFERRED, "kept", -1), ERR_UNKNOWN_TOPIC_OR_PARTITION);
    cr_assert_eq(elect_one(ELECT_UNCLEAN, "kept", INT32_MIN), ERR_UNKNOWN_TOPIC_OR_PARTITION);
    cr_assert_eq(elect_one(ELECT_PREFERRED, "", 0), ERR_UNKNOWN_TOPIC_OR_PARTITION);
    cr_assert_eq(elect_one(ELECT_PREFERRED, "missing", 0), ERR_UNKNOWN_TOPIC_OR_PARTITION);
}

static void tune_balance(struct config *config)
{
    config->balance_interval_s = 20;
}

/* After the suite's own start(). */
static void start_balanced(void)
{
    stop();
    node_start(&node, tune_balance);
    node_keep_record(&node);
}

Test(elect_leaders, come_by_themselves_after_the_interval, .init = start_balanced)
{
    struct uuid id = lose_leadership("t");
    come_into_sync(id, "t");

    for (int i = 0; i < 20 && partition_of("t")->leader == 1; i++) {
        node_unfence_follower(&node, &follower);
        node_run(&node, 1000);
    }

    cr_assert_eq(partition_of("t")->leader, 2);
}
