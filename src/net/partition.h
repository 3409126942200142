/* partition.h -- what the partition_*.c files and the fetchers share. Private to them. */
#ifndef NET_PARTITION_H
#define NET_PARTITION_H

#include "node.h"
#include "partitions.h"
#include "refused.h"

enum { PARTITIONS_SYNC_TAG = 2, PARTITIONS_CLEANER_TAG = 3 };
enum { YIELD_INTERVAL_MS = 500 }; /* Between two askings to be replaced as leader. */

struct fetcher;
struct seat;

/* What of the topic's settings says when records go. */
struct partition_retention {
    bool is_on; /* cleanup.policy has delete. */
    int64_t ms, bytes;
    int64_t delete_delay_ms;
    int64_t check_interval_ms; /* The broker's. */
};

struct partition {
    struct shard *shard;
    struct partition_key key;
    char name[LOG_DIR_MAX]; /* "topic-0", its directory too. */
    struct log *log;
    struct replica *replica;
    bool removing; /* Its log is being deleted. */
    bool deleted;  /* It is gone: free this. */
    bool reported; /* As unserviceable. */
    struct {       /* What the log line about its role said last. */
        enum replica_role role;
        log_epoch epoch;
        node_id leader;
    } told;
    struct batch_limits limits;
    struct batch_form form;
    struct log_compaction compaction;
    bool is_append_time; /* message.timestamp.type=LogAppendTime */
    bool holds_groups;   /* It is one of __consumer_offsets. */
    struct seat *seat;   /* coordinators.c; NULL: does not lead, or holds no groups. */
    int64_t segment_ms, segment_jitter_ms;
    uint32_t segment_size, index_interval_size;
    mono_ms leads_since;     /* When this leader's epoch began here. */
    struct refused *refused; /* NULL until there was one. */
    struct list changed;     /* In partitions->changed: its log moved. */
    struct list watches;     /* struct fetch_part.watch: who wants to hear that it moved. */
    struct timer timer;      /* replica_tick(). */
    struct partition_retention retention;
    struct timer retain_timer;
    mono_ms retain_at;        /* When retention looks again; the timer may be due earlier. */
    log_offset low_watermark; /* As leader: where the log starts on every live replica; -1. */
    /* Proposals to the controller. */
    struct list asking; /* In partitions->asking. */
    bool has_proposal;
    struct replica_proposal proposal;
    enum replica_yield yield;
    mono_ms yield_again; /* Not before. */
    log_epoch yielded;   /* The leader epoch that it has asked to give away, and perhaps did; -1. */
    /* As follower. */
    struct fetcher *fetcher; /* NULL: follows nobody. */
    struct list following;   /* In fetcher->followers. */
    struct list unasked;     /* In fetcher->unasked: perhaps its leader is to be told something. */
    uint64_t asked; /* The fetcher's last Fetch that named it; 0: its leader knows nothing. */
    struct replica_plan plan; /* What that asked. */
    log_offset asked_start;   /* Where our log started then. */
    mono_ms fetch_after;      /* Not before: the log took nothing of the last answer. */
};

struct partitions {
    struct shard *shard;
    struct sync *sync;
    struct map map;     /* struct partition_key -> struct partition. */
    struct pmap *names; /* Directory -> struct partition. */
    bool reconciled;    /* Logs and image have met (rule 10). */
    bool alive;         /* Heartbeats are accepted. */
    bool dirty;
    bool draining;
    struct list changed;
    struct list asking;
    bool alter_in_flight;
    struct timer alter_timer;
    struct map wanted;       /* struct partition_key -> struct missing. */
    struct list missing;     /* Of those, whose logs to make next. */
    struct list put_off;     /* The others: an old log has their name, or there is no room. */
    struct timer make_timer; /* Looks at those again. */
    int64_t made_us;         /* The tick that made_size belongs to. */
    uint64_t made_size;      /* Bytes that conversions made in it. */
    struct list parked;      /* struct fetch_share */
    struct list cold;        /* Of those, what waits for a disk. */
    struct list due;         /* Shares to look at again. */
    struct map sessions;     /* Number -> struct fetch_set. */
    struct map heard;        /* Node -> struct replica_visit: its last fetch from this shard. */
    struct list fetchers;
    struct timer sync_timer;
    struct cleaner *cleaner;
    struct timer clean_timer;
    uint32_t clean_slices; /* That are left of this millisecond. */
};

/* partitions.c */
struct partition *partition_find(struct shard *shard, struct partition_key key);
struct leader_hint partition_hint(struct shard *shard, struct partition_key key);
/* The log moved: tell the replica in this tick's flush. */
void partition_changed(struct partition *partition);

