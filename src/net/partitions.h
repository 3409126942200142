/* partitions.h -- the partitions of one shard: logs, roles, and what is asked of them.
 *
 * A partition is there once this broker has applied its own registration and the
 * image names it as a replica; the logs on disk are reconciled once, against that
 * image (rule 10). Requests come as letters, from this shard or another.
 *
 * Source  replica.h decides, log.h stores. */
#ifndef NET_PARTITIONS_H
#define NET_PARTITIONS_H

#include "base/base.h"
#include "image.h"
#include "log.h"
#include "log_cleaner.h"
#include "mailbox.h"
#include "replica.h"
#include "wire.h"

struct shard;
struct partitions;

/* Errors  the disk's own, traced. */
enum err partitions_open(struct shard *shard);
void partitions_close(struct partitions *partitions);
/* Before it: answer whoever waits here. */
void partitions_end_waits(struct partitions *partitions);
/* The broker's settings are others (live_settings.h). */
void partitions_reconfigure(struct partitions *partitions);
/* shard->image is the new one. */
void partitions_take_image(struct partitions *partitions, const struct partition_key *keys,
                           uint32_t key_count, const node_id *brokers, uint32_t broker_count);
void partitions_session(struct partitions *partitions, bool alive);
bool partitions_synced(struct partitions *partitions, uint64_t ticket, enum err result);
/* What was not in memory is. */
void partitions_loaded(struct partitions *partitions, uint64_t ticket);
void partitions_flush(struct partitions *partitions);
bool partitions_are_dirty(const struct partitions *partitions);
/* Make some of the logs that are missing and compact a little, at the end of a tick. False: nothing
 * was due; else another flush is. */
bool partitions_work(struct partitions *partitions);
bool partitions_work_goes_on(const struct partitions *partitions); /* In a tick that is due now. */
void partitions_drain(struct partitions *partitions); /* A clean stop: let the marks leave now. */
bool partitions_are_drained(const struct partitions *partitions);

/* Whom to ask instead, with an error that says so (KIP-951). */
struct leader_hint {
    node_id leader; /* -1: not known. */
    log_epoch epoch;
};

/* -- What metrics tell of a replica. */
struct partition_status {
    struct str topic; /* Good until the partition goes. */
    enum err error;   /* Why its log is offline; ERR_NONE: it is not. */
    bool leads;
    uint32_t groups; /* That it holds, where this node coordinates them. */
    struct log_ends ends;
    uint64_t size; /* Bytes. */
};
/* False: it is not here, or on its way out. */
bool partitions_describe(struct shard *shard, struct partition_key key,
                         struct partition_status *out);
void partitions_clean_stats(const struct partitions *partitions, struct cleaner_stats *out);
/* As cleaner_next_uncleanable(). */
const struct log *partitions_next_uncleanable(const struct partitions *partitions,
                                              const struct log *after);
void partitions_sync_stats(const struct partitions *partitions, struct sync_stats *out);

/* -- What of a shard's replicas is told to administrators. */
struct partition_size {
    struct partition_key key;
    uint64_t size;  /* Bytes of its log. */
    log_offset lag; /* What it has not of all that it knows to be committed. */
};

struct sizes_part {
    struct letter letter;
    void *job;
    void (*done)(struct shard *shard, struct letter *letter);
    /* Answer: every replica here. Heap. */
    uint32_t count;
    struct partition_size *sizes;
};
void partitions_sizes(struct shard *shard, struct letter *letter);

struct producers_part {
    struct letter letter;
    void *job;
    struct partition_key key;
    void (*done)(struct shard *shard, struct letter *letter);
    /* Answer, of a leader or a follower. Heap. */
    enum err err;
    uint32_t count;
    struct log_producer *producers;
};
void partitions_producers(struct shard *shard, struct letter *letter);

/* -- Produce: one batch for one partition, there and back. */
struct produce_part {
    struct letter letter;
    void *job;      /* The asker's. */
    uint32_t place; /* The asker's: which answer this is. */
    struct partition_key key;
    int16_t acks;
    bool zstd_allowed;
    bool is_old_allowed; /* Produce 0 to 2. */
    int32_t timeout_ms;
    struct slice records; /* One reference, until it is appended. */
    void (*done)(struct shard *shard, struct letter *letter);
    /* Answer. */
    enum err err;
    const char *message;        /* Static; NULL: none. */
    struct batch_fault *faults; /* Records that are to blame; the asker's to free. */
    uint32_t fault_count;
    log_offset base;
    log_offset start;
    wall_ms append_time; /* -1: the producer's. */
    struct leader_hint hint;
    /* Of the owner while it waits. */
    struct wait wait;
    struct partition *partition;
    log_epoch epoch;
    log_offset end;
};
void partitions_produce(struct shard *shard, struct letter *letter);

