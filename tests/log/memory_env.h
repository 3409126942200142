/* memory_env.h -- a disk in memory that forgets what was not synced.
 *
 * Each change of a file or a directory is an operation that waits until a sync of that file
 * or directory covers it. Power loss keeps any subset of those that wait, whole or torn. */
#ifndef TEST_MEMORY_ENV_H
#define TEST_MEMORY_ENV_H

#include "env.h"
#include "probe.h"

enum { MEMORY_MARKS_MAX = 64, MEMORY_SECTOR = 512 };

/* What power loss does to one waiting operation. */
enum memory_fate { MEMORY_LOST, MEMORY_KEPT, MEMORY_TORN, MEMORY_FATES };

struct memory_inode;
struct memory_op;
struct memory_sync;

struct memory_file {
    struct memory_inode *inode;
    uint32_t holds; /* 0: closed. */
};

struct memory_env {
    struct env env;
    struct trace trace;
    struct probe_sink sink;
    struct memory_inode **inodes; /* The first is the data directory. */
    uint32_t inode_count, inode_capacity;
    struct memory_file *files;
    uint32_t file_count, file_capacity;
    struct memory_op *ops; /* Waiting, oldest first. */
    uint32_t op_count, op_capacity;
    struct memory_sync *syncs; /* Requested, oldest first. */
    uint32_t sync_count, sync_capacity;
    uint64_t order; /* Of operations. */
    mono_ms now;

    /* Faults. */
    bool is_dead;                /* Every call fails: the process is gone. */
    uint32_t write_size_max;     /* Bytes of one write; 0: any. */
    int32_t writes_before_error; /* Then ERR_IO; -1: never. */
    int64_t space;               /* Bytes left; -1: endless. */
    bool is_cold;                /* Nothing of its files is in memory: haste is refused. */
    uint64_t loads;              /* How often it was asked, then. */
    bool fails_sync;             /* The next one; written bytes that it covers only look durable. */

    /* What was seen. */
    const char *marks[MEMORY_MARKS_MAX];
    uint32_t mark_count;
    uint32_t sync_total, sync_files_total, write_total, unlink_total;
    struct probe last_probe[PROBE_MARK + 1];
};

struct memory_env *memory_env_open(void);
void memory_env_close(struct memory_env *memory);

/* End the oldest sync. False: there is none. */
bool memory_env_end_sync(struct memory_env *memory, uint64_t *ticket, enum err *result);

/* Forget the syncs that are under way: who asked is gone. */
void memory_env_drop_syncs(struct memory_env *memory);

/* The disk after power loss: what is durable, and of the i-th waiting operation what
 * `fates[i]` says (NULL: all are lost). */
struct memory_env *memory_env_power_loss(const struct memory_env *memory,
                                         const enum memory_fate *fates);

bool memory_env_saw(const struct memory_env *memory, const char *mark);

/* Change a byte of a file, now and durably. */
void memory_env_flip(struct memory_env *memory, const char *path, uint64_t position);
/* Remove a name, now and durably. */
void memory_env_forget(struct memory_env *memory, const char *path);
/* Shorten a file, now and durably. */
void memory_env_shorten(struct memory_env *memory, const char *path, uint64_t size);
int64_t memory_env_size(struct memory_env *memory, const char *path); /* -1: absent. */
/* The content of a file; data == NULL: absent. */
struct bytes memory_env_bytes(struct memory_env *memory, const char *path);

#endif
