/* suspects.h -- nodes that may have died a moment ago, before the image says so.
 *
 * A client whose leader died asks another node where it should go, and comes a
 * millisecond before the controller has fenced the dead one; told the old leader, it
 * asks again only much later (librdkafka: after up to a second). The end of our own
 * connection to that node came at the same moment as the client's, so answers that
 * name leaders wait until the image has changed, the node answers a dial, or
 * SUSPECT_MS have passed. One that did not answer since is not suspected again.
 *
 * Shard   its own connections only; nothing is shared. */
#ifndef NET_SUSPECTS_H
#define NET_SUSPECTS_H

#include "base/base.h"

enum { SUSPECTS_MAX = 16, SUSPECT_MS = 500 };

struct shard;

struct suspect {
    node_id node;
    broker_epoch epoch; /* Its incarnation in the image when the connection ended. */
    mono_ms until;
};

struct suspects {
    uint32_t count;
    struct suspect list[SUSPECTS_MAX];
};

void suspects_lost(struct shard *shard, node_id node);     /* Our connection to it ended. */
void suspects_answered(struct shard *shard, node_id node); /* It took a connection. */
/* Somebody is suspected, and the image still says that it serves. */
bool suspects_any(const struct shard *shard);

#endif
