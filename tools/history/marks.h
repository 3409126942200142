/* marks.h -- the faults of a history, and how long each may be felt. */
#ifndef CHAOS_MARKS_H
#define CHAOS_MARKS_H

#include "merge.h"

enum { MARKS_MAX = 10000, MARK_FELT_S = 60 };

struct mark {
    char *id;
    char *name;
    char *detail;
    int64_t begin;
    int64_t end;  /* INT64_MAX: it never ended. */
    int64_t stop; /* What happens before it may be this fault's: a minute after its end, or when
                   * the next one begins. */
};

struct marks {
    struct mark *all; /* By their beginnings. */
    uint32_t count;
    uint32_t capacity;
};

/* Read the faults of all sources. They may be logged late, so they are read before the rest.
 * Owns    *marks until marks_free(), also after an error.
 * Errors  false, and why. */
bool marks_read(struct marks *marks, const struct history_source *sources, uint32_t count,
                char *problem, size_t problem_size);
void marks_free(struct marks *marks);

#endif
