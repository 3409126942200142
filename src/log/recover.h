/* recover.h -- one recovery under way: recover.c decides, recover_scan.c reads and writes. */
#ifndef LOG_RECOVER_H
#define LOG_RECOVER_H

#include "log_internal.h"

struct recovery {
    struct log *log;
    bool has_mark;
    struct mark mark;    /* All zero offsets when there is none. */
    log_offset promised; /* Records from the start to here were synced; 0: none was. */
    log_offset settled;  /* What lies below is known by the mark: it is promised, or retired. */
    uint32_t first;      /* Segment that holds the mark: the scan starts in it... */
    uint64_t position;   /* ...here. */
    log_offset next;     /* What is verified ends here. */
    bool must_cut;       /* Something past the end is on the disk. */
    bool is_torn;        /* A bad batch ended the scan. */
    const char *what;    /* What ended it, for a person. */
    bool has_mark_place; /* The first batch that ends past the mark: */
    uint32_t mark_segment;
    uint64_t mark_position;
    uint8_t *window; /* File bytes around the scan. */
    uint32_t window_capacity, window_size;
    uint64_t window_position;
};

/* Verify batches from `first` and `position` on; cut in memory at the first bad one.
 * Errors  ERR_IO: the disk cannot be read. */
enum err recovery_scan(struct recovery *recovery);

/* Write what is past the mark again, byte for byte. */
enum err recovery_rewrite(struct recovery *recovery);

#endif
