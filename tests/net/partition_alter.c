/* partition_alter.c -- a leader that has asked to be replaced: it is, nobody can replace it, or it
 * does not hear. */
#include <criterion/criterion.h>

#include "group_fixture.h"
#include "node.h"

enum { LAG_MAX_MS = 200, ANSWER_MAX_MS = 1000, ASKS_AGAIN_MS = 600 };

static struct node node;
static struct client client;

static void tune(struct config *config)
{
    groups_tune(config);
    config->replica_lag_time_max_ms = LAG_MAX_MS;
    config->request_timeout_ms = ANSWER_MAX_MS;
}

static void start(void)
{
    node_start(&node, tune);
    node_keep_record(&node);
}

static void stop(void)
{
    node_check_record(&node);
    node_stop(&node);
}

TestSuite(partition_alter, .init = start, .fini = stop);

static void coordinate(void)
{
    client_find(&node, "g", 4);
    node_run(&node, 100);
    client = client_new(&node, "g");
}

/* A record of the group is under way to a disk that does not answer. */
static void commit_unsynced(log_offset offset)
{
    struct offset_commit_request commit = client_commit_request(&client, offset);
    node.fake.syncs_wait = true;
    node_ask(&node, node_connect(&node), WIRE_OFFSET_COMMIT, 8, &commit);
}

/* It asks meanwhile. */
static void hang(void)
{
    commit_unsynced(7);
    node_run(&node, 2 * LAG_MAX_MS);
    node.fake.syncs_wait = false;
}

Test(partition_alter, a_coordinator_that_nobody_can_replace_goes_on_when_its_disk_does)
{
    coordinate();

    hang();
    node_run(&node, 2000);

    cr_assert_eq(client_committed(&client, 9), 7);
}

Test(partition_alter, a_coordinator_that_may_have_been_replaced_refuses_until_it_hears)
{
    coordinate();
    node.fake.replies_wait = true;
    hang();
    node_run(&node, 100);

    log_offset meanwhile = client_committed(&client, 9);
    enum err commit = client_commit(&client, 8, 9);
    node.fake.replies_wait = false;
    node_run(&node, 10);

    cr_assert_eq(meanwhile, -1000 - ERR_NOT_COORDINATOR);
    cr_assert_eq(commit, ERR_NOT_COORDINATOR);
    cr_assert_eq(client_committed(&client, 9), 7);
}

Test(partition_alter, a_coordinator_whose_answer_is_lost_asks_again)
{
    coordinate();
    node.fake.replies_wait = true;
    hang();
    node_run(&node, ANSWER_MAX_MS);
    node.fake.replies_wait = false;

    log_offset lost = client_committed(&client, 9);
    node_run(&node, ASKS_AGAIN_MS);

    cr_assert_eq(lost, -1000 - ERR_NOT_COORDINATOR);
    cr_assert_eq(client_committed(&client, 9), 7);
}

/* ---- With a second replica. */

static const struct image_partition *groups(struct uuid id)
{
    return image_partition(node.shard->image, id, 0);
}

/* It has all up to `end`, and goes on fetching. */
static void follow(const struct follower *follower, struct uuid id, log_offset end, mono_ms ms)
{
    for (mono_ms passed = 0; passed < ms; passed += LAG_MAX_MS / 2) {
        struct fetch_request body = node_follower_fetch(&node, follower, id, end);
        body.topics[0].partitions[0].current_leader_epoch = groups(id)->leader_epoch;
        node_ask(&node, fake_env_connect(&node.fake, LISTENER_INTERNAL), WIRE_FETCH, 17, &body);
        node_run(&node, LAG_MAX_MS / 2);
    }
}

Test(partition_alter, a_coordinator_that_is_replaced_while_its_disk_hangs_says_so)
{
    struct follower follower;
    node_add_follower(&node, &follower);
    struct uuid id = node_create_replicated(&node, "__consumer_offsets", 1);
    client = client_new(&node, "g");
    follow(&follower, id, 0, LAG_MAX_MS);
    cr_assert_eq(client_committed(&client, 9), -1);
    log_epoch before = groups(id)->leader_epoch;

    commit_unsynced(7);
    follow(&follower, id, 1, 2 * LAG_MAX_MS);
    node.fake.syncs_wait = false;
    node_run(&node, 100);

    cr_assert_eq(groups(id)->leader, follower.id);
    cr_assert_eq(groups(id)->leader_epoch, before + 1);
    cr_assert_eq(client_committed(&client, 9), -1000 - ERR_NOT_COORDINATOR);
}
