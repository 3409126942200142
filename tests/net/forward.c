/* forward.c -- what is for the controller while none is known, from a client's side of one node. */
#include <criterion/criterion.h>

#include "controller_link.h"
#include "node.h"
#include "node_fixture.h"
#include "quorum.h"

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

TestSuite(forward, .init = start, .fini = stop);

static conn_id ask_for(bool validate_only)
{
    conn_id conn = node_connect(&node);
    struct create_topics_request body;
    create_topics_request_init(&body);
    body.timeout_ms = 1000;
    body.validate_only = validate_only;
    body.topics_count = 1;
    body.topics = create_topics_request_topic_new(&node.arena, 1);
    body.topics[0].name = STR("t");
    body.topics[0].num_partitions = 1;
    body.topics[0].replication_factor = 1;
    node_ask(&node, conn, WIRE_CREATE_TOPICS, 5, &body);
    return conn;
}

static conn_id ask_for_topic(void)
{
    return ask_for(false);
}

/* The reply to ask_for(), which there must be. */
static struct create_topics_response_topic told(conn_id conn)
{
    struct create_topics_response response;
    struct wire_reader reader;
    int32_t correlation_id;
    struct bytes reply = node_reply(&node, conn);
    const struct wire_api *api = wire_api_find(WIRE_CREATE_TOPICS);
    cr_assert(reply.data);
    wire_reader_init(&reader, reply);
    cr_assert_eq(wire_response_header_read(&correlation_id, api, 5, &reader), ERR_NONE);
    cr_assert_eq(create_topics_response_read(&response, 5, &reader, &node.arena), ERR_NONE);
    cr_assert_eq(response.topics_count, 1);
    return response.topics[0];
}

static enum err answer(conn_id conn)
{
    return (enum err)told(conn).error_code;
}

Test(forward, waits_for_the_next_controller)
{
    node_id controller = node.shard->controller->leader;
    controller_link_set(node.shard->controller, -1);

    conn_id conn = ask_for_topic();
    node_run(&node, 3000);
    cr_assert_eq(node_reply_count(&node, conn), 0);

    controller_link_set(node.shard->controller, controller);
    node_run(&node, 100);
    cr_assert_eq(answer(conn), ERR_NONE);
    cr_assert(image_topic_by_name(node.shard->image, STR("t")));
}

Test(forward, ends_when_there_is_no_controller_for_long)
{
    node_id controller = node.shard->controller->leader;
    controller_link_set(node.shard->controller, -1);

    conn_id conn = ask_for_topic();
    node_run(&node, 4900);
    cr_assert_eq(node_reply_count(&node, conn), 0);
    node_run(&node, 200);
    struct create_topics_response_topic topic = told(conn);
    cr_assert_eq(topic.error_code, ERR_NOT_CONTROLLER);
    cr_assert(str_equal(topic.error_message, STR("No controller is known at the moment: there may "
                                                 "be no quorum. Nothing is changed.")));

    controller_link_set(node.shard->controller, controller);
    node_run(&node, 100);
    cr_assert_null(image_topic_by_name(node.shard->image, STR("t")));
}

/* The controller's disk does not answer, so nothing is confirmed. */
Test(forward, tells_that_what_only_validates_changes_nothing)
{
    node.fake.syncs_wait = true;
    conn_id change = ask_for(false), validation = ask_for(true);
    node_run(&node, 1100);
    node.fake.syncs_wait = false;

    struct create_topics_response_topic changed = told(change), validated = told(validation);
    cr_assert_eq(changed.error_code, ERR_REQUEST_TIMED_OUT);
    cr_assert(str_equal(changed.error_message,
                        STR("It was not confirmed in time, and may still happen.")));
    cr_assert_eq(validated.error_code, ERR_REQUEST_TIMED_OUT);
    cr_assert(str_equal(validated.error_message,
                        STR("It was not validated in time. Nothing is changed.")));
}

/* It was appended, and only then the office was lost; another one may commit it. */
Test(forward, tells_that_what_was_appended_may_still_happen)
{
    node.fake.syncs_wait = true;
    conn_id change = ask_for(false), validation = ask_for(true);
    node_run(&node, 100);
    quorum_end_waits(node.shard->quorum);
    node_run(&node, 100);
    node.fake.syncs_wait = false;

    struct create_topics_response_topic changed = told(change), validated = told(validation);
    cr_assert_eq(changed.error_code, ERR_NOT_CONTROLLER);
    cr_assert(str_equal(changed.error_message,
                        STR("The controller lost its office before this was confirmed. It may "
                            "still happen.")));
    cr_assert_eq(validated.error_code, ERR_NOT_CONTROLLER);
    cr_assert(str_equal(validated.error_message,
                        STR("No controller is known at the moment: there may be no quorum. "
                            "Nothing is changed.")));
    node_run(&node, 100);
    cr_assert(image_topic_by_name(node.shard->image, STR("t")));
}
