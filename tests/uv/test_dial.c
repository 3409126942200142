/* test_dial.c -- how a dial ends: connected, refused, unanswered, given up. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake_shard.h"

/* A label of 72 bytes is no name in the DNS, so nobody is asked for it. */
#define NO_HOST "hosthosthosthosthosthosthosthosthosthosthosthosthosthosthosthosthosthost"

static struct env_address target;
static conn_id dialed;
static mono_ms started, ended;
static enum err result;
static uint32_t results;

static void dial_target(void)
{
    started = env_mono(fake.env);
    dialed = env_dial(fake.env, &target);
    cr_assert_geq(dialed, 0);
    cr_assert_eq(fake.inbox_count, 0, "told from within the call");
}

static void on_dialed(const struct env_event *event)
{
    if (event->kind != ENV_DIALED)
        return;
    cr_assert_eq(event->conn, dialed);
    result = event->result;
    results++;
    ended = env_mono(fake.env);
    fake.stopped = true;
}

static void dial(const char *host, uint16_t port)
{
    fake_init("localhost");
    snprintf(target.host, sizeof target.host, "%s", host);
    target.port = port;
    fake.on_open = dial_target;
    fake.on_event = on_dialed;
    fake_run();
    cr_assert_eq(results, 1);
}

/* A port that was free a moment ago, bound but without a listener: it refuses. */
static uint16_t refusing_port(int *fd, int backlog)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    *fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(*fd, (struct sockaddr *)&address, size), 0);
    if (backlog >= 0)
        cr_assert_eq(listen(*fd, backlog), 0);
    getsockname(*fd, (struct sockaddr *)&address, &size);
    return ntohs(address.sin_port);
}

Test(dial, is_refused_at_once_where_nobody_listens)
{
    int fd;
    dial("127.0.0.1", refusing_port(&fd, -1));
    cr_assert_eq(result, ERR_REFUSED);
    cr_assert_lt(ended - started, 500);
    close(fd);
}

Test(dial, tries_both_addresses_of_localhost_before_it_is_refused)
{
    int fd;
    dial("localhost", refusing_port(&fd, -1));
    cr_assert_eq(result, ERR_REFUSED);
    close(fd);
}

Test(dial, reaches_the_second_address_when_the_first_refuses)
{
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    socklen_t size = sizeof address;
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, size), 0);
    cr_assert_eq(listen(fd, 1), 0);
    getsockname(fd, (struct sockaddr *)&address, &size);
    dial("localhost", ntohs(address.sin6_port));
    cr_assert_eq(result, ERR_NONE);
    close(fd);
}

Test(dial, is_unreachable_when_nobody_answers_in_time)
{
    int fd;
    uint16_t port = refusing_port(&fd, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fillers[4];
    for (int i = 0; i < 4; i++) { /* A full backlog drops what comes. */
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(fillers[i], (struct sockaddr *)&address, sizeof address);
    }
    dial("127.0.0.1", port);
    cr_assert_eq(result, ERR_UNREACHABLE);
    cr_assert_geq(ended - started, 999);
    cr_assert_lt(ended - started, 3000);
    for (int i = 0; i < 4; i++)
        close(fillers[i]);
    close(fd);
}

Test(dial, is_unreachable_when_the_name_is_unknown)
{
    dial(NO_HOST, 1);
    cr_assert_eq(result, ERR_UNREACHABLE);
}

static void stop(void)
{
    fake.stopped = true;
}

static void give_up(void)
{
    struct env_address refusing = target;
    struct env_address named = {.port = 1};
    snprintf(named.host, sizeof named.host, NO_HOST);
    env_hang_up(fake.env, env_dial(fake.env, &refusing));
    env_hang_up(fake.env, env_dial(fake.env, &named));
    fake.deadline = env_mono(fake.env) + 20;
    fake.on_deadline = stop;
}

static void on_nothing(const struct env_event *event)
{
    results += event->kind == ENV_DIALED;
}

Test(dial, that_was_hung_up_says_nothing_any_more)
{
    int fd;
    fake_init("127.0.0.1");
    target = (struct env_address){.host = "127.0.0.1", .port = refusing_port(&fd, -1)};
    fake.on_open = give_up;
    fake.on_event = on_nothing;
    fake_run();
    cr_assert_eq(results, 0);
    close(fd);
}

static void dial_thrice(void)
{
    conn_id first = env_dial(fake.env, &target);
    env_hang_up(fake.env, first);
    conn_id second = env_dial(fake.env, &target);
    env_hang_up(fake.env, second);
    dial_target();
    cr_assert_neq(first, second);
    cr_assert_neq(dialed, first);
    cr_assert_neq(dialed, second);
}

Test(dial, never_gives_an_id_twice)
{
    int fd;
    fake_init("127.0.0.1");
    target = (struct env_address){.host = "127.0.0.1", .port = refusing_port(&fd, -1)};
    fake.on_open = dial_thrice;
    fake.on_event = on_dialed;
    fake_run();
    close(fd);
}
