/* group_keys.c -- what one group may be told (KIP-848, 932, 1071); the rest is the broker's. */
#include "config_parts.h"

#define NO_SHARE " Skiff has no share groups yet: no effect."
#define NO_STREAMS " Skiff has no streams groups yet: no effect."

/* clang-format off: a line each, as the tables below. */
#define GROUP(text, reach_, from, synonyms_, doc_)                                                 \
    {                                                                                              \
        .name = (text), .type = CONFIG_INT, .reach = CONFIG_##reach_, .min = (from),               \
        .max = INT32_MAX, .synonyms = (synonyms_), .doc = doc_                                     \
    }
#define IDLE(text, type_, fallback_, doc_)                                                         \
    {                                                                                              \
        .name = (text), .type = CONFIG_##type_, .reach = CONFIG_IDLE, .max = INT32_MAX,            \
        .fallback = (fallback_), .doc = doc_                                                       \
    }
/* clang-format on */

/* Sorted by name. */
const struct config_key group_keys[] = {
    GROUP("consumer.assignment.interval.ms", LIVE, 0, "group.consumer.assignment.interval.ms",
          "At least so much time lies between two assignments of the group."),
    GROUP("consumer.heartbeat.interval.ms", LIVE, 1, "group.consumer.heartbeat.interval.ms",
          "How often members of the consumer protocol are to send heartbeats."),
    GROUP("consumer.session.timeout.ms", LIVE, 1, "group.consumer.session.timeout.ms",
          "How long a member of the consumer protocol may be silent."),
    IDLE("share.auto.offset.reset", STRING, "latest", "Where a share group begins." NO_SHARE),
    IDLE("share.delivery.count.limit", INT, "5", "How often a record is tried." NO_SHARE),
    IDLE("share.heartbeat.interval.ms", INT, "5000", "How often heartbeats come." NO_SHARE),
    IDLE("share.isolation.level", STRING, "read_uncommitted", "What is read." NO_SHARE),
    IDLE("share.partition.max.record.locks", INT, "2000", "Records in flight." NO_SHARE),
    IDLE("share.record.lock.duration.ms", INT, "30000", "How long a record is lent." NO_SHARE),
    IDLE("share.renew.acknowledge.enable", BOOLEAN, "true", "Whether a loan is renewed." NO_SHARE),
    IDLE("share.session.timeout.ms", INT, "45000", "How long a member may be silent." NO_SHARE),
    IDLE("streams.heartbeat.interval.ms", INT, "5000", "How often heartbeats come." NO_STREAMS),
    IDLE("streams.initial.rebalance.delay.ms", INT, "3000",
         "How long a new group waits for "
         "more members." NO_STREAMS),
    IDLE("streams.num.standby.replicas", INT, "0", "Standby copies of each task." NO_STREAMS),
    IDLE("streams.session.timeout.ms", INT, "45000", "How long a member may be silent." NO_STREAMS),
};

const uint32_t group_key_count = sizeof group_keys / sizeof group_keys[0];
