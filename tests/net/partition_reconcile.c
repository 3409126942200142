/* partition_reconcile.c -- what of the image becomes a log here, and when. */
#include <criterion/criterion.h>

#include "node_fixture.h"
#include "partition.h"

enum { MANY = 1000, LOGS_A_TICK = 64 };

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

TestSuite(partition_reconcile, .init = start, .fini = stop);

static uint32_t count_partitions(void)
{
    return node.shard->partitions->map.count;
}

/* One tick, at once or when the next is due; how many partitions it made. */
static uint32_t tick(void)
{
    uint32_t before = count_partitions();
    mono_ms due = shard_deadline(node.shard);
    if (!fake_env_deliver(&node.fake) && due > node.fake.now)
        node.fake.now = due;
    shard_tick(node.shard, node.fake.now);
    return count_partitions() - before;
}

static void ask_to_create(conn_id conn, const char *name, int32_t partitions)
{
    struct create_topics_request body;
    create_topics_request_init(&body);
    body.timeout_ms = 1000;
    body.topics_count = 1;
    body.topics = create_topics_request_topic_new(&node.arena, 1);
    body.topics[0].name = str_from(name);
    body.topics[0].num_partitions = partitions;
    body.topics[0].replication_factor = 1;
    node_ask(&node, conn, WIRE_CREATE_TOPICS, 7, &body);
}

static void ask_to_delete(conn_id conn, const char *name)
{
    struct delete_topics_request body;
    struct str wanted = str_from(name);
    delete_topics_request_init(&body);
    body.topic_names_count = 1;
    body.topic_names = &wanted;
    node_ask(&node, conn, WIRE_DELETE_TOPICS, 5, &body);
}

static enum err produce_to(const char *topic, partition_id index)
{
    struct produce_request body =
        node_produce_request(&node, topic, -1, node_batch(&node, "a value"));
    struct produce_response response;
    body.topics[0].partitions[0].index = index;
    node_call(&node, node_connect(&node), WIRE_PRODUCE, 9, &body, &response);
    return (enum err)response.topics[0].partitions[0].error_code;
}

Test(partition_reconcile, makes_the_logs_of_one_request_in_several_ticks)
{
    uint32_t before = count_partitions(), most = 0;
    ask_to_create(node_connect(&node), "many", MANY);
    for (int i = 0; i < 1000 && count_partitions() < before + MANY; i++) {
        uint32_t made = tick();
        most = made > most ? made : most;
    }
    cr_assert_eq(count_partitions(), before + MANY);
    cr_assert_eq(most, LOGS_A_TICK);
    node_run(&node, 100);
    cr_assert_eq(produce_to("many", MANY - 1), ERR_NONE);
}

Test(partition_reconcile, makes_no_log_of_what_was_deleted_before_its_turn)
{
    conn_id conn = node_connect(&node);
    uint32_t before = count_partitions(), most = before;
    ask_to_create(conn, "many", MANY);
    for (int i = 0; i < 1000 && count_partitions() == before; i++)
        tick();
    ask_to_delete(conn, "many");
    for (int i = 0; i < 1000 && node_reply_count(&node, conn) < 2; i++) {
        tick();
        most = count_partitions() > most ? count_partitions() : most;
    }
    node_run(&node, 1000);

    cr_assert_eq(node_reply_count(&node, conn), 2);
    cr_assert_gt(most, before);
    cr_assert_lt(most, before + MANY);
    cr_assert_eq(count_partitions(), before);
    cr_assert_eq(node.shard->partitions->wanted.count, 0);
}

Test(partition_reconcile, takes_a_name_again_when_the_log_that_had_it_is_gone)
{
    conn_id conn = node_connect(&node);
    ask_to_delete(conn, "kept");
    ask_to_create(conn, "kept", 1);
    node_run(&node, 1000);

    cr_assert_eq(node_reply_count(&node, conn), 2);
    struct produce_response_partition answer =
        node_produce(&node, node_connect(&node), "kept", node_batch(&node, "acknowledged before"));
    cr_assert_eq(answer.error_code, ERR_NONE);
    cr_assert_eq(answer.base_offset, 0);
}

Test(partition_reconcile, makes_a_log_once_there_is_room_for_it)
{
    node.fake.is_full = true;
    cr_assert_eq(node_create_topic(&node, "t"), ERR_NONE);
    node_run(&node, 2000);
    cr_assert_neq(produce_to("t", 0), ERR_NONE);
    node.fake.is_full = false;
    node_run(&node, 1000);
    cr_assert_eq(produce_to("t", 0), ERR_NONE);
}
