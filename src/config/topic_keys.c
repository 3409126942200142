/* topic_keys.c -- what a topic may be told, and what it says of itself (config_key.h).
 *
 * Names, defaults and ranges are Kafka's. Old keys that Kafka 4 dropped are taken and forgotten,
 * and what has no effect here is kept and shown, because refusing either breaks scripts that set
 * them everywhere. */
#include "config_parts.h"

#define FOREVER "9223372036854775807"
#define NO_EFFECT " It is kept and shown, and has no effect in Skiff."
#define UNTIERED " Skiff has no tiered storage: it is kept and shown, and has no effect."

/* clang-format off: a line each, as the tables below. */
#define TOPIC(text, type_, reach_, from, to, synonyms_, doc_)                                      \
    {                                                                                              \
        .name = (text), .type = CONFIG_##type_, .reach = CONFIG_##reach_, .min = (from),           \
        .max = (to), .synonyms = (synonyms_), .doc = doc_                                          \
    }
#define WORDS(text, type_, choices_, synonyms_, doc_)                                              \
    {                                                                                              \
        .name = (text), .type = CONFIG_##type_, .reach = CONFIG_LIVE, .choices = (choices_),       \
        .synonyms = (synonyms_), .doc = doc_                                                       \
    }
#define LEVELS(text, from, to, choices_, synonyms_, doc_)                                          \
    {                                                                                              \
        .name = (text), .type = CONFIG_INT, .reach = CONFIG_LIVE, .min = (from), .max = (to),      \
        .choices = (choices_), .synonyms = (synonyms_), .doc = doc_                                \
    }
#define IDLE(text, type_, from, to, synonyms_, fallback_, doc_)                                    \
    {                                                                                              \
        .name = (text), .type = CONFIG_##type_, .reach = CONFIG_IDLE, .min = (from), .max = (to),  \
        .synonyms = (synonyms_), .fallback = (fallback_), .doc = doc_                              \
    }
#define REPLICAS(text, doc_)                                                                       \
    {                                                                                              \
        .name = (text), .type = CONFIG_LIST, .reach = CONFIG_IDLE, .is_replicas = true,            \
        .fallback = "", .doc = doc_ NO_EFFECT                                                      \
    }
#define GONE(text)                                                                                 \
    {                                                                                              \
        .name = (text), .type = CONFIG_STRING, .reach = CONFIG_GONE,                               \
        .doc = "Dropped by Kafka 4.0: taken, and forgotten."                                       \
    }
/* clang-format on */

