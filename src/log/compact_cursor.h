/* compact_cursor.h -- the records of one batch, taken as far as a slice of work allows.
 *
 * A batch may hold a thousand times what it takes on the disk, and unpacking it is what a
 * compaction costs. So each loop over records may stop at any of them, and goes on in a later tick:
 * ERR_AGAIN says that the work of this one is used up. */
#ifndef LOG_COMPACT_CURSOR_H
#define LOG_COMPACT_CURSOR_H

#include "records.h"

/* So much may be done at once, in bytes of plain records that are walked or copied. */
struct compact_work {
    uint64_t budget;
    uint64_t used; /* May end above the budget: by a piece, or by a batch as it lies on the disk. */
};

static inline bool compact_work_is_left(const struct compact_work *work)
{
    return work->used < work->budget;
}

struct compact_cursor {
    struct window window;
    int32_t index; /* Of the next record. */
    int32_t last_delta;
    bool is_open;
};

/* Owns    `batch` and `reader` are borrowed until compact_cursor_close(), and nobody else uses the
 *         reader meanwhile.
 * Errors  ERR_CORRUPT: it names no codec. */
enum err compact_cursor_open(struct compact_cursor *cursor, struct bytes batch,
                             const struct batch_info *info, struct codec_reader *reader);
void compact_cursor_close(struct compact_cursor *cursor); /* One that is not open is fine. */

/* The next record, good until the one after it; records stand in the order of their offsets,
 * within the batch's.
 * Errors  ERR_AGAIN: the work is used up; ERR_NOT_FOUND: that was the last;
 *         ERR_INVALID_RECORD, ERR_CORRUPT, ERR_TOO_LARGE: malformed. */
enum err compact_cursor_next(struct compact_cursor *cursor, const struct batch_info *info,
                             struct compact_work *work, struct record *out);

#endif
