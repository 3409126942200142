/* test_consumer_apply.c -- records of groups of consumers: any order of keys, damage, and what
 * only a damaged log holds. */
#include "consumer_state.h"
#include "consumers.h"

#include "records/all.h"

#include <criterion/criterion.h>

/* A group that has been through everything: two members, an expression, a static member. */
static struct world *busy_world(void)
{
    struct world *world = world_open();
    struct client clients[3] = {client_new(world, "g", "a"), client_new(world, "g", "b"),
                                client_new(world, "g", "c")};
    world_topic(world, "t", 4);
    world_topic(world, "log-1", 2);
    clients[1].regex = "log-.*";
    clients[2].instance_id = STR("i");
    for (int i = 0; i < 3; i++)
        cr_assert_eq(client_join(&clients[i]), ERR_NONE);
    clients_settle(clients, 3);
    client_leave(&clients[2], -2);
    client_leave(&clients[0], -1);
    client_beat(&clients[1]);
    return world;
}

static bool is_last(const struct world *world, uint32_t at)
{
    for (uint32_t i = at + 1; i < world->log_count; i++)
        if (bytes_equal(world->log[i].key, world->log[at].key))
            return false;
    return true;
}

static void apply(struct coordinator *coordinator, const struct group_record *record)
{
    cr_assert_eq(coordinator_apply(coordinator, record->key, record->value), ERR_NONE);
}

Test(consumer_apply, needs_only_the_last_record_of_each_key_in_any_order)
{
    struct world *world = busy_world();
    struct coordinator *forwards = coordinator_open(&world->config);
    struct coordinator *backwards = coordinator_open(&world->config);
    for (uint32_t i = 0; i < world->log_count; i++)
        if (is_last(world, i))
            apply(forwards, &world->log[i]);
    for (uint32_t i = world->log_count; i-- > 0;)
        if (is_last(world, i))
            apply(backwards, &world->log[i]);
    cr_assert_eq(coordinator_hash(forwards), coordinator_hash(world->coordinator));
    cr_assert_eq(coordinator_hash(backwards), coordinator_hash(world->coordinator));
    coordinator_close(forwards);
    coordinator_close(backwards);
    world_close(world);
}

Test(consumer_apply, lives_on_with_any_part_of_the_records)
{
    struct world *world = busy_world();
    uint32_t count = world->log_count;
    for (uint32_t missing = 0; missing < count; missing++) {
        struct coordinator *coordinator = coordinator_open(&world->config);
        for (uint32_t i = 0; i < count; i++)
            if (i != missing)
                apply(coordinator, &world->log[i]);
        coordinator_start(coordinator, world->now);
        coordinator_close(world->coordinator);
        world->coordinator = coordinator;
        struct client client = client_new(world, "g", "z");
        cr_assert_eq(client_join(&client), ERR_NONE);
        cr_assert_eq(client_beat(&client), ERR_NONE);
        world_pass(world, 100000);
    }
    world_close(world);
}

Test(consumer_apply, refuses_cut_records_and_changes_nothing)
{
    struct world *world = busy_world();
    struct coordinator *coordinator = coordinator_open(&world->config);
    uint64_t empty = coordinator_hash(coordinator);
    for (uint32_t i = 0; i < world->log_count; i++) {
        struct bytes key = world->log[i].key, value = world->log[i].value;
        for (uint32_t size = 0; size < key.size; size++)
            cr_assert_eq(coordinator_apply(coordinator,
                                           (struct bytes){.data = key.data, .size = size}, value),
                         ERR_INVALID_RECORD);
        for (uint32_t size = 0; size < value.size; size++)
            cr_assert_eq(coordinator_apply(coordinator, key,
                                           (struct bytes){.data = value.data, .size = size}),
                         ERR_INVALID_RECORD);
    }
    cr_assert_eq(coordinator_hash(coordinator), empty);
    coordinator_close(coordinator);
    world_close(world);
}

/* Only a damaged log says both. */
Test(consumer_apply, takes_a_group_with_an_epoch_for_one_of_consumers)
{
    struct world *world = world_open();
    struct client client = client_new(world, "g", "a");
    world_stable(world, "g");
    struct group_record classic = world->log[world->log_count - 1];
    world_leave(world, "g",
                (struct group_leaver){.member_id = world_reply(world, 1)->join.member_id});
    world_topic(world, "t", 1);
    cr_assert_eq(client_join(&client), ERR_NONE);
    world->log[world->log_count++] = classic;
    world_fail_over(world);

    cr_assert_eq(client_beat(&client), ERR_NONE);
    cr_assert_eq(world_consumers(world, "g")->member_count, 1);
    client_leave(&client, -1);
    world_delete(world, "g");
    struct coordinator *empty = coordinator_open(&world->config);
    cr_assert_eq(world_replay_hash(world), coordinator_hash(empty));
    coordinator_close(empty);
    world_close(world);
}

Test(consumer_apply, asks_a_member_of_an_unknown_state_to_give_up_what_it_has)
{
    struct world *world = world_open();
    struct client clients[2] = {client_new(world, "g", "a"), client_new(world, "g", "b")};
    world_topic(world, "t", 2);
    client_join(&clients[0]);
    for (uint32_t i = 0; i < world->log_count; i++) {
        struct group_record *record = &world->log[i];
        if (load_be16(record->key.data) == RECORDS_CONSUMER_GROUP_CURRENT)
            ((uint8_t *)(uintptr_t)record->value.data)[10] = 9; /* After version and two epochs. */
    }
    world_fail_over(world);
    client_join(&clients[1]);
    clients_settle(clients, 2);
    cr_assert_eq(clients[0].assigned_count, 1);
    cr_assert_eq(clients[1].assigned_count, 1);
    world_close(world);
}

/* Records of before KIP-1251 have no epochs of partitions. */
Test(consumer_apply, takes_the_members_epoch_for_partitions_without_one)
{
    static const uint8_t key[] = {0, 8, 0, 1, 'g', 0, 1, 'a'};
    static const uint8_t value[] = {
        0, 0, 0, 0, 0, 5, 0, 0, 0, 4, 0, 2, /* one topic */
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 0, 0, 0, 3, 0, /* partition 3 */ 1, 0};
    struct world *world = world_open();
    struct coordinator *coordinator = coordinator_open(&world->config);
    cr_assert_eq(coordinator_apply(coordinator, (struct bytes){.data = key, .size = sizeof key},
                                   (struct bytes){.data = value, .size = sizeof value}),
                 ERR_NONE);
    const struct consumer *consumer = consumer_find(group_find(coordinator, STR("g")), STR("a"));
    cr_assert_eq(consumer->assigned.count, 1);
    cr_assert_eq(consumer->assigned.held[0].index, 3);
    cr_assert_eq(consumer->assigned.held[0].epoch, 5);
    coordinator_close(coordinator);
    world_close(world);
}
