/* http.h -- the HTTP port of a node: /metrics, /health and /ready over env.h's sockets.
 *
 * Connections are few, and each costs a bounded piece of memory. Whatever a page takes, one tick
 * spends on HTTP at most one piece of one answer (answer.h), so no request of Kafka's protocol
 * waits for a scrape, however many partitions there are and however many scrape at once.
 *
 * Source  RFC 9110, RFC 9112. */
#ifndef NET_HTTP_HTTP_H
#define NET_HTTP_HTTP_H

#include "base/base.h"
#include "env.h"

enum {
    HTTP_CONNS_MAX = 32,      /* One more closes the one that has been silent longest. */
    HTTP_HEAD_MAX = 4096,     /* Bytes of a request line and its header. */
    HTTP_IDLE_MAX_MS = 30000, /* Without a byte in either direction. */
};

struct shard;
struct http;
struct http_conn;

struct http *http_open(struct shard *shard);
void http_close(struct http *http); /* After http_close_conns(). */
void http_close_conns(struct http *http);
uint32_t http_conn_count(const struct http *http);

void http_accept(struct shard *shard, conn_id id);
void http_readable(struct shard *shard, struct http_conn *conn);
void http_writable(struct shard *shard, struct http_conn *conn);
/* Once a tick: let one piece of one answer be written. */
void http_step(struct shard *shard);

#endif
