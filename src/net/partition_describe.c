/* partition_describe.c -- how large replicas are, and who wrote to them: what DescribeLogDirs and
 * DescribeProducers ask of a shard. */
#include "partition.h"

static log_offset lag_of(const struct partition *partition)
{
    log_offset end = log_ends(partition->log)->end;
    log_offset committed = partition->replica ? replica_high_watermark(partition->replica) : end;
    return committed > end ? committed - end : 0;
}

void partitions_sizes(struct shard *shard, struct letter *letter)
{
    struct sizes_part *part = (struct sizes_part *)letter;
    uint32_t cursor = 0;
    part->count = 0;
    part->sizes = mem_alloc((shard->partitions->map.count + 1) * sizeof *part->sizes);
    for (void *value; map_next(&shard->partitions->map, &cursor, &value);) {
        const struct partition *partition = value;
        if (!partition->removing)
            part->sizes[part->count++] = (struct partition_size){
                .key = partition->key, .size = log_size(partition->log), .lag = lag_of(partition)};
    }
    mailbox_return(shard, letter, part->done);
}

void partitions_producers(struct shard *shard, struct letter *letter)
{
    struct producers_part *part = (struct producers_part *)letter;
    const struct partition *partition = partition_find(shard, part->key);
    part->err = ERR_NONE;
    if (!partition || !partition->replica)
        part->err = ERR_NOT_LEADER_OR_FOLLOWER;
    else if (log_error(partition->log) != ERR_NONE)
        part->err = ERR_KAFKA_STORAGE_ERROR;
    else
        part->count = log_list_producers(partition->log, &part->producers);
    mailbox_return(shard, letter, part->done);
}
