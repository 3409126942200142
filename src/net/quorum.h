/* quorum.h -- runs raft over the metadata log: its disk, its links, its commits.
 *
 * raft decides, this obeys, in the order that raft_out gives. Committed records
 * become an image that every shard is mailed; the office (office.h) appends.
 *
 * Shard   0.
 * Source  raft.h; KIP-595, KIP-996. */
#ifndef NET_QUORUM_H
#define NET_QUORUM_H

#include "base/base.h"
#include "image.h"
#include "log.h"
#include "raft.h"
#include "request.h"

struct quorum;

/* The metadata log's identity, Kafka's own. */
struct partition_key quorum_key(void);
#define QUORUM_TOPIC "__cluster_metadata"
/* A cluster id in raft's messages: null is none yet, and what is no uuid is no cluster of ours. */
struct uuid quorum_cluster_read(struct str text);
struct str quorum_cluster_text(struct uuid cluster_id, char out[UUID_TEXT_SIZE]);

/* Errors  the disk's own, traced. */
enum err quorum_open(struct shard *shard);
void quorum_close(struct quorum *quorum);
/* Before it: answer whoever waits here. */
void quorum_end_waits(struct quorum *quorum);
bool quorum_synced(struct quorum *quorum, uint64_t ticket, enum err result);
void quorum_flush(struct quorum *quorum);
bool quorum_is_dirty(const struct quorum *quorum);

/* Vote, BeginQuorumEpoch, EndQuorumEpoch: `message` as read from the wire, answered later. */
void quorum_take_message(struct quorum *quorum, struct request *request,
                         struct raft_message *message);
/* A replica's Fetch of the metadata log. `fetch` is in the request's arena. */
void quorum_take_fetch(struct quorum *quorum, struct request *request,
                       const struct fetch_request *fetch);

/* Append one atomic batch as leader and step raft; `records` get the offsets from the log's end.
 * Errors  ERR_UNCONFIRMED: not the leader any more, and what was appended may still be committed
 *         by another one; ERR_NOT_CONTROLLER, and the log's own: nothing was appended. */
enum err quorum_append(struct quorum *quorum, const struct record *records, uint32_t count);
log_offset quorum_end(const struct quorum *quorum);       /* The next offset. */
log_offset quorum_committed(const struct quorum *quorum); /* Applied below this. */
/* Until this node has applied all below `offset`, or leadership is lost (ERR_NOT_CONTROLLER). */
void quorum_wait(struct quorum *quorum, struct wait *wait, log_offset offset, mono_ms deadline);
bool quorum_leads(const struct quorum *quorum);
node_id quorum_leader(const struct quorum *quorum, log_epoch *epoch);
/* Who led before and answered us last, and when; -1: nobody yet. */
node_id quorum_predecessor(const struct quorum *quorum, mono_ms *answered_at);
const struct raft *quorum_raft(const struct quorum *quorum);
struct log *quorum_log(const struct quorum *quorum);
void quorum_sync_stats(const struct quorum *quorum, struct sync_stats *out);
/* The image of all records, the uncommitted ones too; one reference. */
struct image *quorum_newest_image(struct quorum *quorum);
/* The node stops for good: resign, tell the others. */
void quorum_shut_down(struct quorum *quorum);

#endif
