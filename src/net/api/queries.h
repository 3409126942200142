/* queries.h -- one question to many partitions, each asked where it lives, and one answer. */
#ifndef NET_API_QUERIES_H
#define NET_API_QUERIES_H

#include "api.h"
#include "partitions.h"

struct query_job {
    struct request *request;
    const void *response; /* Of the request's API; in its arena. */
    void **answers;       /* The response's partitions, in the order in which they were asked. */
    uint32_t pending;     /* Parts under way, and the asker itself until queries_end(). */
    /* Put what came back into one of `answers`. */
    void (*put)(struct request *request, const struct query_part *part, void *answer);
};

/* Begin a job of `total` partitions; the caller points `answers` at them. */
struct query_job *queries_begin(struct request *request, const void *response, uint32_t total);
/* A question about `key`, whose answer belongs in `place`: to be filled in and sent. */
struct query_part *queries_part(struct query_job *job, uint32_t place, struct partition_key key);
void queries_send(struct shard *shard, struct query_part *part);
/* All are sent: the request is answered when the last one is back. */
void queries_end(struct query_job *job);

#endif
