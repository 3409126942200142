/* describe_log_dirs.c -- DescribeLogDirs: the one log directory of this node, and how large each
 * replica in it is (KIP-113, 827). */
#include "api.h"
#include "partitions.h"

struct log_dirs_job {
    struct request *request;
    bool is_all;
    struct map wanted; /* struct partition_key; where not all are. */
    struct map found;  /* struct partition_key -> struct partition_size. */
    uint32_t pending;  /* Shards that have not answered. */
    uint32_t part_count;
    struct sizes_part **parts;
};

/* ---- What was asked. */

static void take_topic(struct log_dirs_job *job,
                       const struct describe_log_dirs_request_topic *asked)
{
    const struct image_topic *topic = image_topic_by_name(job->request->shard->image, asked->name);
    for (uint32_t i = 0; topic && i < asked->partitions_count; i++) {
        struct partition_key key = {.topic_id = topic->id, .index = asked->partitions[i]};
        if (image_topic_has(topic, key.index))
            map_put(&job->wanted, &key, job);
    }
}

/* ---- The answer. */

static uint32_t put_partitions(struct log_dirs_job *job, const struct image_topic *topic,
                               struct describe_log_dirs_response_partition **out)
{
    uint32_t count = 0;
    *out = NULL;
    for (partition_id index = 0; index < topic->partition_count; index++) {
        struct partition_key key = {.topic_id = topic->id, .index = index};
        const struct partition_size *size = map_get(&job->found, &key);
        if (!size || (!job->is_all && !map_get(&job->wanted, &key)))
            continue;
        if (!*out)
            *out = describe_log_dirs_response_partition_new(&job->request->arena,
                                                            (uint32_t)topic->partition_count);
        (*out)[count].index = index;
        (*out)[count].size = (int64_t)size->size;
        (*out)[count++].offset_lag = size->lag;
    }
    return count;
}

static void put_topics(struct log_dirs_job *job, struct describe_log_dirs_response_result *result)
{
    const struct image *image = job->request->shard->image;
    result->topics = describe_log_dirs_response_topic_new(&job->request->arena, image->topic_count);
    for (const struct image_topic *topic = image_topic_after(image, NULL); topic;
         topic = image_topic_after(image, topic)) {
        struct describe_log_dirs_response_topic *out = &result->topics[result->topics_count];
        out->name = topic->name;
        out->partitions_count = put_partitions(job, topic, &out->partitions);
        result->topics_count += out->partitions_count > 0;
    }
}

static void answer(struct shard *shard, struct log_dirs_job *job)
{
    struct request *request = job->request;
    struct describe_log_dirs_response response;
    struct env_usage usage;
    describe_log_dirs_response_init(&response);
    response.results_count = 1;
    response.results = describe_log_dirs_response_result_new(&request->arena, 1);
    response.results[0].log_dir = str_from(shard->config->log_dir);
    env_usage(shard->env, &usage);
    response.results[0].total_bytes = usage.volume_size;
    response.results[0].usable_bytes = usage.volume_free;
    put_topics(job, &response.results[0]);
    request_reply(request, &response);
}

/* ---- There and back. */

static void job_free(struct log_dirs_job *job)
{
    for (uint32_t i = 0; i < job->part_count; i++) {
        mem_free(job->parts[i]->sizes);
        mem_free(job->parts[i]);
    }
    mem_free(job->parts);
    map_free(&job->wanted);
    map_free(&job->found);
    mem_free(job);
}

static void part_done(struct shard *shard, struct letter *letter)
{
    struct sizes_part *part = (struct sizes_part *)letter;
    struct log_dirs_job *job = part->job;
    struct request *request = job->request;
    job->parts[job->part_count++] = part;
    for (uint32_t i = 0; i < part->count; i++)
        map_put(&job->found, &part->sizes[i].key, &part->sizes[i]);
    if (--job->pending > 0)
        return;
    if (request_has_room(request, UINT64_MAX))
        answer(shard, job);
    else
        request_wait(request);
    job_free(job);
}

void api_describe_log_dirs(struct shard *shard, struct request *request)
{
    struct describe_log_dirs_request body;
    if (!request_read(request, &body))
        return;
    struct log_dirs_job *job = mem_zalloc(sizeof *job);
    job->request = request;
    job->is_all = !body.topics;
    map_init(&job->wanted, sizeof(struct partition_key));
    map_init(&job->found, sizeof(struct partition_key));
    for (uint32_t i = 0; i < body.topics_count; i++)
        take_topic(job, &body.topics[i]);
    job->pending = shard->config->shards;
    job->parts = mem_alloc(shard->config->shards * sizeof(struct sizes_part *));
    for (uint32_t i = 0; i < shard->config->shards; i++) {
        struct sizes_part *part = mem_zalloc(sizeof *part);
        part->job = job;
        part->done = part_done;
        mailbox_send(shard, i, &part->letter, partitions_sizes);
    }
}
