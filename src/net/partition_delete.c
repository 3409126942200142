/* partition_delete.c -- DeleteRecords, for one partition: records go because somebody asked.
 *
 * The start moves at once; the answer waits until the leader's own is durable and every live
 * replica has said in a fetch that its log starts there too.
 *
 * Source  KIP-107. */
#include "partition.h"

static void delete_return(struct shard *shard, struct delete_part *part, enum err err)
{
    part->err = err_on_wire(err);
    mailbox_return(shard, &part->letter, part->done);
}

static void delete_waited(struct wait *wait, enum err result)
{
    struct delete_part *part = list_entry(wait, struct delete_part, wait);
    struct partition *partition = part->partition;
    if (result == ERR_NONE || result == ERR_REQUEST_TIMED_OUT)
        part->low_watermark = partition->low_watermark;
    delete_return(partition->shard, part,
                  result == ERR_CLOSED ? ERR_NOT_LEADER_OR_FOLLOWER : result);
}

/* Errors  none: *offset is where the log shall start. */
static enum err delete_check(const struct partition *partition, log_offset *offset)
{
    if (!partition || !partition->replica)
        return ERR_NOT_LEADER_OR_FOLLOWER;
    if (log_error(partition->log) != ERR_NONE)
        return ERR_KAFKA_STORAGE_ERROR;
    enum err err = replica_check_leader(partition->replica, -1);
    if (err != ERR_NONE)
        return err;
    if (!partition->retention.is_on)
        return ERR_POLICY_VIOLATION;
    log_offset committed = log_ends(partition->log)->committed;
    if (replica_exported_high_watermark(partition->replica) < 0 &&
        (*offset == -1 || *offset > committed))
        return ERR_OFFSET_NOT_AVAILABLE; /* More may be committed than we know yet. */
    if (*offset == -1)
        *offset = committed;
    return *offset < 0 || *offset > committed ? ERR_OFFSET_OUT_OF_RANGE : ERR_NONE;
}

void partitions_delete_records(struct shard *shard, struct letter *letter)
{
    struct delete_part *part = (struct delete_part *)letter;
    struct partition *partition = partition_find(shard, part->key);
    log_offset offset = part->offset;
    part->low_watermark = -1;
    enum err err = delete_check(partition, &offset);
    if (err == ERR_NONE) {
        partition_retire(partition, offset);
        if (log_ends(partition->log)->start < offset)
            err = ERR_NOT_LEADER_OR_FOLLOWER; /* The log is being cut. */
    }
    if (err != ERR_NONE) {
        delete_return(shard, part, err);
        return;
    }
    part->partition = partition;
    part->low_watermark = partition->low_watermark;
    if (part->low_watermark >= offset) {
        delete_return(shard, part, ERR_NONE);
        return;
    }
    wait_init(&part->wait, delete_waited);
    log_wait(partition->log, WAIT_LOW_WATERMARK, &part->wait, offset, &shard->timers,
             shard->now + (part->timeout_ms > 0 ? part->timeout_ms : 0));
}
