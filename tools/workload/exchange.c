/* exchange.c -- one connection that never blocks, on client.h. */
#include "exchange.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

enum { REPLY_SIZE_MAX = 16 << 20 };

enum err address_resolve(struct address *out, const char *host, uint16_t port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    if (getaddrinfo(host, service, &hints, &found) != 0)
        return ERR_UNREACHABLE;
    memcpy(&out->socket, found->ai_addr, found->ai_addrlen);
    out->size = found->ai_addrlen;
    freeaddrinfo(found);
    return ERR_NONE;
}

static enum err err_of_dial(int failure)
{
    return failure == ECONNREFUSED ? ERR_REFUSED : ERR_UNREACHABLE;
}

enum err exchange_dial(struct exchange *exchange, const struct address *address)
{
    *exchange = exchange_none();
    int fd = socket(address->socket.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ERR_UNREACHABLE;
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, (const struct sockaddr *)&address->socket, address->size) != 0 &&
        errno != EINPROGRESS) {
        enum err err = err_of_dial(errno);
        close(fd);
        return err;
    }
    exchange->fd = fd;
    client_open(&exchange->client, STR("skiff-chaos"), REPLY_SIZE_MAX);
    return ERR_NONE;
}

void exchange_close(struct exchange *exchange)
{
    if (exchange->fd < 0)
        return;
    close(exchange->fd);
    client_close(exchange->client);
    *exchange = exchange_none();
}

void exchange_ask(struct exchange *exchange, int16_t api_key, int16_t version, const void *request)
{
    client_send(exchange->client, api_key, version, request);
    exchange->has_left = false;
}

short exchange_events(const struct exchange *exchange)
{
    struct bytes part;
    bool has_output = client_output(exchange->client, &part, 1) > 0;
    return exchange->is_connected && !has_output ? POLLIN : POLLOUT;
}

static enum err finish_dial(struct exchange *exchange)
{
    int failure = 0;
    socklen_t size = sizeof failure;
    if (getsockopt(exchange->fd, SOL_SOCKET, SO_ERROR, &failure, &size) != 0)
        failure = errno;
    if (failure)
        return err_of_dial(failure);
    exchange->is_connected = true;
    return ERR_NONE;
}

static enum err send_queued(struct exchange *exchange)
{
    struct bytes part;
    while (client_output(exchange->client, &part, 1) == 1) {
        ssize_t sent = send(exchange->fd, part.data, part.size, MSG_NOSIGNAL);
        if (sent < 0 && (errno == EAGAIN || errno == EINTR))
            return ERR_NONE;
        if (sent < 0)
            return ERR_CLOSED;
        exchange->has_left = true;
        client_sent(exchange->client, (uint32_t)sent);
    }
    return ERR_NONE;
}

static enum err receive(struct exchange *exchange, struct client_reply *reply, bool *has_reply)
{
    uint8_t *into;
    uint32_t size;
    for (;;) {
        client_input(exchange->client, &into, &size);
        ssize_t got = recv(exchange->fd, into, size, 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return ERR_NONE;
        if (got <= 0)
            return ERR_CLOSED;
        enum err err = client_received(exchange->client, (uint32_t)got);
        if (err)
            return err;
        *has_reply = client_take(exchange->client, reply);
        if (*has_reply)
            return ERR_NONE;
    }
}

enum err exchange_step(struct exchange *exchange, struct client_reply *reply, bool *has_reply)
{
    enum err err = ERR_NONE;
    *has_reply = false;
    if (!exchange->is_connected)
        err = finish_dial(exchange);
    if (!err)
        err = send_queued(exchange);
    return err ? err : receive(exchange, reply, has_reply);
}
