/* memory_disk.h -- what the disk in memory is made of. Private to memory_*.c. */
#ifndef TEST_MEMORY_DISK_H
#define TEST_MEMORY_DISK_H

#include "memory_env.h"

struct image {
    uint8_t *data;
    uint64_t size;
};

struct entry {
    char name[64];
    struct memory_inode *inode;
};

struct entries {
    struct entry *list;
    uint32_t count, capacity;
};

struct memory_inode {
    uint32_t number;
    bool is_directory;
    struct image now, durable;
    struct entries names_now, names_durable;
    uint64_t reserved;
};

enum op_kind { OP_WRITE, OP_TRUNCATE, OP_LINK, OP_UNLINK, OP_RENAME };

struct memory_op {
    enum op_kind kind;
    uint64_t order;
    struct memory_inode *inode; /* File, or directory of the name. */
    uint64_t position;          /* Or the new size. */
    struct image bytes;
    char name[64], to[64];
    struct memory_inode *child;
};

struct memory_sync {
    uint64_t ticket;
    uint64_t order; /* Operations below it are covered. */
    struct memory_inode **inodes;
    uint32_t count;
};

/* Without a root. */
struct memory_env *memory_env_new(void);

void image_write(struct image *image, uint64_t position, const uint8_t *data, uint64_t size);
struct memory_inode *disk_inode(struct memory_env *memory, bool is_directory); /* A new one. */
/* The directory of `path` and the last part of it. */
struct memory_inode *disk_walk(struct memory_env *memory, const char *path, char name[64]);
struct memory_inode *disk_find(struct memory_env *memory, const char *path); /* NULL: absent. */
/* Do it now; it waits for a sync. */
void disk_perform(struct memory_env *memory, struct memory_op op);

#endif
