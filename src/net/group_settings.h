/* group_settings.h -- what was altered of single groups, as coordinators ask for it (group.h). */
#ifndef NET_GROUP_SETTINGS_H
#define NET_GROUP_SETTINGS_H

#include "group.h"

struct shard;

/* What the shard's image says at the time of the question.
 * Owns    `shard` must outlive it. */
struct group_settings group_settings_of(const struct shard *shard);

#endif
