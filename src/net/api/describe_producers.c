/* describe_producers.c -- DescribeProducers: who wrote to a partition idempotently, by the word of
 * any replica of it (KIP-664).
 *
 * A partition remembers thousands, so partitions are asked one after the other, and those that come
 * after the answer holds as much as requests may are refused. A request that names more partitions
 * than there are is refused whole; one whose refusal alone would hold that much is not answered. */
#include "api.h"
#include "partitions.h"

enum {
    PRODUCER_SIZE = 64, /* Of one, here and on the wire together, nearly. */
    REPEATS_MAX = 1000, /* Partitions that a request may name beyond those that there are. */
    REFUSAL_SIZE = sizeof(struct describe_producers_response_partition) + 16,
};

struct producers_job {
    struct request *request;
    struct describe_producers_request body;
    struct describe_producers_response response;
    bool names_too_many;
    uint32_t topic, place; /* Of the partition that is asked next. */
    uint64_t size;
};

static struct describe_producers_response_partition *answer_of(struct producers_job *job)
{
    return &job->response.topics[job->topic].partitions[job->place];
}

static void put_producers(struct producers_job *job, const struct producers_part *part)
{
    struct describe_producers_response_partition *answer = answer_of(job);
    struct describe_producers_response_producer *out =
        describe_producers_response_producer_new(&job->request->arena, part->count);
    answer->active_producers = out;
    answer->active_producers_count = part->count;
    for (uint32_t i = 0; i < part->count; i++) {
        out[i].producer_id = part->producers[i].id;
        out[i].producer_epoch = part->producers[i].epoch;
        out[i].last_sequence = part->producers[i].last_sequence;
        out[i].last_timestamp = part->producers[i].last_timestamp;
        out[i].coordinator_epoch = -1; /* No transaction of its has ended here. */
    }
    job->size += (uint64_t)part->count * PRODUCER_SIZE;
}

static void refuse(struct producers_job *job, enum err err, struct str message)
{
    answer_of(job)->error_code = (int16_t)err_on_wire(err);
    answer_of(job)->error_message = message;
}

static void go_on(struct shard *shard, struct producers_job *job);

static void part_done(struct shard *shard, struct letter *letter)
{
    struct producers_part *part = (struct producers_part *)letter;
    struct producers_job *job = part->job;
    bool has_room = request_has_room(job->request, UINT64_MAX);
    if (has_room && part->err == ERR_NONE)
        put_producers(job, part);
    else if (has_room)
        refuse(job, part->err, (struct str){0});
    mem_free(part->producers);
    mem_free(part);
    if (!has_room) {
        request_wait(job->request);
        return;
    }
    request_recount(job->request);
    job->place++;
    go_on(shard, job);
}

/* False: it is refused, nobody is asked. */
static bool ask(struct shard *shard, struct producers_job *job)
{
    if (job->names_too_many) {
        bool is_first = job->topic == 0 && job->place == 0; /* Words are said once. */
        refuse(job, ERR_INVALID_REQUEST,
               is_first ? STR("The request names more partitions than there are.")
                        : (struct str){0});
        return false;
    }
    struct partition_key key;
    enum err err = find_partition(shard->image, job->response.topics[job->topic].name,
                                  (struct uuid){{0}}, answer_of(job)->index, &key);
    if (err != ERR_NONE) {
        refuse(job, err, (struct str){0});
        return false;
    }
    if (job->size > (uint64_t)shard->config->inflight_size_max) {
        refuse(job, ERR_INVALID_REQUEST,
               STR("The answer would be too large: ask for fewer partitions at once."));
        return false;
    }
    struct producers_part *part = mem_zalloc(sizeof *part);
    part->job = job;
    part->key = key;
    part->done = part_done;
    mailbox_send(shard, partition_shard(key, shard->config->shards), &part->letter,
                 partitions_producers);
    return true;
}

static void go_on(struct shard *shard, struct producers_job *job)
{
    for (; job->topic < job->response.topics_count; job->topic++, job->place = 0)
        for (; job->place < job->response.topics[job->topic].partitions_count; job->place++)
            if (ask(shard, job))
                return;
    request_reply(job->request, &job->response);
}

static uint64_t count_asked(const struct describe_producers_request *body)
{
    uint64_t count = 0;
    for (uint32_t t = 0; t < body->topics_count; t++)
        count += body->topics[t].partitions_count;
    return count;
}

void api_describe_producers(struct shard *shard, struct request *request)
{
    struct arena *arena = &request->arena;
    struct producers_job *job = arena_alloc(arena, sizeof *job);
    job->request = request;
    if (!request_read(request, &job->body))
        return;
    uint64_t count = count_asked(&job->body);
    if (count * REFUSAL_SIZE > (uint64_t)shard->config->inflight_size_max) {
        trace_debug(shard->env->trace, "DescribeProducers names more partitions than can be told");
        request_close(request);
        return;
    }
    job->names_too_many = count > (uint64_t)shard->image->partition_count + REPEATS_MAX;
    describe_producers_response_init(&job->response);
    job->response.topics_count = job->body.topics_count;
    job->response.topics = describe_producers_response_topic_new(arena, job->body.topics_count);
    for (uint32_t t = 0; t < job->body.topics_count; t++) {
        const struct describe_producers_request_topic *asked = &job->body.topics[t];
        struct describe_producers_response_topic *topic = &job->response.topics[t];
        topic->name = arena_str(arena, asked->name);
        topic->partitions_count = asked->partitions_count;
        topic->partitions =
            describe_producers_response_partition_new(arena, asked->partitions_count);
        for (uint32_t p = 0; p < asked->partitions_count; p++)
            topic->partitions[p].index = asked->partitions[p];
    }
    go_on(shard, job);
}
