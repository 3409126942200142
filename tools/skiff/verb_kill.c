/* verb_kill.c -- skiff kill, restart, pause, resume: faults for one node of a local cluster.
 *
 * A node is named by its number, as `controller`, or as `leader:TOPIC/PARTITION`. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "output.h"
#include "say.h"
#include "verbs.h"

enum {
    STOP_LIMIT_US = 10000000,
    SERVE_LIMIT_US = 2000000,
    LOOK_LIMIT_US = 100000, /* Then it is looked whether the node still runs. */
    LOOK_PAUSE_US = 2000,
};

const struct flag restart_flags[] = {
    {0, "timeout", "TIME", "wait so long until it serves: 500ms, 2s (the default), 1m"},
    {0, NULL, NULL, NULL},
};

/* "leader:orders/3" */
static int find_leader(struct link *link, const char *text, int64_t deadline_us, node_id *out)
{
    char topic[256];
    int64_t partition;
    const char *slash = strrchr(text, '/');
    size_t size = slash ? (size_t)(slash - text) : 0;
    if (!slash || size == 0 || size >= sizeof topic ||
        !parse_int(slash + 1, 0, INT32_MAX, &partition))
        return say_error(EXIT_USAGE, "leader:%s: write leader:TOPIC/PARTITION", text);
    memcpy(topic, text, size);
    topic[size] = 0;
    return admin_leader(link, topic, (partition_id)partition, deadline_us, out);
}

/* Ask the cluster who that is, a running node at a time. */
static int ask_for_node(const struct call *call, const struct cluster *cluster, const char *name,
                        node_id *out)
{
    char brokers[CLUSTER_BROKERS_MAX];
    struct link *link;
    int64_t deadline = now_us() + call->timeout_us;
    cluster_dial_brokers(cluster, brokers);
    int code = admin_open(&link, brokers, deadline);
    if (code)
        return code;
    if (!strncmp(name, "leader:", 7))
        code = find_leader(link, name + 7, deadline, out);
    else
        code = admin_controller(link, deadline, out);
    link_close(link);
    if (!code && *out < 0)
        code = say_error(EXIT_NOT_FOUND, "there is no %s at the moment", name);
    return code;
}

static int find_node(const struct call *call, struct cluster *cluster, node_id *out)
{
    const char *name = call->arguments[0];
    int64_t number;
    int code = load_local(call, cluster);
    if (code)
        return code;
    if (parse_int(name, 0, INT32_MAX, &number))
        *out = (node_id)number;
    else if (!strcmp(name, "controller") || !strncmp(name, "leader:", 7))
        code = ask_for_node(call, cluster, name, out);
    else
        code = say_error(EXIT_USAGE, "`%s`: write N, controller, or leader:TOPIC/PARTITION", name);
    if (!code && !cluster_node(cluster, *out))
        code = say_error(EXIT_NOT_FOUND, "there is no node %d in %s", *out, cluster->dir);
    return code;
}

static int done(const struct call *call, node_id node, const char *what)
{
    if (call->json)
        print_json(json_pack("{si ss}", "node", node, "done", what));
    else
        printf("node %d %s\n", node, what);
    return EXIT_DONE;
}

static int signal_verb(struct call *call, int number, const char *what)
{
    struct cluster cluster;
    node_id node;
    int code = find_node(call, &cluster, &node);
    if (code)
        return code;
    if (node_signal(&cluster, node, number))
        return say_error(EXIT_NOT_FOUND, "node %d is down already", node);
    if (number == SIGKILL)
        node_wait_gone(&cluster, node, now_us() + STOP_LIMIT_US);
    return done(call, node, what);
}

int run_kill(struct call *call)
{
    return signal_verb(call, SIGKILL, "killed");
}

int run_pause(struct call *call)
{
    return signal_verb(call, SIGSTOP, "paused");
}

int run_resume(struct call *call)
{
    return signal_verb(call, SIGCONT, "resumed");
}

/* A node reads from clients only once it may serve them. */
int wait_until_it_serves(const struct call *call, struct cluster *cluster, node_id node,
                         bool *serves)
{
    int64_t limit_us = call_flag(call, "timeout") ? call->timeout_us : SERVE_LIMIT_US;
    int64_t deadline = now_us() + limit_us;
    uint16_t port = cluster_node(cluster, node)->port;
    char host[CLUSTER_HOST_MAX];
    cluster_dial_host(cluster, node, host);
    while (!*serves && now_us() < deadline) {
        struct link *link;
        if (!link_open(&link, host, port, deadline)) {
            *serves = !link_handshake(link, now_us() + LOOK_LIMIT_US);
            link_close(link);
        }
        if (node_process(cluster, node).state == NODE_DOWN)
            return node_tell_end(cluster, node);
        sleep_us(LOOK_PAUSE_US);
    }
    return EXIT_DONE;
}

int run_restart(struct call *call)
{
    struct cluster cluster;
    char skiffd[CLUSTER_PATH_MAX];
    node_id node;
    int code = find_node(call, &cluster, &node);
    if (!code)
        code = cluster_find_skiffd(skiffd);
    if (code)
        return code;
    node_signal(&cluster, node, SIGTERM);
    node_signal(&cluster, node, SIGCONT);
    if (!node_wait_gone(&cluster, node, now_us() + STOP_LIMIT_US)) {
        node_signal(&cluster, node, SIGKILL);
        node_wait_gone(&cluster, node, now_us() + STOP_LIMIT_US);
    }
    code = node_start(&cluster, node, skiffd);
    bool serves = false;
    if (!code)
        code = wait_until_it_serves(call, &cluster, node, &serves);
    if (code)
        return code;
    if (call->json)
        print_json(json_pack("{si ss sb}", "node", node, "done", "restarted", "serves", serves));
    else
        printf("node %d restarted%s\n", node,
               serves ? "" : "; it serves no clients yet: see skiff ps, skiff logs");
    return EXIT_DONE;
}
