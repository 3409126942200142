/* endpoints.h -- where clients find a node, on the listener that they came through. */
#ifndef NET_API_ENDPOINTS_H
#define NET_API_ENDPOINTS_H

#include "api.h"

/* The endpoint of `leader` to go with a leader hint; NULL: none to tell. */
const struct record_endpoint *hint_endpoint(struct shard *shard, const struct request *request,
                                            node_id leader);

/* Is `node` among `count` structs of `size` bytes that begin with an int32_t node id? */
bool hint_is_named(const void *endpoints, size_t size, uint32_t count, node_id node);

#endif
