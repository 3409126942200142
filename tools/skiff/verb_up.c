/* verb_up.c -- skiff up and down: a local quorum starts, or stops.
 *
 * Up is done when a record has been acknowledged, not when processes exist; what
 * fails on the way is undone, so that a second try starts from where the first did. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chaos.h"
#include "config.h"
#include "output.h"
#include "say.h"
#include "start.h"
#include "verbs.h"

enum {
    PORT_DEFAULT = 9092,
    NODES_DEFAULT = 3,
    HAND_OVER_US = 500000,
    SYNC_SAMPLES = 7,
    NEXT_WIDTH = 26, /* Of a command that is suggested. */
    CLUSTER_FILE_SIZE = 4096 + CLUSTER_SETS_MAX * CLUSTER_SET_SIZE,
};

const struct flag up_flags[] = {
    {'n', "nodes", "N", "how many (3)"},
    {'p', "port", "PORT",
     "the first client port (9092); internal ones are 1000 higher, HTTP 2000; 0: free ones"},
    {0, "set", "KEY=VALUE", "a line for every server.properties, for later starts too; repeatable"},
    {0, "chaos", NULL,
     "its network, disks and clocks can be broken: skiff chaos ...; kept for later starts"},
    {0, "timeout", "TIME", "for the first acknowledged write: 500ms, 30s (the default), 2m"},
    {0, NULL, NULL, NULL},
};

const struct flag down_flags[] = {
    {0, "rm", NULL, "delete the data too"},
    {0, NULL, NULL, NULL},
};

int load_local(const struct call *call, struct cluster *cluster)
{
    char dir[CLUSTER_PATH_MAX];
    int code = cluster_dir(call_flag(call, "dir"), true, dir);
    if (!code)
        code = cluster_load(cluster, dir);
    if (code == EXIT_NOT_FOUND)
        return say_error(EXIT_NOT_FOUND, "no cluster in %s; `skiff up` starts one", dir);
    return code;
}

