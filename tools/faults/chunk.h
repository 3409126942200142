/* chunk.h -- the journal's files: mapped one after the other, gone when nothing in them waits.
 *
 * All calls under the journal's lock, except chunk_release(). */
#ifndef FAULTS_CHUNK_H
#define FAULTS_CHUNK_H

#include <stdatomic.h>
#include <stdbool.h>

#include "change_record.h"

/* Called for each record of an earlier process that may matter still. */
typedef void chunk_visit(struct record *record);

/* Map what is there in journal directory `dir_fd`, oldest first. False: damaged. */
bool chunks_open(int dir_fd, chunk_visit *visit);

/* `length` bytes for a record, with length and chunk filled in. NULL: no room, `why` says which. */
struct record *chunk_take(size_t length, const char **why);

/* The record no longer waits. Any lock or none. */
void chunk_release(const struct record *record);
/* Remove the oldest chunks in which none waits. */
void chunks_prune(void);
void chunks_remove_files(void);

#endif
