/* listens.c -- who listens, told without a dial: by netlink and by /proc alike. */
#include "listens.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct listens listens;

static void set_up(void)
{
    listens_open(&listens);
}

static void tear_down(void)
{
    listens_close(&listens);
}

TestSuite(listens, .init = set_up, .fini = tear_down);

/* A socket bound to `host` and a free port, which *address gets with the host to ask for. */
static int bound(const char *host, const char *asked, struct sockaddr_in *address)
{
    struct sockaddr_in here = {.sin_family = AF_INET};
    socklen_t size = sizeof here;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    inet_pton(AF_INET, host, &here.sin_addr);
    cr_assert_eq(bind(fd, (struct sockaddr *)&here, sizeof here), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&here, &size), 0);
    *address = here;
    inet_pton(AF_INET, asked, &address->sin_addr);
    return fd;
}

static int bound_mapped(struct sockaddr_in *address)
{
    struct sockaddr_in6 here = {.sin6_family = AF_INET6};
    socklen_t size = sizeof here;
    int off = 0;
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    inet_pton(AF_INET6, "::ffff:127.0.1.9", &here.sin6_addr);
    cr_assert_eq(bind(fd, (struct sockaddr *)&here, sizeof here), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&here, &size), 0);
    memset(address, 0, sizeof *address);
    address->sin_family = AF_INET;
    address->sin_port = here.sin6_port;
    inet_pton(AF_INET, "127.0.1.9", &address->sin_addr);
    return fd;
}

static void assert_follows(int fd, const struct sockaddr_in *address)
{
    cr_assert_not(listens_on(&listens, address), "bound is not listening");
    cr_assert_not(listens_in_proc(address));
    cr_assert_eq(listen(fd, 1), 0);
    cr_assert(listens_on(&listens, address));
    cr_assert(listens_in_proc(address));
    close(fd);
    cr_assert_not(listens_on(&listens, address));
    cr_assert_not(listens_in_proc(address));
    cr_assert_geq(listens.netlink, 0, "netlink was there from first to last");
}

Test(listens, on_one_address)
{
    struct sockaddr_in address;
    int fd = bound("127.0.1.9", "127.0.1.9", &address);
    assert_follows(fd, &address);
}

Test(listens, on_all_addresses)
{
    struct sockaddr_in address;
    int fd = bound("0.0.0.0", "127.0.1.9", &address);
    assert_follows(fd, &address);
}

Test(listens, on_a_dual_stack_socket)
{
    struct sockaddr_in address;
    int fd = bound_mapped(&address);
    assert_follows(fd, &address);
}

Test(listens, not_on_the_address_beside_it)
{
    struct sockaddr_in address;
    int fd = bound("127.0.1.9", "127.0.2.9", &address);
    cr_assert_eq(listen(fd, 1), 0);
    cr_assert_not(listens_on(&listens, &address));
    cr_assert_not(listens_in_proc(&address));
    close(fd);
}

Test(listens, by_proc_where_netlink_is_not_there)
{
    struct sockaddr_in address;
    int fd = bound("127.0.1.9", "127.0.1.9", &address);
    cr_assert_eq(listen(fd, 1), 0);
    listens_close(&listens);
    cr_assert(listens_on(&listens, &address));
    close(fd);
    cr_assert_not(listens_on(&listens, &address));
}
