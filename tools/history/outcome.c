/* outcome.c -- the table of errors that prove that nothing was written.
 *
 * Whatever is not in it is unknown. Of two kinds are its rows. What never left the client is a
 * failure for everyone. What a broker refuses before it appends is one only for a client that
 * tries once: the error of a retry says nothing about the attempts before it.
 *
 * Missing on purpose: NOT_LEADER_OR_FOLLOWER, UNKNOWN_TOPIC_OR_PARTITION, KAFKA_STORAGE_ERROR.
 * Apache Kafka gives them also to a request that waits for its replicas with the record in the
 * leader's log, and a storage error may come after the bytes.
 *
 * ":not-persisted" after a name is the client's own knowledge: librdkafka keeps it over all
 * attempts of a message (RD_KAFKA_MSG_STATUS_NOT_PERSISTED).
 *
 * Source  librdkafka 2.0.2 (rdkafka.h), kafka-clients 4, franz-go (kerr, kgo/errors.go). */
#include "outcome.h"

enum proof { NEVER_SENT, REFUSED_BEFORE_APPEND };

static const struct row {
    const char *name;
    enum proof proof;
} rows[] = {
    /* librdkafka's own. */
    {"_QUEUE_FULL", NEVER_SENT},
    {"MSG_SIZE_TOO_LARGE", REFUSED_BEFORE_APPEND},
    {"INVALID_MSG", REFUSED_BEFORE_APPEND},
    {"INVALID_MSG_SIZE", REFUSED_BEFORE_APPEND},
    {"TOPIC_EXCEPTION", REFUSED_BEFORE_APPEND},
    {"OUT_OF_ORDER_SEQUENCE_NUMBER", REFUSED_BEFORE_APPEND},
    /* The Java client's own, and its names for Kafka's. */
    {"BufferExhaustedException", NEVER_SENT},
    {"SerializationException", NEVER_SENT},
    {"RecordTooLargeException", REFUSED_BEFORE_APPEND},
    {"RecordBatchTooLargeException", REFUSED_BEFORE_APPEND},
    {"NotEnoughReplicasException", REFUSED_BEFORE_APPEND},
    {"InvalidTopicException", REFUSED_BEFORE_APPEND},
    {"InvalidRequiredAcksException", REFUSED_BEFORE_APPEND},
    {"InvalidRecordException", REFUSED_BEFORE_APPEND},
    {"InvalidTimestampException", REFUSED_BEFORE_APPEND},
    {"CorruptRecordException", REFUSED_BEFORE_APPEND},
    {"TopicAuthorizationException", REFUSED_BEFORE_APPEND},
    {"ClusterAuthorizationException", REFUSED_BEFORE_APPEND},
    {"UnsupportedCompressionTypeException", REFUSED_BEFORE_APPEND},
    {"UnsupportedForMessageFormatException", REFUSED_BEFORE_APPEND},
    {"UnsupportedVersionException", REFUSED_BEFORE_APPEND},
    {"PolicyViolationException", REFUSED_BEFORE_APPEND},
    {"OutOfOrderSequenceException", REFUSED_BEFORE_APPEND},
    {"InvalidProducerEpochException", REFUSED_BEFORE_APPEND},
    {"ProducerFencedException", REFUSED_BEFORE_APPEND},
    /* franz-go's own; kerr's names are Kafka's. */
    {"ErrMaxBuffered", NEVER_SENT},
    /* A client of its own codec that found nobody to send to. */
    {"_NOT_SENT", NEVER_SENT},
    {"REFUSED", NEVER_SENT},
    {"UNREACHABLE", NEVER_SENT},
    /* Kafka's, as a broker answers them. */
    {"CORRUPT_MESSAGE", REFUSED_BEFORE_APPEND},
    {"MESSAGE_TOO_LARGE", REFUSED_BEFORE_APPEND},
    {"RECORD_LIST_TOO_LARGE", REFUSED_BEFORE_APPEND},
    {"INVALID_TOPIC_EXCEPTION", REFUSED_BEFORE_APPEND},
    {"NOT_ENOUGH_REPLICAS", REFUSED_BEFORE_APPEND},
    {"INVALID_REQUIRED_ACKS", REFUSED_BEFORE_APPEND},
    {"TOPIC_AUTHORIZATION_FAILED", REFUSED_BEFORE_APPEND},
    {"CLUSTER_AUTHORIZATION_FAILED", REFUSED_BEFORE_APPEND},
    {"TRANSACTIONAL_ID_AUTHORIZATION_FAILED", REFUSED_BEFORE_APPEND},
    {"INVALID_TIMESTAMP", REFUSED_BEFORE_APPEND},
    {"INVALID_RECORD", REFUSED_BEFORE_APPEND},
    {"INVALID_REQUEST", REFUSED_BEFORE_APPEND},
    {"UNSUPPORTED_VERSION", REFUSED_BEFORE_APPEND},
    {"UNSUPPORTED_FOR_MESSAGE_FORMAT", REFUSED_BEFORE_APPEND},
    {"UNSUPPORTED_COMPRESSION_TYPE", REFUSED_BEFORE_APPEND},
    {"POLICY_VIOLATION", REFUSED_BEFORE_APPEND},
    {"INVALID_PRODUCER_EPOCH", REFUSED_BEFORE_APPEND},
    {"PRODUCER_FENCED", REFUSED_BEFORE_APPEND},
};

static bool ends_with(struct str code, struct str end)
{
    return code.size > end.size && !memcmp(code.data + code.size - end.size, end.data, end.size);
}

bool outcome_is_failure(struct str code, bool is_tried_once)
{
    if (ends_with(code, STR(":not-persisted")))
        return true;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (str_equal(str_from(rows[i].name), code))
            return rows[i].proof == NEVER_SENT || is_tried_once;
    return false;
}

bool outcome_is_refusal(struct str code)
{
    /* What fences members. Of them the coordinator knows by itself, before it writes anything. */
    static const char *const names[] = {"ILLEGAL_GENERATION", "UNKNOWN_MEMBER_ID",
                                        "FENCED_INSTANCE_ID", "REBALANCE_IN_PROGRESS"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (str_equal(str_from(names[i]), code))
            return true;
    return false;
}
