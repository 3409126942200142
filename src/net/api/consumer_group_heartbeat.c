/* consumer_group_heartbeat.c -- ConsumerGroupHeartbeat: a member of a group of consumers joins,
 * lives and leaves, and hears what it is assigned (KIP-848, 1082). */
#include "groups.h"

enum { MEMBER_ID_SINCE = 1 };

static void decide(struct group_decision *decision, const struct group_ask *ask)
{
    const struct group_job *job = ask->job;
    struct consumer_heartbeat_command *command = job->context;
    command->token = group_ask_token(ask);
    group_decide_consumer_heartbeat(decision, command);
}

/* What a user reads in the client's log. */
static struct str message_of(enum err err)
{
    switch (err) {
    case ERR_INVALID_REQUEST:
        return STR("A field is missing, empty or out of bounds for this epoch.");
    case ERR_FENCED_MEMBER_EPOCH:
        return STR("The epoch is not the member's: it gives up all partitions and joins again.");
    case ERR_UNKNOWN_MEMBER_ID:
        return STR("The group has no such member.");
    case ERR_UNRELEASED_INSTANCE_ID:
        return STR("Another member has this instance id, and has not left.");
    case ERR_FENCED_INSTANCE_ID:
        return STR("Another member has this instance id by now.");
    case ERR_UNSUPPORTED_ASSIGNOR:
        return STR("group.consumer.assignors does not name this assignor.");
    case ERR_INVALID_REGULAR_EXPRESSION:
        return STR("This is not a regular expression of RE2, or one that costs too much.");
    case ERR_GROUP_MAX_SIZE_REACHED:
        return STR("The group is full.");
    case ERR_GROUP_ID_NOT_FOUND:
        return STR("There is no group of consumers of this id, and none can be made of it.");
    default:
        return (struct str){.data = NULL};
    }
}

static struct consumer_group_heartbeat_response_assignment *assignment_of(
    struct request *request, const struct consumer_beat *beat)
{
    struct consumer_group_heartbeat_response_assignment *assignment =
        consumer_group_heartbeat_response_assignment_new(&request->arena, 1);
    assignment->topics_count = beat->topic_count;
    assignment->topics =
        consumer_group_heartbeat_response_topic_new(&request->arena, beat->topic_count);
    for (uint32_t i = 0; i < beat->topic_count; i++) {
        const struct group_topic_partitions *topic = &beat->topics[i];
        assignment->topics[i].topic_id = topic->topic_id;
        assignment->topics[i].partitions_count = topic->partition_count;
        assignment->topics[i].partitions = arena_copy(&request->arena, topic->partitions,
                                                      topic->partition_count * sizeof(int32_t));
    }
    return assignment;
}

static void answer(struct group_job *job)
{
    const struct group_reply *reply = group_job_reply(job);
    struct consumer_group_heartbeat_response response;
    consumer_group_heartbeat_response_init(&response);
    response.error_code = (int16_t)err_on_wire(reply->err);
    response.error_message = message_of(reply->err);
    if (reply->err == ERR_NONE) {
        response.member_id = reply->beat.member_id;
        response.member_epoch = reply->beat.member_epoch;
        response.heartbeat_interval_ms = reply->beat.heartbeat_interval_ms;
        if (reply->beat.has_assignment)
            response.assignment = assignment_of(job->request, &reply->beat);
    }
    request_reply(job->request, &response);
}

static const struct group_topic_partitions *owned_of(
    struct request *request, const struct consumer_group_heartbeat_request *body)
{
    struct group_topic_partitions *owned =
        arena_array(&request->arena, struct group_topic_partitions, body->topics_count);
    for (uint32_t i = 0; i < body->topics_count; i++)
        owned[i] =
            (struct group_topic_partitions){.topic_id = body->topics[i].topic_id,
                                            .partition_count = body->topics[i].partitions_count,
                                            .partitions = body->topics[i].partitions};
    return owned;
}

void api_consumer_group_heartbeat(struct shard *shard, struct request *request)
{
    struct consumer_group_heartbeat_request body;
    if (!request_read(request, &body))
        return;
    struct consumer_heartbeat_command *command = arena_alloc(&request->arena, sizeof *command);
    *command = (struct consumer_heartbeat_command){
        .group_id = body.group_id,
        .member_id = body.member_id,
        .makes_member_id = request->version >= MEMBER_ID_SINCE,
        .member_epoch = body.member_epoch,
        .instance_id = body.instance_id,
        .rack_id = body.rack_id,
        .client_id = request->client_id.data ? request->client_id : STR(""),
        .client_host = request_host(request),
        .rebalance_timeout_ms = body.rebalance_timeout_ms,
        .has_topics = body.subscribed_topic_names != NULL,
        .topic_count = body.subscribed_topic_names_count,
        .topics = body.subscribed_topic_names,
        .topic_regex = body.subscribed_topic_regex,
        .assignor = body.server_assignor,
        .has_owned = body.topics != NULL,
        .owned_count = body.topics_count,
        .owned = owned_of(request, &body),
    };
    struct group_job *job =
        group_job_begin(request, GROUP_REPLY_CONSUMER_HEARTBEAT, 1, decide, answer);
    job->context = command;
    group_job_run(shard, job, body.group_id);
}
