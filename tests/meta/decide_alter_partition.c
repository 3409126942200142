/* decide_alter_partition.c -- proposals of leaders, checked three ways. */
#include "world.h"

struct fixture {
    struct world world;
    node_id leader;
    node_id others[2];
    struct alter_member members[3];
    struct alter_partition alter; /* Proposes the ISR as it is. */
};

static void open(struct fixture *fixture)
{
    world_open(&fixture->world);
    world_start(&fixture->world, 3);
    world_create(&fixture->world, "orders", 1, 3);
    const struct image_partition *partition = world_partition(&fixture->world, "orders", 0);
    fixture->leader = partition->leader;
    fixture->others[0] = partition->replicas.ids[1];
    fixture->others[1] = partition->replicas.ids[2];
    for (uint32_t i = 0; i < 3; i++) {
        node_id id = partition->replicas.ids[i];
        fixture->members[i] =
            (struct alter_member){.id = id, .epoch = world_epoch(&fixture->world, id)};
    }
    fixture->alter = (struct alter_partition){.key = partition->key,
                                              .leader_epoch = partition->leader_epoch,
                                              .partition_epoch = partition->partition_epoch,
                                              .member_count = 3,
                                              .isr = fixture->members};
}

static enum err send(struct fixture *fixture)
{
    return world_alter_with(&fixture->world, fixture->leader, fixture->alter, NULL);
}

Test(decide_alter_partition, shrinks_the_isr_without_a_new_leader_epoch)
{
    struct fixture f;
    struct alter_partition_reply reply;
    open(&f);
    f.alter.member_count = 2;

    enum err err = world_alter_with(&f.world, f.leader, f.alter, &reply);

    cr_assert_eq(err, ERR_NONE);
    cr_assert_eq(reply.partition_epoch, f.alter.partition_epoch + 1);
    cr_assert_eq(reply.leader_epoch, f.alter.leader_epoch);
    assert_nodes(reply.isr, f.leader, f.others[0]);
    assert_nobody(world_partition(&f.world, "orders", 0)->elr);
    world_close(&f.world);
}

Test(decide_alter_partition, makes_leavers_eligible_once_the_isr_is_below_min)
{
    struct fixture f;
    open(&f);
    f.alter.member_count = 1;

    cr_assert_eq(send(&f), ERR_NONE);

    cr_assert(f.world.decision.isr_below_min);
    assert_nodes(world_partition(&f.world, "orders", 0)->elr, f.others[0], f.others[1]);
    world_close(&f.world);
}

Test(decide_alter_partition, clears_the_elr_when_the_isr_is_large_enough_again)
{
    struct fixture f;
    open(&f);
    f.alter.member_count = 1;
    send(&f);

    f.alter.partition_epoch++;
    f.alter.member_count = 2;
    cr_assert_eq(send(&f), ERR_NONE);

    assert_nobody(world_partition(&f.world, "orders", 0)->elr);
    world_close(&f.world);
}

Test(decide_alter_partition, bumps_the_partition_epoch_even_when_nothing_changes_rule_4)
{
    struct fixture f;
    open(&f);

    cr_assert_eq(send(&f), ERR_NONE);

    cr_assert_eq(world_partition(&f.world, "orders", 0)->partition_epoch,
                 f.alter.partition_epoch + 1);
    world_close(&f.world);
}

Test(decide_alter_partition, refuses_a_stale_broker_epoch_as_a_whole)
{
    struct fixture f;
    struct alter_partitions_reply reply;
    open(&f);
    struct alter_partitions_command command = {.id = f.leader,
                                               .epoch = world_epoch(&f.world, f.leader) - 1,
                                               .count = 1,
                                               .partitions = &f.alter};

    enum err err = decide_alter_partitions(world_begin(&f.world), &command, &reply);
    world_accept(&f.world);

    cr_assert_eq(err, ERR_STALE_BROKER_EPOCH);
    world_close(&f.world);
}

Test(decide_alter_partition, tells_unknown_topics_from_unknown_partitions)
{
    struct fixture f;
    open(&f);

    f.alter.key.index = 7;
    cr_assert_eq(send(&f), ERR_UNKNOWN_TOPIC_OR_PARTITION);
    f.alter.key.topic_id = world_uuid(12345);
    cr_assert_eq(send(&f), ERR_UNKNOWN_TOPIC_ID);
    world_close(&f.world);
}

Test(decide_alter_partition, holds_the_epochs_against_its_own)
{
    struct fixture f;
    open(&f);
    send(&f); /* The partition epoch is now one above the fixture's. */

    cr_assert_eq(send(&f), ERR_INVALID_UPDATE_VERSION);
    f.alter.partition_epoch += 2;
    cr_assert_eq(send(&f), ERR_NOT_CONTROLLER);
    f.alter.partition_epoch -= 1;
    f.alter.leader_epoch += 1;
    cr_assert_eq(send(&f), ERR_NOT_CONTROLLER);
    f.alter.leader_epoch -= 2;
    cr_assert_eq(send(&f), ERR_FENCED_LEADER_EPOCH);
    world_close(&f.world);
}

