/* settings.c -- proxy.conf: a line a listener, "<node> <listen addr:port> <target addr:port>". */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "proxy.h"

enum { LINE_SIZE = 256 };

static bool read_address(const char *text, struct sockaddr_in *out)
{
    char host[INET_ADDRSTRLEN];
    unsigned port;
    char more;
    memset(out, 0, sizeof *out);
    out->sin_family = AF_INET;
    if (sscanf(text, "%15[0-9.]:%u%c", host, &port, &more) != 2 || port == 0 || port > UINT16_MAX)
        return false;
    out->sin_port = htons((uint16_t)port);
    return inet_pton(AF_INET, host, &out->sin_addr) == 1;
}

static bool read_line(struct proxy *proxy, const char *line)
{
    unsigned node;
    char listen[64];
    char target[64];
    char more;
    if (proxy->port_count == PORTS_MAX)
        return false;
    struct port *port = &proxy->ports[proxy->port_count];
    if (sscanf(line, "%u %63s %63s %c", &node, listen, target, &more) != 3 || node == 0 ||
        node >= PARTY_COUNT || !read_address(listen, &port->listen) ||
        !read_address(target, &port->target))
        return false;
    port->proxy = proxy;
    port->node = node;
    port->fd = -1;
    proxy->nodes[node] = true;
    proxy->port_count++;
    return true;
}

bool settings_read(struct proxy *proxy, const char *path)
{
    char line[LINE_SIZE];
    int number = 0;
    bool good = true;
    FILE *file = fopen(path, "re");
    if (!file) {
        fprintf(stderr, "skiff-proxy: %s: %s\n", path, strerror(errno));
        return false;
    }
    while (good && fgets(line, sizeof line, file)) {
        number++;
        if (line[0] != '#' && line[strspn(line, " \n")])
            good = read_line(proxy, line);
    }
    fclose(file);
    if (!good)
        fprintf(stderr,
                "skiff-proxy: %s:%d: not `NODE LISTEN:PORT TARGET:PORT` with a node from 1 to %d, "
                "or more than %d lines\n",
                path, number, PARTY_COUNT - 1, PORTS_MAX);
    else if (proxy->port_count == 0)
        fprintf(stderr, "skiff-proxy: %s names no node\n", path);
    return good && proxy->port_count > 0;
}
