/* changes.h -- changes of a file's bytes: recorded, done, and known to be done, under its lock. */
#ifndef FAULTS_CHANGES_H
#define FAULTS_CHANGES_H

#include "faults.h"

struct record;

/* Record what is about to be overwritten or cut off, read through `fd`; the inode is locked.
 * Returns NULL where there is no journal. */
struct record *change_write(struct inode *inode, int fd, uint64_t offset, uint64_t bytes);
struct record *change_size(struct inode *inode, int fd, uint64_t size);

/* The change was done or failed; `is_synced`: it was durable when it returned. errno is kept. */
void change_done(struct inode *inode, struct record *record, bool is_done, bool is_synced);

#endif
