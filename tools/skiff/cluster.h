/* cluster.h -- a local cluster: its directory, its nodes, and which processes they are.
 *
 * Layout of a cluster's directory:
 *
 *   cluster.json                    ports, --set lines, and what the last start measured
 *   node-1/server.properties        generated; --set lines at its end
 *   node-1/data/ log pid            pid: "<pid> <start time>", so that a reused pid is not ours
 *   chaos/                          of a cluster that may be broken (chaos.h)
 *
 * `$XDG_STATE_HOME/skiff/last` names the directory of the cluster that was started last. */
#ifndef SKIFF_CLUSTER_H
#define SKIFF_CLUSTER_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/base.h"

enum {
    CLUSTER_NODES_MAX = 9,
    CLUSTER_PATH_MAX = 512,
    CLUSTER_BROKERS_MAX = 512,
    CLUSTER_HOST_MAX = 16,
    CLUSTER_SETS_MAX = 32,
    CLUSTER_SET_SIZE = 512, /* Of one --set, with its terminator. */
};

enum node_state { NODE_DOWN, NODE_RUNNING, NODE_PAUSED };

struct cluster_node {
    node_id id;
    uint16_t port; /* Of the client listener. */
    uint16_t internal_port;
    uint16_t http_port; /* Metrics and health; 0: none, in a cluster of an earlier version. */
};

struct cluster {
    char dir[CLUSTER_PATH_MAX];
    uint32_t count;
    struct cluster_node nodes[CLUSTER_NODES_MAX];
    int64_t first_ack_us; /* Of the last start; -1: not measured. */
    uint32_t set_count;
    char sets[CLUSTER_SETS_MAX][CLUSTER_SET_SIZE]; /* Lines for every server.properties. */
    bool chaos;        /* Its nodes and network can be given faults (chaos.h). */
    bool ends_with_us; /* The nodes that this process starts are killed when it ends. */
};

/* What one node's process is doing. */
struct node_process {
    enum node_state state;
    pid_t pid; /* 0: none. */
    int64_t uptime_us;
    int64_t resident_bytes;
    int64_t cpu_us;
};

/* The directory for a call: `given` (--dir), else the one last started where a cluster still
 * lies in it, else the default. */
int cluster_dir(const char *given, bool prefer_last, char out[CLUSTER_PATH_MAX]);

/* Whether a --set line has a key that every server.properties here has a line for already. */
bool cluster_writes_key(const char *set);

/* Errors  EXIT_NOT_FOUND: no cluster there, untold; EXIT_FAILED: unreadable, told. */
int cluster_load(struct cluster *cluster, const char *dir);
int cluster_save(const struct cluster *cluster);
void cluster_remember(const struct cluster *cluster); /* As the one last started. */

/* How much of the path `dir` is there before anything is made: its size up to that. */
size_t cluster_dirs_there(const char *dir);
/* Remove what has been made of it since, from its end, as far as it is empty. */
void cluster_remove_dirs(const char *dir, size_t there);

/* Make `dir` where it is missing, and hold it for this process alone: whoever else asks waits.
 * Errors  EXIT_FAILED, told. */
int cluster_lock(const char *dir);
/* Write directories and server.properties of every node. */
int cluster_write_nodes(const struct cluster *cluster);
/* Remove the whole directory; only one that holds a cluster. */
int cluster_delete(const struct cluster *cluster);

/* Where everybody finds a node. */
void cluster_host(const struct cluster *cluster, node_id node, char out[CLUSTER_HOST_MAX]);
/* Where its process listens: local verbs reach it whatever a chaos cluster's network does. */
void cluster_dial_host(const struct cluster *cluster, node_id node, char out[CLUSTER_HOST_MAX]);
/* "localhost:9092,localhost:9093" */
void cluster_brokers(const struct cluster *cluster, char out[CLUSTER_BROKERS_MAX]);
/* The same by cluster_dial_host(). */
void cluster_dial_brokers(const struct cluster *cluster, char out[CLUSTER_BROKERS_MAX]);
void cluster_path(const struct cluster *cluster, node_id node, const char *name,
                  char out[CLUSTER_PATH_MAX]);
struct cluster_node *cluster_node(struct cluster *cluster, node_id id);

/* Processes (process.c). */
int cluster_find_skiffd(char out[CLUSTER_PATH_MAX]);
/* A file of the build that stands beside this program. Errors: EXIT_FAILED, told. */
int cluster_find_program(const char *name, char out[CLUSTER_PATH_MAX]);
int node_start(const struct cluster *cluster, node_id node, const char *skiffd);
int node_signal(const struct cluster *cluster, node_id node, int number);
struct node_process node_process(const struct cluster *cluster, node_id node);
/* Wait until its process has gone. False: it has not. */
bool node_wait_gone(const struct cluster *cluster, node_id node, int64_t deadline_us);
/* Say that its process ended, below the end of its log. Errors: EXIT_FAILED, always. */
int node_tell_end(const struct cluster *cluster, node_id node);

struct process_start {
    const char *const *words;        /* The program and its arguments, NULL at the end. */
    const char *log;                 /* Gets its output. */
    const char *dir;                 /* It runs in. */
    bool ends_with_us;               /* It is killed when this process ends. */
    const struct cluster *faults_of; /* A node with the faults library; NULL: without. */
    node_id node;
};

/* Start a process in a session of its own. Errors: -1, with errno. */
pid_t process_start(const struct process_start *how);
/* The process that a pid file names, if it still is that process; 0: none. */
pid_t process_named(const char *path);
bool process_is_alive(pid_t pid); /* A child that has ended is reaped, and is not. */
/* In a fresh child: be sent `number` when `parent` ends. False: it has ended already. */
bool end_with(pid_t parent, int number);
uint32_t cluster_running(const struct cluster *cluster);

/* Ports (ports.c). */
bool port_is_free(uint16_t port);
/* Give every node its ports from `first` on; 0 finds free ones, which no other process of ours
 * is given before this one ends. */
int cluster_take_ports(struct cluster *cluster, uint16_t first);

#endif
