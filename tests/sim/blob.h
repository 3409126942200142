/* blob.h -- the bytes that model members of the classic protocol exchange, in the formats of
 * Kafka's ConsumerProtocol: subscriptions to the first topic, and assignments of its partitions.
 *
 * A leader's assignment ends with a stamp of its own, behind all that the format knows of;
 * one that a coordinator wrote has none. */
#ifndef SIM_BLOB_H
#define SIM_BLOB_H

#include "base/base.h"

enum { BLOB_SIZE_MAX = 256 };

/* Partitions are bits of a mask. `into` has room for BLOB_SIZE_MAX. */
struct bytes blob_write_subscription(uint8_t *into, uint64_t owned);
struct bytes blob_write_assignment(uint8_t *into, uint64_t mask, uint64_t stamp);
/* False: it is none. */
bool blob_read_subscription(struct bytes bytes, uint64_t *owned);
/* False: it is none; a stamp of 0: it has none. */
bool blob_read_assignment(struct bytes bytes, uint64_t *mask, uint64_t *stamp);

#endif
