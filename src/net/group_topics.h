/* group_topics.h -- the cluster's topics, as coordinators of groups ask for them (group.h). */
#ifndef NET_GROUP_TOPICS_H
#define NET_GROUP_TOPICS_H

#include "group.h"

struct shard;

/* They are those of the shard's image at the time of the question.
 * Owns    `shard` must outlive it. */
struct group_topics group_topics_of(const struct shard *shard);

#endif
