/* address.c -- host names and ports as the kernel wants them, and back as text. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "uv_shard.h"

static void set(struct uv_endpoint *out, const void *address, size_t size)
{
    memset(out, 0, sizeof *out);
    memcpy(&out->address, address, size);
    out->size = (socklen_t)size;
}

static bool set_v4(struct uv_endpoint *out, const char *host, uint16_t port)
{
    struct sockaddr_in address;
    if (uv_ip4_addr(host, port, &address) != 0)
        return false;
    set(out, &address, sizeof address);
    return true;
}

static bool set_v6(struct uv_endpoint *out, const char *host, uint16_t port)
{
    struct sockaddr_in6 address;
    if (uv_ip6_addr(host, port, &address) != 0)
        return false;
    set(out, &address, sizeof address);
    return true;
}

/* Addresses that need no resolver: literals, and localhost, which is both families. */
uint32_t address_literal(const char *host, uint16_t port, struct uv_endpoint out[2])
{
    if (strcmp(host, "localhost") == 0) {
        set_v4(&out[0], "127.0.0.1", port);
        set_v6(&out[1], "::1", port);
        return 2;
    }
    char bare[ENV_HOST_MAX];
    size_t size = strlen(host);
    if (size > 2 && size < sizeof bare && host[0] == '[' && host[size - 1] == ']') {
        memcpy(bare, host + 1, size - 2);
        bare[size - 2] = '\0';
        return set_v6(&out[0], bare, port) ? 1 : 0;
    }
    return set_v4(&out[0], host, port) || set_v6(&out[0], host, port) ? 1 : 0;
}

/* Every address of the machine: the second only where the first cannot be had. */
uint32_t address_any(uint16_t port, struct uv_endpoint out[2])
{
    set_v6(&out[0], "::", port);
    set_v4(&out[1], "0.0.0.0", port);
    return 2;
}

uint32_t address_resolved(const struct addrinfo *found, struct uv_endpoint *out, uint32_t max)
{
    uint32_t count = 0;
    for (; found != NULL && count < max; found = found->ai_next) {
        if (found->ai_family != AF_INET && found->ai_family != AF_INET6)
            continue;
        set(&out[count++], found->ai_addr, found->ai_addrlen);
    }
    return count;
}

void address_set_port(struct uv_endpoint *endpoint, uint16_t port)
{
    if (endpoint->address.ss_family == AF_INET6)
        ((struct sockaddr_in6 *)&endpoint->address)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)&endpoint->address)->sin_port = htons(port);
}

uint16_t address_port(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)address)->sin6_port);
    return ntohs(((const struct sockaddr_in *)address)->sin_port);
}

/* "127.0.0.1:9092", "[::1]:9092". */
void address_format(const struct uv_endpoint *endpoint, char *out, size_t size)
{
    char host[INET6_ADDRSTRLEN] = "?";
    bool v6 = endpoint->address.ss_family == AF_INET6;
    if (v6)
        uv_ip6_name((const struct sockaddr_in6 *)&endpoint->address, host, sizeof host);
    else
        uv_ip4_name((const struct sockaddr_in *)&endpoint->address, host, sizeof host);
    snprintf(out, size, v6 ? "[%s]:%u" : "%s:%u", host, (unsigned)address_port(&endpoint->address));
}
