/* fetch_job.h -- one Fetch that is open: fetch.c sends it out, fetch_answer.c puts it together. */
#ifndef NET_API_FETCH_JOB_H
#define NET_API_FETCH_JOB_H

#include "api.h"
#include "partitions.h"

struct fetch_job {
    struct shard *shard;
    struct request *request;
    struct conn_watch watch;
    uint64_t id;
    node_id replica; /* -1: a consumer. */
    struct fetch_request body;
    struct fetch_response response;
    uint64_t session;    /* Its number; 0: none. */
    bool is_incremental; /* The answer holds what is new, else all that was asked about. */
    uint32_t total;      /* Partitions asked about ... */
    int16_t *errors;     /* ... and what is wrong with each that no shard need be asked for. */
    struct fetch_response_partition **answers; /* Each one's, where all are answered. */
    struct list shares;                        /* struct fetch_share.letter: those that are back. */
    uint32_t pending;
    bool hurried; /* Its shares wait for no more news. */
    bool is_over; /* Nor for anything else: nobody hears the answer. */
};

/* Before the frame goes: an answer for each partition, where all are answered. */
void fetch_answer_begin(struct fetch_job *job);
/* All shares are back: put what they found into job->response. */
void fetch_answer_end(struct fetch_job *job);

#endif
