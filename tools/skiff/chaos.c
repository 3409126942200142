/* chaos.c -- the directory of a cluster that may be broken, and the proxy between its nodes. */
#include "chaos.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/base.h"
#include "rules.h"
#include "say.h"

enum { ANSWER_LIMIT_US = 5000000, START_LIMIT_US = 5000000, PAUSE_US = 1000 };

void chaos_path(const char *dir, const char *name, char out[CLUSTER_PATH_MAX])
{
    int size = snprintf(out, CLUSTER_PATH_MAX, "%.*s/chaos%s%s", CLUSTER_PATH_MAX - 64, dir,
                        *name ? "/" : "", name);
    check(size < CLUSTER_PATH_MAX);
}

void chaos_node_dir(const char *dir, node_id node, char out[CLUSTER_PATH_MAX])
{
    char name[32];
    snprintf(name, sizeof name, "node-%d", node);
    chaos_path(dir, name, out);
}

static int make_dir(const char *path)
{
    if (mkdir(path, 0755) == 0 || errno == EEXIST)
        return EXIT_DONE;
    return say_error(EXIT_FAILED, "cannot make the directory %s: %s", path, strerror(errno));
}

static int make_node_dirs(const struct cluster *cluster, node_id node)
{
    char path[CLUSTER_PATH_MAX];
    chaos_node_dir(cluster->dir, node, path);
    int code = make_dir(path);
    strncat(path, "/journal", sizeof path - strlen(path) - 1);
    return code ? code : make_dir(path);
}

static void write_line(FILE *file, const struct cluster *cluster, node_id node, uint16_t port)
{
    char listen[CLUSTER_HOST_MAX];
    char target[CLUSTER_HOST_MAX];
    cluster_host(cluster, node, listen);
    cluster_dial_host(cluster, node, target);
    fprintf(file, "%d %s:%u %s:%u\n", node, listen, port, target, port);
}

/* Errors  EXIT_FAILED, told: it is not there, or the loader would take its path for a list. */
static int check_library(void)
{
    char path[CLUSTER_PATH_MAX];
    int code = cluster_find_program("libskiff-faults.so", path);
    if (!code && strpbrk(path, " :"))
        code = say_error(EXIT_FAILED,
                         "%s: a library to preload cannot have blanks or colons in "
                         "its path",
                         path);
    return code;
}

int chaos_write(const struct cluster *cluster)
{
    char path[CLUSTER_PATH_MAX];
    int code = check_library();
    chaos_path(cluster->dir, "", path);
    if (!code)
        code = make_dir(path);
    for (uint32_t i = 0; !code && i < cluster->count; i++)
        code = make_node_dirs(cluster, cluster->nodes[i].id);
    if (code)
        return code;
    chaos_path(cluster->dir, "proxy.conf", path);
    FILE *file = fopen(path, "we");
    if (!file)
        return say_error(EXIT_FAILED, "%s: %s", path, strerror(errno));
    for (uint32_t i = 0; i < cluster->count; i++) {
        write_line(file, cluster, cluster->nodes[i].id, cluster->nodes[i].port);
        write_line(file, cluster, cluster->nodes[i].id, cluster->nodes[i].internal_port);
    }
    return fclose(file) == 0 ? EXIT_DONE : say_error(EXIT_FAILED, "%s: %s", path, strerror(errno));
}

void chaos_setenv(const struct cluster *cluster, node_id node)
{
    char path[CLUSTER_PATH_MAX];
    char source[CLUSTER_HOST_MAX];
    if (cluster_find_program("libskiff-faults.so", path))
        _exit(126); /* chaos_write() has found it. */
    setenv("LD_PRELOAD", path, 1);
    chaos_node_dir(cluster->dir, node, path);
    setenv("SKIFF_FAULTS_DIR", path, 1);
    cluster_path(cluster, node, "data", path);
    setenv("SKIFF_FAULTS_DATA", path, 1);
    snprintf(source, sizeof source, "127.0.3.%d", node);
    setenv("SKIFF_FAULTS_SOURCE", source, 1);
}

void chaos_lift(const struct cluster *cluster)
{
    char dir[CLUSTER_PATH_MAX];
    for (uint32_t i = 0; i < cluster->count; i++) {
        chaos_node_dir(cluster->dir, cluster->nodes[i].id, dir);
        struct fault_rules *rules = fault_rules_open(dir, false);
        if (rules)
            fault_rules_heal(rules);
        fault_rules_close(rules);
    }
}

/* ---- The proxy's process. */

pid_t chaos_proxy_pid(const char *dir)
{
    char path[CLUSTER_PATH_MAX];
    chaos_path(dir, "proxy.pid", path);
    return process_named(path);
}

