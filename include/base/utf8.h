/* utf8.h -- text that came from outside.
 *
 * Kafka's broker refuses no string for its bytes: what is not UTF-8 it reads as U+FFFD. So a client
 * whose client.id is in Latin-1, or that commits bytes as an offset's metadata, is served. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/bytes.h"

enum { UTF8_MENDED_TIMES = 3 }; /* As many times as long at most is what was mended. */

bool utf8_is_valid(struct str text);

/* The text, if it is UTF-8; else a copy in the arena with a U+FFFD for each piece that is none.
 * Source  java.lang.String(byte[], UTF_8), whose pieces these are. */
struct str utf8_mend(struct arena *arena, struct str text);

#endif
