/* verb_ps.c -- skiff ps: which nodes run, and what they take. */
#include "admin.h"
#include "output.h"
#include "say.h"
#include "verbs.h"

enum { CONTROLLER_LIMIT_US = 300000 };

static const char *const state_names[] = {"down", "running", "paused"};

/* The active controller as one running node tells it; -1: nobody says. */
static node_id find_controller(const struct cluster *cluster)
{
    for (uint32_t i = 0; i < cluster->count; i++) {
        struct link *link;
        struct arena arena = {0};
        struct client_reply reply;
        struct describe_quorum_response response;
        node_id leader = -1;
        if (node_process(cluster, cluster->nodes[i].id).state != NODE_RUNNING ||
            link_open(&link, "127.0.0.1", cluster->nodes[i].port, now_us() + CONTROLLER_LIMIT_US))
            continue;
        if (!link_handshake(link, now_us() + CONTROLLER_LIMIT_US) &&
            !admin_try_quorum(link, now_us() + CONTROLLER_LIMIT_US, &arena, &reply, &response)) {
            leader = response.topics[0].partitions[0].leader_id;
            client_reply_free(&reply);
        }
        arena_free(&arena);
        link_close(link);
        if (leader >= 0)
            return leader;
    }
    return -1;
}

static void print_table(const struct cluster *cluster, node_id controller)
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
        table_cell(table, "%s", node->id == controller ? "controller" : is_up ? "follower" : "-");
    }
    table_print_close(table);
}

int run_ps(struct call *call)
{
    struct cluster cluster;
    int code = load_local(call, &cluster);
    if (code)
        return code;
    node_id controller = find_controller(&cluster);
    if (!call->json) {
        print_table(&cluster, controller);
        return EXIT_DONE;
    }
    json_t *nodes = json_array();
    for (uint32_t i = 0; i < cluster.count; i++) {
        const struct cluster_node *node = &cluster.nodes[i];
        struct node_process process = node_process(&cluster, node->id);
        json_array_append_new(
            nodes,
            json_pack("{si ss si si si si sI sI sI sb}", "node", node->id, "state",
                      state_names[process.state], "pid", (int)process.pid, "port", (int)node->port,
                      "internal_port", (int)node->internal_port, "http_port", (int)node->http_port,
                      "uptime_us", (json_int_t)process.uptime_us, "resident_bytes",
                      (json_int_t)process.resident_bytes, "cpu_us", (json_int_t)process.cpu_us,
                      "controller", node->id == controller));
    }
    print_json(json_pack("{ss so}", "dir", cluster.dir, "nodes", nodes));
    return EXIT_DONE;
}
