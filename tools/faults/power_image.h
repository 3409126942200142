/* power_image.h -- the parts of a power loss: the changes of a journal, verdicts, bytes and names.
 *
 * Both kinds of changes are dealt with alike: all from the first uncovered one on are taken back,
 * newest first, and then done again, oldest first: the covered ones always, the others as their
 * verdicts say. The two do not meet: bytes belong to inodes, and names only lead to them. */
#ifndef FAULTS_POWER_IMAGE_H
#define FAULTS_POWER_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/map.h"
#include "change_record.h"
#include "power.h"

enum verdict {
    VERDICT_DROP,
    VERDICT_KEEP,
    VERDICT_TEAR, /* Each of its sectors by chance; names are not torn. */
    VERDICT_SURE, /* A sync covered it. */
};

struct change {
    const struct record *record;
    enum verdict verdict;
    uint64_t made; /* Inode that a creation gave; 0: it was not done. */
};

/* One inode's changes of bytes, in their order. */
struct file {
    uint64_t inode;
    uint32_t *changes; /* Places in image.changes. */
    uint32_t count;
    uint32_t capacity;
};

struct image {
    const struct power_options *options;
    struct power_result *result;
    struct arena arena;
    int journal_fd; /* The journal's folder. */
    int data_fd;
    struct change *changes;
    uint32_t change_count;
    uint32_t change_capacity;
    struct map files;   /* Inode -> struct file, of those that exist. */
    struct map paths;   /* Inode -> path beneath the data directory, of all names at the end. */
    struct map kept;    /* Inode -> name in the journal's folder. */
    struct pmap *names; /* Directory and name -> struct target; at the end, then as it will be. */
};

/* Where a name leads. */
struct target {
    uint64_t inode;
    bool is_dir;
};

/* Sets `why` from a format; for `return fails(...)`. */
bool image_fails(struct image *image, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* image_journal.c: read the chunks, in order, whatever still matters.
 * Errors  false: damaged or unreadable. */
bool image_read_journal(struct image *image);

/* image_tree.c: all names beneath the data directory, and the files that the journal keeps. */
bool image_read_tree(struct image *image);
struct pmap *names_put(struct pmap *names, uint64_t dir, const char *name,
                       const struct target *target); /* NULL: removes. Takes `names`. */
const struct target *names_get(const struct pmap *names, uint64_t dir, const char *name);
const char *record_first_name(const struct record *record);
const char *record_second_name(const struct record *record);

/* image_bytes.c, image_names.c: take back and do again; counts what became of the uncovered. */
bool image_settle_bytes(struct image *image, struct file *file);
bool image_settle_names(struct image *image);

/* image_place.c: make the tree what `names` says; `before` is what it is. */
bool image_place(struct image *image, const struct pmap *before);

static inline bool is_of_bytes(const struct record *record)
{
    return record->kind == RECORD_WRITE || record->kind == RECORD_TRUNCATE;
}

#endif
