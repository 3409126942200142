/* fake_env.h -- a machine in memory for one node of one shard: disk, sockets, clock.
 *
 * Syncs end when the clock moves. A dial of a port that a listener of the node has
 * reaches the node itself; every other dial is refused. */
#ifndef TESTS_NET_FAKE_ENV_H
#define TESTS_NET_FAKE_ENV_H

#include "base/base.h"
#include "config.h"
#include "env.h"
#include "shard.h"

struct fake_inode {
    uint8_t *data;
    uint64_t size;
    bool is_directory;
    char path[ENV_PATH_MAX]; /* "": no name any more. */
};

struct fake_file {
    struct fake_inode *inode;
    uint32_t holds;
};

/* The node's end of a connection; the test, or another end, is at the other. */
struct fake_conn {
    bool is_there;
    bool is_dialing;
    bool is_dialed; /* By the node, not by the test. */
    bool wants_read;
    bool was_blocked;   /* ENV_WRITABLE is owed when there is room. */
    bool peer_has_gone; /* End of the stream once `in` is read. */
    conn_id other;      /* Of the node too; -1: the test's. */
    uint8_t *in;        /* What the node has not read yet. */
    uint32_t in_size, in_capacity;
    uint8_t *out; /* What the node has sent and the test has not taken. */
    uint32_t out_size, out_capacity;
    uint32_t room; /* Bytes of `out` at which a send is cut short. */
};

struct fake_env {
    struct env env;
    struct trace trace;
    const struct config *config;
    struct shard *shard;
    mono_ms now;
    uint64_t random;
    bool has_failed; /* env_fatal() */
    struct fake_inode **inodes;
    uint32_t inode_count, inode_capacity;
    struct fake_file *files;
    uint32_t file_count, file_capacity;
    struct fake_conn *conns;
    uint32_t conn_count, conn_capacity;
    uint64_t *syncs; /* Tickets, oldest first. */
    uint32_t sync_count, sync_capacity;
    bool syncs_wait;   /* The disk does not answer. */
    bool replies_wait; /* Nor does anybody whom the node has dialed. */
    bool is_full;      /* It has no space to give. */
    bool is_cold;      /* Nothing of its files is in memory. */
    uint64_t loads;    /* How often somebody has asked, then. */
    uint32_t recv_count;
};

void fake_env_init(struct fake_env *fake, const struct config *config);
void fake_env_free(struct fake_env *fake);

/* A client connects to `listener` of the node. */
conn_id fake_env_connect(struct fake_env *fake, uint32_t listener);
void fake_env_send(struct fake_env *fake, conn_id conn, const void *data, uint32_t size);
/* What was asked for last is in memory, and all else too. */
void fake_env_load(struct fake_env *fake);
/* Tell the shard what there is to tell; false: nothing. */
bool fake_env_deliver(struct fake_env *fake);

#endif
