/* brokers.h -- which brokers clients are told of. */
#ifndef NET_API_BROKERS_H
#define NET_API_BROKERS_H

#include "api.h"

/* Bits of AclOperation that apply to a cluster, a topic, a group (KIP-430): all, without ACLs. */
enum {
    CLUSTER_OPERATIONS = 1 << 5 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12,
    TOPIC_OPERATIONS = 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 11,
    GROUP_OPERATIONS = 1 << 3 | 1 << 6 | 1 << 8 | 1 << 10 | 1 << 11,
};

/* A broker that takes admin requests: this one if active, else the lowest active id; -1: none.
 * Any will do, because requests for the controller are forwarded (KIP-590). */
node_id any_active_broker(const struct shard *shard);

/* The ids of `list` in *out, which lives in `arena`; their count. */
uint32_t put_nodes(struct arena *arena, const struct node_list *list, int32_t **out);
/* The same for those of them that are not there or fenced. */
uint32_t put_offline_nodes(struct shard *shard, struct arena *arena, const struct node_list *list,
                           int32_t **out);

#endif
