/* change_record.h -- the journal of what power loss would take back, as it lies in its files.
 *
 * DIR/journal/ holds chunk-NNNNNNNN (records, mapped while they are written), kept-N (a link to a
 * file that the change with sequence N took its name from), lock (of the one process that writes),
 * and lost (why the journal was given up; then the rest means nothing).
 *
 * A chunk is a run of records, each a multiple of eight bytes, and zeros. A record stands before
 * its change is begun and says all that is needed to take it back; the new bytes are in the file,
 * so they are not repeated. The writer may be killed between any two instructions: its stores
 * stay, in their order. So `length` is stored first, then the rest, then `state`. A record whose
 * state is RECORD_RESERVED belongs to a change that was not begun.
 *
 * Chunks go away from the oldest on, once all of their records are covered. So whenever a record
 * is there, all later ones are. */
#ifndef FAULTS_CHANGE_RECORD_H
#define FAULTS_CHANGE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum record_state {
    RECORD_RESERVED = 0,
    RECORD_WAITING = 1, /* No sync has covered it; may or may not have been done. */
    RECORD_COVERED = 2,
    RECORD_VOID = 3,   /* It failed, or its file is gone: nothing to take back. */
    RECORD_MISSED = 4, /* A sync that should have covered it failed; none ever will. */
};

enum record_kind {
    RECORD_WRITE = 1,    /* `bytes` bytes at `offset`; the payload holds what was there. */
    RECORD_TRUNCATE = 2, /* To `offset` bytes, longer or shorter; the payload as above. */
    RECORD_CREATE = 3,   /* Name in `dir`; leads to `made`, once that is known. */
    RECORD_MKDIR = 4,    /* Likewise. */
    RECORD_LINK = 5,     /* Name in `dir` leads to `inode`. */
    RECORD_UNLINK = 6,   /* Name in `dir` led to `inode`. */
    RECORD_RMDIR = 7,    /* Likewise. */
    RECORD_RENAME = 8,   /* First name, in `from_dir`, led to `inode`; second is in `dir`. */
};

struct record {
    _Atomic uint32_t length; /* Bytes with payload; 0: the chunk's records end here. */
    _Atomic uint32_t state;
    uint32_t crc; /* CRC-32C of everything from `sequence` on. */
    uint32_t reserved;
    _Atomic uint64_t next; /* In its writer's memory alone: the inode's next waiting record. */
    _Atomic uint64_t made; /* Inode that a creation gave; 0: not known. */

    uint64_t sequence; /* From 1; in the order of the journal. */
    uint32_t kind;
    uint32_t payload_size;
    uint64_t inode;
    uint64_t offset;
    uint64_t bytes;    /* Of a write; of a file that lost its name. */
    uint64_t old_size; /* Of the file, before. */
    uint64_t dir;      /* Whose sync covers a change of names. */
    uint64_t from_dir;
    uint64_t replaced; /* Inode that a rename took the second name from; 0: none. */
    uint32_t chunk;    /* That it is in. */
    uint32_t replaced_is_dir;
};

/* Of a payload of old bytes: runs, each followed by its bytes and padding to eight. What no run
 * tells was zero. A payload of names is one or two strings with their ends. */
struct record_run {
    uint64_t offset;
    uint64_t size;
};

_Static_assert(sizeof(struct record) % 8 == 0, "Records stay aligned.");

enum { RECORD_CRC_FROM = offsetof(struct record, sequence) };

static inline size_t record_padded(size_t size)
{
    return (size + 7) & ~(size_t)7;
}

/* Whether a record is worth reading: one that was reserved, or is void, may never have been
 * filled. */
static inline bool record_matters(const struct record *record)
{
    return record->state != RECORD_RESERVED && record->state != RECORD_VOID;
}

static inline uint32_t record_crc(const struct record *record)
{
    return crc32c(0, (const uint8_t *)record + RECORD_CRC_FROM,
                  sizeof *record - RECORD_CRC_FROM + record->payload_size);
}

/* `length` lies within the chunk. */
static inline bool record_is_sound(const struct record *record, uint32_t length)
{
    return record->payload_size <= length - sizeof *record && record->crc == record_crc(record);
}

#define JOURNAL_CHUNK_NAME "chunk-%08u"
#define JOURNAL_KEPT_NAME "kept-%llu"

#endif
