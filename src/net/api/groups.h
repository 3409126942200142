/* groups.h -- commands for coordinators of groups: each goes to the shard of its group's partition,
 * and when all are back the request is answered. */
#ifndef NET_API_GROUPS_H
#define NET_API_GROUPS_H

#include "api.h"
#include "coordinators.h"

enum {
    GROUPS_ASKED_MAX = 50000, /* Different ones of one request. */
};

struct group_job {
    struct request *request;
    uint32_t count, pending;
    struct group_ask *asks; /* Each with its reply, once all are back. */
    /* Ends the request. What the replies point to goes after it. */
    void (*answer)(struct group_job *job);
    void *context; /* The API's own. */
};

/* A job of `count` commands of one kind; decide() finds the job in ask->job.
 * Owns    itself: it goes when it was answered. */
struct group_job *group_job_begin(struct request *request, enum group_reply_kind kind,
                                  uint32_t count,
                                  void (*decide)(struct group_decision *decision,
                                                 const struct group_ask *ask),
                                  void (*answer)(struct group_job *job));
/* Send the command in `place` to the coordinator of this group, or of this partition. Where there
 * is none its reply is a refusal. */
void group_job_send(struct shard *shard, struct group_job *job, uint32_t place,
                    struct str group_id);
void group_job_send_to(struct shard *shard, struct group_job *job, uint32_t place,
                       struct partition_key key);
/* That command needs no coordinator. */
void group_job_refuse(struct group_job *job, uint32_t place, enum err err);
/* All are sent. */
void group_job_end(struct group_job *job);
/* The one command of a job. */
void group_job_run(struct shard *shard, struct group_job *job, struct str group_id);

static inline const struct group_reply *group_job_reply(const struct group_job *job)
{
    return &job->asks[0].reply;
}

/* The places of the ids that stand at no earlier place, in `out`, which has room for all.
 * False: there are too many; the request was closed. */
bool group_ids_once(struct request *request, const struct str *ids, uint32_t *count, uint32_t *out);

/* The client's address as Kafka writes it: a slash before it. Lives with the request. */
struct str request_host(struct request *request);

/* The partition of __consumer_offsets that a group belongs to.
 * Errors  NOT_COORDINATOR: there are no groups yet. */
enum err group_partition(const struct image *image, struct str group_id, struct partition_key *out);

#endif
