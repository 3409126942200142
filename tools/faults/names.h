/* names.h -- names beneath the data directory: made, moved and removed, the record first. */
#ifndef FAULTS_NAMES_H
#define FAULTS_NAMES_H

#include <limits.h>

#include "faults.h"

/* Where a path leads. */
struct place {
    bool is_inside; /* Beneath the data directory; the rest is set only then. */
    int parent_fd;  /* O_PATH. */
    uint64_t parent;
    char name[NAME_MAX + 1];
};

void place_find(int dirfd, const char *path, struct place *out);
void place_close(struct place *place);

/* The calls that these are named after, for places that are inside. */
int name_open(struct place *place, int flags, mode_t mode);
int name_mkdir(struct place *place, mode_t mode);
int name_remove(struct place *place, int flags);
int name_link(const struct place *from, struct place *to);
int name_rename(struct place *from, struct place *to, unsigned int flags);

#endif
