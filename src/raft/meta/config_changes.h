/* config_changes.h -- a resource's configs on their way to others. */
#ifndef META_CONFIG_CHANGES_H
#define META_CONFIG_CHANGES_H

#include "controller_state.h"

struct config_changes {
    struct arena *arena;
    enum config_resource resource;
    const char *kind; /* "topic", as messages call it. */
    /* Whether the key may be altered at all; *message says why not. NULL: each may. */
    enum err (*may_alter)(const void *context, const struct config_key *key, struct str *message);
    /* What counts where nothing is said. */
    struct str (*fallback)(const void *context, const struct config_key *key);
    const void *context;
    uint32_t count, capacity;
    struct record_config *configs;
};

/* Begin with what there is, and room for `wanted_count` more; with `replace` only with what cannot
 * be altered: a replacement that leaves that out does not change it. */
void config_changes_begin(struct config_changes *changes, const struct record_config *old,
                          uint32_t count, uint32_t wanted_count, bool replace);

/* Make the changes that are `wanted`, in their order.
 * Owns    what it points to lives in the arena or in `wanted`.
 * Errors  ERR_INVALID_REQUEST: a key twice, a null value, no operation; ERR_INVALID_CONFIG: a key
 *         or value that is not taken; what may_alter() says. */
enum err config_changes_make(struct config_changes *changes, const struct alter_config *wanted,
                             uint32_t count, struct str *message);
bool config_changes_differ(const struct config_changes *changes, const struct record_config *old,
                           uint32_t old_count);

#endif
