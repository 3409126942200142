/* bodies.h -- random structs of any described message, and their comparison. */
#ifndef BODIES_H
#define BODIES_H

#include "base/base.h"
#include "base/walk.h"

/* Fill `out` (of->size bytes) with random values that are legal in `version`, in `arena`. */
void body_random(const struct walk_struct *of, int16_t version, struct rand *rand,
                 struct arena *arena, void *out);

/* The same in every field that `version` carries, and `b` at its defaults in all others. */
bool body_equal(const struct walk_struct *of, int16_t version, const void *a, const void *b);

/* The body's bytes, in `arena`, as walk_write() makes them; records in memory only. */
struct bytes body_bytes(const struct walk_message *message, int16_t version, const void *body,
                        struct arena *arena);

#endif
