/* process.c -- nodes as processes: started, told apart from strangers, signalled.
 *
 * A pid alone may have been reused, so a node is known by its pid and by the time
 * at which the kernel says it started. A zombie counts as gone once its threads are. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "chaos.h"
#include "cluster.h"
#include "say.h"

enum { LOG_END_SIZE = 1500 };

/* The fields of /proc/<pid>/stat that matter here. */
struct proc_stat {
    char state;
    unsigned long long user_ticks;
    unsigned long long system_ticks;
    long threads;
    unsigned long long start_ticks;
    long resident_pages;
};

static bool proc_stat_read(pid_t pid, struct proc_stat *out)
{
    char path[64];
    char text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    if (size <= 0)
        return false;
    text[size] = 0;
    const char *after = strrchr(text, ')'); /* The name may hold blanks and brackets. */
    if (!after)
        return false;
    return sscanf(after + 1,
                  " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %ld %*d "
                  "%llu %*u %ld",
                  &out->state, &out->user_ticks, &out->system_ticks, &out->threads,
                  &out->start_ticks, &out->resident_pages) == 6;
}

static bool is_dead(const struct proc_stat *stat)
{
    /* The last thread closes the sockets. */
    return (stat->state == 'Z' || stat->state == 'X') && stat->threads <= 1;
}

bool process_is_alive(pid_t pid)
{
    struct proc_stat stat;
    waitpid(pid, NULL, WNOHANG); /* Only a child of ours is reaped. */
    return proc_stat_read(pid, &stat) && !is_dead(&stat);
}

static pid_t read_pid(const char *path, struct proc_stat *stat)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    int pid = 0;
    unsigned long long start = 0;
    int fields = fscanf(file, "%d %llu", &pid, &start);
    fclose(file);
    if (fields != 2 || pid <= 1)
        return 0;
    waitpid(pid, NULL, WNOHANG);
    if (!proc_stat_read(pid, stat) || stat->start_ticks != start)
        return 0;
    return is_dead(stat) ? 0 : pid;
}

pid_t process_named(const char *path)
{
    struct proc_stat stat;
    return read_pid(path, &stat);
}

static pid_t own_pid(const struct cluster *cluster, node_id node, struct proc_stat *stat)
{
    char path[CLUSTER_PATH_MAX];
    cluster_path(cluster, node, "pid", path);
    return read_pid(path, stat);
}

struct node_process node_process(const struct cluster *cluster, node_id node)
{
    struct node_process out = {.state = NODE_DOWN};
    struct proc_stat stat;
    out.pid = own_pid(cluster, node, &stat);
    if (!out.pid)
        return out;
    int64_t ticks = sysconf(_SC_CLK_TCK);
    struct timespec boot;
    clock_gettime(CLOCK_BOOTTIME, &boot);
    out.state = stat.state == 'T' || stat.state == 't' ? NODE_PAUSED : NODE_RUNNING;
    out.uptime_us = (int64_t)boot.tv_sec * 1000000 + boot.tv_nsec / 1000 -
                    (int64_t)stat.start_ticks * 1000000 / ticks;
    out.resident_bytes = (int64_t)stat.resident_pages * sysconf(_SC_PAGESIZE);
    out.cpu_us = (int64_t)(stat.user_ticks + stat.system_ticks) * 1000000 / ticks;
    return out;
}

uint32_t cluster_running(const struct cluster *cluster)
{
    uint32_t running = 0;
    for (uint32_t i = 0; i < cluster->count; i++)
        running += node_process(cluster, cluster->nodes[i].id).state != NODE_DOWN;
    return running;
}

int node_signal(const struct cluster *cluster, node_id node, int number)
{
    struct proc_stat stat;
    pid_t pid = own_pid(cluster, node, &stat);
    if (!pid)
        return EXIT_NOT_FOUND;
    return kill(pid, number) == 0 ? EXIT_DONE : EXIT_FAILED;
}

bool node_wait_gone(const struct cluster *cluster, node_id node, int64_t deadline_us)
{
    struct proc_stat stat;
    while (own_pid(cluster, node, &stat)) {
        if (now_us() >= deadline_us)
            return false;
        sleep_us(1000);
    }
    return true;
}

