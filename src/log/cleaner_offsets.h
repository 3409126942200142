/* cleaner_offsets.h -- up to where each log is clean, as a file that Kafka reads too. */
#ifndef LOG_CLEANER_OFFSETS_H
#define LOG_CLEANER_OFFSETS_H

#include "base/base.h"

/* A log's directory, "topic-partition", and where it is clean up to. */
struct cleaner_offset {
    char *dir;
    log_offset offset;
    bool is_known; /* There is such a log. */
};

/* Sorted by directory. */
struct cleaner_offsets {
    struct cleaner_offset *entries;
    uint32_t count, capacity;
};

void cleaner_offsets_free(struct cleaner_offsets *offsets);
struct cleaner_offset *cleaner_offsets_find(const struct cleaner_offsets *offsets, const char *dir);
struct cleaner_offset *cleaner_offsets_put(struct cleaner_offsets *offsets, const char *dir,
                                           log_offset offset);
void cleaner_offsets_remove(struct cleaner_offsets *offsets, const char *dir);

/* What the file says. One that is malformed says nothing: logs are compacted from their start. */
void cleaner_offsets_read(struct cleaner_offsets *offsets, struct bytes text);
/* Owns    one reference is the caller's. */
struct buf *cleaner_offsets_write(const struct cleaner_offsets *offsets);

#endif
