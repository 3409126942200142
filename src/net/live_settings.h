/* live_settings.h -- the broker's settings as they were altered while it runs (KIP-226). */
#ifndef NET_LIVE_SETTINGS_H
#define NET_LIVE_SETTINGS_H

#include "node.h"

/* The image has other configs of brokers: shard->config is what this node was started with, then
 * what was altered for all brokers, then what was altered for this one; who took over something of
 * it before is told. */
void live_settings_take(struct shard *shard);

/* What was altered of this very broker; NULL: nothing. */
const struct image_configs *live_settings_own(const struct shard *shard);

#endif