int cluster_find_program(const char *name, char out[CLUSTER_PATH_MAX])
{
    char self[CLUSTER_PATH_MAX - 32];
    ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
    if (size <= 0)
        return say_error(EXIT_FAILED, "cannot tell where this program stands");
    self[size] = 0;
    *strrchr(self, '/') = 0;
    snprintf(out, CLUSTER_PATH_MAX, "%s/%.24s", self, name);
    if (access(out, R_OK) == 0)
        return EXIT_DONE;
    return say_error(EXIT_FAILED, "%s: %s. Build it with tools/up", out, strerror(errno));
}

/* skiffd stands beside skiff, or is named by $SKIFFD. */
int cluster_find_skiffd(char out[CLUSTER_PATH_MAX])
{
    const char *named = getenv("SKIFFD");
    if (!named)
        return cluster_find_program("skiffd", out);
    snprintf(out, CLUSTER_PATH_MAX, "%s", named);
    if (access(out, X_OK) == 0)
        return EXIT_DONE;
    return say_error(EXIT_FAILED, "%s: %s. Build it with tools/up, or name it in $SKIFFD", out,
                     strerror(errno));
}

bool end_with(pid_t parent, int number)
{
    return prctl(PR_SET_PDEATHSIG, number) == 0 && getppid() == parent;
}

/* In the child: a session of its own, no descriptors of ours, its log as output. */
static _Noreturn void become(const struct process_start *how)
{
    setsid();
    int in = open("/dev/null", O_RDONLY);
    int out = open(how->log, O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
        _exit(126);
    close_range(3, ~0u, 0);
    if (chdir(how->dir) != 0)
        _exit(126);
    signal(SIGINT, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (how->faults_of)
        chaos_setenv(how->faults_of, how->node);
    execv(how->words[0], (char **)(uintptr_t)how->words);
    _exit(127);
}

pid_t process_start(const struct process_start *how)
{
    pid_t self = getpid();
    pid_t pid = fork();
    if (pid == 0 && how->ends_with_us && !end_with(self, SIGKILL))
        _exit(126);
    if (pid == 0)
        become(how);
    return pid;
}

static int write_pid(const struct cluster *cluster, node_id node, pid_t pid)
{
    char path[CLUSTER_PATH_MAX];
    struct proc_stat stat;
    cluster_path(cluster, node, "pid", path);
    if (!proc_stat_read(pid, &stat))
        return say_error(EXIT_FAILED, "node %d ended at once", node);
    FILE *file = fopen(path, "we");
    if (!file)
        return say_error(EXIT_FAILED, "%s: %s", path, strerror(errno));
    fprintf(file, "%d %llu\n", (int)pid, stat.start_ticks);
    return fclose(file) == 0 ? EXIT_DONE : say_error(EXIT_FAILED, "%s: %s", path, strerror(errno));
}

/* Standard error gets the last lines that the node printed. */
static void show_log_end(const struct cluster *cluster, node_id node)
{
    char path[CLUSTER_PATH_MAX];
    char text[2048];
    cluster_path(cluster, node, "log", path);
    FILE *file = fopen(path, "re");
    if (!file)
        return;
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    fseek(file, size > LOG_END_SIZE ? size - LOG_END_SIZE : 0, SEEK_SET);
    size_t got = fread(text, 1, sizeof text - 1, file);
    text[got] = 0;
    fclose(file);
    const char *from = size > LOG_END_SIZE && strchr(text, '\n') ? strchr(text, '\n') + 1 : text;
    fprintf(stderr, "%s", from);
}

int node_tell_end(const struct cluster *cluster, node_id node)
{
    show_log_end(cluster, node);
    return say_error(EXIT_FAILED, "node %d ended; the end of its log stands above", node);
}

int node_start(const struct cluster *cluster, node_id node, const char *skiffd)
{
    char config[CLUSTER_PATH_MAX];
    char log[CLUSTER_PATH_MAX];
    char dir[CLUSTER_PATH_MAX];
    const char *const words[] = {skiffd, "-c", config, NULL};
    cluster_path(cluster, node, "server.properties", config);
    cluster_path(cluster, node, "log", log);
    cluster_path(cluster, node, "", dir);
    struct process_start how = {.words = words,
                                .log = log,
                                .dir = dir,
                                .ends_with_us = cluster->ends_with_us,
                                .faults_of = cluster->chaos ? cluster : NULL,
                                .node = node};
    pid_t pid = process_start(&how);
    if (pid < 0)
        return say_error(EXIT_FAILED, "cannot start a process: %s", strerror(errno));
    return write_pid(cluster, node, pid);
}
