/* broker_configs.h -- what brokers may be told together. */
#ifndef META_BROKER_CONFIGS_H
#define META_BROKER_CONFIGS_H

#include "controller_state.h"

/* Each of these configs of broker `name`, or of all brokers (""), has been checked for itself.
 * Numbers that bound each other must not come to contradict, at any broker.
 * Owns    *message lives in the decision's arena.
 * Errors  ERR_INVALID_CONFIG. */
enum err broker_configs_check(const struct decision *decision, struct str name,
                              const struct record_config *configs, uint32_t count,
                              struct str *message);

#endif