/* -- Fetch: what one shard answers of a Fetch.
 *
 * A share brings the partitions that it asks about. In a session those are only the ones of which
 * the asker says something new; the shard keeps them all, and the share goes back with those that
 * have news: records, an error, a divergence, another high watermark or log start (KIP-227). */
struct fetch_part {
    struct list watch; /* In the partition's list, while it need not be looked at. */
    struct list dirty; /* In its set's list: to be looked at. */
    struct fetch_set *set;
    uint32_t place; /* The asker's: which answer this is. */
    struct partition_key key;
    log_offset offset;
    log_epoch current_epoch; /* -1: not said. */
    log_epoch last_epoch;    /* LastFetchedEpoch; -1: not said. */
    log_offset asker_start;  /* Where a replica's log starts; -1: not said. */
    uint32_t size_max;
    enum err refused; /* A follower's fetch was, when it was to be counted. */
    /* What the asker knows. */
    log_offset told_high_watermark, told_start;
    /* Answer. */
    enum err err;
    log_offset high_watermark, start;
    log_epoch diverging_epoch; /* -1: none. */
    log_offset diverging_end;
    struct leader_hint hint;
    struct log_extent extent; /* size 0: no records; else with a hold of its file. */
    bool is_held_back; /* There are records, but no room for them, or they are not in memory. */
    /* Instead of an extent: records in an old format, or what producers did, for a follower that
     * begins anew; the asker's to free. */
    struct buf *converted;
};

/* The partitions that one answer is chosen from. */
struct fetch_set {
    struct map parts;           /* Of a session: struct partition_key -> struct fetch_part. */
    struct list dirty;          /* struct fetch_part.dirty, in the order in which they get room. */
    struct fetch_share *parked; /* It waits for news of them; or NULL. */
};

struct fetch_share {
    struct letter letter;
    void *job;
    uint64_t id;      /* Of the asker, for partitions_hurry(). */
    uint64_t session; /* 0: none; each of them has a number of its own in this node. */
    node_id replica;  /* -1: a consumer. */
    broker_epoch replica_epoch;
    int32_t size_min;
    uint32_t size_max;
    mono_ms deadline;
    bool zstd_allowed; /* Fetch 10 and later. */
    uint8_t magic;     /* The format that the asker reads: 2, or before Fetch 4 an older one. */
    uint32_t part_count;
    struct fetch_part
        *parts; /* What is asked, then what is answered. Heap; freed with the share. */
    uint32_t forgotten_count;
    struct partition_key *forgotten; /* Leave the session. Heap; freed with the share. */
    uint32_t kept_count;             /* Partitions that the session has here now. */
    void (*done)(struct shard *shard, struct letter *letter);
    /* Of the owner while it is parked. */
    struct shard *owner;
    struct fetch_set *set;
    struct fetch_set own; /* Where there is no session. */
    struct list parked;
    struct list cold; /* In partitions->cold: it waits for `missed`. */
    struct list due;
    uint64_t missed; /* The ticket of what was not in memory; 0: nothing. */
    struct timer timer;
};
void partitions_fetch(struct shard *shard, struct letter *letter);
void fetch_share_free(struct fetch_share *share);
/* The parked share `id` of the sender waits for no more news, and where the question is over not
 * even for the disk; one that has left already is not looked for. */
void partitions_hurry(struct shard *shard, uint32_t owner, uint64_t id, bool is_over);
/* The session is over: `owner` answers what is parked in it, and forgets its partitions. */
void partitions_end_session(struct shard *shard, uint32_t owner, uint64_t session);

/* -- Questions about offsets. */
enum query_kind { QUERY_TIME, QUERY_EPOCH_END };

struct query_part {
    struct letter letter;
    void *job;
    uint32_t place;
    enum query_kind kind;
    struct partition_key key;
    log_epoch current_epoch;
    int64_t timestamp;   /* QUERY_TIME: -1 latest, -2 earliest, -3 max timestamp, or a time. */
    bool from_replica;   /* Latest is then the log's end. */
    bool is_end_if_none; /* Where no record is as new: the latest, not -1. */
    log_epoch epoch;     /* QUERY_EPOCH_END */
    void (*done)(struct shard *shard, struct letter *letter);
    /* Answer. */
    enum err err;
    log_offset offset;
    int64_t found_timestamp;
    log_epoch found_epoch;
    struct leader_hint hint;
};
void partitions_query(struct shard *shard, struct letter *letter);

/* -- DeleteRecords: one partition, there and back. */
struct delete_part {
    struct letter letter;
    void *job;
    uint32_t topic, place; /* Of its answer. */
    struct partition_key key;
    log_offset offset; /* Retire what lies below; -1: all that is committed. */
    int32_t timeout_ms;
    void (*done)(struct shard *shard, struct letter *letter);
    /* Answer. */
    enum err err;
    log_offset low_watermark; /* -1: not known. */
    /* Of the owner while it waits for the replicas. */
    struct wait wait;
    struct partition *partition;
};
void partitions_delete_records(struct shard *shard, struct letter *letter);

#endif
