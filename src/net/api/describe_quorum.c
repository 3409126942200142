/* describe_quorum.c -- DescribeQuorum: voters, observers and how far each is; the leader answers
 * (KIP-595, KIP-836). */
#include "api.h"
#include "controller_link.h"
#include "log.h"
#include "quorum.h"

static void refused(struct request *request, enum err err)
{
    struct describe_quorum_response response;
    describe_quorum_response_init(&response);
    response.error_code = (int16_t)err;
    request_reply(request, &response);
}

static int64_t wall_of(struct shard *shard, mono_ms at)
{
    return at < 0 ? -1 : env_wall(shard->env) - (shard->now - at);
}

static void put_voters(struct shard *shard, struct request *request,
                       struct describe_quorum_response_partition *partition)
{
    struct raft_voter_state voters[RAFT_VOTERS_MAX];
    uint32_t count = raft_describe(quorum_raft(shard->quorum), voters);
    partition->current_voters_count = count;
    partition->current_voters = describe_quorum_response_replica_new(&request->arena, count);
    for (uint32_t i = 0; i < count; i++) {
        struct describe_quorum_response_replica *replica = &partition->current_voters[i];
        bool self = voters[i].voter.id == shard->config->node_id;
        replica->replica_id = voters[i].voter.id;
        replica->replica_directory_id = voters[i].voter.directory;
        replica->log_end_offset = self ? log_ends(quorum_log(shard->quorum))->end : voters[i].end;
        replica->last_fetch_timestamp =
            self ? env_wall(shard->env) : wall_of(shard, voters[i].last_fetch_at);
        replica->last_caught_up_timestamp =
            self ? env_wall(shard->env) : wall_of(shard, voters[i].last_caught_up_at);
    }
}

static void put_observers(struct shard *shard, struct request *request,
                          struct describe_quorum_response_partition *partition)
{
    struct raft_voter_state observers[RAFT_OBSERVERS_MAX];
    uint32_t count = raft_describe_observers(quorum_raft(shard->quorum), observers);
    partition->observers_count = count;
    partition->observers = describe_quorum_response_replica_new(&request->arena, count);
    for (uint32_t i = 0; i < count; i++) {
        struct describe_quorum_response_replica *replica = &partition->observers[i];
        replica->replica_id = observers[i].voter.id;
        replica->replica_directory_id = observers[i].voter.directory;
        replica->log_end_offset = observers[i].end;
        replica->last_fetch_timestamp = wall_of(shard, observers[i].last_fetch_at);
        replica->last_caught_up_timestamp = wall_of(shard, observers[i].last_caught_up_at);
    }
}

static void put_nodes(struct shard *shard, struct request *request,
                      struct describe_quorum_response *response)
{
    response->nodes =
        describe_quorum_response_node_new(&request->arena, shard->image->broker_count);
    for (const struct image_broker *broker = image_broker_after(shard->image, -1); broker;
         broker = image_broker_after(shard->image, broker->id)) {
        struct describe_quorum_response_node *node = &response->nodes[response->nodes_count++];
        node->node_id = broker->id;
        node->listeners =
            describe_quorum_response_listener_new(&request->arena, broker->endpoint_count);
        for (uint32_t i = 0; i < broker->endpoint_count; i++) {
            if (!broker->endpoints[i].internal)
                continue;
            struct describe_quorum_response_listener *listener =
                &node->listeners[node->listeners_count++];
            listener->name = broker->endpoints[i].name;
            listener->host = broker->endpoints[i].host;
            listener->port = broker->endpoints[i].port;
        }
    }
}

static void answer_as_leader(struct shard *shard, struct request *request,
                             const struct describe_quorum_request *body)
{
    struct describe_quorum_response response;
    bool answered = false;
    describe_quorum_response_init(&response);
    response.topics_count = body->topics_count;
    response.topics = describe_quorum_response_topic_new(&request->arena, body->topics_count);
    for (uint32_t t = 0; t < body->topics_count; t++) {
        struct describe_quorum_response_topic *topic = &response.topics[t];
        topic->name = body->topics[t].name;
        topic->partitions_count = body->topics[t].partitions_count;
        topic->partitions =
            describe_quorum_response_partition_new(&request->arena, topic->partitions_count);
        for (uint32_t p = 0; p < topic->partitions_count; p++) {
            struct describe_quorum_response_partition *partition = &topic->partitions[p];
            partition->index = body->topics[t].partitions[p].index;
            if (!str_equal(topic->name, STR(QUORUM_TOPIC)) || partition->index != 0 || answered) {
                partition->error_code = ERR_UNKNOWN_TOPIC_OR_PARTITION;
                continue;
            }
            answered = true; /* Once: a small request must not make a large answer. */
            partition->leader_id = quorum_leader(shard->quorum, &partition->leader_epoch);
            partition->high_watermark = log_ends(quorum_log(shard->quorum))->committed;
            put_voters(shard, request, partition);
            put_observers(shard, request, partition);
        }
    }
    put_nodes(shard, request, &response);
    request_reply(request, &response);
}

void api_describe_quorum(struct shard *shard, struct request *request)
{
    struct describe_quorum_request body;
    if (!request_read(request, &body))
        return;
    if (quorum_leads(shard->quorum))
        answer_as_leader(shard, request, &body);
    else if (request->envelope || shard->controller->leader < 0)
        refused(request, ERR_NOT_CONTROLLER);
    else
        forward(shard, request, refused, NULL);
}
