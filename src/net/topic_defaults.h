/* topic_defaults.h -- what the controller knows of the broker's settings: those that are defaults
 * of topics, by the topics' names, and those that bound each other. */
#ifndef NET_TOPIC_DEFAULTS_H
#define NET_TOPIC_DEFAULTS_H

#include "config.h"
#include "record.h"

/* All but min.insync.replicas, which depends on how many replicas there are.
 * Owns    *out lives in `arena`, its texts there or in `config`. */
uint32_t topic_defaults(const struct config *config, struct arena *arena,
                        const struct record_config **out);

/* The broker's numbers that bound each other (config_pair_at()), by its own names.
 * Owns    as above. */
uint32_t paired_settings(const struct config *config, struct arena *arena,
                         const struct record_config **out);

#endif
