/* offset_fetch.c -- OffsetFetch: what groups have committed (KIP-211, 447, 709, 848).
 *
 * Up to version 7 it is one group, from 8 on several; both become the same questions, one a
 * group. A group or partition that is named twice is answered once: each has metadata, and a
 * small request must not make a large answer. */
#include "groups.h"

enum { SEVERAL_SINCE = 8, IDS_SINCE = 10, TOP_ERROR_SINCE = 2 };

/* What is asked about one group. */
struct question {
    struct group_fetch fetch;
    const bool *is_unknown; /* Of each topic: no id of ours. It is asked for by an empty name, for
                             * which nothing is committed. */
};

static void decide(struct group_decision *decision, const struct group_ask *ask)
{
    const struct group_job *job = ask->job;
    const struct question *questions = job->context;
    struct offset_fetch_command command = {
        .token = group_ask_token(ask), .count = 1, .groups = &questions[ask->place].fetch};
    group_decide_fetch(decision, &command);
}

static struct group_fetched fetched(const struct group_reply *reply)
{
    if (reply->err == ERR_NONE)
        return reply->fetch.groups[0];
    return (struct group_fetched){.err = reply->err};
}

/* ---- One group. */

/* Before version 2 there is no place for an error but beside each partition. */
static struct group_fetched spread_error(struct request *request, const struct question *question,
                                         enum err err)
{
    const struct group_fetch *asked = &question->fetch;
    struct group_fetched_topic *topics =
        arena_array(&request->arena, struct group_fetched_topic, asked->topic_count);
    for (uint32_t t = 0; t < asked->topic_count; t++) {
        uint32_t count = asked->topics[t].partition_count;
        struct group_fetched_partition *partitions =
            arena_array(&request->arena, struct group_fetched_partition, count);
        for (uint32_t p = 0; p < count; p++)
            partitions[p] =
                (struct group_fetched_partition){.index = asked->topics[t].partitions[p],
                                                 .offset = -1,
                                                 .leader_epoch = -1,
                                                 .metadata = STR("")};
        topics[t] = (struct group_fetched_topic){
            .topic = asked->topics[t].topic, .partition_count = count, .partitions = partitions};
    }
    return (struct group_fetched){.err = err, .topic_count = asked->topic_count, .topics = topics};
}

static void put_topic(struct request *request, const struct group_fetched_topic *from, enum err err,
                      struct offset_fetch_response_topic *out)
{
    out->name = from->topic;
    out->partitions_count = from->partition_count;
    out->partitions = offset_fetch_response_partition_new(&request->arena, from->partition_count);
    for (uint32_t i = 0; i < from->partition_count; i++) {
        out->partitions[i].index = from->partitions[i].index;
        out->partitions[i].committed_offset = from->partitions[i].offset;
        out->partitions[i].committed_leader_epoch = from->partitions[i].leader_epoch;
        out->partitions[i].metadata = from->partitions[i].metadata;
        out->partitions[i].error_code = (int16_t)err_on_wire(err);
    }
}

static void answer_one(struct group_job *job)
{
    struct request *request = job->request;
    struct group_fetched group = fetched(group_job_reply(job));
    struct offset_fetch_response response;
    if (group.err != ERR_NONE && request->version < TOP_ERROR_SINCE)
        group = spread_error(request, job->context, group.err);
    offset_fetch_response_init(&response);
    response.error_code = (int16_t)err_on_wire(group.err);
    response.topics_count = group.topic_count;
    response.topics = offset_fetch_response_topic_new(&request->arena, group.topic_count);
    for (uint32_t i = 0; i < group.topic_count; i++)
        put_topic(request, &group.topics[i], group.err, &response.topics[i]);
    request_reply(request, &response);
}

/* ---- Several groups. */

static void put_group_topic(struct request *request, const struct group_fetched_topic *from,
                            enum err err, struct offset_fetch_response_group_topic *out)
{
    out->name = from->topic;
    out->partitions_count = from->partition_count;
    out->partitions =
        offset_fetch_response_group_partition_new(&request->arena, from->partition_count);
    for (uint32_t i = 0; i < from->partition_count; i++) {
        out->partitions[i].index = from->partitions[i].index;
        out->partitions[i].committed_offset = from->partitions[i].offset;
        out->partitions[i].committed_leader_epoch = from->partitions[i].leader_epoch;
        out->partitions[i].metadata = from->partitions[i].metadata;
        out->partitions[i].error_code = (int16_t)err;
    }
}

static void put_group(struct request *request, const struct question *question,
                      const struct group_reply *reply, struct offset_fetch_response_group *out)
{
    struct group_fetched group = fetched(reply);
    out->group_id = question->fetch.group_id;
    out->error_code = (int16_t)err_on_wire(group.err);
    out->topics = offset_fetch_response_group_topic_new(&request->arena, group.topic_count);
    for (uint32_t i = 0; i < group.topic_count; i++) {
        struct offset_fetch_response_group_topic *topic = &out->topics[out->topics_count];
        bool is_unknown = !question->fetch.is_all && question->is_unknown[i];
        topic->topic_id = group.topics[i].topic_id;
        if (request->version >= IDS_SINCE && question->fetch.is_all &&
            uuid_is_zero(topic->topic_id))
            continue; /* Of a topic that was deleted, by a record of old. */
        put_group_topic(request, &group.topics[i], is_unknown ? ERR_UNKNOWN_TOPIC_ID : ERR_NONE,
                        topic);
        out->topics_count++;
    }
}

