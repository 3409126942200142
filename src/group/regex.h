/* regex.h -- subscriptions by regular expression: what is one, and which topics it stands for. */
#ifndef GROUP_REGEX_H
#define GROUP_REGEX_H

#include "group.h"

/* The names of topics, in their order, that `pattern` matches as a whole.
 * Owns    the array lives in `arena`, the names belong to who knows the topics.
 * Errors  ERR_INVALID_REGULAR_EXPRESSION: not one, or one that costs too much. */
enum err regex_resolve(struct str pattern, const struct group_topics *topics, struct arena *arena,
                       uint32_t *count, struct str **names);

#endif
