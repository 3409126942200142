/* client.h -- the outbound side of one connection to a broker, pure.
 *
 * Requests go in as structs and come out as bytes to send; received bytes go in and
 * come out as replies, in request order. No socket inside: the caller moves bytes
 * between client_output()/client_sent(), client_input()/client_received() and its
 * transport, and keeps deadlines. Used by replica fetchers, forwarding, raft's
 * links, the command line and the simulator's model client.
 *
 * A client never recovers from an error: close it with its connection.
 *
 * Source  Kafka's framing; replies of a connection leave in request order. */
#ifndef CLIENT_H
#define CLIENT_H

#include "base/base.h"
#include "wire.h"

enum {
    CLIENT_INFLIGHT_MAX = 1024,                /* Requests that wait for a reply. */
    CLIENT_REPLY_SIZE_MAX = 100 * 1024 * 1024, /* A usual cap on one reply, in bytes. */
};

struct client;

/* Owns    *out until client_close(); `client_id` is copied.
 * Limit   a reply above `reply_size_max` bytes is refused before memory is taken for it. */
void client_open(struct client **out, struct str client_id, uint32_t reply_size_max);
void client_close(struct client *client); /* NULL is fine. */

/* Queue one request; `request` is the API's request struct of wire.h, borrowed for the call.
 * Returns its correlation id (0 and up), or -1 when CLIENT_INFLIGHT_MAX wait already.
 * Produce with acks=0 gets no reply, and is not waited for. */
int32_t client_send(struct client *client, int16_t api_key, int16_t version, const void *request);

/* Bytes to be sent, in order; at most `max` parts; 0: nothing. Good until the next call that
 * changes the client. client_sent() tells how many of them left. */
uint32_t client_output(const struct client *client, struct bytes *parts, uint32_t max);
void client_sent(struct client *client, uint32_t size);

/* Where to receive into: *size bytes at *into, at least one. client_received() tells how many came.
 * Take every complete reply before the next client_input().
 * Errors  ERR_CORRUPT_MESSAGE: a size that lies, or a reply that nobody asked for. */
void client_input(struct client *client, uint8_t **into, uint32_t *size);
enum err client_received(struct client *client, uint32_t size);

struct client_reply {
    int32_t correlation_id;
    int16_t api_key;
    int16_t version;
    struct slice frame;        /* The whole reply; keeps record bytes alive beyond the client. */
    struct wire_reader reader; /* At the body: pass it to <api>_response_read(). */
};

/* The next complete reply; false: none yet.
 * Owns    frame.buf is one reference, the caller's: client_reply_free(). */
bool client_take(struct client *client, struct client_reply *out);
void client_reply_free(struct client_reply *reply);

/* Requests sent or queued that have no reply yet. */
uint32_t client_inflight(const struct client *client);

#endif