static void answer_several(struct group_job *job)
{
    struct request *request = job->request;
    const struct question *questions = job->context;
    struct offset_fetch_response response;
    offset_fetch_response_init(&response);
    response.groups_count = job->count;
    response.groups = offset_fetch_response_group_new(&request->arena, job->count);
    for (uint32_t i = 0; i < job->count; i++)
        put_group(request, &questions[i], &job->asks[i].reply, &response.groups[i]);
    request_reply(request, &response);
}

/* ---- Questions. */

struct place {
    uint32_t topic; /* Where it stands first. */
    int32_t partition;
};

static struct bytes key_of(const struct request *request,
                           const struct group_topic_partitions *topic)
{
    if (request->version < IDS_SINCE)
        return bytes_of_str(topic->topic);
    return (struct bytes){.data = topic->topic_id.bytes, .size = sizeof topic->topic_id.bytes};
}

static void take_once(struct request *request, struct group_topic_partitions *topics,
                      uint32_t count)
{
    struct pmap *firsts = NULL; /* By name or id. */
    struct map seen;
    map_init(&seen, sizeof(struct place));
    for (uint32_t t = 0; t < count; t++) {
        struct bytes key = key_of(request, &topics[t]);
        const struct group_topic_partitions *first = pmap_get(firsts, key);
        if (!first) {
            struct pmap *before = firsts;
            first = &topics[t];
            firsts = pmap_put(NULL, before, key, &topics[t]);
            pmap_unref(NULL, before);
        }
        int32_t *once = arena_array(&request->arena, int32_t, topics[t].partition_count);
        uint32_t kept = 0;
        for (uint32_t p = 0; p < topics[t].partition_count; p++) {
            struct place place = {.topic = (uint32_t)(first - topics),
                                  .partition = topics[t].partitions[p]};
            if (!map_put(&seen, &place, topics))
                once[kept++] = place.partition;
        }
        topics[t].partition_count = kept;
        topics[t].partitions = once;
    }
    map_free(&seen);
    pmap_unref(NULL, firsts);
}

static void ask_one(struct shard *shard, struct request *request,
                    const struct offset_fetch_request *body)
{
    struct question *question = arena_alloc(&request->arena, sizeof *question);
    struct group_topic_partitions *topics =
        arena_array(&request->arena, struct group_topic_partitions, body->topics_count);
    for (uint32_t i = 0; i < body->topics_count; i++) {
        const struct offset_fetch_request_topic *from = &body->topics[i];
        topics[i] = (struct group_topic_partitions){.topic = from->name,
                                                    .partition_count = from->partitions_count,
                                                    .partitions = from->partitions};
    }
    take_once(request, topics, body->topics_count);
    question->fetch =
        (struct group_fetch){.group_id = body->group_id,
                             .is_all = request->version >= TOP_ERROR_SINCE && !body->topics,
                             .topic_count = body->topics_count,
                             .topics = topics};
    struct group_job *job = group_job_begin(request, GROUP_REPLY_FETCH, 1, decide, answer_one);
    job->context = question;
    group_job_run(shard, job, body->group_id);
}

static void take_group(struct request *request, const struct offset_fetch_request_group *asked,
                       struct question *out)
{
    bool *is_unknown = arena_array(&request->arena, bool, asked->topics_count);
    struct group_topic_partitions *topics =
        arena_array(&request->arena, struct group_topic_partitions, asked->topics_count);
    for (uint32_t i = 0; i < asked->topics_count; i++) {
        const struct offset_fetch_request_group_topic *from = &asked->topics[i];
        topics[i] = (struct group_topic_partitions){.topic = from->name,
                                                    .topic_id = from->topic_id,
                                                    .partition_count = from->partitions_count,
                                                    .partitions = from->partitions};
        if (request->version < IDS_SINCE)
            continue;
        const struct image_topic *topic = image_topic_by_id(request->shard->image, from->topic_id);
        topics[i].topic = topic ? arena_str(&request->arena, topic->name) : STR("");
        is_unknown[i] = !topic;
    }
    take_once(request, topics, asked->topics_count);
    out->fetch = (struct group_fetch){.group_id = asked->group_id,
                                      .member_id = asked->member_id,
                                      .member_epoch = asked->member_epoch,
                                      .is_all = !asked->topics,
                                      .topic_count = asked->topics_count,
                                      .topics = topics};
    out->is_unknown = is_unknown;
}

static void ask_several(struct shard *shard, struct request *request,
                        const struct offset_fetch_request *body)
{
    struct arena *arena = &request->arena;
    struct str *ids = arena_array(arena, struct str, body->groups_count);
    uint32_t *places = arena_array(arena, uint32_t, body->groups_count);
    uint32_t count = body->groups_count;
    for (uint32_t i = 0; i < body->groups_count; i++)
        ids[i] = body->groups[i].group_id;
    if (!group_ids_once(request, ids, &count, places))
        return;
    struct question *questions = arena_array(arena, struct question, count);
    for (uint32_t i = 0; i < count; i++)
        take_group(request, &body->groups[places[i]], &questions[i]);
    struct group_job *job =
        group_job_begin(request, GROUP_REPLY_FETCH, count, decide, answer_several);
    job->context = questions;
    for (uint32_t i = 0; i < count; i++)
        group_job_send(shard, job, i, questions[i].fetch.group_id);
    group_job_end(job);
}

void api_offset_fetch(struct shard *shard, struct request *request)
{
    struct offset_fetch_request body;
    if (!request_read(request, &body))
        return;
    if (request->version < SEVERAL_SINCE)
        ask_one(shard, request, &body);
    else
        ask_several(shard, request, &body);
}
