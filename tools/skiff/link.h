/* link.h -- one blocking connection to a broker, with deadlines, on client.h. */
#ifndef SKIFF_LINK_H
#define SKIFF_LINK_H

#include "base/base.h"
#include "client.h"

struct link;

/* Connect to `host`:`port`, trying each address, until `deadline_us` of now_us().
 * Owns    *out until link_close().
 * Errors  ERR_REFUSED, ERR_UNREACHABLE (no answer in time, or an unknown name). */
enum err link_open(struct link **out, const char *host, uint16_t port, int64_t deadline_us);
void link_close(struct link *link); /* NULL is fine. */

/* Ask which versions the broker serves; before that, our newest are used.
 * Errors  as link_call(). */
enum err link_handshake(struct link *link, int64_t deadline_us);

/* The newest version that both sides have; -1: none. */
int16_t link_version(const struct link *link, int16_t api_key);

/* Send one request and wait for its reply. The version used stands in the reply.
 * Owns    `reply` until client_reply_free().
 * Errors  ERR_CLOSED, ERR_REQUEST_TIMED_OUT, ERR_CORRUPT_MESSAGE: the link is of no use then;
 *         ERR_UNSUPPORTED_VERSION: nothing was sent. */
enum err link_call(struct link *link, int16_t api_key, const void *request, int64_t deadline_us,
                   struct client_reply *reply);
/* The same in a version that both sides have. */
enum err link_call_version(struct link *link, int16_t api_key, int16_t version, const void *request,
                           int64_t deadline_us, struct client_reply *reply);

const char *link_peer(const struct link *link); /* "localhost:9092" */

#endif
