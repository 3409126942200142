/* begin_quorum_epoch.c -- BeginQuorumEpoch, from the wire to raft (KIP-595). */
#include "api.h"
#include "quorum.h"

void api_begin_quorum_epoch(struct shard *shard, struct request *request)
{
    struct begin_quorum_epoch_request body;
    if (!request_read(request, &body))
        return;
    if (body.topics_count != 1 || body.topics[0].partitions_count != 1 ||
        !str_equal(body.topics[0].name, STR(QUORUM_TOPIC))) {
        request_close(request);
        return;
    }
    const struct begin_quorum_epoch_request_partition *partition = &body.topics[0].partitions[0];
    struct raft_message message = {.kind = RAFT_BEGIN_REQUEST,
                                   .from = partition->leader_id,
                                   .epoch = partition->leader_epoch,
                                   .cluster_id = quorum_cluster_read(body.cluster_id),
                                   .last_epoch = -1,
                                   .last_offset = -1,
                                   .leader = partition->leader_id};
    message.to_directory = partition->voter_directory_id;
    quorum_take_message(shard->quorum, request, &message);
}
