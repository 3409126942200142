/* compact_source.h -- the batches that a compaction reads, one after the other.
 *
 * A segment is read in pieces; what is not in memory is waited for, and never held up the tick. */
#ifndef LOG_COMPACT_SOURCE_H
#define LOG_COMPACT_SOURCE_H

#include "log_internal.h"

struct compact_source {
    struct log *log;
    uint32_t segment;        /* Index. */
    uint64_t position;       /* In the segment. */
    log_offset next;         /* No base offset below it. */
    uint32_t piece_size;     /* Bytes read at once, where no batch is larger. */
    struct buf *piece;       /* Of the segment... */
    uint64_t piece_position; /* ...from here. */
    uint64_t bytes_read;
};

void compact_source_open(struct compact_source *source, struct log *log, uint32_t piece_size);
void compact_source_close(struct compact_source *source);

/* Go on at the start of a segment. */
void compact_source_enter(struct compact_source *source, uint32_t index);

/* The batch at the position, whole and with a right checksum.
 * Owns    *batch is good until the next call.
 * Errors  ERR_NOT_FOUND: the segment ends here; ERR_COLD: later; ERR_CORRUPT, ERR_IO. */
enum err compact_source_read(struct compact_source *source, struct batch_info *info,
                             struct bytes *batch);

/* No batch follows in the segment. */
bool compact_source_is_at_end(const struct compact_source *source);

#endif
