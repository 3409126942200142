/* machine.c -- what this machine can do at best: memory, loopback, page cache, disk.
 *
 * Short measurements, each bounded in time, of what a broker is made of; the figures of a run
 * are read against them. Pages are touched before, since a fresh guest page costs microseconds. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "load.h"
#include "output.h"
#include "say.h"

enum {
    MEMORY_SIZE = 256 * 1024 * 1024,
    BLOCK_SIZE = 64 * 1024,
    FILE_SIZE = 256 * 1024 * 1024, /* Written again from the start after so much. */
    RECORD_SIZE = 1024,
    SPAN_NS = 700000000, /* Of each measurement. */
};

static double giga_a_second(uint64_t bytes, int64_t from_ns)
{
    return (double)bytes / (double)(load_now_ns() - from_ns);
}

static double measure_memcpy(uint8_t *memory, size_t block)
{
    uint64_t bytes = 0;
    size_t half = MEMORY_SIZE / 2;
    int64_t from_ns = load_now_ns();
    while (load_now_ns() - from_ns < SPAN_NS / 2) {
        size_t at = block < half ? 0 : bytes % half;
        memcpy(memory + half + at, memory + at, block);
        __asm__ volatile("" ::: "memory"); /* Or the compiler leaves the copy out. */
        bytes += block;
    }
    return giga_a_second(bytes, from_ns);
}

static double measure_crc(const uint8_t *memory)
{
    uint64_t bytes = 0;
    uint32_t crc = 0;
    int64_t from_ns = load_now_ns();
    while (load_now_ns() - from_ns < SPAN_NS / 4) {
        crc = crc32c(crc, memory, BLOCK_SIZE);
        bytes += BLOCK_SIZE;
    }
    return giga_a_second(bytes, from_ns) + (crc == 1 ? 1e-12 : 0); /* The sum is used. */
}

