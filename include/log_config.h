/* log_config.h -- what tells one log from another. */
#ifndef LOG_CONFIG_H
#define LOG_CONFIG_H

#include "base/base.h"
#include "codec.h"

struct log;

enum log_class {
    LOG_CLASS_SYNCED,     /* flush.messages=1: durable means synced. */
    LOG_CLASS_PAGE_CACHE, /* Any other: durable means written. */
};

/* What a log tells its owner. Each is called when the fact holds, from within a call to
 * log_* or sync_*; it may call the log again, but not log_close(). NULL: not wanted. */
struct log_hooks {
    void (*durable)(void *context,
                    struct log *log);              /* The durable end moved, or the start's mark. */
    void (*ready)(void *context, struct log *log); /* Recovery, truncation or reset is over. */
    void (*deleted)(void *context, struct log *log); /* log_delete() is over: close it. */
    void (*offline)(void *context, struct log *log); /* For ever; log_error() says why. */
    void *context;
};

/* What compaction of a log goes by; Kafka's settings of a topic. */
struct log_compaction {
    bool is_on;                  /* cleanup.policy holds compact. */
    uint32_t dirty_ratio_min;    /* min.cleanable.dirty.ratio, in millionths. */
    int64_t lag_min_ms;          /* Younger records stay as they are. */
    int64_t lag_max_ms;          /* Older ones are compacted whatever the ratio. */
    int64_t delete_retention_ms; /* How long a tombstone is kept once what it deletes is gone. */
    int32_t
        levels[CODEC_ZSTD + 1]; /* compression.<type>.level: of batches that are written anew. */
};

struct log_config {
    struct partition_key key; /* Identity; the directory's partition.metadata must agree. */
    enum log_class durability;
    uint32_t segment_size;        /* Bytes; rolled before a batch that would pass it. 0: 1 GiB. */
    int64_t segment_ms;           /* Rolled before a batch that is so much newer than its first; 0:
                                   * never. */
    int64_t segment_jitter_ms;    /* At most so much earlier, by chance. */
    uint32_t reserve_ahead;       /* Bytes kept set aside past the end, so that appends go on when
                                   * others have filled the disk (rule 22). 0: none. */
    uint32_t index_interval_size; /* Bytes between index entries. 0: 4096. */
    uint32_t producers_max;       /* Producers remembered; the longest silent goes. 0: 10000. */
    bool keeps_producers;         /* Sequence state and snapshots; false for the metadata log. */
    struct log_compaction compaction;
    struct log_hooks hooks;
};

#endif
