/* main.c -- skiff-proxy DIR: the network between the nodes of one cluster, with its faults.
 *
 * DIR holds proxy.conf; there the proxy makes proxy.sock, and proxy.pid once it works
 * ("<pid> <start time>", as a node's), which it also holds locked against a second one. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "proxy.h"

#define PID_NAME "proxy.pid"

enum { FIELD_START_TIME = 22 };

int64_t clock_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void say(const char *format, ...)
{
    struct timespec now;
    struct tm parts;
    char text[32];
    va_list arguments;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    printf("%s.%03ldZ ", text, now.tv_nsec / 1000000);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

static bool failed(const char *what)
{
    fprintf(stderr, "skiff-proxy: %s: %s\n", what, strerror(errno));
    return false;
}

/* When the kernel says that this process started. */
static unsigned long long start_time(void)
{
    char text[1024];
    unsigned long long ticks = 0;
    FILE *file = fopen("/proc/self/stat", "re");
    size_t size = file ? fread(text, 1, sizeof text - 1, file) : 0;
    text[size] = 0;
    if (file)
        fclose(file);
    const char *at = strrchr(text, ')'); /* The name, its second field, may hold blanks. */
    for (int field = 2; at && field < FIELD_START_TIME; field++)
        at = strchr(at + 1, ' ');
    if (at)
        sscanf(at, "%llu", &ticks);
    return ticks;
}

/* Errors  -1, told: another proxy has it. */
static int lock_pid_file(void)
{
    int fd = open(PID_NAME, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) {
        failed(PID_NAME);
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    fprintf(stderr, "skiff-proxy: a proxy runs in this directory already\n");
    close(fd);
    return -1;
}

static bool write_pid(int fd)
{
    char text[64];
    int size = snprintf(text, sizeof text, "%d %llu\n", (int)getpid(), start_time());
    if (ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)size, 0) == size)
        return true;
    return failed(PID_NAME);
}

/* As many descriptors as may be had; two are a connection. */
static uint32_t connections_max(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < 2 * DESCRIPTORS_KEPT)
        return 1;
    rlim_t max = (limit.rlim_cur - DESCRIPTORS_KEPT) / 2;
    return max < UINT16_MAX ? (uint32_t)max : UINT16_MAX;
}

static void on_signal(uv_signal_t *handle, int number)
{
    (void)number;
    uv_stop(handle->loop);
}

enum { SIGNALS = 2 };

static void watch_signals(struct proxy *proxy, uv_signal_t signals[SIGNALS])
{
    const int numbers[SIGNALS] = {SIGTERM, SIGINT};
    for (int i = 0; i < SIGNALS; i++) {
        uv_signal_init(&proxy->loop, &signals[i]);
        uv_signal_start(&signals[i], on_signal, numbers[i]);
    }
}

/* Serve until told to stop. */
static bool serve(struct proxy *proxy, int pid_file)
{
    uv_signal_t signals[SIGNALS];
    proxy->scratch = mem_alloc(SCRATCH_SIZE);
    proxy->conn_max = connections_max();
    uv_loop_init(&proxy->loop);
    network_init(&proxy->network, (uint64_t)clock_us());
    conns_init(proxy);
    ports_start(proxy);
    watch_signals(proxy, signals);
    bool good = control_start(proxy) && write_pid(pid_file);
    if (good) {
        say("ready: %u ports, room for %u connections", proxy->port_count, proxy->conn_max);
        uv_run(&proxy->loop, UV_RUN_DEFAULT);
        uv_run(&proxy->loop, UV_RUN_NOWAIT); /* The answer to `stop` leaves. */
    }
    ports_stop(proxy);
    conns_stop(proxy);
    control_stop(proxy);
    for (int i = 0; i < SIGNALS; i++)
        uv_close((uv_handle_t *)&signals[i], NULL);
    uv_run(&proxy->loop, UV_RUN_DEFAULT);
    check(uv_loop_close(&proxy->loop) == 0);
    network_free(&proxy->network);
    mem_free(proxy->scratch);
    unlink("proxy.sock");
    unlink(PID_NAME);
    say("stopped");
    return good;
}

int main(int count, char **words)
{
    static struct proxy proxy;
    if (count != 2 || words[1][0] == '-') {
        fprintf(stderr, "usage: skiff-proxy DIR\n"
                        "The network between nodes: DIR/proxy.conf has a line a listener, `NODE "
                        "LISTEN:PORT TARGET:PORT`;\nDIR/proxy.sock takes commands.\n");
        return count == 2 && !strcmp(words[1], "--help") ? 0 : 2;
    }
    signal(SIGPIPE, SIG_IGN);
    if (chdir(words[1]) != 0)
        return !failed(words[1]);
    if (!settings_read(&proxy, "proxy.conf"))
        return 1;
    int pid_file = lock_pid_file();
    return pid_file >= 0 && serve(&proxy, pid_file) ? 0 : 1;
}
