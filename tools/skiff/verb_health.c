/* verb_health.c -- skiff cluster health: what is wrong with a cluster, if anything.
 *
 * Wrong is: a node that is fenced or does not answer, a quorum without a leader, a voter that lost
 * its disk, a partition that nobody leads, or of which a replica is not in sync. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "admin.h"
#include "brokers.h"
#include "output.h"
#include "quorum_view.h"
#include "say.h"
#include "verbs.h"

enum {
    ANSWER_US = 2000000, /* A node that is alive and not overwhelmed answers within this. */
    PARTITIONS_SHOWN_MAX = 10,
};

static const char LEADERLESS[] = "LEADERLESS", UNDER_REPLICATED[] = "UNDER_REPLICATED";

struct health {
    struct brokers *brokers;
    int64_t deadline_us;
    struct describe_cluster_response cluster;
    node_id controller; /* -1: none. */
    uint32_t node_count, serving_count;
    uint32_t partition_count, leaderless_count, under_replicated_count;
    json_t *problems; /* An object each: what, and "text" for people. */
};

/* `about` is taken over. */
static void add_problem(struct health *health, json_t *about, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void add_problem(struct health *health, json_t *about, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    json_object_set_new(about, "text", json_vsprintf(format, arguments));
    va_end(arguments);
    json_array_append_new(health->problems, about);
}

/* ---- The quorum. */

static void judge_voters(struct health *health,
                         const struct describe_quorum_response_partition *quorum)
{
    struct quorum_view view;
    quorum_view_read(&view, quorum);
    for (uint32_t i = 0; i < view.replaced_count; i++)
        add_problem(
            health, json_pack("{ss si}", "problem", "VOTER_REPLACED", "node", view.replaced[i]),
            "node %d lost the disk with its vote: it follows, and does not vote", view.replaced[i]);
}

static void judge_quorum(struct health *health)
{
    struct client_reply reply;
    struct describe_quorum_response response;
    struct link *link;
    enum err err = brokers_link(health->brokers, -1, &link);
    if (!err)
        err = admin_try_quorum(link, health->deadline_us, brokers_arena(health->brokers), &reply,
                               &response);
    health->controller = err ? -1 : response.topics[0].partitions[0].leader_id;
    if (health->controller < 0)
        add_problem(health, json_pack("{ss}", "problem", "NO_CONTROLLER"),
                    "the quorum has no leader: nothing can be created, changed or elected (%s)",
                    err_words(err));
    if (err)
        return;
    judge_voters(health, response.topics[0].partitions);
    client_reply_free(&reply);
}

/* ---- Nodes. */

static void judge_node(struct health *health, const struct describe_cluster_response_broker *node)
{
    struct link *link;
    health->node_count++;
    if (node->is_fenced) {
        add_problem(
            health, json_pack("{ss si}", "problem", "NODE_FENCED", "node", (int)node->broker_id),
            "node %d is fenced: it is down, or does not reach the controller", node->broker_id);
        return;
    }
    brokers_set_deadline_us(health->brokers, now_us() + ANSWER_US);
    enum err err = brokers_link(health->brokers, node->broker_id, &link);
    brokers_set_deadline_us(health->brokers, health->deadline_us);
    if (!err) {
        health->serving_count++;
        return;
    }
    add_problem(health, json_pack("{ss si}", "problem", "NODE_SILENT", "node", node->broker_id),
                "node %d does not answer at %.*s:%d (%s)", node->broker_id, (int)node->host.size,
                node->host.data, node->port, err_words(err));
}

/* Errors: Kafka's or a link's, untold. */
static enum err judge_nodes(struct health *health)
{
    static const struct brokers_api api = {WIRE_DESCRIBE_CLUSTER, 0, INT16_MAX};
    struct describe_cluster_request request;
    struct link *link;
    describe_cluster_request_init(&request);
    request.include_fenced_brokers = true;
    enum err err = brokers_link(health->brokers, -1, &link);
    if (!err)
        err = brokers_ask(health->brokers, link, &api, &request, &health->cluster);
    if (!err)
        err = (enum err)health->cluster.error_code;
    for (uint32_t i = 0; !err && i < health->cluster.brokers_count; i++)
        judge_node(health, &health->cluster.brokers[i]);
    return err;
}

/* ---- Partitions. */

static void judge_partition(struct health *health, struct str topic,
                            const struct metadata_response_partition *partition)
{
    bool is_leaderless = partition->leader_id < 0;
    uint32_t missing = partition->replica_nodes_count - partition->isr_nodes_count;
    health->partition_count++;
    health->leaderless_count += is_leaderless;
    health->under_replicated_count += missing > 0;
    if (!is_leaderless && missing == 0)
        return;
    json_t *about =
        json_pack("{ss so si so so}", "problem", is_leaderless ? LEADERLESS : UNDER_REPLICATED,
                  "topic", json_text(topic), "partition", (int)partition->index, "replicas",
                  json_nodes(partition->replica_nodes, partition->replica_nodes_count), "isr",
                  json_nodes(partition->isr_nodes, partition->isr_nodes_count));
    if (is_leaderless)
        add_problem(health, about, "%.*s/%d has no leader: it can be neither read nor written",
                    (int)topic.size, topic.data, partition->index);
    else
        add_problem(health, about, "%.*s/%d has %u of %u replicas in sync", (int)topic.size,
                    topic.data, partition->index, partition->isr_nodes_count,
                    partition->replica_nodes_count);
}

static void judge_partitions(struct health *health)
{
    const struct metadata_response *metadata = brokers_metadata(health->brokers);
    for (uint32_t i = 0; i < metadata->topics_count; i++)
        for (uint32_t j = 0; j < metadata->topics[i].partitions_count; j++)
            judge_partition(health, metadata->topics[i].name, &metadata->topics[i].partitions[j]);
}

/* ---- Telling. */

/* What is wrong with partitions in the way of `kind`, or with anything but partitions: NULL. A dead
 * node is felt by many partitions: some are named, and `flag` of `partition ls` lists them all. */
static void print_problems(const struct health *health, const char *kind, const char *flag)
{
    size_t at;
    uint32_t count = 0;
    const json_t *problem;
    json_array_foreach(health->problems, at, problem)
    {
        const char *is = json_string_value(json_object_get(problem, "problem"));
        bool is_wanted = kind ? strcmp(is, kind) == 0 : !json_object_get(problem, "topic");
        count += is_wanted;
        if (is_wanted && (!kind || count <= PARTITIONS_SHOWN_MAX))
            say("  %s", json_string_value(json_object_get(problem, "text")));
    }
    if (kind && count > PARTITIONS_SHOWN_MAX)
        say("  and %u more (skiff partition ls --internal %s)", count - PARTITIONS_SHOWN_MAX, flag);
}

static void print_health(const struct health *health)
{
    bool is_healthy = json_array_size(health->problems) == 0;
    printf("%s: %u of %u nodes serve, ", is_healthy ? "healthy" : "unhealthy",
           health->serving_count, health->node_count);
    if (health->controller < 0)
        printf("no controller");
    else
        printf("controller %d", health->controller);
    printf(", %u partitions, %u leaderless, %u under-replicated\n", health->partition_count,
           health->leaderless_count, health->under_replicated_count);
    print_problems(health, NULL, NULL);
    print_problems(health, LEADERLESS, "--leaderless");
    print_problems(health, UNDER_REPLICATED, "--under-replicated");
}

static json_t *health_json(const struct health *health)
{
    return json_pack("{sb so si si si si si sO}", "healthy", json_array_size(health->problems) == 0,
                     "controller", json_number(health->controller), "nodes",
                     (int)health->node_count, "serving", (int)health->serving_count, "partitions",
                     (int)health->partition_count, "leaderless", (int)health->leaderless_count,
                     "under_replicated", (int)health->under_replicated_count, "problems",
                     health->problems);
}

int run_cluster_health(struct call *call)
{
    struct health health = {.controller = -1};
    int code = brokers_open(&health.brokers, call);
    if (code)
        return code;
    health.deadline_us = brokers_deadline_us(health.brokers);
    health.problems = json_array();
    judge_quorum(&health);
    enum err err = judge_nodes(&health);
    if (err) {
        code = say_error(exit_code_of(err), "DescribeCluster: %s", err_words(err));
    } else {
        judge_partitions(&health);
        code = json_array_size(health.problems) > 0 ? EXIT_UNHEALTHY : EXIT_DONE;
        if (call->json)
            print_json(health_json(&health));
        else
            print_health(&health);
    }
    json_decref(health.problems);
    brokers_close(health.brokers);
    return code;
}
