/* faults.h -- what the parts of the preloaded library share: state, raw calls, files, the journal.
 *
 * The library stands between one process and its C library. Its own calls to the machine are raw
 * system calls, so they come back here only where a hook is meant. Locks are taken in this order:
 * the walk over all inodes, names, a directory's inode, a file's inode, the journal. */
#ifndef FAULTS_FAULTS_H
#define FAULTS_FAULTS_H

#include <limits.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "rules.h"

#define EXPORT __attribute__((visibility("default")))

enum { INODES_MAX = 1 << 16 }; /* Known at once. */

struct record;

struct faults {
    struct fault_rules *rules; /* Never null: without a chaos directory, a page of zeros. */
    char chaos_dir[PATH_MAX];  /* Empty: no faults, no journal. */
    char data_dir[PATH_MAX];   /* Resolved, without a slash at its end; empty: no file is ours. */
    size_t data_dir_size;
    uint64_t journal_size_max; /* Bytes of records, and as many of files that lost their names. */
    struct in_addr source;     /* Of connections within 127/8; 0: as the kernel likes. */
};

extern struct faults faults;

/* What is known of one inode beneath the data directory, a file or a directory. */
struct inode {
    _Atomic uint64_t number; /* 0: the slot is free. */
    pthread_mutex_t lock;    /* Held from the record of a change until it is done. */
    bool is_sized;
    bool is_listed;       /* In the list that syncfs() walks. */
    uint64_t size;        /* Bytes. */
    uint64_t reserved;    /* Where allocated space ends, at least `size`. */
    struct record *first; /* Changes that no sync has covered, the oldest first. */
    struct record *last;
};

/* An open descriptor of ours. */
struct open_file {
    struct inode *inode; /* NULL: not beneath the data directory. */
    bool appends;
    bool is_synced; /* O_SYNC or O_DSYNC: each write is durable when it returns. */
};

/* descriptors.c */
struct open_file descriptor_file(int fd);
void descriptor_forget(int fd);
bool descriptor_path(int fd, char path[PATH_MAX]);
bool descriptor_refused(void); /* The limit is reached: errno is EMFILE. */

/* inodes.c */
struct inode *inode_of(uint64_t number); /* Makes it known. NULL: too many, the journal is lost. */
uint32_t inode_place(const struct inode *inode);
struct inode *inode_at(uint32_t place);
bool is_beneath_data(const char *path); /* Or the data directory itself. */

/* hook_sync.c */
void wait_while(_Atomic uint64_t *hang);
void wait_us(uint64_t duration_us);

/* hook_read.c: the rules make this read fail; errno is EIO. */
bool read_fails(int fd);
void read_waits(int fd, off_t offset); /* For a disk that is slow, if memory does not have it. */

/* Disk space, hook_write.c: how much of `growth` bytes there is room for; takes it. */
uint64_t space_take(uint64_t growth);

static inline uint64_t rule(_Atomic uint64_t *field)
{
    return atomic_load_explicit(field, memory_order_relaxed);
}

static inline void count(_Atomic uint64_t *field, uint64_t by)
{
    atomic_fetch_add_explicit(field, by, memory_order_relaxed);
}

#endif
