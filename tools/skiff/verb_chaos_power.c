/* verb_chaos_power.c -- skiff chaos power-off and power-on: what was not synced may be lost.
 *
 * Off is kill -9 of all that is meant, at once, and then of each disk what power loss
 * leaves: the synced image, and a subset of the rest that the seed chooses. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "chaos_target.h"
#include "output.h"
#include "power.h"
#include "say.h"
#include "verbs.h"

enum { NODE_MAX = 9, GONE_LIMIT_US = 20000000, SEED_BELOW = 1000000000 };

const struct flag chaos_power_off_flags[] = {
    {0, "seed", "S", "what survives is drawn from it; without it a new one, which is told"},
    {0, "keep", "PERCENT", "of what was not synced; without it the seed says that too"},
    {0, NULL, NULL, NULL},
};

const struct flag chaos_power_on_flags[] = {
    {0, "timeout", "TIME", "wait so long for each until it serves: 500ms, 2s (the default), 1m"},
    {0, NULL, NULL, NULL},
};

struct power {
    struct chaos_target target;
    struct cluster cluster;
    uint32_t nodes;
    uint32_t ran; /* Of these: whose processes were there to be ended. */
    int64_t seed;
    int64_t keep;
};

/* Its nodes and processes. Errors: an exit code, told. */
static int load(const struct call *call, struct power *power)
{
    int code = chaos_target(call, &power->target);
    if (code)
        return code;
    code = cluster_load(&power->cluster, power->target.dir);
    if (code == EXIT_NOT_FOUND)
        return say_error(code, "%s holds no cluster of `skiff up`, whose processes it could end",
                         power->target.dir);
    const char *word = call->argument_count > 0 ? call->arguments[0] : "all";
    return code ? code : chaos_read_nodes(&power->target, word, &power->nodes);
}

/* Errors  EXIT_FAILED, told: a process is there still. */
static int kill_all(struct power *power)
{
    int64_t deadline = now_us() + GONE_LIMIT_US;
    for (node_id node = 1; node <= NODE_MAX; node++)
        if (power->nodes >> node & 1 && node_signal(&power->cluster, node, SIGKILL) == EXIT_DONE)
            power->ran |= 1u << node;
    for (node_id node = 1; node <= NODE_MAX; node++)
        if (power->nodes >> node & 1 && !node_wait_gone(&power->cluster, node, deadline))
            return say_error(EXIT_FAILED, "node %d does not end", node);
    return EXIT_DONE;
}

static json_t *result_json(node_id node, const struct power_result *result)
{
    json_t *object = json_pack(
        "{si sb sI sI sI sI sI sI}", "node", node, "confirmed", result->confirmed, "operations",
        (json_int_t)result->operations, "dropped", (json_int_t)result->dropped, "kept",
        (json_int_t)result->kept, "torn", (json_int_t)result->torn, "bytes_dropped",
        (json_int_t)result->bytes_dropped, "names_dropped", (json_int_t)result->names_dropped);
    if (!result->confirmed)
        json_object_set_new(object, "why", json_string(result->why));
    return object;
}

static void print_result(node_id node, const struct power_result *result)
{
    if (!result->confirmed) {
        printf("node %d is off, its disk as it was: %s\n", node, result->why);
        return;
    }
    printf("node %d is off; of %llu changes that no sync had covered %llu are lost, %llu torn, "
           "%llu kept\n",
           node, (unsigned long long)result->operations, (unsigned long long)result->dropped,
           (unsigned long long)result->torn, (unsigned long long)result->kept);
}

static int cut_one(const struct call *call, const struct power *power, node_id node, json_t *into,
                   bool *confirmed)
{
    char chaos_dir[CLUSTER_PATH_MAX];
    char data_dir[CLUSTER_PATH_MAX];
    struct power_result result = {0};
    chaos_node_dir(power->target.dir, node, chaos_dir);
    cluster_path(&power->cluster, node, "data", data_dir);
    struct power_options options = {.chaos_dir = chaos_dir,
                                    .data_dir = data_dir,
                                    .seed = rand_derive((uint64_t)power->seed, (uint64_t)node),
                                    .keep_percent = (int32_t)power->keep};
    if (!power_cut(&options, &result))
        return say_error(EXIT_FAILED, "the disk of node %d: %s", node, result.why);
    if (result.confirmed && !(power->ran >> node & 1) && !result.operations) {
        result.confirmed = false;
        snprintf(result.why, sizeof result.why, "it was down, and syncs had covered all of it");
    }
    *confirmed &= result.confirmed;
    json_array_append_new(into, result_json(node, &result));
    if (!call->json)
        print_result(node, &result);
    return EXIT_DONE;
}

int run_chaos_power_off(struct call *call)
{
    struct power power = {0};
    bool confirmed = true;
    int code = call_number(call, "seed", 0, INT64_MAX, now_us() % SEED_BELOW, &power.seed);
    if (!code)
        code = call_number(call, "keep", 0, 100, POWER_KEEP_BY_SEED, &power.keep);
    if (!code)
        code = load(call, &power);
    int64_t at_ns = chaos_now_ns();
    if (!code)
        code = kill_all(&power);
    json_t *nodes = json_array();
    for (node_id node = 1; !code && node <= NODE_MAX; node++)
        if (power.nodes >> node & 1)
            code = cut_one(call, &power, node, nodes, &confirmed);
    if (!code && call->json)
        print_json(json_pack("{sI sb sI sO}", "at_ns", (json_int_t)at_ns, "confirmed", confirmed,
                             "seed", (json_int_t)power.seed, "nodes", nodes));
    else if (!code)
        printf("seed %lld\n", (long long)power.seed);
    json_decref(nodes);
    return code;
}

static int start_down(struct power *power, uint32_t *started)
{
    char skiffd[CLUSTER_PATH_MAX];
    int code = cluster_find_skiffd(skiffd);
    if (!code)
        code = chaos_start_proxy(&power->cluster);
    for (node_id node = 1; !code && node <= NODE_MAX; node++) {
        if (!(power->nodes >> node & 1) || node_process(&power->cluster, node).state != NODE_DOWN)
            continue;
        *started |= 1u << node;
        code = node_start(&power->cluster, node, skiffd);
    }
    return code;
}

int run_chaos_power_on(struct call *call)
{
    struct power power = {0};
    uint32_t started = 0;
    bool confirmed = true;
    int code = load(call, &power);
    if (!code)
        code = start_down(&power, &started);
    int64_t at_ns = chaos_now_ns();
    json_t *nodes = json_array();
    for (node_id node = 1; !code && node <= NODE_MAX; node++) {
        bool serves = false;
        if (!(started >> node & 1))
            continue;
        code = wait_until_it_serves(call, &power.cluster, node, &serves);
        if (!code && !call->json)
            printf("node %d is on%s\n", node, serves ? "" : "; it serves no clients yet");
        confirmed &= serves;
        json_array_append_new(nodes, json_integer(node));
    }
    if (!code && call->json)
        print_json(json_pack("{sI sb sO}", "at_ns", (json_int_t)at_ns, "confirmed", confirmed,
                             "started", nodes));
    else if (!code && !started)
        printf("all of it is on\n");
    json_decref(nodes);
    return code;
}
