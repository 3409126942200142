/* moves.h -- from where to where a group's committed offsets go: what `group seek` plans. */
#ifndef SKIFF_MOVES_H
#define SKIFF_MOVES_H

#include "group_view.h"

struct move {
    struct str topic;
    partition_id partition;
    int64_t before; /* -1: nothing is committed. */
    int64_t after;
    int64_t end; /* Of the partition. */
    enum err err;
};

struct moves {
    uint32_t count;
    uint32_t capacity;
    struct move *list; /* By topic and number, none twice. */
};

struct seek_target {
    enum {
        TARGET_START,
        TARGET_END,
        TARGET_OFFSET, /* `number` itself. */
        TARGET_SHIFT,  /* `number` on from what is committed. */
        TARGET_TIME,   /* The first record at or after `number` ms. */
        TARGET_FILE,   /* Each move has its offset already. */
    } kind;
    int64_t number;
};

/* "start", "end", N, +N, -N, @MS. Errors: false. */
bool seek_target_read(struct seek_target *out, const char *text);

/* Plan for TOPIC or TOPIC/PARTITION words; without any, for all that the group has committed.
 * Owns    strings live as long as the brokers and the words; moves_free().
 * Errors  an exit code, told. */
int moves_from_words(struct moves *moves, struct brokers *brokers, const struct group_view *view,
                     const struct call *call);
/* Plan for lines TOPIC PARTITION OFFSET, with commas or blanks between; "-" is standard input. */
int moves_from_file(struct moves *moves, struct brokers *brokers, const struct group_view *view,
                    const char *path);
void moves_free(struct moves *moves);

/* Fill in `after` and `end`: `after` lies between the partition's ends, whatever was asked for.
 * Errors  an exit code, told; the plan is of no use then. */
int moves_resolve(struct moves *moves, struct brokers *brokers, const struct seek_target *target);

#endif
