/* brokers.h -- which brokers clients are told of. */
#ifndef NET_API_BROKERS_H
#define NET_API_BROKERS_H

#include "api.h"

/* A broker that takes admin requests: this one if active, else the lowest active id; -1: none.
 * Any will do, because requests for the controller are forwarded (KIP-590). */
node_id any_active_broker(const struct shard *shard);

#endif
