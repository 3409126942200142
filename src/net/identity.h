/* identity.h -- which node, which directory, which cluster: meta.properties.
 *
 * The directory id is minted once, and synced before any message names it
 * (rule 25). A directory of another node, or of Apache Kafka, is refused untouched.
 *
 * Shard   0 only; the others hear of it through letters. */
#ifndef NET_IDENTITY_H
#define NET_IDENTITY_H

#include "base/base.h"

struct shard;

/* Read or mint. Errors  ERR_INVALID_CONFIG: not ours (traced); the disk's own. */
enum err identity_open(struct shard *shard);
/* True: the ticket was ours. */
bool identity_synced(struct shard *shard, uint64_t ticket, enum err result);
/* The directory id is durable: messages may name it. */
bool identity_is_durable(const struct shard *shard);
/* The cluster formed or was found; note it for people and tools. */
void identity_set_cluster(struct shard *shard, struct uuid cluster_id);

#endif
