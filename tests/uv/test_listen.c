/* test_listen.c -- ports: taken ones, both families, running out of descriptors. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake_shard.h"

/* A socket that listens on 127.0.0.1; its port. */
static uint16_t taken_port(int *fd)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    *fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(*fd, (struct sockaddr *)&address, size), 0);
    cr_assert_eq(listen(*fd, 1), 0);
    getsockname(*fd, (struct sockaddr *)&address, &size);
    return ntohs(address.sin_port);
}

static void refuses_taken_port(const char *host, const char *named)
{
    int fd;
    char expected[128];
    fake_init(host);
    fake.config.listeners[0].bind.port = taken_port(&fd);
    snprintf(expected, sizeof expected, "listener MAIN: %s:%u is in use by another process\n",
             named, (unsigned)fake.config.listeners[0].bind.port);
    cr_assert_eq(fake_open(), ERR_BUSY);
    cr_assert_str_eq(fake.lines, expected);
    cr_assert_neq(access(fake.config.log_dir, F_OK), 0, "left a directory behind");
    close(fd);
    fake_remove_dir();
}

Test(listen, names_the_listener_address_and_port_that_are_taken)
{
    refuses_taken_port("127.0.0.1", "127.0.0.1");
}

Test(listen, notices_a_taken_port_when_it_wants_every_address)
{
    refuses_taken_port("", "[::]");
}

Test(listen, notices_a_taken_port_of_localhost)
{
    refuses_taken_port("localhost", "127.0.0.1");
}

static uint32_t accepted, dialed;

static void dial_both(void)
{
    struct env_address v4 = fake_address("127.0.0.1");
    struct env_address v6 = fake_address("::1");
    env_dial(fake.env, &v4);
    env_dial(fake.env, &v6);
}

static void on_both(const struct env_event *event)
{
    accepted += event->kind == ENV_ACCEPTED;
    if (event->kind == ENV_DIALED) {
        cr_assert_eq(event->result, ERR_NONE);
        dialed++;
    }
    fake.stopped = accepted == 2 && dialed == 2;
}

static void reached_on_both_families(const char *host)
{
    fake_init(host);
    fake.on_open = dial_both;
    fake.on_event = on_both;
    fake_run();
    cr_assert_neq(fake.config.listeners[0].bind.port, 0);
}

Test(listen, reaches_both_families_of_localhost_on_one_free_port)
{
    reached_on_both_families("localhost");
}

Test(listen, reaches_both_families_of_an_empty_host)
{
    reached_on_both_families("");
}

Test(listen, tells_the_free_port_that_it_took)
{
    fake_init("127.0.0.1");
    fake.config.node_id = 3;
    fake.config.listeners[0].internal = true;
    fake.config.voter_count = 1;
    fake.config.voters[0].id = 3;
    cr_assert_eq(fake_open(), ERR_NONE);
    cr_assert_neq(fake.config.listeners[0].bind.port, 0);
    cr_assert_eq(fake.config.listeners[0].advertised.port, fake.config.listeners[0].bind.port);
    cr_assert_eq(fake.config.voters[0].address.port, fake.config.listeners[0].bind.port);
    platform_close(fake.platform);
    fake_remove_dir();
}

/* A label of 72 bytes is no name in the DNS, so nobody is asked for it. */
#define NO_HOST "hosthosthosthosthosthosthosthosthosthosthosthosthosthosthosthosthosthost"

Test(listen, refuses_a_host_without_an_address)
{
    fake_init(NO_HOST);
    cr_assert_eq(fake_open(), ERR_INVALID_CONFIG);
    cr_assert_str_eq(fake.lines, "listener MAIN: host " NO_HOST " has no address\n");
    fake_remove_dir();
}

enum { FILLERS_MAX = 256 };
static int waiting_fd;
static int fillers[FILLERS_MAX];
static uint32_t filler_count;

static void connect_raw(int fd)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(fake.config.listeners[0].bind.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
}

static int filled_to; /* No descriptor below this one is free then. */

/* Leave no descriptor free, or only the last ones, then have somebody connect. */
static void starve(void)
{
    struct rlimit limit;
    waiting_fd = socket(AF_INET, SOCK_STREAM, 0);
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = 64;
    setrlimit(RLIMIT_NOFILE, &limit);
    int filler = 0;
    while (filler_count < FILLERS_MAX && filler + 1 < filled_to && (filler = dup(waiting_fd)) >= 0)
        fillers[filler_count++] = filler;
    cr_assert_lt(filler_count, FILLERS_MAX);
    connect_raw(waiting_fd);
}

/* The refused client has heard it; with descriptors free again, the next one gets in. */
static void recover(void)
{
    char byte;
    for (uint32_t i = 0; i < filler_count; i++)
        close(fillers[i]);
    cr_assert_eq(accepted, 0);
    cr_assert_leq(recv(waiting_fd, &byte, 1, MSG_DONTWAIT), 0);
    close(waiting_fd);
    waiting_fd = socket(AF_INET, SOCK_STREAM, 0);
    connect_raw(waiting_fd);
}

static void on_starving(const struct env_event *event)
{
    accepted += event->kind == ENV_ACCEPTED;
    fake.stopped = accepted == 1;
}

static void starve_then_wait(void)
{
    starve();
    fake.deadline = env_mono(fake.env) + 30;
    fake.on_deadline = recover;
}

static void open_starving(void)
{
    fake.deadline = env_mono(fake.env);
    fake.on_deadline = starve_then_wait;
}

static void check_starving(int filled)
{
    filled_to = filled;
    fake_init("127.0.0.1");
    fake.on_open = open_starving;
    fake.on_event = on_starving;
    fake_run();
    cr_assert_eq(accepted, 1);
    cr_assert_lt(fake.ticks, 20);
    cr_assert_not_null(strstr(fake.lines, "out of file descriptors"));
    close(waiting_fd);
}

Test(listen, keeps_serving_after_it_ran_out_of_descriptors)
{
    check_starving(INT_MAX);
}

/* Of 64 the last 8 are the quorum's. */
Test(listen, leaves_the_last_descriptors_to_other_nodes)
{
    check_starving(57);
}
