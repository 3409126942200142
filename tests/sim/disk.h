/* disk.h -- one node's disk: what the page cache shows, and what power loss leaves.
 *
 * Each file is two images, cache and durable, and the list of operations that tell
 * them apart; a directory likewise, entry by entry. A sync moves the operations that
 * stood there when it was asked for. Power loss keeps any subset of the others, torn
 * at sectors. Killing a process loses nothing.
 *
 * Files are looked at by number, not by name, once they are open: an unlinked one
 * lives on while it is held. */
#ifndef SIM_DISK_H
#define SIM_DISK_H

#include "env.h"
#include "kernel.h"

enum { DISK_SECTOR = 512, DISK_NAME_MAX = 256 };

enum disk_op_kind { DISK_WRITE, DISK_TRUNCATE, DISK_LINK, DISK_UNLINK, DISK_RENAME };

struct disk_file;

struct disk_op {
    enum disk_op_kind kind;
    uint64_t sequence;
    uint64_t position; /* Or the new size. */
    uint32_t size;
    uint8_t *data;
    char *name, *from; /* Of a directory's entry; `from` of a rename. */
    struct disk_file *file;
};

struct blob {
    uint8_t *data;
    uint64_t size, capacity;
};

struct disk_entry {
    char *name;
    struct disk_file *file;
};

struct disk_entries {
    struct disk_entry *all; /* Sorted by name. */
    uint32_t count, capacity;
};

struct disk_file {
    uint32_t number;
    bool directory;
    bool diverged; /* A failed sync: the cache shows what the disk may not have. */
    bool failed;   /* A write or sync of it did, and the process that asked has heard of it. */
    uint64_t failed_for; /* The tag of a failed sync of it whose asker has not; 0: none. */
    struct blob cache, durable;
    struct disk_entries entries, durable_entries;
    uint64_t reserved; /* Bytes from the start that a full disk cannot refuse. */
    struct disk_op *ops;
    uint32_t op_count, op_capacity;
    struct disk_file *next; /* Of all files, newest first. */
};

/* Chances in a million a call. */
struct disk_faults {
    uint32_t write_error, write_short, sync_error, read_error;
    bool full;          /* Nothing may grow beyond what is reserved. */
    sim_us sync_mean;   /* Of one sync. */
    uint32_t sync_hang; /* Chance of one of up to two seconds. */
};

struct disk_counts {
    uint64_t writes, syncs, write_errors, sync_errors, full, lost, torn, kept, rotten;
};

struct disk {
    struct kernel *kernel;
    struct rand rand;
    uint32_t node;
    struct disk_file *root, *files;
    uint32_t file_count;
    uint64_t sequence;
    uint64_t power; /* Raised at power loss: a sync in flight is void. */
    struct disk_faults faults;
    struct disk_counts counts;
    sim_us hang_until; /* No sync ends before. */
    void (*synced)(void *context, uint64_t tag, uint64_t ticket, enum err result);
    void *context;
};

void disk_init(struct disk *disk, struct kernel *kernel, uint32_t node);
void disk_free(struct disk *disk);

enum err disk_open(struct disk *disk, const char *path, enum env_open_mode mode,
                   struct disk_file **out);
int64_t disk_read(struct disk *disk, struct disk_file *file, uint64_t position, void *into,
                  uint32_t size);
int64_t disk_write(struct disk *disk, struct disk_file *file, uint64_t position,
                   const struct bytes *parts, uint32_t count);
enum err disk_truncate(struct disk *disk, struct disk_file *file, uint64_t size);
enum err disk_reserve(struct disk *disk, struct disk_file *file, uint64_t end);
enum err disk_mkdir(struct disk *disk, const char *path);
enum err disk_rename(struct disk *disk, const char *from, const char *to);
enum err disk_unlink(struct disk *disk, const char *path);
/* NULL: no such thing. */
struct disk_file *disk_find(struct disk *disk, const char *path);

/* Make durable what `files` hold now; disk->synced() is told later with `tag` and `ticket`. */
void disk_sync(struct disk *disk, struct disk_file *const *files, uint32_t count, uint64_t tag,
               uint64_t ticket);

/* Who syncs with this tag has heard of what failed. */
void disk_hear_failures(struct disk *disk, uint64_t tag);
/* A new process reads it afresh. */
void disk_forget_failures(struct disk *disk);
/* Power fails now, and is back: nobody holds a file any more. */
void disk_lose_power(struct disk *disk);
/* An empty disk in its place. */
void disk_wipe(struct disk *disk);
/* Turn one bit of what is durable in `file`, between two positions. */
void disk_rot(struct disk *disk, struct disk_file *file, uint64_t start, uint64_t end);

/* The two images (disk_image.c). */
void blob_write(struct blob *blob, uint64_t position, const uint8_t *data, uint64_t size);
void blob_resize(struct blob *blob, uint64_t size);
void blob_copy(struct blob *to, const struct blob *from);
struct disk_file *entries_get(const struct disk_entries *entries, const char *name, size_t size);
void entries_put(struct disk_entries *entries, const char *name, struct disk_file *file);
void entries_remove(struct disk_entries *entries, const char *name);
void entries_copy(struct disk_entries *to, const struct disk_entries *from);
void disk_add_op(struct disk *disk, struct disk_file *file, struct disk_op op);
/* Do to the durable images what stands in the list up to `sequence`, and forget it. */
void disk_settle(struct disk_file *file, uint64_t sequence);

#endif
