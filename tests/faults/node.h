/* node.h -- a node that is only a child process, for tests: its folders, its faults, its power. */
#ifndef TESTS_FAULTS_NODE_H
#define TESTS_FAULTS_NODE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "power.h"
#include "rules.h"

enum { NODE_PATH_MAX = 512, NODE_OUTPUT_MAX = 8192, NODE_COMMANDS_MAX = 64 };

struct node {
    char dir[NODE_PATH_MAX]; /* Holds the next two. */
    char data[NODE_PATH_MAX];
    char chaos[NODE_PATH_MAX];
    struct fault_rules *rules;
    pid_t pid;
    int output_fd;
    char output[NODE_OUTPUT_MAX];
};

/* Owns    the folders and the child are the node's until node_close(). */
void node_open(struct node *node);
void node_close(struct node *node);

/* Run a program under the library in the data directory; NULL ends its arguments. */
void node_start(struct node *node, const char *const *arguments);
/* Wait for its end; after 20 s it is killed, and -1 returned. What it printed is in `output`. */
int node_wait(struct node *node);

/* faults-child with commands, separated by `;`, to its end; returns what it printed. */
const char *node_run(struct node *node, const char *commands);
void node_run_start(struct node *node, const char *commands);

/* Cut the power; the result is checked to be confirmed. */
struct power_result node_power(struct node *node, uint64_t seed, int32_t keep_percent);

/* What a file holds, as runs: "100x 20. 3y", `.` for zeros; "absent"; the text is the node's. */
const char *node_file(struct node *node, const char *name);

/* Waits until a counter is at least so much; false after 20 s. */
bool node_reaches(const _Atomic uint64_t *counter, uint64_t value);

#endif
