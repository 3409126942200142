/* start.c -- a local cluster started and proved, or undone without a trace. */
#include "start.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "chaos.h"
#include "first_write.h"
#include "say.h"

int start_read(struct start *start, const struct call *call)
{
    const char *set;
    start->begun_us = call->started_us;
    start->limit_us = call_flag(call, "timeout") ? call->timeout_us : START_LIMIT_US;
    while ((set = call_flag_at(call, "set", start->set_count))) {
        if (start->set_count == CLUSTER_SETS_MAX || strlen(set) >= CLUSTER_SET_SIZE)
            return say_error(EXIT_USAGE, "more than %d --set, or one of more than %d bytes",
                             CLUSTER_SETS_MAX, CLUSTER_SET_SIZE - 1);
        if (!strchr(set, '=') || strchr(set, '\n') || *set == '=')
            return say_error(EXIT_USAGE, "--set %s: not key=value", set);
        if (cluster_writes_key(set))
            return say_error(EXIT_USAGE,
                             "--set %s: each node has a line of its own for that; --dir says where "
                             "the data lies, -p which ports",
                             set);
        start->sets[start->set_count++] = set;
    }
    return EXIT_DONE;
}

int start_new(struct start *start, const char *dir, int64_t nodes, int64_t port)
{
    struct cluster *cluster = &start->cluster;
    bool chaos = cluster->chaos;
    memset(cluster, 0, sizeof *cluster);
    cluster->chaos = chaos;
    snprintf(cluster->dir, sizeof cluster->dir, "%s", dir);
    cluster->first_ack_us = -1;
    for (node_id id = 1; id <= nodes; id++) {
        char node[CLUSTER_PATH_MAX];
        cluster_path(cluster, id, "", node);
        if (access(node, F_OK) == 0)
            return say_error(EXIT_FAILED, "%s is there, but no cluster.json beside it; not touched",
                             node);
        cluster->nodes[id - 1].id = id;
    }
    cluster->count = (uint32_t)nodes; /* From here on these directories are its own. */
    start->is_new = true;
    return cluster_take_ports(cluster, (uint16_t)port);
}

/* Ports and --set lines as they were. */
static void restore(const struct cluster *before)
{
    if (!cluster_write_nodes(before))
        cluster_save(before);
}

static void undo(struct start *start, const struct cluster *before)
{
    struct cluster *cluster = &start->cluster;
    for (uint32_t i = 0; i < cluster->count; i++)
        if (start->was_down[i])
            node_signal(cluster, cluster->nodes[i].id, SIGKILL);
    for (uint32_t i = 0; i < cluster->count; i++)
        if (start->was_down[i])
            node_wait_gone(cluster, cluster->nodes[i].id, now_us() + STOP_LIMIT_US);
    if (start->starts_proxy)
        chaos_stop_proxy(cluster);
    if (start->is_new)
        cluster_delete(cluster);
    else
        restore(before);
}

bool start_changes_sets(const struct start *start)
{
    const struct cluster *cluster = &start->cluster;
    for (uint32_t i = 0; i < start->set_count && i < cluster->set_count; i++)
        if (strcmp(start->sets[i], cluster->sets[i]) != 0)
            return true;
    return start->set_count > 0 && start->set_count != cluster->set_count;
}

static void take_sets(struct start *start)
{
    struct cluster *cluster = &start->cluster;
    if (start->set_count == 0)
        return;
    cluster->set_count = start->set_count;
    for (uint32_t i = 0; i < start->set_count; i++)
        snprintf(cluster->sets[i], CLUSTER_SET_SIZE, "%s", start->sets[i]);
}

static int start_proxy(struct start *start)
{
    start->starts_proxy = chaos_proxy_pid(start->cluster.dir) == 0;
    int code = chaos_write(&start->cluster);
    return code ? code : chaos_start_proxy(&start->cluster);
}

static int start_processes(struct start *start)
{
    struct cluster *cluster = &start->cluster;
    char skiffd[CLUSTER_PATH_MAX];
    int code = cluster_find_skiffd(skiffd);
    take_sets(start);
    if (!code)
        code = cluster_write_nodes(cluster);
    if (!code)
        code = cluster_save(cluster);
    if (!code && cluster->chaos)
        code = start_proxy(start);
    for (uint32_t i = 0; !code && i < cluster->count; i++) {
        start->was_down[i] = node_process(cluster, cluster->nodes[i].id).state == NODE_DOWN;
        if (start->was_down[i])
            code = node_start(cluster, cluster->nodes[i].id, skiffd);
    }
    return code;
}

static int start_and_prove(struct start *start)
{
    struct cluster *cluster = &start->cluster;
    int code = start_processes(start);
    if (code)
        return code;
    int64_t acked_us;
    struct first_write how = {.cluster = cluster,
                              .topic = FIRST_WRITE_TOPIC,
                              .deadline_us = now_us() + start->limit_us,
                              .delete_topic = true,
                              .all_nodes = true};
    code = first_write(&how, &acked_us);
    if (!code && cluster->chaos)
        code = chaos_wait_ports(cluster, how.deadline_us);
    if (code)
        return code;
    cluster->first_ack_us = acked_us - start->begun_us;
    return cluster_save(cluster);
}

int start_nodes(struct start *start)
{
    struct cluster before;
    int code = start->is_new ? EXIT_DONE : cluster_load(&before, start->cluster.dir);
    if (code)
        return code;
    code = start_and_prove(start);
    if (code)
        undo(start, &before);
    return code;
}

bool stop_nodes(const struct cluster *cluster, int number, int64_t limit_us)
{
    bool gone = true;
    for (uint32_t i = 0; i < cluster->count; i++) {
        node_signal(cluster, cluster->nodes[i].id, number);
        node_signal(cluster, cluster->nodes[i].id, SIGCONT);
    }
    int64_t deadline = now_us() + limit_us;
    for (uint32_t i = 0; i < cluster->count; i++)
        gone = node_wait_gone(cluster, cluster->nodes[i].id, deadline) && gone;
    if (gone && cluster->chaos)
        chaos_stop_proxy(cluster);
    return gone;
}
