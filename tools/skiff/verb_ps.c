/* verb_ps.c -- skiff ps: which nodes run, and what they take. */
#include <stdio.h>

#include "admin.h"
#include "chaos.h"
#include "output.h"
#include "quorum_view.h"
#include "say.h"
#include "verbs.h"

enum { QUORUM_LIMIT_US = 300000 };

static const char *const state_names[] = {"down", "running", "paused"};

/* The quorum as one running node tells it. */
static struct quorum_view find_quorum(const struct cluster *cluster)
{
    struct quorum_view view;
    quorum_view_read(&view, NULL);
    for (uint32_t i = 0; i < cluster->count && view.leader < 0; i++) {
        struct link *link;
        struct arena arena = {0};
        struct client_reply reply;
        struct describe_quorum_response response;
        char host[CLUSTER_HOST_MAX];
        cluster_dial_host(cluster, cluster->nodes[i].id, host);
        if (node_process(cluster, cluster->nodes[i].id).state != NODE_RUNNING ||
            link_open(&link, host, cluster->nodes[i].port, now_us() + QUORUM_LIMIT_US))
            continue;
        if (!link_handshake(link, now_us() + QUORUM_LIMIT_US) &&
            !admin_try_quorum(link, now_us() + QUORUM_LIMIT_US, &arena, &reply, &response)) {
            quorum_view_read(&view, response.topics[0].partitions);
            client_reply_free(&reply);
        }
        arena_free(&arena);
        link_close(link);
    }
    return view;
}

static const char *role_of(const struct quorum_view *view, node_id node, bool is_up)
{
    if (!is_up || view->leader < 0)
        return "-";
    if (node == view->leader)
        return "controller";
    return quorum_view_is_replaced(view, node) ? "observer" : "follower";
}

static void print_table(const struct cluster *cluster, const struct quorum_view *view)
{
    static const char *const heads[] = {"NODE", "STATE", "PID", "PORT", "INTERNAL",
                                        "HTTP", "UP",    "RSS", "CPU",  "ROLE"};
    struct table *table = table_open(10, heads);
    for (uint32_t i = 0; i < cluster->count; i++) {
        const struct cluster_node *node = &cluster->nodes[i];
        struct node_process process = node_process(cluster, node->id);
        bool is_up = process.state != NODE_DOWN;
        table_cell(table, "%d", node->id);
        table_cell(table, "%s", state_names[process.state]);
        table_cell(table, is_up ? "%d" : "-", (int)process.pid);
        table_cell(table, "%u", node->port);
        table_cell(table, "%u", node->internal_port);
        table_cell(table, node->http_port ? "%u" : "-", node->http_port);
        table_cell(table, is_up ? "%lld s" : "-", (long long)(process.uptime_us / 1000000));
        table_cell(table, is_up ? "%lld.%lld MB" : "-",
                   (long long)(process.resident_bytes / 1000000),
                   (long long)(process.resident_bytes / 100000 % 10));
        table_cell(table, is_up ? "%lld.%02lld s" : "-", (long long)(process.cpu_us / 1000000),
                   (long long)(process.cpu_us / 10000 % 100));
        table_cell(table, "%s", role_of(view, node->id, is_up));
    }
    table_print_close(table);
    if (view->leader < 0 && cluster_running(cluster) > 0)
        printf("no node names a leader of the quorum\n");
    pid_t proxy = cluster->chaos ? chaos_proxy_pid(cluster->dir) : 0;
    if (proxy)
        printf("between them is the proxy of `skiff chaos`, process %d\n", (int)proxy);
    else if (cluster->chaos)
        printf("the proxy between them is gone, and nobody reaches them; `skiff up` starts it\n");
    quorum_view_print(view);
}

int run_ps(struct call *call)
{
    struct cluster cluster;
    int code = load_local(call, &cluster);
    if (code)
        return code;
    struct quorum_view view = find_quorum(&cluster);
    if (!call->json) {
        print_table(&cluster, &view);
        return EXIT_DONE;
    }
    json_t *nodes = json_array();
    for (uint32_t i = 0; i < cluster.count; i++) {
        const struct cluster_node *node = &cluster.nodes[i];
        struct node_process process = node_process(&cluster, node->id);
        json_array_append_new(
            nodes,
            json_pack("{si ss si si si si sI sI sI sb ss}", "node", node->id, "state",
                      state_names[process.state], "pid", (int)process.pid, "port", (int)node->port,
                      "internal_port", (int)node->internal_port, "http_port", (int)node->http_port,
                      "uptime_us", (json_int_t)process.uptime_us, "resident_bytes",
                      (json_int_t)process.resident_bytes, "cpu_us", (json_int_t)process.cpu_us,
                      "controller", node->id == view.leader, "role",
                      role_of(&view, node->id, process.state != NODE_DOWN)));
    }
    json_t *root =
        json_pack("{ss so sb}", "dir", cluster.dir, "nodes", nodes, "chaos", cluster.chaos);
    if (cluster.chaos)
        json_object_set_new(root, "proxy_pid", json_integer(chaos_proxy_pid(cluster.dir)));
    print_json(root);
    return EXIT_DONE;
}
