/* partition_convert.c -- records for consumers of message formats 0 and 1: Fetch 0 to 3.
 *
 * What was found is read, and written anew until the part's share of the answer is full; so an
 * answer holds as much memory as it may be large, or one message or wrapper more. Where nothing
 * is left of what was read, as of control batches, what follows is looked at: an answer without
 * records would leave the consumer where it is for good. */
#include "partition.h"

#include "message_set.h"

enum { MADE_FACTOR = 2 }; /* Times queued.max.request.bytes: what one tick may make. */

bool partitions_may_make(struct shard *shard, uint64_t size)
{
    struct partitions *partitions = shard->partitions;
    if (partitions->made_us != shard->now_us) {
        partitions->made_us = shard->now_us;
        partitions->made_size = 0;
    }
    if (partitions->made_size >= MADE_FACTOR * (uint64_t)shard->config->inflight_size_max)
        return false;
    partitions->made_size += size;
    return true;
}

/* Convert the batches in `bytes`. True: no more is wanted. */
static bool convert_batches(struct fetch_part *part, const struct message_set_form *form,
                            struct bytes bytes, struct buf **out)
{
    struct batch_info info;
    struct bytes batch;
    bool is_full = false;
    while (!is_full) {
        enum err err = batch_next(&bytes, &info, &batch);
        if (err == ERR_NOT_FOUND)
            return false;
        if (err == ERR_NONE)
            err = message_set_add(out, batch, form, &is_full);
        if (err == ERR_NONE)
            continue;
        if ((*out)->size == 0) /* Else it is met again, as the first of its answer. */
            part->err = err == ERR_UNSUPPORTED_COMPRESSION_TYPE ? err : ERR_KAFKA_STORAGE_ERROR;
        return true;
    }
    return true;
}

/* Errors  ERR_NOT_FOUND: there is nothing behind it. */
static enum err next_extent(struct log *log, uint32_t size_max, struct log_extent *extent)
{
    log_offset from = extent->end;
    if (from >= log_ends(log)->committed)
        return ERR_NOT_FOUND;
    enum err err = log_find(log, from, size_max, LOG_BOUND_COMMITTED, extent);
    return err == ERR_NONE && extent->size == 0 ? ERR_NOT_FOUND : err;
}

void fetch_part_convert(struct shard *shard, const struct fetch_share *share,
                        struct fetch_part *part)
{
    struct partition *partition = partition_find(shard, part->key);
    struct log_extent extent = part->extent;
    part->extent = (struct log_extent){.file = -1};
    if (!partitions_may_make(shard, extent.size))
        return; /* An answer without records: it will be asked again. */
    struct message_set_form form = {.magic = share->magic,
                                    .from = part->offset,
                                    .size_max = extent.size,
                                    .reader = shard->codec_reader,
                                    .writer = shard->codec_writer};
    struct buf *out = buf_new(extent.size);
    bool is_done = false;

    while (!is_done && partition && out->size == 0) {
        struct buf *buf = buf_new(extent.size);
        int64_t got = env_read(shard->env, extent.file, extent.position, buf->data, extent.size);
        if (got != extent.size)
            part->err = ERR_KAFKA_STORAGE_ERROR;
        is_done = got != extent.size ||
                  convert_batches(part, &form, (struct bytes){buf->data, extent.size}, &out) ||
                  next_extent(partition->log, form.size_max, &extent) != ERR_NONE;
        buf_unref(buf);
    }
    if (out->size > 0)
        part->converted = out;
    else
        buf_unref(out);
}
