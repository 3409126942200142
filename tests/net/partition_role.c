/* partition_role.c -- a replica whose log has rotted, while it is out of the ISR. */
#include <criterion/criterion.h>

#include "node_fixture.h"
#include "partition.h"

static struct node node;
static struct follower other;
static struct uuid id;

static void start(void)
{
    node_start(&node, NULL);
    node_keep_record(&node);
    node_add_follower(&node, &other);
    id = node_create_replicated(&node, "t", 1);
}

static void stop(void)
{
    node_check_record(&node);
    node_stop(&node);
}

TestSuite(partition_role, .init = start, .fini = stop);

static const struct image_partition *known(void)
{
    return image_partition(node.shard->image, id, 0);
}

static struct log *log_of_t(void)
{
    return partition_find(node.shard, (struct partition_key){.topic_id = id})->log;
}

static void write_record(void)
{
    struct produce_request body = node_produce_request(&node, "t", 1, node_batch(&node, "r"));
    struct produce_response response;
    node_call(&node, node_connect(&node), WIRE_PRODUCE, 9, &body, &response);
    cr_assert_eq(log_ends(log_of_t())->end, 1);
}

/* As its leader `from` asks: give leadership away, or be alone in the ISR. */
static void alter(node_id from, broker_epoch epoch, bool yield)
{
    struct alter_partition_request body;
    struct alter_partition_response response;
    alter_partition_request_init(&body);
    body.broker_id = from;
    body.broker_epoch = epoch;
    body.topics_count = 1;
    body.topics = alter_partition_request_topic_new(&node.arena, 1);
    body.topics[0].topic_id = id;
    body.topics[0].partitions_count = 1;
    struct alter_partition_request_partition *partition =
        alter_partition_request_partition_new(&node.arena, 1);
    body.topics[0].partitions = partition;
    partition->leader_epoch = known()->leader_epoch;
    partition->partition_epoch = known()->partition_epoch;
    partition->yield = yield;
    partition->new_isr_count = 1;
    partition->new_isr = alter_partition_request_replica_new(&node.arena, 1);
    partition->new_isr[0].broker_id = from;
    partition->new_isr[0].broker_epoch = epoch;
    node_call(&node, fake_env_connect(&node.fake, LISTENER_INTERNAL), WIRE_ALTER_PARTITION,
              WIRE_ALTER_PARTITION_MAX, &body, &response);
    cr_assert_eq(response.topics[0].partitions[0].error_code, ERR_NONE);
}

Test(partition_role, rule_11_rot_is_dropped_only_in_a_new_epoch)
{
    write_record();
    alter(1, node.shard->broker_epoch, true);
    alter(other.id, other.epoch, false);
    cr_assert_eq(known()->leader, other.id);
    cr_assert_eq(known()->isr.count, 1);
    log_epoch epoch = known()->leader_epoch;

    node.fake.syncs_wait = true; /* The record of the new epoch is on its way. */
    log_meet_rot(log_of_t(), 0);
    node_run(&node, 10);
    log_epoch epoch_then = known()->leader_epoch;
    log_offset end_then = log_ends(log_of_t())->end;
    node.fake.syncs_wait = false;
    node_run(&node, 100);

    cr_assert_eq(epoch_then, epoch);
    cr_assert_eq(end_then, 1);
    cr_assert_eq(known()->leader_epoch, epoch + 1);
    cr_assert_eq(log_ends(log_of_t())->end, 0);
}
