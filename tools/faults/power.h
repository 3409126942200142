/* power.h -- what a disk shows after its power was cut: the synced image, and some of the rest. */
#ifndef FAULTS_POWER_H
#define FAULTS_POWER_H

#include <stdbool.h>
#include <stdint.h>

enum { POWER_WHY_SIZE = 256, POWER_KEEP_BY_SEED = -1 };

struct power_options {
    const char *chaos_dir; /* DIR/chaos/node-N: its journal is read, and empty afterwards. */
    const char *data_dir;
    uint64_t seed;
    int32_t keep_percent; /* Of the unsynced operations, 0 to 100; POWER_KEEP_BY_SEED. */
};

struct power_result {
    bool confirmed;      /* The image is a true one; false: nothing was changed, see why. */
    uint64_t operations; /* That no sync had covered; the sum of the next three. */
    uint64_t dropped;    /* Nothing of them is left. */
    uint64_t kept;       /* All of them is there. */
    uint64_t torn;       /* Some sectors are. */
    uint64_t bytes_dropped;
    uint64_t names_dropped; /* Of the dropped: creations, renames, removals. */
    char why[POWER_WHY_SIZE];
};

/* Cut the power of a node whose process has gone: put back what was synced, apply a random subset
 * of what was not, torn at sectors. The same journal, data and seed give the same image.
 * Owns    `out` is the caller's.
 * Errors  false: the journal or the data could not be read or written, `why` says what; the image
 *         may then be anything. True with `confirmed` false: the journal had been given up. */
bool power_cut(const struct power_options *options, struct power_result *out);

#endif