Test(decide_alter_partition, refuses_a_sender_that_does_not_lead)
{
    struct fixture f;
    open(&f);

    cr_assert_eq(world_alter_with(&f.world, f.others[0], f.alter, NULL), ERR_INVALID_REQUEST);

    world_close(&f.world);
}

Test(decide_alter_partition, refuses_an_isr_without_the_leader)
{
    struct fixture f;
    open(&f);
    f.members[0] = f.members[2];
    f.alter.member_count = 2;

    cr_assert_eq(send(&f), ERR_INVALID_REQUEST);

    world_close(&f.world);
}

Test(decide_alter_partition, refuses_strangers_and_repeated_members)
{
    struct fixture f;
    open(&f);

    f.members[2].id = 8;
    cr_assert_eq(send(&f), ERR_INVALID_REQUEST);
    f.members[2] = f.members[1];
    cr_assert_eq(send(&f), ERR_INVALID_REQUEST);
    f.alter.member_count = 0;
    cr_assert_eq(send(&f), ERR_INVALID_REQUEST);
    f.alter.member_count = UINT32_MAX;
    cr_assert_eq(send(&f), ERR_INVALID_REQUEST);
    world_close(&f.world);
}

Test(decide_alter_partition, refuses_a_member_that_was_replaced_by_another_process)
{
    struct fixture f;
    open(&f);
    f.members[1].epoch -= 1;

    cr_assert_eq(send(&f), ERR_INELIGIBLE_REPLICA);

    world_close(&f.world);
}

Test(decide_alter_partition, refuses_a_fenced_member)
{
    struct fixture f;
    open(&f);
    world_kill(&f.world, f.others[0]);
    const struct image_partition *now = world_partition(&f.world, "orders", 0);
    f.alter.partition_epoch = now->partition_epoch;

    cr_assert_eq(send(&f), ERR_INELIGIBLE_REPLICA);

    world_close(&f.world);
}

Test(decide_alter_partition, gives_leadership_to_another_isr_member)
{
    struct fixture f;
    struct alter_partition_reply reply;
    open(&f);
    f.alter.yield = true;

    enum err err = world_alter_with(&f.world, f.leader, f.alter, &reply);

    cr_assert_eq(err, ERR_NONE);
    cr_assert_eq(reply.leader, f.others[0]);
    cr_assert_eq(reply.leader_epoch, f.alter.leader_epoch + 1);
    assert_nodes(reply.isr, f.others[0], f.others[1]);
    world_close(&f.world);
}

Test(decide_alter_partition, gives_leadership_to_an_eligible_replica_when_the_isr_is_one)
{
    struct fixture f;
    open(&f);
    f.alter.member_count = 1;
    send(&f);

    f.alter.partition_epoch++;
    f.alter.yield = true;
    cr_assert_eq(send(&f), ERR_NONE);

    const struct image_partition *partition = world_partition(&f.world, "orders", 0);
    cr_assert_eq(partition->leader, f.others[0]);
    assert_nodes(partition->isr, f.others[0]);
    cr_assert(node_list_has(&partition->elr, f.leader));
    world_close(&f.world);
}

Test(decide_alter_partition, keeps_a_leader_that_nobody_can_replace)
{
    struct fixture f;
    open(&f);
    world_kill(&f.world, f.others[0]);
    world_kill(&f.world, f.others[1]);
    f.alter.partition_epoch = world_partition(&f.world, "orders", 0)->partition_epoch;
    f.alter.yield = true;

    cr_assert_eq(send(&f), ERR_ELIGIBLE_LEADERS_NOT_AVAILABLE);

    cr_assert_eq(world_partition(&f.world, "orders", 0)->leader, f.leader);
    world_close(&f.world);
}

Test(decide_alter_partition, answers_each_partition_for_itself)
{
    struct fixture f;
    struct alter_partitions_reply reply;
    open(&f);
    struct alter_partition both[2] = {f.alter, f.alter};
    both[0].key.index = 5;
    struct alter_partitions_command command = {
        .id = f.leader, .epoch = world_epoch(&f.world, f.leader), .count = 2, .partitions = both};

    enum err err = decide_alter_partitions(world_begin(&f.world), &command, &reply);
    world_accept(&f.world);

    cr_assert_eq(err, ERR_NONE);
    cr_assert_eq(reply.partitions[0].err, ERR_UNKNOWN_TOPIC_OR_PARTITION);
    cr_assert_eq(reply.partitions[1].err, ERR_NONE);
    world_close(&f.world);
}
