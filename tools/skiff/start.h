/* start.h -- a local cluster started and proved, or undone without a trace. */
#ifndef SKIFF_START_H
#define SKIFF_START_H

#include "call.h"
#include "cluster.h"

enum { START_LIMIT_US = 30000000, STOP_LIMIT_US = 10000000 };

struct start {
    struct cluster cluster;
    bool starts_proxy;                  /* Of a chaos cluster; a failure ends it. */
    bool is_new;                        /* Nothing was there; a failure removes it all. */
    bool was_down[CLUSTER_NODES_MAX];   /* Started by this call; a failure stops it. */
    const char *sets[CLUSTER_SETS_MAX]; /* --set of this call: they replace those of the cluster. */
    uint32_t set_count;
    int64_t begun_us; /* What first_ack_us is counted from. */
    int64_t limit_us; /* For the first acknowledged record. */
};

/* The limit and the --set lines of a call. Errors  EXIT_USAGE, told. */
int start_read(struct start *start, const struct call *call);

/* A cluster of `nodes` that does not exist yet, in `dir`; port 0 finds free ones. Whether it is a
 * chaos cluster stands in it already.
 * Errors  EXIT_FAILED, told: something is there already, or a port is taken. */
int start_new(struct start *start, const char *dir, int64_t nodes, int64_t port);

/* The call gives --set lines that the cluster was not started with. */
bool start_changes_sets(const struct start *start);

/* Start what is down, and wait until a record was acknowledged by all nodes.
 * Errors  an exit code, told; what this call did is undone. */
int start_nodes(struct start *start);

/* Signal every node, and end the proxy of a chaos cluster when all have gone.
 * Errors  false: not all went within the limit. */
bool stop_nodes(const struct cluster *cluster, int number, int64_t limit_us);

#endif
