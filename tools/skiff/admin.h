/* admin.h -- requests that verbs and tests ask of a cluster, over one link. */
#ifndef SKIFF_ADMIN_H
#define SKIFF_ADMIN_H

#include "base/base.h"
#include "call.h"
#include "cluster.h"
#include "link.h"

/* "host:port", "[::1]:port", or "host" at Kafka's usual port.
 * Errors  false: not an address; the outputs mean nothing then. */
bool admin_split_address(const char *text, size_t size, char host[256], uint16_t *port);

/* A link to the first broker of `brokers` ("host:port,...") that answers, hands shaken.
 * Errors  an exit code, told. */
int admin_open(struct link **out, const char *brokers, int64_t deadline_us);
/* One try, untold, and how to tell it.
 * Errors  the last broker's; ERR_INVALID_REQUEST: one of them is no address. */
enum err admin_try_open(struct link **out, const char *brokers, int64_t deadline_us);
int admin_open_failed(const char *brokers, enum err err);
/* The same for a verb: where its flags say. */
int admin_open_call(struct link **out, const struct call *call);
int admin_open_call_failed(const struct call *call, const char *brokers, enum err err);

/* Say that `what` failed with a link's error; returns the exit code. */
int admin_failed(const struct link *link, const char *what, enum err err);

/* Metadata of `topic`, or of all when it is NULL. Never creates one.
 * Owns    `out` points into `arena` and `reply`.
 * Errors  an exit code, told; errors of topics stand in the answer. */
int admin_metadata(struct link *link, const char *topic, int64_t deadline_us, struct arena *arena,
                   struct client_reply *reply, struct metadata_response *out);

/* The quorum's state. As above; during an election it asks again. */
int admin_quorum(struct link *link, int64_t deadline_us, struct arena *arena,
                 struct client_reply *reply, struct describe_quorum_response *out);

/* One try. Errors: Kafka's or the link's, untold. */
enum err admin_try_quorum(struct link *link, int64_t deadline_us, struct arena *arena,
                          struct client_reply *reply, struct describe_quorum_response *out);

struct admin_topic {
    const char *name;
    int32_t partitions;         /* -1: the broker's default. */
    int16_t replication_factor; /* -1: the broker's default. */
    uint32_t config_count;
    const char *const *configs; /* "key=value" */
};

/* Create one topic. Errors: Kafka's, untold; *message is the broker's, in `arena`, or null. */
enum err admin_create(struct link *link, const struct admin_topic *topic, int64_t deadline_us,
                      struct arena *arena, struct str *message);
enum err admin_delete(struct link *link, const char *topic, int64_t deadline_us,
                      struct arena *arena, struct str *message);

/* Which node leads `topic`/`partition`, or the quorum. -1: none.
 * Errors  an exit code, told. */
int admin_leader(struct link *link, const char *topic, partition_id partition, int64_t deadline_us,
                 node_id *out);
int admin_controller(struct link *link, int64_t deadline_us, node_id *out);

#endif