/* Two ends of a TCP connection over 127.0.0.1. False: it could not be had. */
static bool connect_ends(int *sender, int *receiver)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int on = 1;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    *sender = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool good = bind(listener, (struct sockaddr *)&address, size) == 0 &&
                listen(listener, 1) == 0 &&
                getsockname(listener, (struct sockaddr *)&address, &size) == 0 &&
                connect(*sender, (struct sockaddr *)&address, size) == 0;
    *receiver = good ? accept(listener, NULL, NULL) : -1;
    setsockopt(*sender, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(*receiver, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    close(listener);
    return *receiver >= 0;
}

static void send_for_a_while(int fd, const uint8_t *memory)
{
    int64_t from_ns = load_now_ns();
    while (load_now_ns() - from_ns < SPAN_NS && send(fd, memory, BLOCK_SIZE, MSG_NOSIGNAL) > 0)
        ;
}

/* Gigabytes a second from one process to another. */
static double measure_loopback(uint8_t *memory)
{
    int sender;
    int receiver;
    if (!connect_ends(&sender, &receiver))
        return 0;
    pid_t child = fork();
    if (child == 0) {
        close(receiver);
        send_for_a_while(sender, memory);
        _exit(0);
    }
    close(sender);
    uint64_t bytes = 0;
    int64_t from_ns = load_now_ns();
    ssize_t got;
    while ((got = recv(receiver, memory, 4 * BLOCK_SIZE, 0)) > 0)
        bytes += (uint64_t)got;
    double found = giga_a_second(bytes, from_ns);
    close(receiver);
    waitpid(child, NULL, 0);
    return found;
}

static void echo_until_closed(int fd)
{
    char text[128];
    ssize_t got;
    while ((got = recv(fd, text, sizeof text, 0)) > 0)
        if (send(fd, text, (size_t)got, MSG_NOSIGNAL) != got)
            return;
}

/* Round trips of 100 bytes between two processes. */
static void measure_round_trips(struct histogram *histogram)
{
    int here;
    int there;
    char text[100] = "ping";
    if (!connect_ends(&here, &there))
        return;
    pid_t child = fork();
    if (child == 0) {
        close(here);
        echo_until_closed(there);
        _exit(0);
    }
    close(there);
    int64_t from_ns = load_now_ns();
    int64_t now_ns = from_ns;
    while (now_ns - from_ns < SPAN_NS && send(here, text, sizeof text, MSG_NOSIGNAL) > 0 &&
           recv(here, text, sizeof text, MSG_WAITALL) == sizeof text) {
        int64_t then_ns = now_ns;
        now_ns = load_now_ns();
        histogram_add(histogram, (uint64_t)(now_ns - then_ns));
    }
    close(here);
    waitpid(child, NULL, 0);
}

/* Gigabytes a second of appends into the page cache. */
static double measure_page_cache(int fd, const uint8_t *memory)
{
    double best = 0;
    for (int pass = 0; pass < 2; pass++) {
        int64_t from_ns = load_now_ns();
        uint64_t bytes = 0;
        if (ftruncate(fd, 0) != 0)
            return 0;
        while (bytes < FILE_SIZE && pwrite(fd, memory, BLOCK_SIZE, (off_t)bytes) == BLOCK_SIZE)
            bytes += BLOCK_SIZE;
        double found = giga_a_second(bytes, from_ns);
        best = found > best ? found : best; /* The first pass may take fresh pages. */
    }
    return best;
}

/* Appends of 1 KiB, each synced. */
static void measure_sync(int fd, const uint8_t *memory, struct histogram *histogram)
{
    off_t at = 0;
    if (ftruncate(fd, 0) != 0 || fsync(fd) != 0)
        return;
    int64_t from_ns = load_now_ns();
    int64_t now_ns = from_ns;
    while (now_ns - from_ns < 2 * (int64_t)SPAN_NS) {
        int64_t then_ns = now_ns;
        if (pwrite(fd, memory, RECORD_SIZE, at) != RECORD_SIZE || fdatasync(fd) != 0)
            return;
        at += RECORD_SIZE;
        now_ns = load_now_ns();
        histogram_add(histogram, (uint64_t)(now_ns - then_ns));
    }
}

static void set(json_t *out, const char *name, double value)
{
    json_object_set_new(out, name, json_real(value));
}

static void set_latency(json_t *out, const char *name, const struct histogram *histogram)
{
    char key[64];
    snprintf(key, sizeof key, "%s_p50_us", name);
    set(out, key, (double)histogram_percentile(histogram, 500000) / 1000);
    snprintf(key, sizeof key, "%s_p99_us", name);
    set(out, key, (double)histogram_percentile(histogram, 990000) / 1000);
    snprintf(key, sizeof key, "%s_per_s", name);
    set(out, key, histogram->sum ? (double)histogram->total * 1e9 / (double)histogram->sum : 0);
}

int load_measure_machine(const char *directory)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/skiff-load-machine-XXXXXX", directory);
    int fd = mkstemp(path);
    if (fd < 0)
        return say_error(EXIT_FAILED, "%s: %s", directory, strerror(errno));
    unlink(path);
    uint8_t *memory = mem_alloc(MEMORY_SIZE);
    struct histogram *times = mem_zalloc(2 * sizeof *times);
    memset(memory, 1, MEMORY_SIZE);

    json_t *out = json_object();
    set(out, "memcpy_64k_gb_per_s", measure_memcpy(memory, BLOCK_SIZE));
    set(out, "memcpy_128m_gb_per_s", measure_memcpy(memory, MEMORY_SIZE / 2));
    set(out, "crc32c_gb_per_s", measure_crc(memory));
    set(out, "loopback_gb_per_s", measure_loopback(memory));
    measure_round_trips(&times[0]);
    set_latency(out, "round_trip", &times[0]);
    set(out, "page_cache_gb_per_s", measure_page_cache(fd, memory));
    measure_sync(fd, memory, &times[1]);
    set_latency(out, "fdatasync_1k", &times[1]);
    print_json(out);
    close(fd);
    mem_free(times);
    mem_free(memory);
    return EXIT_DONE;
}
