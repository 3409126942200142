/* chaos_target.c -- what a `skiff chaos` verb works on, and how it says what it has done. */
#include "chaos_target.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "say.h"

enum { NODE_NUMBERS = 31 };

int64_t chaos_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int refuse(const char *dir)
{
    char path[CLUSTER_PATH_MAX];
    snprintf(path, sizeof path, "%.*s/cluster.json", CLUSTER_PATH_MAX - 64, dir);
    if (access(path, F_OK) != 0)
        return say_error(EXIT_NOT_FOUND, "no cluster in %s; `skiff up --chaos` starts one", dir);
    return say_error(EXIT_FAILED,
                     "the cluster in %s was not started with --chaos; `skiff down`, then `skiff up "
                     "--chaos` makes it one, with its data",
                     dir);
}

int chaos_target(const struct call *call, struct chaos_target *out)
{
    char path[CLUSTER_PATH_MAX];
    char line[256];
    int code = cluster_dir(call_flag(call, "dir"), true, out->dir);
    if (code)
        return code;
    out->nodes = 0;
    chaos_path(out->dir, "proxy.conf", path);
    FILE *file = fopen(path, "re");
    if (!file)
        return refuse(out->dir);
    while (fgets(line, sizeof line, file)) {
        unsigned node;
        if (sscanf(line, "%u", &node) == 1 && node > 0 && node < NODE_NUMBERS)
            out->nodes |= 1u << node;
    }
    fclose(file);
    return out->nodes ? EXIT_DONE : say_error(EXIT_FAILED, "%s names no node", path);
}

int chaos_read_nodes(const struct chaos_target *target, const char *word, uint32_t *out)
{
    int64_t node;
    *out = target->nodes;
    if (!strcmp(word, "all"))
        return EXIT_DONE;
    if (!parse_int(word, 0, INT32_MAX, &node))
        return say_error(EXIT_USAGE, "`%s`: write a node's number, or all", word);
    if (node >= NODE_NUMBERS || !(target->nodes >> node & 1))
        return say_error(EXIT_NOT_FOUND, "there is no node %s in %s", word, target->dir);
    *out = 1u << node;
    return EXIT_DONE;
}

struct fault_rules *chaos_rules(const struct chaos_target *target, node_id node)
{
    char dir[CLUSTER_PATH_MAX];
    chaos_node_dir(target->dir, node, dir);
    struct fault_rules *rules = fault_rules_open(dir, true);
    if (!rules)
        say_error(0, "%s/rules: %s", dir, strerror(errno));
    return rules;
}

/* Its process has the page mapped. */
bool chaos_is_in_force(const struct chaos_target *target, node_id node)
{
    char path[CLUSTER_PATH_MAX];
    char page[64];
    char line[1024];
    bool found = false;
    snprintf(path, sizeof path, "%.*s/node-%d/pid", CLUSTER_PATH_MAX - 64, target->dir, node);
    pid_t pid = process_named(path);
    if (!pid)
        return false;
    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    snprintf(page, sizeof page, "/chaos/node-%d/rules\n", node);
    FILE *file = fopen(path, "re");
    while (file && !found && fgets(line, sizeof line, file))
        found = strstr(line, page) != NULL;
    if (file)
        fclose(file);
    return found;
}
