/* state.h -- what handlers remember between requests, a shard. */
#ifndef NET_API_STATE_H
#define NET_API_STATE_H

#include "node.h"

enum { PRODUCER_ID_WAITERS_MAX = 10000 };

struct api_state {
    struct shard *shard;
    uint64_t fetch_next; /* fetch.c: the last Fetch's number. */
    /* fetch_session.c */
    struct map sessions;       /* conn_id -> struct fetch_session. */
    struct list sessions_used; /* struct fetch_session.used */
    uint32_t session_count;    /* Of consumers; the partitions in them: */
    uint64_t session_parts;
    uint64_t session_next;
    /* init_producer_id.c: ids still to hand out, and who waits for more. */
    int64_t producer_id_next, producer_id_end;
    bool producer_ids_asked;
    struct list producer_id_waiters; /* struct request.letter.link */
    uint32_t producer_id_waiter_count;
    /* Answers that wait until the image shows what they say. */
    struct list watchers; /* struct image_watch.link */
    /* metadata.c: topics being created because somebody asked about them. */
    struct list creations;
};

void api_state_open(struct shard *shard);
void api_state_close(struct shard *shard);
void api_state_end_waits(struct shard *shard); /* Before it: answer whoever waits here. */

/* Wait for the image: `look` is asked after each new one, when a controller is known anew, and at
 * `deadline` with `late` set; once it says true it is asked no more. Lives in the request's
 * arena. */
struct image_watch {
    struct list link;
    struct shard *shard;
    struct timer timer;
    bool (*look)(struct image_watch *watch, bool late);
    void *context;
};
void image_watch_start(struct shard *shard, struct image_watch *watch, mono_ms deadline);
void api_state_image(struct shard *shard); /* There is a new image, or other news. */

#endif
