/* vote.c -- Vote, from the wire to raft (KIP-595, KIP-853, KIP-996). */
#include "api.h"
#include "quorum.h"

void api_vote(struct shard *shard, struct request *request)
{
    struct vote_request body;
    if (!request_read(request, &body))
        return;
    if (body.topics_count != 1 || body.topics[0].partitions_count != 1 ||
        !str_equal(body.topics[0].name, STR(QUORUM_TOPIC))) {
        request_close(request);
        return;
    }
    const struct vote_request_partition *partition = &body.topics[0].partitions[0];
    struct raft_message message = {.kind = RAFT_VOTE_REQUEST,
                                   .from = partition->replica_id,
                                   .from_directory = partition->replica_directory_id,
                                   .to_directory = partition->voter_directory_id,
                                   .epoch = partition->replica_epoch,
                                   .cluster_id = quorum_cluster_read(body.cluster_id),
                                   .pre_vote = partition->pre_vote,
                                   .last_epoch = partition->last_offset_epoch,
                                   .last_offset = partition->last_offset,
                                   .leader = -1};
    quorum_take_message(shard->quorum, request, &message);
}
