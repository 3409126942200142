/* budget.h -- how many bytes requests and replies hold (queued.max.request.bytes).
 *
 * A budget that is spent holds back frames that have begun, one excepted: two half-read frames
 * could wait for each other for ever. Small requests pass, a few kilobytes at a time, or a few
 * peers with half of a large frame would stop all others. Nodes are always read: what clients
 * hold may wait for a follower's fetch, or for a heartbeat.
 *
 * A peer that goes on asking has few requests open then: each may have a small answer.
 *
 * Source  KIP-72. */
#ifndef NET_BUDGET_H
#define NET_BUDGET_H

#include "base/base.h"

struct conn;
struct shard;

enum { BUDGET_SMALL_SIZE = 16 * 1024 }; /* Of an answer that is made all the same. */

void budget_take(struct shard *shard, uint64_t size);
/* Reading resumes when enough has been released. */
void budget_release(struct shard *shard, uint64_t size);
bool budget_is_spent(const struct shard *shard);
/* Bytes that are not spent. */
uint64_t budget_left(const struct shard *shard);
/* Whether an answer of `size` bytes may be made now; a small one may always. */
bool budget_has_room(const struct shard *shard, uint64_t size);
/* Whether `conn` may be read from; if not, it waits in line. */
bool budget_admits(struct shard *shard, struct conn *conn);
/* Frames of `conn` wait, perhaps for the budget alone: they are looked at when it is not spent. */
void budget_call_back(struct shard *shard, struct conn *conn);
/* Somebody is about to wait: close who holds some of it and has fallen silent. */
void budget_watch(struct shard *shard);

#endif
