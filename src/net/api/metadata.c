/* metadata.c -- Metadata: brokers, topics, leaders; and topics that come to be by being asked for.
 *
 * A topic that is created on the way is waited for, so that the first answer has it
 * with its leaders: clients need not poll through errors.
 *
 * Source  KIP-4, KIP-516 (topic ids). */
#include "api.h"
#include "brokers.h"
#include "create_missing.h"
#include "state.h"

enum {
    HOLD_MS = 1000,
    TOPIC_SIZE = 512, /* In memory and on the wire, about. */
    PARTITION_SIZE = 256,
};

struct metadata_job {
    struct request *request;
    struct metadata_request body;
    struct image_watch watch;
};

static void put_brokers(struct shard *shard, struct request *request,
                        struct metadata_response *response)
{
    response->brokers = metadata_response_broker_new(&request->arena, shard->image->broker_count);
    for (const struct image_broker *broker = image_broker_after(shard->image, -1); broker;
         broker = image_broker_after(shard->image, broker->id)) {
        const struct record_endpoint *endpoint = request_endpoint(request, broker);
        if (broker->fenced || !endpoint)
            continue;
        struct metadata_response_broker *out = &response->brokers[response->brokers_count++];
        out->node_id = broker->id;
        out->host = endpoint->host;
        out->port = endpoint->port;
        out->rack = broker->rack;
    }
}

/* Version 0 knows of no replica that is offline: it is told of those that it can reach. */
static uint32_t put_replicas(struct shard *shard, struct request *request,
                             const struct node_list *list, int32_t **out)
{
    uint32_t count = put_nodes(&request->arena, list, out), reachable = 0;
    if (request->version > 0)
        return count;
    for (uint32_t i = 0; i < count; i++) {
        const struct image_broker *broker = image_broker(shard->image, list->ids[i]);
        if (broker && !broker->fenced && request_endpoint(request, broker))
            (*out)[reachable++] = list->ids[i];
    }
    return reachable;
}

static void put_partition(struct shard *shard, struct request *request,
                          const struct image_partition *partition,
                          struct metadata_response_partition *out)
{
    const struct image_broker *leader = image_broker(shard->image, partition->leader);
    out->index = partition->key.index;
    out->leader_id = partition->leader;
    out->leader_epoch = partition->leader_epoch;
    out->replica_nodes_count =
        put_replicas(shard, request, &partition->replicas, &out->replica_nodes);
    out->isr_nodes_count = put_replicas(shard, request, &partition->isr, &out->isr_nodes);
    out->offline_replicas_count =
        put_offline_nodes(shard, &request->arena, &partition->replicas, &out->offline_replicas);
    if (partition->leader < 0 || !leader || leader->fenced)
        out->error_code = ERR_LEADER_NOT_AVAILABLE;
    else if (!request_endpoint(request, leader))
        out->error_code = request->version >= 6 ? ERR_LISTENER_NOT_FOUND : ERR_LEADER_NOT_AVAILABLE;
    if (out->error_code != ERR_NONE)
        out->leader_id = -1;
    else if (out->replica_nodes_count < partition->replicas.count ||
             out->isr_nodes_count < partition->isr.count)
        out->error_code = ERR_REPLICA_NOT_AVAILABLE;
}

static void put_topic(struct shard *shard, const struct metadata_job *job,
                      const struct image_topic *topic, struct metadata_response_topic *out)
{
    struct request *request = job->request;
    if (job->body.include_topic_authorized_operations)
        out->topic_authorized_operations = TOPIC_OPERATIONS;
    out->name = topic->name;
    out->topic_id = topic->id;
    out->is_internal = topic_is_internal(topic->name);
    out->partitions =
        metadata_response_partition_new(&request->arena, (uint32_t)topic->partition_count);
    for (partition_id i = 0; i < topic->partition_count; i++) {
        const struct image_partition *partition = image_partition(shard->image, topic->id, i);
        if (partition)
            put_partition(shard, request, partition, &out->partitions[out->partitions_count++]);
    }
}

/* Clients ask by id with an empty name, or with none. */
static bool is_by_id(const struct metadata_request_topic *asked)
{
    return !asked->name.data || !uuid_is_zero(asked->topic_id);
}

static const struct image_topic *topic_asked(const struct image *image,
                                             const struct metadata_request_topic *asked)
{
    return is_by_id(asked) ? image_topic_by_id(image, asked->topic_id)
                           : image_topic_by_name(image, asked->name);
}

static void put_unknown(const struct metadata_request_topic *asked, int16_t version,
                        struct metadata_response_topic *out)
{
    out->topic_id = asked->topic_id;
    if (is_by_id(asked) && version < 12) {
        out->name = asked->name.data ? asked->name : STR("");
        out->error_code = ERR_INVALID_REQUEST;
    } else if (is_by_id(asked)) {
        out->name = (struct str){0};
        out->error_code = ERR_UNKNOWN_TOPIC_ID;
    } else {
        out->name = asked->name;
        out->error_code = topic_name_is_valid(asked->name) ? ERR_UNKNOWN_TOPIC_OR_PARTITION
                                                           : ERR_INVALID_TOPIC_EXCEPTION;
    }
}

