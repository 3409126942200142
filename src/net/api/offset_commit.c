/* offset_commit.c -- OffsetCommit: how far a group has read (KIP-211, 345, 848).
 *
 * Topics and partitions are resolved at the node that was asked, and what is not there is told
 * whatever the group says to the rest. The answer has the topics and partitions of the request, in
 * its order. */
#include "groups.h"

enum {
    IDS_SINCE = 10,
    GROUP_NOT_FOUND_SINCE = 9,
    RETENTION_FIRST = 2,
    RETENTION_LAST = 4,
    /* Bytes of records that one request may make: each holds the group's id. */
    COMMIT_SIZE_MAX = 4 * 1024 * 1024,
    RECORD_OVERHEAD = 64,
};

static void decide(struct group_decision *decision, const struct group_ask *ask)
{
    const struct group_job *job = ask->job;
    struct offset_commit_command *command = job->context;
    command->token = group_ask_token(ask);
    group_decide_commit(decision, command);
}

/* Its coordinator may know of another topic than this node. */
static enum err from_group(const struct request *request, enum err err)
{
    return err == ERR_UNKNOWN_TOPIC_OR_PARTITION && request->version >= IDS_SINCE
               ? ERR_UNKNOWN_TOPIC_ID
               : err;
}

/* With an error of the whole, each partition that is there has it. */
static void put_topic(struct request *request, const struct group_commit_topic *asked,
                      const struct group_topic_errors *found, enum err err,
                      struct offset_commit_response_topic *out)
{
    out->name = asked->topic;
    out->topic_id = asked->topic_id;
    out->partitions_count = asked->partition_count;
    out->partitions = offset_commit_response_partition_new(&request->arena, asked->partition_count);
    for (uint32_t i = 0; i < asked->partition_count; i++) {
        enum err one = asked->partitions[i].err;
        if (one == ERR_NONE)
            one = from_group(request, found ? found->partitions[i].err : err);
        out->partitions[i].index = asked->partitions[i].index;
        out->partitions[i].error_code = (int16_t)err_on_wire(one);
    }
}

static void answer(struct group_job *job)
{
    const struct group_reply *reply = group_job_reply(job);
    const struct offset_commit_command *command = job->context;
    struct offset_commit_response response;
    struct request *request = job->request;
    offset_commit_response_init(&response);
    response.topics_count = command->topic_count;
    response.topics = offset_commit_response_topic_new(&request->arena, command->topic_count);
    for (uint32_t i = 0; i < command->topic_count; i++) {
        bool is_found = reply->err == ERR_NONE && i < reply->partitions.topic_count;
        put_topic(request, &command->topics[i], is_found ? &reply->partitions.topics[i] : NULL,
                  reply->err, &response.topics[i]);
    }
    request_reply(request, &response);
}

/* The topic, null: unknown, and what it is called: else as the client called it. */
static const struct image_topic *resolve(const struct shard *shard, struct request *request,
                                         const struct offset_commit_request_topic *asked,
                                         struct group_commit_topic *out)
{
    const struct image_topic *topic = request->version >= IDS_SINCE
                                          ? image_topic_by_id(shard->image, asked->topic_id)
                                          : image_topic_by_name(shard->image, asked->name);
    out->topic = topic ? arena_str(&request->arena, topic->name) : asked->name;
    out->topic_id = topic ? topic->id : asked->topic_id;
    return topic;
}

static void take_topic(const struct shard *shard, struct request *request,
                       const struct offset_commit_request_topic *asked,
                       struct group_commit_topic *out)
{
    struct group_commit_partition *partitions =
        arena_array(&request->arena, struct group_commit_partition, asked->partitions_count);
    const struct image_topic *topic = resolve(shard, request, asked, out);
    enum err unknown = topic || request->version < IDS_SINCE ? ERR_UNKNOWN_TOPIC_OR_PARTITION
                                                             : ERR_UNKNOWN_TOPIC_ID;
    for (uint32_t i = 0; i < asked->partitions_count; i++)
        partitions[i] = (struct group_commit_partition){
            .index = asked->partitions[i].index,
            .offset = asked->partitions[i].committed_offset,
            .leader_epoch = asked->partitions[i].committed_leader_epoch,
            .metadata = asked->partitions[i].committed_metadata,
            .err = image_topic_has(topic, asked->partitions[i].index) ? ERR_NONE : unknown};
    out->partition_count = asked->partitions_count;
    out->partitions = partitions;
}

static uint64_t records_size(const struct offset_commit_command *command)
{
    uint64_t size = 0;
    for (uint32_t t = 0; t < command->topic_count; t++) {
        const struct group_commit_topic *topic = &command->topics[t];
        for (uint32_t p = 0; p < topic->partition_count; p++)
            if (topic->partitions[p].err == ERR_NONE)
                size += RECORD_OVERHEAD + command->group_id.size + topic->topic.size +
                        topic->partitions[p].metadata.size;
    }
    return size;
}

void api_offset_commit(struct shard *shard, struct request *request)
{
    struct offset_commit_request body;
    if (!request_read(request, &body))
        return;
    struct offset_commit_command *command = arena_alloc(&request->arena, sizeof *command);
    struct group_commit_topic *topics =
        arena_array(&request->arena, struct group_commit_topic, body.topics_count);
    for (uint32_t i = 0; i < body.topics_count; i++)
        take_topic(shard, request, &body.topics[i], &topics[i]);
    bool has_retention = request->version >= RETENTION_FIRST && request->version <= RETENTION_LAST;
    *command = (struct offset_commit_command){
        .group_id = body.group_id,
        .generation = body.generation_id,
        .member_id = body.member_id,
        .instance_id = body.instance_id,
        .retention_ms = has_retention ? body.retention_time_ms : -1,
        .knows_group_not_found = request->version >= GROUP_NOT_FOUND_SINCE,
        .topic_count = body.topics_count,
        .topics = topics};
    struct group_job *job = group_job_begin(request, GROUP_REPLY_COMMIT, 1, decide, answer);
    job->context = command;
    if (records_size(command) > COMMIT_SIZE_MAX)
        group_job_refuse(job, 0, ERR_INVALID_COMMIT_OFFSET_SIZE);
    else
        group_job_send(shard, job, 0, body.group_id);
    group_job_end(job);
}
