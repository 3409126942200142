/* list_offsets.c -- ListOffsets: an offset by time, or one of the special ones (KIP-79, 207).
 *
 * Version 0 asks for offsets before a time, where Kafka answers with the starts of segments; it
 * gets the one offset from which on records are as new, or the end. */
#include "queries.h"

static void put_answer(struct request *request, const struct query_part *part, void *out)
{
    struct list_offsets_response_partition *answer = out;
    enum err err = part->err;
    if (err == ERR_OFFSET_NOT_AVAILABLE && request->version < 5)
        err = ERR_LEADER_NOT_AVAILABLE;
    answer->error_code = (int16_t)err;
    if (err == ERR_NONE && request->version == 0) {
        answer->old_style_offsets_count = 1;
        answer->old_style_offsets = arena_copy(&request->arena, &part->offset, sizeof part->offset);
    } else if (err == ERR_NONE) {
        answer->offset = part->offset;
        answer->timestamp = part->found_timestamp;
        answer->leader_epoch = part->found_epoch;
    }
}

/* The oldest version in which a special timestamp means something (KIP-734, 405, 1005, 1023). */
static bool timestamp_is_known(int64_t timestamp, int16_t version)
{
    static const int16_t since[] = {0, 0, 7, 8, 9, 11}; /* -1, -2, ... -6 */
    if (timestamp >= 0)
        return true;
    return timestamp >= -6 && version >= since[-timestamp - 1];
}

/* What is asked about one partition; its answer is the job's of the same place. */
struct question {
    struct str topic;
    const struct list_offsets_request_partition *asked;
};

struct asking {
    struct query_job *job;
    struct list_offsets_response response;
    struct question *questions;
    uint32_t count;
    struct map answers; /* By the place of the topic's first naming, and partition. */
};

static void take_partition(struct asking *asking, uint32_t first,
                           struct list_offsets_response_topic *topic,
                           const struct list_offsets_request_partition *asked)
{
    const uint32_t key[] = {first, (uint32_t)asked->index};
    struct list_offsets_response_partition *answer = map_get(&asking->answers, key);
    if (answer) {
        answer->error_code = ERR_INVALID_REQUEST;
        return;
    }
    answer = &topic->partitions[topic->partitions_count++];
    answer->index = asked->index;
    map_put(&asking->answers, key, answer);
    asking->job->answers[asking->count] = answer;
    asking->questions[asking->count++] = (struct question){.topic = topic->name, .asked = asked};
}

/* As in Kafka, one answer for a partition, however often it is named: twice or more is refused. */
static void take_topics(struct asking *asking, const struct list_offsets_request *body)
{
    struct arena *arena = &asking->job->request->arena;
    struct list_offsets_response *response = &asking->response;
    struct pmap *firsts = NULL;
    response->topics = list_offsets_response_topic_new(arena, body->topics_count);
    for (uint32_t t = 0; t < body->topics_count; t++) {
        struct list_offsets_request_topic *asked = &body->topics[t];
        struct list_offsets_response_topic *topic = &response->topics[response->topics_count];
        const struct list_offsets_request_topic *first =
            pmap_get(firsts, bytes_of_str(asked->name));
        if (!first) {
            struct pmap *before = firsts;
            firsts = pmap_put(NULL, before, bytes_of_str(asked->name), asked);
            pmap_unref(NULL, before);
            first = asked;
        }
        topic->name = arena_str(arena, asked->name);
        topic->partitions = list_offsets_response_partition_new(arena, asked->partitions_count);
        for (uint32_t p = 0; p < asked->partitions_count; p++)
            take_partition(asking, (uint32_t)(first - body->topics), topic, &asked->partitions[p]);
        response->topics_count += topic->partitions_count > 0;
    }
    pmap_unref(NULL, firsts);
}

static struct asking *ask_begin(struct request *request, const struct list_offsets_request *body)
{
    struct arena *arena = &request->arena;
    struct asking *asking = arena_alloc(arena, sizeof *asking);
    uint32_t total = 0;
    for (uint32_t t = 0; t < body->topics_count; t++)
        total += body->topics[t].partitions_count;
    list_offsets_response_init(&asking->response);
    asking->job = queries_begin(request, &asking->response, total);
    asking->job->put = put_answer;
    asking->questions = arena_array(arena, struct question, total);
    map_init(&asking->answers, 2 * sizeof(uint32_t));
    take_topics(asking, body);
    map_free(&asking->answers);
    return asking;
}

static enum err ask(struct shard *shard, struct asking *asking, uint32_t place, bool from_replica)
{
    const struct list_offsets_request_partition *asked = asking->questions[place].asked;
    int16_t version = asking->job->request->version;
    struct partition_key key;
    enum err err = find_partition(shard->image, asking->questions[place].topic, (struct uuid){{0}},
                                  asked->index, &key);
    if (err != ERR_NONE)
        return err;
    if (!timestamp_is_known(asked->timestamp, version))
        return ERR_UNSUPPORTED_VERSION;
    struct query_part *part = queries_part(asking->job, place, key);
    part->kind = QUERY_TIME;
    part->current_epoch = asked->current_leader_epoch;
    part->timestamp = asked->timestamp;
    part->from_replica = from_replica;
    part->is_end_if_none = version == 0;
    queries_send(shard, part);
    return ERR_NONE;
}

void api_list_offsets(struct shard *shard, struct request *request)
{
    struct list_offsets_request body;
    if (!request_read(request, &body))
        return;
    struct asking *asking = ask_begin(request, &body);
    bool from_replica = body.replica_id >= 0 && request->internal;
    for (uint32_t place = 0; place < asking->count; place++) {
        struct list_offsets_response_partition *answer = asking->job->answers[place];
        if (answer->error_code == ERR_NONE)
            answer->error_code = (int16_t)ask(shard, asking, place, from_replica);
    }
    request_release_frame(request);
    request_recount(request);
    queries_end(asking->job);
}
