/* exchange.h -- one connection that never blocks: dialled, asked one thing at a time, closed.
 *
 * The caller polls the descriptor for exchange_events() and calls exchange_step(). */
#ifndef WORKLOAD_EXCHANGE_H
#define WORKLOAD_EXCHANGE_H

#include <sys/socket.h>

#include "base/base.h"
#include "client.h"

struct address {
    struct sockaddr_storage socket;
    socklen_t size;
};

/* Resolve `host`, waiting for the resolver.
 * Errors  ERR_UNREACHABLE: nobody knows it. */
enum err address_resolve(struct address *out, const char *host, uint16_t port);

struct exchange {
    int fd; /* -1: closed, or never dialled. */
    bool is_connected;
    bool has_left; /* Bytes of a request were given to the kernel: it may be done. */
    struct client *client;
};

/* An exchange that was not dialled. */
static inline struct exchange exchange_none(void)
{
    return (struct exchange){.fd = -1};
}

/* Start to connect.
 * Errors  ERR_REFUSED, ERR_UNREACHABLE; the exchange is closed then. */
enum err exchange_dial(struct exchange *exchange, const struct address *address);
void exchange_close(struct exchange *exchange); /* Closed already is fine. */

/* Queue a request; the next steps send it. Before its reply there is no other one. */
void exchange_ask(struct exchange *exchange, int16_t api_key, int16_t version, const void *request);

/* What to poll the descriptor for. */
short exchange_events(const struct exchange *exchange);

/* Connect, send and receive as far as it goes. *has_reply tells whether `reply` is there.
 * Owns    `reply` until client_reply_free().
 * Errors  ERR_REFUSED, ERR_UNREACHABLE: never connected; ERR_CLOSED, ERR_CORRUPT_MESSAGE. */
enum err exchange_step(struct exchange *exchange, struct client_reply *reply, bool *has_reply);

#endif