int chaos_start_proxy(const struct cluster *cluster)
{
    char program[CLUSTER_PATH_MAX];
    char dir[CLUSTER_PATH_MAX];
    char log[CLUSTER_PATH_MAX];
    const char *const words[] = {program, dir, NULL};
    if (chaos_proxy_pid(cluster->dir))
        return EXIT_DONE;
    chaos_path(cluster->dir, "", dir);
    chaos_path(cluster->dir, "proxy.log", log);
    int code = cluster_find_program("skiff-proxy", program);
    if (code)
        return code;
    struct process_start how = {
        .words = words, .log = log, .dir = dir, .ends_with_us = cluster->ends_with_us};
    pid_t pid = process_start(&how);
    if (pid < 0)
        return say_error(EXIT_FAILED, "cannot start a process: %s", strerror(errno));
    int64_t deadline = now_us() + START_LIMIT_US;
    while (!chaos_proxy_pid(cluster->dir) && now_us() < deadline && process_is_alive(pid))
        sleep_us(PAUSE_US);
    if (chaos_proxy_pid(cluster->dir))
        return EXIT_DONE;
    kill(pid, SIGKILL);
    return say_error(EXIT_FAILED, "the proxy did not start; see %s", log);
}

void chaos_stop_proxy(const struct cluster *cluster)
{
    pid_t pid = chaos_proxy_pid(cluster->dir);
    if (!pid)
        return;
    kill(pid, SIGTERM);
    kill(pid, SIGCONT);
    int64_t deadline = now_us() + START_LIMIT_US;
    while (process_is_alive(pid) && now_us() < deadline)
        sleep_us(PAUSE_US);
    if (chaos_proxy_pid(cluster->dir) == pid)
        kill(pid, SIGKILL);
}

/* ---- Its control socket. */

/* By way of the directory: a socket's own path may be longer than its address has room for. */
static int connect_control(const char *dir)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char path[CLUSTER_PATH_MAX];
    chaos_path(dir, "", path);
    int folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return -1;
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/proxy.sock", folder);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        fd = -1;
    }
    close(folder);
    return fd;
}

/* One line, without its end. False: none came in time. */
static bool read_answer(int fd, char answer[CHAOS_ANSWER_MAX])
{
    size_t size = 0;
    int64_t deadline = now_us() + ANSWER_LIMIT_US;
    while (size < CHAOS_ANSWER_MAX - 1) {
        struct pollfd polls = {.fd = fd, .events = POLLIN};
        int64_t left_us = deadline - now_us();
        if (left_us <= 0 || poll(&polls, 1, (int)(left_us / 1000) + 1) <= 0)
            return false;
        ssize_t got = read(fd, answer + size, CHAOS_ANSWER_MAX - 1 - size);
        if (got <= 0)
            return false;
        size += (size_t)got;
        answer[size] = 0;
        if (answer[size - 1] == '\n') {
            answer[size - 1] = 0;
            return true;
        }
    }
    return false;
}

int chaos_ask(const char *dir, const char *line, char answer[CHAOS_ANSWER_MAX])
{
    char text[256];
    int size = snprintf(text, sizeof text, "%s\n", line);
    int fd = size < (int)sizeof text ? connect_control(dir) : -1;
    if (fd < 0)
        return say_error(EXIT_FAILED, "the proxy of %s does not run; `skiff up` starts it again",
                         dir);
    bool answered = send(fd, text, (size_t)size, MSG_NOSIGNAL) == size && read_answer(fd, answer);
    close(fd);
    if (!answered)
        return say_error(EXIT_FAILED, "the proxy of %s does not answer", dir);
    if (!strncmp(answer, "error ", 6))
        return say_error(EXIT_USAGE, "%s", answer + 6);
    const char *rest = answer + (!strncmp(answer, "ok ", 3) ? 3 : 2);
    memmove(answer, rest, strlen(rest) + 1);
    return EXIT_DONE;
}

int chaos_wait_ports(const struct cluster *cluster, int64_t deadline_us)
{
    char *answer = mem_alloc(CHAOS_ANSWER_MAX);
    size_t listening = 0;
    int code = EXIT_DONE;
    while (!code && listening < cluster->count && now_us() < deadline_us) {
        code = chaos_ask(cluster->dir, "stats", answer);
        json_t *stats = code ? NULL : json_loads(answer, 0, NULL);
        listening = json_array_size(json_object_get(stats, "listening"));
        json_decref(stats);
        if (listening < cluster->count)
            sleep_us(PAUSE_US);
    }
    mem_free(answer);
    if (!code && listening < cluster->count)
        code = say_error(EXIT_TIMED_OUT, "the proxy listens for %zu of %u nodes", listening,
                         cluster->count);
    return code;
}
