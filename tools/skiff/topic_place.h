/* topic_place.h -- TOPIC or TOPIC/PARTITION, as a user names them. */
#ifndef SKIFF_TOPIC_PLACE_H
#define SKIFF_TOPIC_PLACE_H

#include "base/base.h"

/* Split a word; *partition is -1 where none is named, and topic points into the word.
 * Errors  false: no topic, or what stands behind the slash is no partition's number. */
bool topic_place_read(const char *word, struct str *topic, partition_id *partition);

bool topic_place_is_valid(const char *word);
/* Whether a valid word names this partition, or its whole topic. */
bool topic_place_has(const char *word, struct str topic, partition_id partition);

#endif
