/* findings.h -- what is wrong with a history: counted by class, and shown by its own lines. */
#ifndef CHAOS_FINDINGS_H
#define CHAOS_FINDINGS_H

#include "merge.h"

enum finding_class {
    FINDING_LOST_WRITE,
    FINDING_UNSEEN,
    FINDING_DUPLICATE,
    FINDING_REORDERED,
    FINDING_INCONSISTENT_OFFSETS,
    FINDING_NEVER_WRITTEN,
    FINDING_ABORTED_READ,
    FINDING_POLL_SKIP,
    FINDING_NONMONOTONIC_POLL,
    FINDING_NONMONOTONIC_SEND,
    FINDING_BEYOND_WATERMARK,
    FINDING_DIRTY_READ,
    FINDING_CORRUPT,
    FINDING_LOST_COMMIT,
    FINDING_LOST_KEY,
    FINDING_UNDELIVERED,
    FINDING_TWO_OWNERS,
    FINDING_CLASSES,
};

enum {
    FINDINGS_SHOWN = 3, /* Of each class; the others are counted. */
    FINDING_LINES_MAX = 10,
    FINDING_TEXT_MAX = 256,
};

/* Lines to be shown: those of a kind whose fields are these; WANT_ANY: whatever it is. */
#define WANT_ANY INT64_MIN

struct want {
    char kind;
    int64_t client;
    int64_t partition;
    int64_t offset;
    int64_t writer;
    int64_t value;
};

struct finding_line {
    int64_t time;
    uint32_t file;
    uint64_t number;
    char *text; /* "FILE:LINE: ..." */
};

struct finding {
    enum finding_class class;
    char text[FINDING_TEXT_MAX];
    uint32_t want_count;
    struct want wants[FINDING_LINES_MAX];
    uint32_t line_count;
    struct finding_line lines[FINDING_LINES_MAX]; /* In the order of their times. */
};

struct findings {
    uint64_t counts[FINDING_CLASSES];
    uint32_t count; /* Of those to be shown. */
    struct finding shown[FINDINGS_SHOWN * FINDING_CLASSES];
};

/* "lost-write" */
const char *finding_class_name(enum finding_class class);

uint64_t findings_total(const struct findings *findings);

/* Count one. The result is to be given its lines, or NULL: it is not one that is shown. */
struct finding *findings_add(struct findings *findings, enum finding_class class,
                             const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Ask for lines of the history. `finding` may be NULL. */
void want_write(struct finding *finding, uint32_t client, int64_t value); /* Its w, a, e lines. */
void want_read(struct finding *finding, int64_t client, uint32_t partition, int64_t offset);
void want_read_of(struct finding *finding, uint32_t partition, int64_t offset, uint32_t writer,
                  int64_t value);
void want_line(struct finding *finding, char kind, uint32_t client, int64_t partition,
               int64_t offset);

/* The answer to the question of a committed offset that was asked at `asked`. */
void want_committed(struct finding *finding, uint32_t client, uint32_t partition, int64_t offset,
                    int64_t asked);

/* Read the history once more for the lines that were asked for.
 * Errors  false: it cannot be read any more. */
bool findings_collect(struct findings *findings, const struct history_source *sources,
                      uint32_t count);
void findings_free(struct findings *findings);

#endif