static int compare_times(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* What one fdatasync of 4 KiB takes where the data is; -1: could not be measured. */
static int64_t measure_sync_us(const struct cluster *cluster)
{
    char path[CLUSTER_PATH_MAX];
    char block[4096] = {0};
    int64_t times[SYNC_SAMPLES];
    cluster_path(cluster, cluster->nodes[0].id, "sync-probe", path);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    bool good = true;
    for (int i = 0; i < SYNC_SAMPLES && good; i++) {
        int64_t from = now_us();
        good = pwrite(fd, block, sizeof block, 0) == sizeof block && fdatasync(fd) == 0;
        times[i] = now_us() - from;
    }
    close(fd);
    unlink(path);
    if (!good)
        return -1;
    qsort(times, SYNC_SAMPLES, sizeof times[0], compare_times);
    return times[SYNC_SAMPLES / 2];
}

/* What an acknowledgement of a topic with default settings means. */
struct durability {
    bool is_synced;
    uint32_t copies;
    uint32_t needed; /* In-sync replicas without which acks=all is refused. */
};

/* As the nodes themselves read it: from their file, all its lines in force. */
static struct durability read_durability(const struct cluster *cluster)
{
    struct config config;
    struct arena arena = {0};
    struct config_remark *remarks = NULL;
    char path[CLUSTER_PATH_MAX];
    char text[CLUSTER_FILE_SIZE];
    size_t size = 0;
    cluster_path(cluster, cluster->nodes[0].id, "server.properties", path);
    FILE *file = fopen(path, "re");
    if (file) {
        size = fread(text, 1, sizeof text, file);
        fclose(file);
    }
    config_init(&config);
    config_read(&config, (struct str){.data = text, .size = (uint32_t)size}, &arena, &remarks);
    config_finish(&config, &arena, &remarks);
    arena_free(&arena);
    int32_t copies = config.replication_factor_default;
    int32_t needed = config.min_insync_default;
    if (copies < 0)
        copies = cluster->count < 3 ? (int32_t)cluster->count : 3;
    if (needed < 0)
        needed = copies >= 3 ? 2 : 1;
    return (struct durability){.is_synced = config.flush_messages == 1,
                               .copies = (uint32_t)copies,
                               .needed = (uint32_t)needed};
}

static void print_ack_meaning(const struct cluster *cluster, struct durability durability)
{
    const char *nodes = durability.copies == 1 ? "node" : "nodes";
    if (!durability.is_synced) {
        printf("  an ack   in the page cache of %u of %u %s; fsync comes later\n",
               durability.needed, durability.copies, nodes);
        return;
    }
    int64_t sync_us = measure_sync_us(cluster);
    printf("  an ack   synced on %u of %u %s", durability.needed, durability.copies, nodes);
    if (sync_us >= 0)
        printf("; fsync takes %lld.%02lld ms here", (long long)(sync_us / 1000),
               (long long)(sync_us % 1000 / 10));
    putchar('\n');
}

/* Commands as they can be typed here: tools/up calls by a whole path. */
static void print_next(const char *program, const struct cluster *cluster, uint32_t copies)
{
    char topic[64];
    const char *const lines[][2] = {
        {"topic create orders -p 12", topic},
        {"produce orders", "a line, a record"},
        {"consume orders -e", "all of them"},
        {"kill controller", "see what survives; then: ps, restart N"},
        {"chaos cut 1 2", "no byte between them, either way; `client` is whoever is no node"},
        {"chaos slow-disk 2 200ms", "or hang-disk, fill-disk, fail-sync, short-writes, clock"},
        {"chaos power-off all", "what was not synced is lost; then: chaos power-on"},
        {"chaos heal", "network, disks and clocks are whole; `chaos status` shows them"},
        {"down", "the data stays; --rm deletes it"},
    };
    const size_t chaos_first = 4;
    const size_t chaos_end = 8;
    char here[CLUSTER_PATH_MAX];
    char usual[CLUSTER_PATH_MAX];
    size_t size = getcwd(here, sizeof here) ? strlen(here) : 0;
    if (size && !strncmp(program, here, size) && program[size] == '/')
        program += size + 1;
    snprintf(topic, sizeof topic, "a topic of 12 partitions, %u cop%s each", copies,
             copies == 1 ? "y" : "ies");
    bool is_usual = !cluster_dir(NULL, false, usual) && !strcmp(usual, cluster->dir);
    printf("\nNext:\n");
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        if (!cluster->chaos && i >= chaos_first && i < chaos_end)
            continue;
        printf("  %s %s%s%s%*s %s\n", program, lines[i][0], is_usual ? "" : " --dir ",
               is_usual ? "" : cluster->dir, NEXT_WIDTH - (int)strlen(lines[i][0]), "",
               lines[i][1]);
    }
}

static int banner(const struct call *call, const struct cluster *cluster)
{
    char brokers[CLUSTER_BROKERS_MAX];
    cluster_brokers(cluster, brokers);
    if (call->json) {
        print_json(json_pack("{ss ss si sb sI}", "brokers", brokers, "dir", cluster->dir, "nodes",
                             (int)cluster->count, "chaos", cluster->chaos, "first_ack_us",
                             (json_int_t)cluster->first_ack_us));
        return EXIT_DONE;
    }
    printf("Skiff is up: %u node%s%s", cluster->count, cluster->count == 1 ? "" : "s",
           cluster->chaos ? " that can be given faults" : "");
    if (cluster->first_ack_us >= 0)
        printf(", the first acks=all write was acknowledged %lld.%03lld s after the start",
               (long long)(cluster->first_ack_us / 1000000),
               (long long)(cluster->first_ack_us % 1000000 / 1000));
    printf(".\n\n  brokers  %s\n  data     %s\n", brokers, cluster->dir);
    struct durability durability = read_durability(cluster);
    print_ack_meaning(cluster, durability);
    if (cluster->nodes[0].http_port)
        printf("  metrics  http://localhost:%u/metrics%s\n", cluster->nodes[0].http_port,
               cluster->count > 1 ? ", and so on for each node" : "");
    print_next(call->program, cluster, durability.copies);
    return EXIT_DONE;
}