/* Sorted by name. */
const struct config_key topic_keys[] = {
    WORDS(
        "cleanup.policy", LIST, "compact,delete", "log.cleanup.policy",
        "What becomes of old records: delete drops them by age and size, compact keeps the newest "
        "of each key, both do both; empty keeps all for ever."),
    LEVELS("compression.gzip.level", -1, 9, CONFIG_GZIP_LEVELS, "compression.gzip.level",
           "Level of gzip, where the topic's compression.type is gzip. -1: its own default."),
    TOPIC("compression.lz4.level", INT, LIVE, 1, 17, "compression.lz4.level",
          "Level of lz4, where the topic's compression.type is lz4."),
    WORDS("compression.type", STRING, "uncompressed,zstd,lz4,snappy,gzip,producer",
          "compression.type", "How batches are stored; producer: as they came."),
    TOPIC("compression.zstd.level", INT, LIVE, -131072, 22, "compression.zstd.level",
          "Level of zstd, where the topic's compression.type is zstd."),
    TOPIC("delete.retention.ms", LONG, LIVE, 0, INT64_MAX, "log.cleaner.delete.retention.ms",
          "How long compaction keeps a tombstone once what it deletes is gone."),
    IDLE("errors.deadletterqueue.group.enable", BOOLEAN, 0, 0, NULL, "false",
         "Whether share groups may write what fails into this topic." NO_EFFECT),
    TOPIC("file.delete.delay.ms", LONG, LIVE, 0, INT64_MAX, "log.segment.delete.delay.ms",
          "How long the file of a retired segment stays."),
    TOPIC(
        "flush.messages", LONG, START, 1, INT64_MAX, "log.flush.interval.messages",
        "1: records are synced to disk on every replica before they are acknowledged. Any other "
        "number: an acknowledgement means the page cache. Which of the two it is, is settled when "
        "the topic is made."),
    IDLE("flush.ms", LONG, 0, INT64_MAX, NULL, FOREVER,
         "How often records would be synced; flush.messages decides." NO_EFFECT),
    REPLICAS("follower.replication.throttled.replicas", "Replicas whose fetching is throttled."),
    TOPIC("index.interval.bytes", INT, LIVE, 0, INT32_MAX, "log.index.interval.bytes",
          "Bytes of records between two entries of an index."),
    REPLICAS("leader.replication.throttled.replicas", "Replicas whose being fetched is throttled."),
    IDLE("local.retention.bytes", LONG, -2, INT64_MAX, NULL, "-2",
         "Bytes that stay on local disks of a tiered topic." UNTIERED),
    IDLE("local.retention.ms", LONG, -2, INT64_MAX, NULL, "-2",
         "How long records stay on local disks of a tiered topic." UNTIERED),
    TOPIC("max.compaction.lag.ms", LONG, LIVE, 1, INT64_MAX, "log.cleaner.max.compaction.lag.ms",
          "Records older than this are compacted, whatever the ratio."),
    TOPIC("max.message.bytes", INT, LIVE, 0, INT32_MAX, "message.max.bytes",
          "The largest batch that is taken, as it is on the wire."),
    GONE("message.downconversion.enable"),
    GONE("message.format.version"),
    TOPIC("message.timestamp.after.max.ms", LONG, LIVE, 0, INT64_MAX,
          "log.message.timestamp.after.max.ms",
          "By how much a record's time may be after the broker's."),
    TOPIC("message.timestamp.before.max.ms", LONG, LIVE, 0, INT64_MAX,
          "log.message.timestamp.before.max.ms",
          "By how much a record's time may be before the broker's."),
    GONE("message.timestamp.difference.max.ms"),
    WORDS("message.timestamp.type", STRING, "CreateTime,LogAppendTime",
          "log.message.timestamp.type", "Whose clock a record's time is from."),
    TOPIC("min.cleanable.dirty.ratio", DOUBLE, LIVE, 0, CONFIG_RATIO_ONE,
          "log.cleaner.min.cleanable.ratio",
          "A log is compacted when this part of it is new since the last time."),
    TOPIC("min.compaction.lag.ms", LONG, LIVE, 0, INT64_MAX, "log.cleaner.min.compaction.lag.ms",
          "Younger records are not compacted."),
    TOPIC("min.insync.replicas", INT, LIVE, 1, INT32_MAX, "min.insync.replicas",
          "So many replicas must be in sync for acks=all to be taken, or all if there are fewer. "
          "Where nothing is said: 2 of 3 or more replicas, else 1."),
    IDLE("preallocate", BOOLEAN, 0, 0, "log.preallocate", "false",
         "Whether segment files are set aside whole; Skiff sets aside what it appends, "
         "always." NO_EFFECT),
    IDLE("remote.log.copy.disable", BOOLEAN, 0, 0, NULL, "false",
         "Whether a tiered topic stops being copied." UNTIERED),
    IDLE("remote.log.delete.on.disable", BOOLEAN, 0, 0, NULL, "false",
         "Whether remote data goes when tiering ends." UNTIERED),
    {.name = "remote.storage.enable",
     .type = CONFIG_BOOLEAN,
     .reach = CONFIG_IDLE,
     .fallback = "false",
     .choices = "false",
     .doc = "Whether old segments go to remote storage. Skiff has none: only false is taken."},
    TOPIC("retention.bytes", LONG, LIVE, -1, INT64_MAX, "log.retention.bytes",
          "How large a partition's log grows before its oldest segments go. -1: without limit."),
    TOPIC("retention.ms", LONG, LIVE, -1, INT64_MAX,
          "log.retention.ms,log.retention.minutes,log.retention.hours",
          "How old the newest record of a segment gets before the segment goes, by the clocks of a "
          "majority. -1: for ever."),
    TOPIC("segment.bytes", INT, LIVE, 14, INT32_MAX, "log.segment.bytes",
          "How large a segment file grows before another is begun."),
    IDLE("segment.index.bytes", INT, 4, INT32_MAX, "log.index.size.max.bytes", "10485760",
         "How large an index may be; Skiff's grow with their segment." NO_EFFECT),
    TOPIC("segment.jitter.ms", LONG, LIVE, 0, INT64_MAX, "log.roll.jitter.ms,log.roll.jitter.hours",
          "At most so much earlier than segment.ms is a segment ended, by chance."),
    TOPIC("segment.ms", LONG, LIVE, 1, INT64_MAX, "log.roll.ms,log.roll.hours",
          "A segment ends when a record comes that is so much newer than its first."),
    TOPIC("unclean.leader.election.enable", BOOLEAN, LIVE, 0, 0, "unclean.leader.election.enable",
          "Whether a replica that may lack acknowledged records may lead when no other can."),
};

const uint32_t topic_key_count = sizeof topic_keys / sizeof topic_keys[0];
