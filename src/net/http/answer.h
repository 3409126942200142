/* answer.h -- one page on its way: a letter that visits the shards, and the text it brings home.
 *
 * First it goes round all shards and adds up what they have counted. Then it is written piece by
 * piece, each on the shard whose partitions it tells of; the next piece waits until the last one
 * has left. So a page of any length takes ANSWER_SIZE bytes, and a reader that does not read
 * holds nothing more.
 *
 * Shard   whichever has the letter. */
#ifndef NET_HTTP_ANSWER_H
#define NET_HTTP_ANSWER_H

#include "image.h"
#include "node.h"
#include "sync.h"
#include "text.h"

enum {
    ANSWER_SIZE = 16 * 1024,
    ANSWER_PIECE_LINES = 32,  /* Lines written or partitions looked at, in one tick. */
    ANSWER_ITEM_SIZE = 4096,  /* The longest that is written at once: one histogram. */
    ANSWER_NAMES_SIZE = 2048, /* Of partitions, in a sentence. */
    ANSWER_CHUNK_PREFIX = 6,  /* Four hexadecimal digits, CR LF. */
    ANSWER_CHUNK_SUFFIX = 7,  /* CR LF, and "0" CR LF CR LF after the last one. */
};

enum answer_page { ANSWER_METRICS, ANSWER_HEALTH, ANSWER_READY };

/* What all shards have, added up. */
struct totals {
    struct counters counters;
    struct sync_stats data, metadata;
    struct env_usage usage;
    uint64_t connections, http_connections;
    uint64_t request_size; /* Bytes of requests and replies that are held. */
    const char *unready;   /* Why clients are not served; NULL: they are. */
    /* Of the metadata as this node has applied it. */
    uint64_t active_brokers, fenced_brokers, topics, partitions, offline_partitions;
    uint64_t leads_quorum;
    /* Of this node's replicas. */
    uint64_t replicas, leaders, under_replicated, under_min_isr, offline_replicas;
    uint64_t groups;      /* Coordinated here. */
    uint64_t groups_size; /* Bytes that they keep. */
    /* Of the shards' cleaners: counts are added up, of the rest it is the greatest. */
    struct {
        uint64_t uncleanable, uncleanable_size, runs, read, written, dropped;
        uint64_t dirty_percent, map_percent, recopy_percent, last_s, delay_s, idle_ms;
    } cleaner;
    /* The partitions that compaction has given up on, and why: as many as there is room for. */
    uint32_t given_up_size;
    char given_up[ANSWER_NAMES_SIZE];
};

struct answer {
    struct letter letter; /* First: it travels. */
    uint32_t home;
    void (*arrive)(struct shard *shard, struct letter *letter); /* There. */
    conn_id conn;                                               /* Whose answer it is. */
    enum answer_page page;
    bool in_chunks; /* Its length is not known before; else the connection's end tells. */
    struct totals totals;
    /* Where the next piece goes on. */
    uint32_t family, shard;
    uint32_t line; /* Of the family on that shard. */
    bool titled;
    struct image *image; /* One for the whole page, so that no partition comes twice. */
    const struct image_partition *partition; /* The last one looked at; NULL: none. */
    bool done;                               /* What is in `text` is the last of it. */
    uint32_t sent;                           /* Bytes of `text` that have left. */
    struct text text;
    char buffer[ANSWER_SIZE];
};

struct answer *answer_new(struct shard *shard, conn_id conn);
void answer_free(struct answer *answer);

/* Add up what the shards have, and come home with it. */
void answer_collect(struct shard *shard, struct answer *answer,
                    void (*home)(struct shard *shard, struct letter *letter));
/* Write the next piece of the metrics, and come home with it. */
void answer_write(struct shard *shard, struct answer *answer,
                  void (*home)(struct shard *shard, struct letter *letter));

/* The pages that are one sentence. False: the status is 503. */
bool answer_health(const struct shard *shard, const struct answer *answer, struct text *text);
bool answer_ready(const struct answer *answer, struct text *text);

/* metrics.c: write the next lines of the metrics that belong to this shard. */
void metrics_write(struct shard *shard, struct answer *answer);

#endif
