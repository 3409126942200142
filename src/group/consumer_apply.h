/* consumer_apply.h -- records of groups of consumers, as apply.c's table names them. `value`
 * NULL is a tombstone. */
#ifndef GROUP_CONSUMER_APPLY_H
#define GROUP_CONSUMER_APPLY_H

#include "group.h"

void apply_consumers(struct coordinator *coordinator, const void *key, const void *value);
void apply_consumer_profile(struct coordinator *coordinator, const void *key, const void *value);
void apply_consumers_target(struct coordinator *coordinator, const void *key, const void *value);
void apply_consumer_target(struct coordinator *coordinator, const void *key, const void *value);
void apply_consumer_current(struct coordinator *coordinator, const void *key, const void *value);
void apply_regex(struct coordinator *coordinator, const void *key, const void *value);

#endif
