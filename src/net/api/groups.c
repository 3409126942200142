/* groups.c -- what the APIs of groups share: find the coordinators, ask, count, answer. */
#include "groups.h"

#include "budget.h"

struct str request_host(struct request *request)
{
    char host[ENV_HOST_MAX];
    env_peer(request->shard->env, request->conn, host);
    return str_from(arena_format(&request->arena, "/%s", host));
}

enum err group_partition(const struct image *image, struct str group_id, struct partition_key *out)
{
    const struct image_topic *topic = image_topic_by_name(image, STR("__consumer_offsets"));
    if (!topic)
        return ERR_NOT_COORDINATOR;
    *out = (struct partition_key){.topic_id = topic->id,
                                  .index = group_partition_of(group_id, topic->partition_count)};
    return ERR_NONE;
}

bool group_ids_once(struct request *request, const struct str *ids, uint32_t *count, uint32_t *out)
{
    struct pmap *seen = NULL;
    uint32_t found = 0;
    for (uint32_t i = 0; i < *count && found <= GROUPS_ASKED_MAX; i++) {
        struct bytes id = bytes_of_str(ids[i]);
        struct pmap *before = seen;
        if (pmap_get(seen, id))
            continue;
        seen = pmap_put(NULL, before, id, out);
        pmap_unref(NULL, before);
        out[found++] = i;
    }
    pmap_unref(NULL, seen);
    *count = found;
    if (found <= GROUPS_ASKED_MAX)
        return true;
    request_close(request);
    return false;
}

/* A join may wait for others whose own requests must still be read, or answered. */
static void ask_decided(struct shard *shard, struct letter *notice)
{
    const struct group_ask *ask = list_entry(notice, struct group_ask, notice);
    const struct group_job *job = ask->job;
    (void)shard;
    request_release_frame(job->request);
    request_recount(job->request);
    if (ask->is_parked)
        request_exceed_no_more(job->request);
}

struct group_job *group_job_begin(struct request *request, enum group_reply_kind kind,
                                  uint32_t count,
                                  void (*decide)(struct group_decision *decision,
                                                 const struct group_ask *ask),
                                  void (*answer)(struct group_job *job))
{
    struct group_job *job = mem_zalloc(sizeof *job + count * sizeof *job->asks);
    bool may_park = kind == GROUP_REPLY_JOIN || kind == GROUP_REPLY_SYNC;
    job->request = request;
    job->count = count;
    job->pending = 1; /* The asker, until group_job_end(). */
    job->asks = (struct group_ask *)(job + 1);
    job->answer = answer;
    for (uint32_t i = 0; i < count; i++) {
        struct group_ask *ask = &job->asks[i];
        ask->kind = kind;
        ask->decide = decide;
        ask->job = job;
        ask->place = i;
        ask->decided = may_park ? ask_decided : NULL;
        ask->exceeds = request->internal || request->reply.exceeds;
    }
    return job;
}

void group_job_end(struct group_job *job)
{
    struct request *request = job->request;
    struct shard *shard = request->shard;
    uint64_t held = 0;
    bool has_room = true;
    if (--job->pending > 0)
        return;
    for (uint32_t i = 0; i < job->count; i++)
        has_room = has_room && job->asks[i].reply.err != ERR_AGAIN;
    if (has_room)
        job->answer(job);
    for (uint32_t i = 0; i < job->count; i++) {
        held += job->asks[i].held;
        arena_free(&job->asks[i].arena);
    }
    mem_free(job);
    budget_release(shard, held);
    if (!has_room)
        request_wait(request);
}

static void ask_done(struct shard *shard, struct letter *letter)
{
    struct group_ask *ask = (struct group_ask *)letter;
    if (letter->from != shard->index)
        budget_take(shard, ask->held);
    group_job_end(ask->job);
}

void group_job_refuse(struct group_job *job, uint32_t place, enum err err)
{
    struct group_ask *ask = &job->asks[place];
    ask->reply = group_reply_refuse(ask->kind, group_ask_token(ask), err);
}

void group_job_send_to(struct shard *shard, struct group_job *job, uint32_t place,
                       struct partition_key key)
{
    struct group_ask *ask = &job->asks[place];
    ask->key = key;
    ask->done = ask_done;
    ask->command = job->context;
    job->pending++;
    mailbox_send(shard, partition_shard(key, shard->config->shards), &ask->letter,
                 coordinators_ask);
}

void group_job_send(struct shard *shard, struct group_job *job, uint32_t place, struct str group_id)
{
    struct partition_key key;
    enum err err = group_partition(shard->image, group_id, &key);
    if (err != ERR_NONE)
        group_job_refuse(job, place, err);
    else
        group_job_send_to(shard, job, place, key);
}

void group_job_run(struct shard *shard, struct group_job *job, struct str group_id)
{
    group_job_send(shard, job, 0, group_id);
    group_job_end(job);
}
