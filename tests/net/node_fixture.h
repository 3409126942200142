/* node_fixture.h -- a node of a one-voter quorum over a machine in memory, and a client that
 * talks to it. */
#ifndef TESTS_NET_NODE_FIXTURE_H
#define TESTS_NET_NODE_FIXTURE_H

#include "fake_env.h"
#include "wire.h"

enum { LISTENER_CLIENT, LISTENER_INTERNAL };

struct node {
    struct config config;
    struct fake_env fake;
    struct shard *shard;
    struct arena arena; /* Of replies. */
    int32_t correlation_id;
};

/* A node that serves. `tune` changes its config before; or NULL. */
void node_start(struct node *node, void (*tune)(struct config *config));
/* Power off and on again; nothing has happened yet. */
void node_power_cycle(struct node *node);
/* The same, until it serves. */
void node_restart(struct node *node);
void node_stop(struct node *node);
/* Let everything happen that can, and that is due within `ms`. */
void node_run(struct node *node, mono_ms ms);

conn_id node_connect(struct node *node);
void node_send(struct node *node, conn_id conn, const void *data, uint32_t size);
/* A frame of an API's request, sent but not answered yet; returns its correlation id. */
int32_t node_ask(struct node *node, conn_id conn, int16_t key, int16_t version, const void *body);
/* The next reply frame without its size; data NULL: there is none. Lives in the node's arena. */
struct bytes node_reply(struct node *node, conn_id conn);
/* Ask, and wait for the reply, which is read into *response. */
void node_call(struct node *node, conn_id conn, int16_t key, int16_t version, const void *body,
               void *response);
/* How many whole replies wait to be read. */
uint32_t node_reply_count(struct node *node, conn_id conn);
bool node_has_closed(struct node *node, conn_id conn);

struct node_setting {
    const char *name, *value;
};
/* Create a topic of one replica; what is answered of it. `settings` end with one without a name;
 * NULL: there are none. */
struct create_topics_response_topic node_create(struct node *node, const char *name,
                                                int32_t partitions,
                                                const struct node_setting *settings);
/* The same of one partition, without settings; its error. */
enum err node_create_topic(struct node *node, const char *name);
/* The same of many, which succeeds; its id. */
struct uuid node_create_partitions(struct node *node, const char *name, int32_t partitions);
struct produce_request node_produce_request(struct node *node, const char *topic, int16_t acks,
                                            struct bytes records);
/* Produce to partition 0 with acks=all; the answer. */
struct produce_response_partition node_produce(struct node *node, conn_id conn, const char *topic,
                                               struct bytes records);
/* A batch of one record, in the node's arena. */
struct bytes node_batch(struct node *node, const char *value);
/* One with a single record of `size` bytes. */
struct bytes node_large_batch(struct node *node, uint32_t size);
/* Fetch partition 0 from `offset` without waiting. */
struct fetch_response_partition node_fetch(struct node *node, conn_id conn, const char *topic,
                                           log_offset offset);

/* A second broker of the cluster, as far as the node can tell; the test speaks for it. It is
 * fenced when it has not been heard of for broker.session.timeout.ms. */
struct follower {
    node_id id;
    broker_epoch epoch;
    conn_id conn; /* Of the node's internal listener. */
};
void node_add_follower(struct node *node, struct follower *follower);
/* It is heard of again. */
void node_unfence_follower(struct node *node, struct follower *follower);
/* Create a topic of `partitions`, which the node leads, with both as replicas; its id. */
struct uuid node_create_replicated(struct node *node, const char *name, int32_t partitions);
/* The same with the two `brokers` in another order: the first of them leads. */
struct uuid node_create_assigned(struct node *node, const char *name, int32_t partitions,
                                 const node_id *brokers);
/* A Fetch of one partition as the follower sends it, all below `offset` being durable there. */
struct fetch_request node_follower_fetch(struct node *node, const struct follower *follower,
                                         struct uuid topic_id, log_offset offset);

/* Bytes of requests that the node holds now. */
uint64_t node_inflight_size(const struct node *node);
uint64_t node_file_size(struct node *node, const char *path); /* 0: no such file. */

/* A topic `kept` with one acknowledged record, and the proof that it is still served. Failures
 * abort: criterion does not count an assertion that fails at the end of a suite. */
void node_keep_record(struct node *node);
void node_check_record(struct node *node);

#endif