/* Each topic once, however often it was named: a small request must not make a large answer. */
static void put_asked_topics(struct shard *shard, const struct metadata_job *job,
                             struct metadata_response *response)
{
    struct request *request = job->request;
    struct map seen;
    map_init(&seen, sizeof(struct uuid));
    response->topics = metadata_response_topic_new(&request->arena, job->body.topics_count);
    for (uint32_t i = 0; i < job->body.topics_count; i++) {
        const struct metadata_request_topic *asked = &job->body.topics[i];
        struct metadata_response_topic *out = &response->topics[response->topics_count];
        const struct image_topic *topic = topic_asked(shard->image, asked);
        if (topic && map_get(&seen, &topic->id))
            continue;
        response->topics_count++;
        if (!topic || (is_by_id(asked) && request->version < 12)) {
            put_unknown(asked, request->version, out);
            continue;
        }
        map_put(&seen, &topic->id, out);
        put_topic(shard, job, topic, out);
    }
    map_free(&seen);
}

static bool wants_all(const struct metadata_job *job)
{
    return !job->body.topics || (job->request->version == 0 && job->body.topics_count == 0);
}

static uint64_t topic_size(const struct image_topic *topic)
{
    return topic ? TOPIC_SIZE + (uint64_t)topic->partition_count * PARTITION_SIZE : 0;
}

/* How large the answer would be, about. */
static uint64_t answer_size(const struct shard *shard, const struct metadata_job *job)
{
    const struct image *image = shard->image;
    uint64_t size = 0;
    if (wants_all(job))
        return image->topic_count * (uint64_t)TOPIC_SIZE +
               image->partition_count * (uint64_t)PARTITION_SIZE;
    for (uint32_t i = 0; i < job->body.topics_count; i++)
        size += topic_size(topic_asked(image, &job->body.topics[i]));
    return size;
}

static void answer(struct shard *shard, struct metadata_job *job)
{
    struct request *request = job->request;
    struct metadata_response response;
    char cluster[UUID_TEXT_SIZE];
    if (!request_has_room(request, answer_size(shard, job))) {
        if (request->frame.buf)
            request_wait(request);
        else
            request_close(request); /* It has waited for the image already; it asks again. */
        return;
    }
    metadata_response_init(&response);
    uuid_format(shard->image->cluster_id, cluster);
    response.cluster_id = str_from(cluster);
    response.controller_id = any_active_broker(shard);
    if (job->body.include_cluster_authorized_operations)
        response.cluster_authorized_operations = CLUSTER_OPERATIONS;
    put_brokers(shard, request, &response);
    if (wants_all(job)) {
        response.topics = metadata_response_topic_new(&request->arena, shard->image->topic_count);
        for (const struct image_topic *topic = image_topic_after(shard->image, NULL); topic;
             topic = image_topic_after(shard->image, topic))
            put_topic(shard, job, topic, &response.topics[response.topics_count++]);
    } else {
        put_asked_topics(shard, job, &response);
    }
    request_reply(request, &response);
}

static bool is_missing(struct shard *shard, const struct metadata_request_topic *asked)
{
    if (is_by_id(asked) || !topic_name_is_valid(asked->name) || topic_is_internal(asked->name))
        return false;
    const struct image_topic *topic = image_topic_by_name(shard->image, asked->name);
    return !topic;
}

static bool may_create(struct shard *shard, const struct metadata_job *job)
{
    return shard->config->auto_create_topics && job->body.allow_auto_topic_creation &&
           !wants_all(job);
}

static bool look(struct image_watch *watch, bool late)
{
    struct metadata_job *job = watch->context;
    for (uint32_t i = 0; i < job->body.topics_count && !late; i++)
        if (is_missing(watch->shard, &job->body.topics[i]) &&
            !create_missing_failed(watch->shard, job->body.topics[i].name))
            return false;
    answer(watch->shard, job);
    return true;
}

/* The names outlive the frame of the request, which is given back while it waits. */
static void release_frame(struct metadata_job *job)
{
    for (uint32_t i = 0; i < job->body.topics_count; i++)
        job->body.topics[i].name = arena_str(&job->request->arena, job->body.topics[i].name);
    request_release_frame(job->request);
}

static void wait_for_image(struct metadata_job *job, bool (*wanted)(struct image_watch *, bool),
                           int32_t limit_ms)
{
    struct shard *shard = job->request->shard;
    job->watch.look = wanted;
    job->watch.context = job;
    image_watch_start(shard, &job->watch, shard->now + limit_ms);
}

/* A leader that died is not named while the controller is about to replace it. */
static bool look_for_suspects(struct image_watch *watch, bool late)
{
    if (!late && suspects_any(watch->shard))
        return false;
    answer(watch->shard, watch->context);
    return true;
}

static void hold_for_suspects(struct metadata_job *job)
{
    release_frame(job);
    wait_for_image(job, look_for_suspects, SUSPECT_MS);
}

static void hold(struct shard *shard, struct metadata_job *job)
{
    uint32_t asked_for = 0;
    release_frame(job);
    for (uint32_t i = 0; i < job->body.topics_count; i++) {
        if (asked_for == CREATIONS_MAX || !is_missing(shard, &job->body.topics[i]))
            continue;
        create_missing(shard, job->body.topics[i].name);
        asked_for++;
    }
    wait_for_image(job, look, HOLD_MS);
}

void api_metadata(struct shard *shard, struct request *request)
{
    struct metadata_job *job = arena_alloc(&request->arena, sizeof *job);
    job->request = request;
    if (!request_read(request, &job->body))
        return;
    bool missing = false;
    if (may_create(shard, job))
        for (uint32_t i = 0; i < job->body.topics_count; i++)
            missing = missing || is_missing(shard, &job->body.topics[i]);
    if (missing)
        hold(shard, job);
    else if (suspects_any(shard))
        hold_for_suspects(job);
    else
        answer(shard, job);
}
