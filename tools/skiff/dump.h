/* dump.h -- one file of a node's directory, shown item by item.
 *
 * An item is a kind and named values: a line of text, or with --json an object a line. What is
 * wrong is an item too, with its place in the file, and the rest is shown as far as it
 * can be told apart; the exit code says whether anything was wrong. */
#ifndef SKIFF_DUMP_H
#define SKIFF_DUMP_H

#include <jansson.h>
#include <stdbool.h>

#include "base/base.h"
#include "file_window.h"

enum { DUMP_SMALL_MAX = 64 << 20 }; /* Bytes of a file that is read whole. */

struct dump {
    const char *path;
    const char *name; /* The last part of the path. */
    uint64_t size;    /* Of the file when it was opened. */
    bool json;
    bool shows_records;
    struct file_window window;
    uint64_t items, problems;
    uint64_t first_problem; /* Where. */
};

/* dump.c */
/* Bytes of the file, which last until the next call. NULL: it does not hold them. */
const uint8_t *dump_bytes(struct dump *dump, uint64_t position, uint32_t size);
/* Print an item. Owns    takes `values`, made by json_pack(). */
void dump_item(struct dump *dump, const char *kind, json_t *values);
/* What is wrong at `position`; `found` and `expected` may be NULL. */
void dump_problem(struct dump *dump, uint64_t position, const char *expected, const char *found,
                  const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Compare the checksum that the file holds with the one of its bytes; tells a difference. */
bool dump_check_crc(struct dump *dump, uint64_t position, uint32_t stored, uint32_t actual);

/* One kind of file each. */
void dump_segment(struct dump *dump);    /* dump_segment.c */
void dump_metadata(struct dump *dump);   /* dump_segment.c: a segment of the metadata log. */
void dump_index(struct dump *dump);      /* dump_index.c */
void dump_time_index(struct dump *dump); /* dump_index.c */
void dump_snapshot(struct dump *dump);   /* dump_small.c: producers. */
void dump_epochs(struct dump *dump);     /* dump_small.c: leader-epoch-checkpoint. */
void dump_properties(struct dump *dump); /* dump_small.c */
void dump_slots(struct dump *dump);      /* dump_slots.c: marks, votes. */

/* The value of a metadata record, by field; NULL: told why not (dump_record.c). */
json_t *dump_metadata_record(struct dump *dump, uint64_t position, struct bytes value);

#endif