/* partition_role.c */
bool partition_is_ready(const struct partition *partition);
/* In the page-cache class written counts, else synced. */
struct replica_log partition_log_state(const struct partition *partition);
void partition_start(struct partition *partition); /* The log can be used: give it a role. */
void partition_apply(struct partition *partition); /* What the image says of it now. */
void partition_log_moved(struct partition *partition);
void partition_obey(struct partition *partition, const struct replica_out *out);
/* It has asked to be replaced as leader, and has not heard that it is not. */
bool partition_may_be_deposed(const struct partition *partition);
/* It asks, or asks again. */
bool partition_yields(const struct partition *partition);
void partition_fire(struct timer *timer, mono_ms now);
/* Named in heartbeats while it can't be served (rule 11). */
void partition_report(struct partition *partition, bool unserviceable);
/* What was asked of a leader ends: what was appended may have been appended (rule 17). */
void partition_fail_waits(struct partition *partition);

/* partition_life.c */
/* False: there is no room for it now. */
bool partition_create(struct shard *shard, const struct image_partition *known);
/* Its log is deleted from this node; the flush frees it when that is done. */
void partition_remove(struct partition *partition);
/* The same for a directory in which no partition of ours is. */
void partition_discard(struct shard *shard, struct partition_key key, const char *name);
void partition_free(struct partition *partition);

/* partition_reconcile.c */
/* Let it be as the image says now. */
void partition_reconcile(struct shard *shard, struct partition_key key);
/* Make some of the logs that are missing. False: there are none. */
bool partitions_make(struct partitions *partitions);
void partitions_make_again(struct partitions *partitions); /* Those that were put off. */
void partitions_make_fire(struct timer *timer, mono_ms now);

/* partition_configure.c: before its log is opened. */
void partition_configure(struct partition *partition, const struct image_topic *topic);
/* What of it the log goes by; the rest is not filled in. */
struct log_config partition_log_config(const struct partition *partition);
/* The topic's settings or the broker's may be others than they were. */
void partition_reconfigure(struct partition *partition);

/* partition_retain.c */
void partition_retain_start(struct partition *partition);
void partition_retain_soon(struct partition *partition); /* Other rules: look before the time. */
/* Retire what lies below `offset`, as far as it is committed. */
void partition_retire(struct partition *partition, log_offset offset);

/* partition_clean.c */
void partitions_clean_open(struct partitions *partitions);
void partitions_clean_close(struct partitions *partitions);
/* The broker's settings have changed. */
void partitions_clean_configure(struct partitions *partitions);
/* All logs that were there at the start are known. */
void partitions_clean_begin(struct partitions *partitions);
/* Compact a little. False: nothing is due; else a flush is. */
bool partitions_clean(struct partitions *partitions);
bool partitions_clean_goes_on(const struct partitions *partitions); /* The next slice is due. */
bool partitions_clean_synced(struct partitions *partitions, uint64_t ticket, enum err result);
/* Its log was opened, as partition->compaction wants it. */
void partition_clean_start(struct partition *partition);
/* Before its log is closed, or deleted. */
void partition_clean_stop(struct partition *partition);

/* partition_alter.c */
void partition_ask(struct partition *partition);
void partitions_alter(struct partitions *partitions);
void partitions_alter_fire(struct timer *timer, mono_ms now);

/* partition_convert.c */
/* Compressed bytes, or a Fetch, become many more when they are converted, and a tick may bring a
 * thousand of them. True: this one may be made, and counts from `size` on; else no more before
 * the next tick. */
bool partitions_may_make(struct shard *shard, uint64_t size);
/* Replace what a part found by the same in the old format that the asker reads. */
void fetch_part_convert(struct shard *shard, const struct fetch_share *share,
                        struct fetch_part *part);

/* partition_fetch.c */
void partitions_answer_due(struct partitions *partitions);
void shares_end(struct partitions *partitions);     /* Answer all that are parked. */
void fetch_share_answer(struct fetch_share *share); /* A parked one, as things are. */

/* fetch_set.c */
/* Put what `share` asks into the set that it is answered from, all of it to be looked at. Of a
 * session the share keeps nothing. */
void fetch_set_take(struct shard *shard, struct fetch_share *share);
/* Give `share` what is to be told of the set, and remember it as told. */
void fetch_set_tell(struct shard *shard, struct fetch_share *share);
void partition_wake(struct partition *partition); /* Fetches that ask for it look at it again. */
/* It was looked at: if it has nothing to say it rests until partition_wake(). */
void fetch_part_looked(struct shard *shard, struct fetch_part *part);
void fetch_part_watch(struct shard *shard, struct fetch_part *part);
/* A replica has come; when it did last, for struct replica_config. True: it came in another session
 * the last time, whose word of a partition may be older than this session's. */
bool fetch_hear(struct shard *shard, const struct fetch_share *share);
mono_ms fetch_heard_at(const void *context, node_id node);
void fetch_sets_open(struct partitions *partitions);
void fetch_sets_close(struct partitions *partitions);

/* fetcher.c */
/* Something has moved that its leader may have to be told. */
void fetcher_look(struct partition *partition);
void fetcher_follow(
    struct partition *partition); /* By its role: join, change or leave a fetcher. */
void fetcher_leave(struct partition *partition);
void fetchers_go(struct partitions *partitions); /* Send what is due. */
void fetchers_close(struct partitions *partitions);
void fetchers_image(struct partitions *partitions);

#endif
