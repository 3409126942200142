/* partition_alter.c -- a leader that has asked to be replaced, and that nobody can replace. */
#include <criterion/criterion.h>

#include "group_fixture.h"

enum { LAG_MAX_MS = 200 };

static struct node node;

static void tune(struct config *config)
{
    groups_tune(config);
    config->replica_lag_time_max_ms = LAG_MAX_MS;
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

/* The disk hangs with a record of the group under way. */
static void hang(struct client *client)
{
    struct offset_commit_request commit = client_commit_request(client, 7);
    node.fake.syncs_wait = true;
    node_ask(&node, node_connect(&node), WIRE_OFFSET_COMMIT, 8, &commit);
    node_run(&node, 2 * LAG_MAX_MS);
}

Test(partition_alter, a_coordinator_that_nobody_can_replace_goes_on_when_its_disk_does)
{
    client_find(&node, "g", 4);
    node_run(&node, 100);
    struct client client = client_new(&node, "g");

    hang(&client);
    node.fake.syncs_wait = false;
    node_run(&node, 2000);

    cr_assert_eq(client_committed(&client, 9), 7);
}
