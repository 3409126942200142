/* chaos.h -- the directory of a cluster that may be broken: its proxy, and the faults of its nodes.
 *
 *   chaos/proxy.conf             a line a listener: "<node> <listen addr:port> <target addr:port>"
 *   chaos/proxy.sock pid log     of skiff-proxy (tools/proxy)
 *   chaos/node-N/rules           the page of faults of node N (tools/faults/rules.h)
 *   chaos/node-N/journal/        what power loss would take back
 *
 * Node N listens on 127.0.1.N, is found at 127.0.2.N, where the proxy listens in its place, and
 * dials from 127.0.3.N, so that the proxy knows who dials. */
#ifndef SKIFF_CHAOS_H
#define SKIFF_CHAOS_H

#include "cluster.h"

enum { CHAOS_ANSWER_MAX = 65536 };

/* "<dir>/chaos/<name>" of a cluster's directory. */
void chaos_path(const char *dir, const char *name, char out[CLUSTER_PATH_MAX]);
/* The chaos directory of one node. */
void chaos_node_dir(const char *dir, node_id node, char out[CLUSTER_PATH_MAX]);

/* Make the directories and proxy.conf of a cluster. Errors: EXIT_FAILED, told. */
int chaos_write(const struct cluster *cluster);
/* What a node's process is given beside its surroundings: for a fresh child. */
void chaos_setenv(const struct cluster *cluster, node_id node);

/* Start the proxy where it does not run, and wait until it answers. Errors: EXIT_FAILED, told. */
int chaos_start_proxy(const struct cluster *cluster);
/* End it; nothing where it does not run. */
void chaos_stop_proxy(const struct cluster *cluster);
pid_t chaos_proxy_pid(const char *dir); /* 0: it does not run. */
/* Wait until the proxy listens for every node. Errors: EXIT_TIMED_OUT, told. */
int chaos_wait_ports(const struct cluster *cluster, int64_t deadline_us);

/* Take back the faults of disks, clocks and descriptors, so that processes can end. */
void chaos_lift(const struct cluster *cluster);

/* Ask the proxy one line; `answer` gets what follows its "ok ".
 * Errors  EXIT_FAILED, told: it does not run, or refuses, and why. */
int chaos_ask(const char *dir, const char *line, char answer[CHAOS_ANSWER_MAX]);

#endif
