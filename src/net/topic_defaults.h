/* topic_defaults.h -- the broker's settings that are defaults of topics, by the topics' names. */
#ifndef NET_TOPIC_DEFAULTS_H
#define NET_TOPIC_DEFAULTS_H

#include "config.h"
#include "record.h"

/* All but min.insync.replicas, which depends on how many replicas there are.
 * Owns    *out lives in `arena`, its texts there or in `config`. */
uint32_t topic_defaults(const struct config *config, struct arena *arena,
                        const struct record_config **out);

#endif