/* A cluster whose nodes are all down keeps its data and may get new ports and settings. */
static int prepare_known(const struct call *call, struct start *start, int64_t nodes, int64_t port)
{
    struct cluster *cluster = &start->cluster;
    bool all_down = cluster_running(cluster) == 0;
    if (nodes != cluster->count && call_flag(call, "nodes"))
        return say_error(EXIT_FAILED,
                         "the cluster in %s has %u nodes, not %lld; `skiff down --rm` deletes it",
                         cluster->dir, cluster->count, (long long)nodes);
    bool moves = call_flag(call, "port") && port != cluster->nodes[0].port && port != 0;
    if (moves && !all_down)
        return say_error(EXIT_FAILED,
                         "the cluster in %s runs on port %u; `skiff down` stops it, another --dir "
                         "starts another",
                         cluster->dir, cluster->nodes[0].port);
    if (!all_down && start_changes_sets(start))
        return say_error(EXIT_FAILED,
                         "the cluster in %s runs with other --set lines; `skiff down` stops it, "
                         "and the next `skiff up` takes these",
                         cluster->dir);
    bool chaos = call_flag(call, "chaos") != NULL;
    if (!all_down && chaos && !cluster->chaos)
        return say_error(EXIT_FAILED,
                         "the cluster in %s runs without --chaos; `skiff down` stops it, and the "
                         "next `skiff up --chaos` makes it one",
                         cluster->dir);
    if (!all_down)
        return EXIT_DONE;
    cluster->chaos |= chaos;
    return cluster_take_ports(cluster, moves ? (uint16_t)port : cluster->nodes[0].port);
}

/* All that belongs to it runs. */
static bool is_whole(const struct cluster *cluster)
{
    return cluster_running(cluster) == cluster->count &&
           (!cluster->chaos || chaos_proxy_pid(cluster->dir) != 0);
}

int run_up(struct call *call)
{
    struct start start = {0};
    struct cluster *cluster = &start.cluster;
    char dir[CLUSTER_PATH_MAX];
    int64_t nodes;
    int64_t port;
    int code = call_number(call, "nodes", 1, CLUSTER_NODES_MAX, NODES_DEFAULT, &nodes);
    if (!code)
        code = call_number(call, "port", 0, UINT16_MAX, PORT_DEFAULT, &port);
    if (!code)
        code = start_read(&start, call);
    if (!code)
        code = cluster_dir(call_flag(call, "dir"), false, dir);
    if (code)
        return code;
    size_t there = cluster_dirs_there(dir);
    code = cluster_lock(dir);
    if (!code)
        code = cluster_load(cluster, dir);
    if (code == EXIT_NOT_FOUND) {
        cluster->chaos = call_flag(call, "chaos") != NULL;
        code = start_new(&start, dir, nodes, port);
    } else if (code == EXIT_DONE) {
        code = prepare_known(call, &start, nodes, port);
    }
    if (!code && (start.is_new || !is_whole(cluster)))
        code = start_nodes(&start);
    if (code) {
        cluster_remove_dirs(dir, there);
        return code;
    }
    cluster_remember(cluster);
    return banner(call, cluster);
}

int run_down(struct call *call)
{
    struct cluster cluster;
    int code = load_local(call, &cluster);
    if (code)
        return code;
    if (cluster.chaos)
        chaos_lift(&cluster);
    /* The first signal asks nodes to hand over what they lead; once a majority has gone there is
     * nobody to hand it to, and the second ends the wait for it. What counts is synced already. */
    if (!stop_nodes(&cluster, SIGTERM, HAND_OVER_US) &&
        !stop_nodes(&cluster, SIGTERM, STOP_LIMIT_US)) {
        say_error(0, "a node did not stop within %d s and is killed", STOP_LIMIT_US / 1000000);
        stop_nodes(&cluster, SIGKILL, STOP_LIMIT_US);
    }
    bool removes = call_flag(call, "rm") != NULL;
    if (removes)
        code = cluster_delete(&cluster);
    if (!code && call->json)
        print_json(json_pack("{ss sb}", "dir", cluster.dir, "deleted", removes));
    else if (!code)
        printf("Skiff is down%s %s\n", removes ? "; deleted" : "; the data stays in", cluster.dir);
    return code;
}
