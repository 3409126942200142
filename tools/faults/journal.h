/* journal.h -- the journal of one process: room for records, and which of them still wait.
 *
 * A change is journal_reserve(), the payload, journal_publish(), and only then the change itself,
 * all under its inode's lock. Record and list stay with the journal. */
#ifndef FAULTS_JOURNAL_H
#define FAULTS_JOURNAL_H

#include "change_record.h"
#include "faults.h"

/* Open the journal with what earlier processes left in it, at the first look at a file beneath the
 * data directory on file system `device`; later calls only compare the device. */
void journal_start(dev_t device);

/* There are records for files on `device`. */
bool journal_is_on(dev_t device);

/* Give the journal up: from here on nobody can say what power loss would leave. */
void journal_lose(const char *why);

/* Room for a record like `head` with a payload of at most `payload_size` bytes; NULL: lost, or
 * off. */
struct record *journal_reserve(struct inode *inode, const struct record *head, size_t payload_size);
void journal_publish(struct inode *inode, struct record *record);
/* The change failed, or was durable when it returned: its record waits for no sync. */
void journal_settle(struct inode *inode, struct record *record, enum record_state state);

/* The last change made so far; what a sync that begins now covers at most. */
uint64_t journal_last(struct inode *inode); /* Of one inode; waits for a change under way. */
uint64_t journal_last_of_all(void);         /* Likewise for every inode. */

/* A sync ended: changes up to `sequence` are durable, or will never be (RECORD_MISSED). */
void journal_cover(struct inode *inode, uint64_t sequence, enum record_state state);
void journal_cover_all(uint64_t sequence);

/* The inode's file is new: changes of a file that had this number before are void. */
void journal_forget(struct inode *inode);

/* Keep `name`, which leads to the file that record `record` is about to take it from. */
void journal_keep(const struct record *record, int parent_fd, const char *name);

#endif
