/* names.h -- strings that live as long as their owner, and maps from strings. */
#ifndef GROUP_NAMES_H
#define GROUP_NAMES_H

#include "base/base.h"

/* A copy that drop_str() frees; null stays null. */
struct str keep_str(struct str str);
struct bytes keep_bytes(struct bytes bytes);
void drop_str(struct str *str); /* Leaves null. */
void drop_bytes(struct bytes *bytes);
/* Frees what *kept holds and keeps a copy of `str`, which may be *kept itself. */
void replace_str(struct str *kept, struct str str);
void replace_bytes(struct bytes *kept, struct bytes bytes);

/* Ordered maps that change in place; the key is copied, the value not counted. */
void names_put(struct pmap **names, struct str key, void *value);
void names_remove(struct pmap **names, struct str key);
void *names_get(const struct pmap *names, struct str key); /* NULL: absent, or a null key. */
/* The first value with *after null, then the one behind it: sets *after, which stays good
 * until that entry is removed. NULL at the end. */
void *names_next(const struct pmap *names, struct str *after);

#endif
