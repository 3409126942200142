/* results.h -- what became of each of several things that a verb was told to do.
 *
 * People are told as it happens, by the verb; machines get a list at the end, a row for each thing
 * that was named, so that what was done is known even where something else failed. */
#ifndef SKIFF_RESULTS_H
#define SKIFF_RESULTS_H

#include <jansson.h>

#include "base/base.h"
#include "call.h"

struct results {
    const char *kind; /* What the rows call their thing: "topic", "group". */
    json_t *list;     /* NULL: for people. */
    int code;         /* Of the last that failed. */
};

void results_begin(struct results *results, const struct call *call, const char *kind);

/* `result` is "created", "deleted" and the like. */
void results_done(struct results *results, const char *name, const char *result);
/* "failed", or "unknown" where no answer came; people were told, with exit code `code`. */
void results_failed(struct results *results, const char *name, int code, enum err err,
                    struct str message);
/* It was not begun, since something before it made that useless; people are told here. */
void results_untried(struct results *results, const char *name);

/* Print the list for machines. Returns the verb's exit code. */
int results_end(struct results *results);

/* Whether nobody knows if it was done: no answer came, or one that knows no better. `message` is
 * what the broker says of `err`. */
bool results_is_unknown(enum err err, struct str message);

#endif
