/* verb_logs.c -- skiff logs: what the nodes print, each line with its node in front. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "say.h"
#include "verbs.h"

enum { TAIL_LINES = 20, LINE_MAX_SIZE = 8192 };

const struct flag logs_flags[] = {
    {'f', "follow", NULL, "go on as lines come"},
    {'n', "lines", "N", "the last N lines of each (20; 0: all)"},
    {0, NULL, NULL, NULL},
};

struct node_log {
    node_id node;
    FILE *file;
};

static void print_line(const struct node_log *log, const char *line, bool many)
{
    if (many)
        printf("%d | ", log->node);
    fputs(line, stdout);
    if (!strchr(line, '\n'))
        putchar('\n');
}

/* Whole lines only: half a line waits for its rest. */
static void print_new(struct node_log *log, bool many)
{
    char line[LINE_MAX_SIZE];
    for (;;) {
        long from = ftell(log->file);
        if (!fgets(line, sizeof line, log->file))
            break;
        if (!strchr(line, '\n') && strlen(line) + 1 < sizeof line) {
            fseek(log->file, from, SEEK_SET);
            break;
        }
        print_line(log, line, many);
    }
    clearerr(log->file);
}

static void seek_tail(FILE *file, int64_t lines)
{
    if (lines == 0)
        return;
    fseek(file, 0, SEEK_END);
    long at = ftell(file);
    while (at > 0) {
        fseek(file, --at, SEEK_SET);
        if (fgetc(file) == '\n' && lines-- == 0)
            return;
    }
    rewind(file);
}

static int open_logs(const struct cluster *cluster, int64_t only, struct node_log *logs,
                     uint32_t *count)
{
    char path[CLUSTER_PATH_MAX];
    for (uint32_t i = 0; i < cluster->count; i++) {
        node_id id = cluster->nodes[i].id;
        if (only && id != only)
            continue;
        cluster_path(cluster, id, "log", path);
        FILE *file = fopen(path, "re");
        if (!file)
            return say_error(EXIT_FAILED, "%s: %s", path, strerror(errno));
        logs[*count].node = id;
        logs[(*count)++].file = file;
    }
    return *count ? EXIT_DONE : say_error(EXIT_NOT_FOUND, "there is no node %lld", (long long)only);
}

static int follow(const struct cluster *cluster, struct node_log *logs, uint32_t count)
{
    char path[CLUSTER_PATH_MAX];
    char events[4096];
    int watch = inotify_init1(IN_CLOEXEC);
    if (watch < 0)
        return say_error(EXIT_FAILED, "cannot watch files: %s", strerror(errno));
    for (uint32_t i = 0; i < count; i++) {
        cluster_path(cluster, logs[i].node, "log", path);
        inotify_add_watch(watch, path, IN_MODIFY);
    }
    for (;;) {
        for (uint32_t i = 0; i < count; i++)
            print_new(&logs[i], count > 1);
        if (fflush(stdout) != 0 || read(watch, events, sizeof events) <= 0)
            return EXIT_FAILED;
    }
}

int run_logs(struct call *call)
{
    struct cluster cluster;
    struct node_log logs[CLUSTER_NODES_MAX];
    uint32_t count = 0;
    int64_t only = 0;
    int64_t lines;
    int code = call_number(call, "lines", 0, 1000000, TAIL_LINES, &lines);
    if (!code && call->argument_count &&
        !parse_int(call->arguments[0], 1, CLUSTER_NODES_MAX, &only))
        code = say_error(EXIT_USAGE, "`%s` is not a node", call->arguments[0]);
    if (!code)
        code = load_local(call, &cluster);
    if (!code)
        code = open_logs(&cluster, only, logs, &count);
    for (uint32_t i = 0; !code && i < count; i++) {
        seek_tail(logs[i].file, lines);
        print_new(&logs[i], count > 1);
    }
    if (!code && call_flag(call, "follow"))
        code = follow(&cluster, logs, count);
    for (uint32_t i = 0; i < count; i++)
        fclose(logs[i].file);
    return code;
}
