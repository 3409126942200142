/* ports.c -- which ports of 127.0.0.1 and ::1 are free, and of a chaos cluster's addresses.
 *
 * Free ports are looked for below the range from which the kernel takes ports of
 * outgoing connections, so that nothing takes them while a node is down. They lie in
 * blocks, and a name in the abstract namespace of Unix sockets says that a block is
 * taken: like the ports it belongs to the network namespace, and ends with its process. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cluster.h"
#include "say.h"

enum {
    INTERNAL_OFFSET = 1000, /* Internal listener, above the client's. */
    HTTP_OFFSET = 2000,
    FREE_FIRST = 12000,
    FREE_GROUPS = 6, /* Of 3000 ports: clients, internal, HTTP. */
    FREE_GROUP_SPAN = 3000,
    FREE_BLOCK_SPAN = 16,
    FREE_BLOCKS = 62, /* In a group. */
    FREE_TRIES = 400,
};

static_assert(FREE_BLOCKS * FREE_BLOCK_SPAN <= INTERNAL_OFFSET,
              "Blocks don't reach the next kind.");
static_assert((int)CLUSTER_NODES_MAX <= (int)FREE_BLOCK_SPAN, "A block has room for every node.");

struct loopback {
    struct sockaddr_storage address;
    socklen_t size;
};

/* `v4` of AF_INET, else ::1. */
static struct loopback loopback(int family, const char *v4, uint16_t port)
{
    struct loopback out = {.size = 0};
    if (family == AF_INET) {
        struct sockaddr_in *four = (struct sockaddr_in *)&out.address;
        four->sin_family = AF_INET;
        four->sin_port = htons(port);
        inet_pton(AF_INET, v4, &four->sin_addr);
        out.size = sizeof *four;
        return out;
    }
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&out.address;
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(port);
    six->sin6_addr = in6addr_loopback;
    out.size = sizeof *six;
    return out;
}

/* A machine without IPv6 has every port of ::1 free. */
static bool family_is_free(int family, const char *v4, uint16_t port)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return true;
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    struct loopback to = loopback(family, v4, port);
    bool is_free = bind(fd, (struct sockaddr *)&to.address, to.size) == 0 && listen(fd, 1) == 0;
    if (!is_free && errno == EADDRNOTAVAIL)
        is_free = true;
    close(fd);
    return is_free;
}

bool port_is_free(uint16_t port)
{
    return family_is_free(AF_INET, "127.0.0.1", port) && family_is_free(AF_INET6, NULL, port);
}

/* Where the node listens, and where the proxy does in its place. */
static bool node_port_is_free(const struct cluster *cluster, node_id node, uint16_t port)
{
    char host[CLUSTER_HOST_MAX];
    char dial_host[CLUSTER_HOST_MAX];
    if (!cluster->chaos)
        return port_is_free(port);
    cluster_host(cluster, node, host);
    cluster_dial_host(cluster, node, dial_host);
    return family_is_free(AF_INET, host, port) && family_is_free(AF_INET, dial_host, port);
}

static void assign(struct cluster *cluster, uint32_t first)
{
    for (uint32_t i = 0; i < cluster->count; i++) {
        cluster->nodes[i].id = (node_id)i + 1;
        cluster->nodes[i].port = (uint16_t)(first + i);
        cluster->nodes[i].internal_port = (uint16_t)(first + INTERNAL_OFFSET + i);
        cluster->nodes[i].http_port = (uint16_t)(first + HTTP_OFFSET + i);
    }
}

/* The first port that is taken, or 0. */
static uint16_t taken_port(const struct cluster *cluster)
{
    for (uint32_t i = 0; i < cluster->count; i++) {
        const struct cluster_node *node = &cluster->nodes[i];
        if (!node_port_is_free(cluster, node->id, node->port))
            return node->port;
        if (!node_port_is_free(cluster, node->id, node->internal_port))
            return node->internal_port;
        if (!port_is_free(node->http_port))
            return node->http_port;
    }
    return 0;
}

static uint32_t block_start(uint32_t block)
{
    return FREE_FIRST + block / FREE_BLOCKS * FREE_GROUP_SPAN +
           block % FREE_BLOCKS * FREE_BLOCK_SPAN;
}

/* Held until this process ends. False: another one has it. */
static bool claim_block(uint32_t first)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int length = snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "skiff-ports-%u", first);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&name, size) == 0)
        return true;
    close(fd);
    return false;
}

int cluster_take_ports(struct cluster *cluster, uint16_t first)
{
    if (first) {
        uint32_t last = first + HTTP_OFFSET + cluster->count - 1;
        if (last > UINT16_MAX)
            return say_error(EXIT_USAGE, "-p %u: the ports up to %u do not exist", first, last);
        assign(cluster, first);
        uint16_t taken = taken_port(cluster);
        if (!taken)
            return EXIT_DONE;
        return say_error(EXIT_FAILED,
                         "port %u is taken by another process. Choose others with -p PORT, or let "
                         "`skiff up -p 0` find free ones",
                         taken);
    }
    uint32_t seed = (uint32_t)getpid() * 2654435761u + (uint32_t)now_us();
    for (int i = 0; i < FREE_TRIES; i++) {
        seed = seed * 1664525u + 1013904223u;
        uint32_t base = block_start((seed >> 8) % (FREE_GROUPS * FREE_BLOCKS));
        if (!claim_block(base))
            continue;
        assign(cluster, base);
        if (!taken_port(cluster))
            return EXIT_DONE;
    }
    return say_error(EXIT_FAILED, "found no %u free ports in a row", cluster->count);
}
