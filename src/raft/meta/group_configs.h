/* group_configs.h -- what a single group may be told. */
#ifndef META_GROUP_CONFIGS_H
#define META_GROUP_CONFIGS_H

#include "controller_state.h"

/* Each of a group's configs has been checked for itself. The broker bounds them, and members must
 * be able to send a heartbeat within their session.
 * Owns    *message lives in `arena`.
 * Errors  ERR_INVALID_CONFIG. */
enum err group_configs_check(const struct controller_config *controller,
                             const struct record_config *configs, uint32_t count,
                             struct arena *arena, struct str *message);

#endif
