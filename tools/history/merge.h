/* merge.h -- several history files as one: their lines in the order of their times. */
#ifndef CHAOS_MERGE_H
#define CHAOS_MERGE_H

#include "history.h"

enum { MERGE_FILES_MAX = 1024 };

/* A file, or, where there is a text, bytes in memory that `path` names. */
struct history_source {
    const char *path;
    struct bytes text;
};

struct merge;

/* Open all and compare their first lines.
 * Owns    *out until merge_close(), also after an error; the sources outlive it.
 * Errors  false: merge_problem() says what is wrong. */
bool merge_open(struct merge **out, const struct history_source *sources, uint32_t count);
void merge_close(struct merge *merge);

const struct history_head *merge_head(const struct merge *merge);

/* The next line and the file (an index) that holds it. Of lines with the same time a write's
 * beginning comes first. HISTORY_END: all files are at their end, whole or cut short. */
enum history_result merge_next(struct merge *merge, struct history_line *line, uint32_t *file);

/* Once it was read to its end: it has no last line. */
bool merge_is_cut(const struct merge *merge, uint32_t file);

/* Likewise: the time of its last line. */
int64_t merge_end_time(const struct merge *merge, uint32_t file);

const char *merge_problem(const struct merge *merge);

/* Open one source. Errors  as history_reader_open(). */
bool history_source_open(struct history_reader **out, const struct history_source *source);

#endif
