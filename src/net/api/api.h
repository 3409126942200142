/* api.h -- every handler: one file an API. Each ends its request exactly once. */
#ifndef NET_API_H
#define NET_API_H

#include "node.h"
#include "request.h"

void api_produce(struct shard *shard, struct request *request);
void api_fetch(struct shard *shard, struct request *request);
void api_list_offsets(struct shard *shard, struct request *request);
void api_metadata(struct shard *shard, struct request *request);
void api_api_versions(struct shard *shard, struct request *request);
void api_create_topics(struct shard *shard, struct request *request);
void api_delete_topics(struct shard *shard, struct request *request);
void api_create_partitions(struct shard *shard, struct request *request);
void api_elect_leaders(struct shard *shard, struct request *request);
void api_delete_records(struct shard *shard, struct request *request);
void api_describe_configs(struct shard *shard, struct request *request);
void api_alter_configs(struct shard *shard, struct request *request);
void api_incremental_alter_configs(struct shard *shard, struct request *request);
void api_offset_commit(struct shard *shard, struct request *request);
void api_offset_fetch(struct shard *shard, struct request *request);
void api_find_coordinator(struct shard *shard, struct request *request);
void api_join_group(struct shard *shard, struct request *request);
void api_heartbeat(struct shard *shard, struct request *request);
void api_leave_group(struct shard *shard, struct request *request);
void api_sync_group(struct shard *shard, struct request *request);
void api_consumer_group_heartbeat(struct shard *shard, struct request *request);
void api_consumer_group_describe(struct shard *shard, struct request *request);
void api_describe_groups(struct shard *shard, struct request *request);
void api_list_groups(struct shard *shard, struct request *request);
void api_delete_groups(struct shard *shard, struct request *request);
void api_offset_delete(struct shard *shard, struct request *request);
void api_init_producer_id(struct shard *shard, struct request *request);
void api_offset_for_leader_epoch(struct shard *shard, struct request *request);
void api_describe_acls(struct shard *shard, struct request *request);
void api_create_acls(struct shard *shard, struct request *request);
void api_delete_acls(struct shard *shard, struct request *request);
void api_describe_log_dirs(struct shard *shard, struct request *request);
void api_describe_producers(struct shard *shard, struct request *request);
void api_list_config_resources(struct shard *shard, struct request *request);
void api_describe_topic_partitions(struct shard *shard, struct request *request);
void api_vote(struct shard *shard, struct request *request);
void api_begin_quorum_epoch(struct shard *shard, struct request *request);
void api_end_quorum_epoch(struct shard *shard, struct request *request);
void api_describe_quorum(struct shard *shard, struct request *request);
void api_alter_partition(struct shard *shard, struct request *request);
void api_envelope(struct shard *shard, struct request *request);
void api_describe_cluster(struct shard *shard, struct request *request);
void api_broker_registration(struct shard *shard, struct request *request);
void api_broker_heartbeat(struct shard *shard, struct request *request);
void api_allocate_producer_ids(struct shard *shard, struct request *request);

/* What a request may do; allows all until there are ACLs. */
bool authorize(const struct request *request);

/* Send the request to the active controller inside an Envelope, and its answer back (KIP-590).
 * The request's frame must not have been released. `refused` runs when there is no controller to
 * ask, with a code of Kafka's, and must end the request. `answered` may be NULL: the answer is
 * passed on as it is. */
void forward(struct shard *shard, struct request *request,
             void (*refused)(struct request *request, enum err err),
             void (*answered)(struct request *request, void *response));
/* What a client is told in words of such a refusal; null where the code says it all. A request that
 * only validates changes nothing whenever it arrives. */
struct str forward_refusal(enum err err, bool only_validates);

/* The name of the listener that `request` came through, for endpoints of the same one. */
struct str request_listener_name(const struct request *request);
/* The endpoint of a broker on that listener; NULL: it has none. */
const struct record_endpoint *request_endpoint(const struct request *request,
                                               const struct image_broker *broker);

/* Kafka keeps state of its own in it. */
bool topic_is_internal(struct str name);

/* A partition named by a client. Errors  ERR_UNKNOWN_TOPIC_OR_PARTITION, ERR_UNKNOWN_TOPIC_ID. */
enum err find_partition(const struct image *image, struct str name, struct uuid id,
                        partition_id index, struct partition_key *out);

#endif
