/* hook_net.c -- connections get the node's own source address; sockets end with the descriptors.
 *
 * Who dials is known to a proxy by the source address alone, so a TCP socket that is not bound and
 * is to be connected within 127/8 is bound to SKIFF_FAULTS_SOURCE first. A dual-stack socket
 * that connects to a mapped address (a JVM's all do) binds the mapped form. The port is chosen
 * by connect(), so that as many connections are possible as without. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "faults.h"

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

/* The IPv4 address in a socket address, in host order; false: there is none. */
static bool ipv4_of(const struct sockaddr *address, socklen_t size, uint32_t *out)
{
    if (address->sa_family == AF_INET && size >= sizeof(struct sockaddr_in)) {
        *out = ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr);
        return true;
    }
    if (address->sa_family != AF_INET6 || size < sizeof(struct sockaddr_in6))
        return false;
    const struct in6_addr *wide = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    uint32_t inner;
    memcpy(&inner, wide->s6_addr + 12, sizeof inner);
    *out = ntohl(inner);
    return IN6_IS_ADDR_V4MAPPED(wide);
}

static bool is_unbound_tcp(int fd)
{
    int type = 0;
    socklen_t size = sizeof type;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM)
        return false;
    struct sockaddr_storage own;
    size = sizeof own;
    if (getsockname(fd, (struct sockaddr *)&own, &size) != 0)
        return false;
    if (own.ss_family == AF_INET)
        return ((struct sockaddr_in *)&own)->sin_port == 0 &&
               ((struct sockaddr_in *)&own)->sin_addr.s_addr == 0;
    return own.ss_family == AF_INET6 && ((struct sockaddr_in6 *)&own)->sin6_port == 0 &&
           IN6_IS_ADDR_UNSPECIFIED(&((struct sockaddr_in6 *)&own)->sin6_addr);
}

static void bind_source(int fd, sa_family_t family)
{
    struct sockaddr_storage own = {0};
    socklen_t size;
    if (family == AF_INET) {
        struct sockaddr_in *narrow = (struct sockaddr_in *)&own;
        *narrow = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = faults.source};
        size = sizeof *narrow;
    } else {
        struct sockaddr_in6 *wide = (struct sockaddr_in6 *)&own;
        wide->sin6_family = AF_INET6;
        wide->sin6_addr.s6_addr[10] = 0xff;
        wide->sin6_addr.s6_addr[11] = 0xff;
        memcpy(wide->sin6_addr.s6_addr + 12, &faults.source, sizeof faults.source);
        size = sizeof *wide;
    }
    int on = 1;
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&own, size) == 0)
        count(&faults.rules->dials_bound, 1);
}

/* The C library's own parameter types: a union of pointers to every kind of address. */
EXPORT int connect(int fd, __CONST_SOCKADDR_ARG to, socklen_t size)
{
    const struct sockaddr *address = to.__sockaddr__;
    uint32_t target;
    if (faults.source.s_addr && address && ipv4_of(address, size, &target) && target >> 24 == 127) {
        int before = errno;
        if (is_unbound_tcp(fd))
            bind_source(fd, address->sa_family);
        errno = before;
    }
    return (int)syscall(SYS_connect, fd, address, size);
}

EXPORT int socket(int family, int type, int protocol)
{
    if (descriptor_refused())
        return -1;
    int fd = (int)syscall(SYS_socket, family, type, protocol);
    descriptor_forget(fd);
    return fd;
}

EXPORT int accept4(int fd, __SOCKADDR_ARG from, socklen_t *restrict size, int flags)
{
    if (descriptor_refused())
        return -1;
    int accepted = (int)syscall(SYS_accept4, fd, from.__sockaddr__, size, flags);
    descriptor_forget(accepted);
    return accepted;
}

EXPORT int accept(int fd, __SOCKADDR_ARG from, socklen_t *restrict size)
{
    return accept4(fd, from, size, 0);
}
