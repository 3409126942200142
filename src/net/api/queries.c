/* queries.c -- what ListOffsets and OffsetForLeaderEpoch share: ask, count, answer. */
#include "queries.h"

static void part_done(struct shard *shard, struct letter *letter)
{
    struct query_part *part = (struct query_part *)letter;
    struct query_job *job = part->job;
    (void)shard;
    job->put(job->request, part, job->answers[part->place]);
    mem_free(part);
    queries_end(job);
}

struct query_job *queries_begin(struct request *request, const void *response, uint32_t total)
{
    struct query_job *job = arena_alloc(&request->arena, sizeof *job);
    job->request = request;
    job->response = response;
    job->answers = arena_array(&request->arena, void *, total + 1);
    job->pending = 1;
    return job;
}

struct query_part *queries_part(struct query_job *job, uint32_t place, struct partition_key key)
{
    struct query_part *part = mem_zalloc(sizeof *part);
    part->job = job;
    part->place = place;
    part->key = key;
    part->done = part_done;
    return part;
}

void queries_send(struct shard *shard, struct query_part *part)
{
    struct query_job *job = part->job;
    job->pending++;
    mailbox_send(shard, partition_shard(part->key, shard->config->shards), &part->letter,
                 partitions_query);
}

void queries_end(struct query_job *job)
{
    if (--job->pending == 0)
        request_reply(job->request, job->response);
}
