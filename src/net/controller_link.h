/* controller_link.h -- how a shard asks the active controller, wherever that is, itself included.
 *
 * Always through the wire, so that there is one path: to the leader's internal
 * listener, on this node too. */
#ifndef NET_CONTROLLER_LINK_H
#define NET_CONTROLLER_LINK_H

#include "base/base.h"
#include "peer.h"

struct controller_link {
    struct shard *shard;
    node_id leader; /* -1: none known. */
    struct peer peer;
};

struct controller_link *controller_link_open(struct shard *shard);
void controller_link_close(struct controller_link *link);
void controller_link_set(struct controller_link *link, node_id leader);
void controller_link_image(struct controller_link *link); /* An address may have changed. */
/* Errors  ERR_UNREACHABLE: no controller is known; ERR_BUSY. `done` will not be called then. */
enum err controller_call(struct shard *shard, int16_t api_key, const void *request,
                         int32_t timeout_ms, peer_done *done, void *context);

#endif
