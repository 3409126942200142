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

static struct query_job *job_begin(struct request *request, const struct list_offsets_request *body)
{
    struct arena *arena = &request->arena;
    struct list_offsets_response *response = arena_alloc(arena, sizeof *response);
    uint32_t total = 0, place = 0;
    for (uint32_t t = 0; t < body->topics_count; t++)
        total += body->topics[t].partitions_count;
    struct query_job *job = queries_begin(request, response, total);
    job->put = put_answer;
    list_offsets_response_init(response);
    response->topics_count = body->topics_count;
    response->topics = list_offsets_response_topic_new(arena, body->topics_count);
    for (uint32_t t = 0; t < body->topics_count; t++) {
        struct list_offsets_response_topic *topic = &response->topics[t];
        topic->name = arena_str(arena, body->topics[t].name);
        topic->partitions_count = body->topics[t].partitions_count;
        topic->partitions = list_offsets_response_partition_new(arena, topic->partitions_count);
        for (uint32_t p = 0; p < topic->partitions_count; p++) {
            topic->partitions[p].index = body->topics[t].partitions[p].index;
            job->answers[place++] = &topic->partitions[p];
        }
    }
    return job;
}

/* Errors  ERR_INVALID_REQUEST: the partition was asked about already. */
static enum err resolve(struct shard *shard, struct map *seen, struct str topic,
                        partition_id partition, struct partition_key *key)
{
    enum err err = find_partition(shard->image, topic, (struct uuid){{0}}, partition, key);
    if (err == ERR_NONE && map_put(seen, key, seen))
        return ERR_INVALID_REQUEST;
    return err;
}

static enum err ask(struct shard *shard, struct query_job *job, uint32_t place,
                    struct partition_key key, const struct list_offsets_request_partition *asked,
                    bool from_replica)
{
    if (!timestamp_is_known(asked->timestamp, job->request->version))
        return ERR_UNSUPPORTED_VERSION;
    struct query_part *part = queries_part(job, place, key);
    part->kind = QUERY_TIME;
    part->current_epoch = asked->current_leader_epoch;
    part->timestamp = asked->timestamp;
    part->from_replica = from_replica;
    part->is_end_if_none = job->request->version == 0;
    queries_send(shard, part);
    return ERR_NONE;
}

void api_list_offsets(struct shard *shard, struct request *request)
{
    struct list_offsets_request body;
    if (!request_read(request, &body))
        return;
    struct query_job *job = job_begin(request, &body);
    uint32_t place = 0;
    bool from_replica = body.replica_id >= 0 && request->internal;
    struct map seen;
    map_init(&seen, sizeof(struct partition_key));
    for (uint32_t t = 0; t < body.topics_count; t++)
        for (uint32_t p = 0; p < body.topics[t].partitions_count; p++, place++) {
            struct list_offsets_response_partition *answer = job->answers[place];
            const struct list_offsets_request_partition *asked = &body.topics[t].partitions[p];
            struct partition_key key;
            enum err err = resolve(shard, &seen, body.topics[t].name, asked->index, &key);
            if (err == ERR_NONE)
                err = ask(shard, job, place, key, asked, from_replica);
            answer->error_code = (int16_t)err;
        }
    map_free(&seen);
    request_release_frame(request);
    queries_end(job);
}
