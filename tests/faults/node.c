/* node.c -- a node that is only a child process.
 *
 * It lives in memory where there is room for it: hundreds of power losses a test should not
 * have to wait for a disk. */
#include "node.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_MS = 20000, LOOK_NS = 200000 };

#define ROOM_MIN (UINT64_C(2) << 30) /* The journal leaves 1 GiB to others. */

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static const char *parent_dir(void)
{
    struct statvfs room;
    if (statvfs("/dev/shm", &room) == 0 && (uint64_t)room.f_bavail * room.f_frsize > ROOM_MIN &&
        access("/dev/shm", W_OK) == 0)
        return "/dev/shm";
    return getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
}

void node_open(struct node *node)
{
    *node = (struct node){.pid = -1, .output_fd = -1};
    snprintf(node->dir, sizeof node->dir, "%.400s/skiff-faults-XXXXXX", parent_dir());
    cr_assert_not_null(mkdtemp(node->dir));
    snprintf(node->data, sizeof node->data, "%.480s/data", node->dir);
    snprintf(node->chaos, sizeof node->chaos, "%.480s/chaos", node->dir);
    cr_assert_eq(mkdir(node->data, 0755), 0);
    cr_assert_eq(mkdir(node->chaos, 0755), 0);
    node->rules = fault_rules_open(node->chaos, true);
    cr_assert_not_null(node->rules);
}

static int remove_one(const char *path, const struct stat *about, int type, struct FTW *where)
{
    (void)about;
    (void)type;
    (void)where;
    return remove(path);
}

void node_close(struct node *node)
{
    if (node->pid > 0) {
        kill(node->pid, SIGKILL);
        waitpid(node->pid, NULL, 0);
    }
    if (node->output_fd >= 0)
        close(node->output_fd);
    fault_rules_close(node->rules);
    nftw(node->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void become(const struct node *node, int output, const char *const *arguments)
{
    setenv("LD_PRELOAD", FAULTS_LIBRARY, 1);
    setenv("SKIFF_FAULTS_DIR", node->chaos, 1);
    setenv("SKIFF_FAULTS_DATA", node->data, 1);
    setenv("SKIFF_FAULTS_SOURCE", "127.0.3.7", 1);
    dup2(output, STDOUT_FILENO);
    if (chdir(node->data) == 0)
        execvp(arguments[0], (char *const *)(uintptr_t)arguments);
    _exit(127);
}

void node_start(struct node *node, const char *const *arguments)
{
    int ends[2];
    cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
    node->pid = fork();
    cr_assert_geq(node->pid, 0);
    if (node->pid == 0)
        become(node, ends[1], arguments);
    close(ends[1]);
    if (node->output_fd >= 0)
        close(node->output_fd);
    node->output_fd = ends[0];
}

int node_wait(struct node *node)
{
    int64_t deadline = now_ms() + WAIT_MS;
    size_t size = 0;
    int status = -1;
    for (;;) {
        struct pollfd ready = {.fd = node->output_fd, .events = POLLIN};
        int64_t left = deadline - now_ms();
        if (left <= 0 || poll(&ready, 1, (int)left) <= 0) {
            kill(node->pid, SIGKILL);
            waitpid(node->pid, NULL, 0);
            break;
        }
        ssize_t got = read(node->output_fd, node->output + size, NODE_OUTPUT_MAX - 1 - size);
        if (got <= 0) {
            waitpid(node->pid, &status, 0);
            break;
        }
        size += (size_t)got;
    }
    node->output[size] = 0;
    node->pid = -1;
    return status;
}

void node_run_start(struct node *node, const char *commands)
{
    static char text[4096];
    const char *arguments[NODE_COMMANDS_MAX + 2] = {FAULTS_CHILD};
    int count = 1;
    char *rest;
    snprintf(text, sizeof text, "%s", commands);
    for (char *at = strtok_r(text, ";", &rest); at; at = strtok_r(NULL, ";", &rest)) {
        cr_assert_leq(count, NODE_COMMANDS_MAX);
        arguments[count++] = at;
    }
    node_start(node, arguments);
}

const char *node_run(struct node *node, const char *commands)
{
    node_run_start(node, commands);
    node_wait(node);
    return node->output;
}

struct power_result node_power(struct node *node, uint64_t seed, int32_t keep_percent)
{
    struct power_options options = {
        .chaos_dir = node->chaos,
        .data_dir = node->data,
        .seed = seed,
        .keep_percent = keep_percent,
    };
    struct power_result result;
    cr_assert(power_cut(&options, &result), "seed %lu: %s", seed, result.why);
    cr_assert(result.confirmed, "seed %lu: %s", seed, result.why);
    cr_assert_eq(result.operations, result.dropped + result.kept + result.torn);
    return result;
}

const char *node_file(struct node *node, const char *name)
{
    char path[2 * NODE_PATH_MAX];
    static char text[NODE_OUTPUT_MAX];
    size_t used = 0;
    snprintf(path, sizeof path, "%s/%s", node->data, name);
    FILE *file = fopen(path, "re");
    if (!file)
        return "absent";
    int next = getc(file);
    if (next == EOF)
        snprintf(text, sizeof text, "empty");
    while (next != EOF && used < sizeof text - 32) {
        int byte = next;
        unsigned long run = 0;
        for (; next == byte; next = getc(file))
            run++;
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%lu%c", used ? " " : "", run,
                                 byte ? byte : '.');
    }
    fclose(file);
    return text;
}

bool node_reaches(const _Atomic uint64_t *counter, uint64_t value)
{
    struct timespec pause = {.tv_nsec = LOOK_NS};
    for (int64_t deadline = now_ms() + WAIT_MS; now_ms() < deadline;) {
        if (*counter >= value)
            return true;
        nanosleep(&pause, NULL);
    }
    return false;
}
