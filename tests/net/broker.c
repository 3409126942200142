/* broker.c -- a process whose registration another one has followed.
 *
 * What an earlier process of this node once sent can come late, and take the living one's place. */
#include "broker.h"

#include <criterion/criterion.h>

#include "node.h"
#include "node_fixture.h"
#include "office.h"
#include "quorum.h"

enum { RECOVERS_MS = 5000, STEPS_MAX = 10000 };

/* A registration that the controller takes, whoever it is from, and what it does next. */
struct displacement {
    struct request request; /* Its arena is what an act needs. */
    struct act act;
    uint32_t count;
    struct record records[2];
    struct record_endpoint endpoint;
};

static enum err displace_decide(struct act *act, struct decision *decision)
{
    struct displacement *displacement = list_entry(act, struct displacement, act);
    decision->records = displacement->records;
    for (; decision->count < displacement->count; decision->count++) {
        struct image *old = decision->image;
        decision->image = image_apply(old, &displacement->records[decision->count],
                                      decision->base + decision->count, NULL);
        image_unref(old);
    }
    return ERR_NONE;
}

static void displace_finish(struct act *act, enum err result)
{
    (void)act;
    check(result == ERR_NONE);
}

static void prepare(struct displacement *displacement, struct uuid directory)
{
    *displacement = (struct displacement){
        .act = {.decide = displace_decide, .finish = displace_finish},
        .endpoint = {.name = STR("INTERNAL"), .host = STR("node"), .port = 2, .internal = true},
        .count = 1,
        .records = {
            {.type = RECORD_REGISTER_BROKER,
             .cause = STR("a late registration"),
             .broker = {
                 .id = 1, .directory = directory, .incarnation = {{4, 5}}, .endpoint_count = 1}}}};
    displacement->records[0].broker.endpoints = &displacement->endpoint;
    displacement->act.request = &displacement->request;
}

static void displace(struct node *node, struct displacement *displacement, struct uuid directory)
{
    prepare(displacement, directory);
    office_do(node->shard, &displacement->act);
}

static bool is_own(const struct node *node, const struct image *image)
{
    const struct image_broker *own = image_broker(image, 1);
    return own && uuid_equal(own->incarnation, node->shard->identity.incarnation_id);
}

static void step_once(struct node *node)
{
    if (!fake_env_deliver(&node->fake))
        node->fake.now++;
    shard_tick(node->shard, node->fake.now);
}

static void check_recovered(struct node *node)
{
    node_run(node, RECOVERS_MS);
    cr_assert(is_own(node, node->shard->image));
    cr_assert_null(broker_unready(node->shard->broker));
    node_keep_record(node);
    node_check_record(node);
}

Test(broker, registers_again_when_an_earlier_self_has_taken_its_place)
{
    struct node node;
    struct displacement displacement;
    node_start(&node, NULL);

    displace(&node, &displacement, node.shard->identity.directory_id);
    node_run(&node, 1);
    cr_assert_not(is_own(&node, node.shard->image));

    check_recovered(&node);
    arena_free(&displacement.request.arena);
    node_stop(&node);
}

Test(broker, registers_again_when_its_place_was_taken_before_it_had_seen_it)
{
    struct node node;
    struct displacement displacement;
    node_start(&node, NULL);
    node_power_cycle(&node);
    struct image *newest = image_new();
    for (int step = 0; step < STEPS_MAX && !is_own(&node, newest); step++) {
        image_unref(newest);
        step_once(&node);
        newest = quorum_newest_image(node.shard->quorum);
    }
    cr_assert(is_own(&node, newest));
    cr_assert_not(is_own(&node, node.shard->image)); /* Not committed yet. */

    displace(&node, &displacement, node.shard->identity.directory_id);

    check_recovered(&node);
    image_unref(newest);
    arena_free(&displacement.request.arena);
    node_stop(&node);
}

Test(broker, hears_what_happens_while_another_registration_stands)
{
    struct node node;
    struct displacement displacement;
    node_start(&node, NULL);
    cr_assert_eq(node_create_topic(&node, "gone"), ERR_NONE);
    node_produce(&node, node_connect(&node), "gone", node_batch(&node, "a value"));
    cr_assert_gt(node_file_size(&node, "gone-0/00000000000000000000.log"), 0);

    prepare(&displacement, node.shard->identity.directory_id);
    displacement.count = 2;
    displacement.records[1] = (struct record){
        .type = RECORD_REMOVE_TOPIC,
        .cause = STR("a deletion"),
        .remove_topic = {.id = image_topic_by_name(node.shard->image, STR("gone"))->id}};
    office_do(node.shard, &displacement.act);

    check_recovered(&node);
    cr_assert_eq(node_file_size(&node, "gone-0/00000000000000000000.log"), 0);
    arena_free(&displacement.request.arena);
    node_stop(&node);
}

/* What came meanwhile is answered first, and others may lead by then. */
Test(broker, leads_nothing_when_it_stood_still_for_a_session)
{
    struct node node;
    node_start(&node, NULL);
    cr_assert_eq(node_create_topic(&node, "t"), ERR_NONE);
    conn_id conn = node_connect(&node);
    cr_assert_eq(node_produce(&node, conn, "t", node_batch(&node, "before")).error_code, ERR_NONE);

    struct produce_request request =
        node_produce_request(&node, "t", -1, node_batch(&node, "meanwhile"));
    node_ask(&node, conn, WIRE_PRODUCE, 9, &request);
    fake_env_deliver(&node.fake);
    node.fake.now += node.shard->config->session_timeout_ms;
    node_run(&node, RECOVERS_MS);
    cr_assert_not_null(node_reply(&node, conn).data);
    struct produce_response_partition taken =
        node_produce(&node, conn, "t", node_batch(&node, "later"));

    cr_assert_eq(taken.error_code, ERR_NONE);
    cr_assert_eq(taken.base_offset, 1); /* What came meanwhile was not appended. */
    node_stop(&node);
}

Test(broker, stops_when_a_process_with_another_directory_has_its_id)
{
    struct node node;
    struct displacement displacement;
    node_start(&node, NULL);

    displace(&node, &displacement, (struct uuid){{8, 9}});
    node_run(&node, RECOVERS_MS);

    cr_assert(node.fake.has_failed);
    arena_free(&displacement.request.arena);
    node_stop(&node);
}
