/* partition_query.c -- ListOffsets and OffsetForLeaderEpoch, for one partition.
 *
 * A leader whose high watermark has not reached its epoch's start does not know yet
 * what is committed, and says so rather than let an offset go backwards (KIP-207). */
#include "partition.h"

enum {
    LATEST = -1,
    EARLIEST = -2,
    MAX_TIMESTAMP = -3,
    EARLIEST_LOCAL = -4,
    LATEST_TIERED = -5,
    EARLIEST_PENDING = -6
};

static enum err query_latest(struct partition *partition, struct query_part *part)
{
    log_offset exported = replica_exported_high_watermark(partition->replica);
    if (!part->from_replica && exported < 0)
        return ERR_OFFSET_NOT_AVAILABLE;
    part->offset = part->from_replica ? log_ends(partition->log)->end : exported;
    part->found_epoch = log_last_epoch(partition->log);
    return ERR_NONE;
}

static enum err query_found(struct query_part *part, enum err result, const struct log_time *found)
{
    if (result != ERR_NONE)
        return result;
    part->offset = found->offset;
    part->found_timestamp = found->timestamp;
    part->found_epoch = found->epoch;
    return ERR_NONE;
}

static enum err query_time(struct partition *partition, struct query_part *part)
{
    struct log_time found = {.offset = -1, .timestamp = -1, .epoch = -1};
    const struct log_ends *ends = log_ends(partition->log);
    switch (part->timestamp) {
    case LATEST:
        return query_latest(partition, part);
    case EARLIEST:
    case EARLIEST_LOCAL:
        part->offset = ends->start;
        part->found_epoch = log_epoch_of(partition->log, ends->start);
        return ERR_NONE;
    case LATEST_TIERED:
    case EARLIEST_PENDING:
        return ERR_NONE; /* Nothing is tiered, and nothing waits for it: offset -1. */
    case MAX_TIMESTAMP:
        return query_found(part, log_find_max_time(partition->log, LOG_BOUND_COMMITTED, &found),
                           &found);
    default:
        break;
    }
    if (part->timestamp < 0)
        return ERR_UNSUPPORTED_VERSION;
    if (replica_exported_high_watermark(partition->replica) < 0)
        return ERR_OFFSET_NOT_AVAILABLE;
    enum err err = log_find_time(partition->log, part->timestamp, LOG_BOUND_COMMITTED, &found);
    if (err == ERR_NONE && found.offset < 0 && part->is_end_if_none)
        return query_latest(partition, part);
    return query_found(part, err, &found);
}

static enum err query_epoch_end(struct partition *partition, struct query_part *part)
{
    struct log_epoch_end end = log_find_epoch_end(partition->log, part->epoch);
    if (part->epoch == replica_partition(partition->replica)->leader_epoch) {
        end.epoch = part->epoch; /* Our own epoch, though it may have no batch yet. */
        end.end = log_ends(partition->log)->end;
    }
    part->found_epoch = end.epoch;
    part->offset = end.end;
    return ERR_NONE;
}

void partitions_query(struct shard *shard, struct letter *letter)
{
    struct query_part *part = (struct query_part *)letter;
    struct partition *partition = partition_find(shard, part->key);
    part->offset = -1;
    part->found_timestamp = -1;
    part->found_epoch = -1;
    part->err = !partition || !partition->replica
                    ? ERR_NOT_LEADER_OR_FOLLOWER
                    : replica_check_leader(partition->replica, part->current_epoch);
    if (part->err == ERR_NONE && log_error(partition->log) != ERR_NONE)
        part->err = ERR_KAFKA_STORAGE_ERROR;
    if (part->err == ERR_NONE)
        part->err = part->kind == QUERY_TIME ? query_time(partition, part)
                                             : query_epoch_end(partition, part);
    part->err = err_on_wire(part->err);
    part->hint = partition_hint(shard, part->key);
    mailbox_return(shard, letter, part->done);
}
