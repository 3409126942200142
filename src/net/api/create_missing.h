/* create_missing.h -- topics that are created because a client asked about them
 * (auto.create.topics.enable), or asked who coordinates its group (__consumer_offsets). */
#ifndef NET_API_CREATE_MISSING_H
#define NET_API_CREATE_MISSING_H

#include "api.h"

enum { CREATIONS_MAX = 1000 }; /* Names in flight, a shard; more are not created now. */

/* Ask the controller for a topic of this name, unless that is under way already. */
void create_missing(struct shard *shard, struct str name);
/* Nothing is under way for it: the controller refused, or there were too many. */
bool create_missing_failed(struct shard *shard, struct str name);

/* The shard closes. */
void create_missing_end_all(struct shard *shard);

#endif
