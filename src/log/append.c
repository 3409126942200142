/* append.c -- gives batches their offsets and places, and writes what gathered in one go.
 *
 * All refusals come first: once a batch has a place, only the disk can still fail, and
 * then the log is offline for ever and nothing that depended on it is confirmed. */
#include "log_internal.h"

static enum err may_append(const struct log *log)
{
    if (log_is_offline(log))
        return log->error;
    return log->state == LOG_READY ? ERR_NONE : ERR_BUSY;
}

static void remember_place(struct log *log, const struct batch_info *info, uint64_t position)
{
    log->recent[log->recent_count++ % LOG_RECENT_MAX] =
        (struct recent_batch){.base = info->base, .end = batch_end(info), .position = position};
}

/* Queue a batch behind all others; its bytes carry `info` already. */
static void place(struct log *log, struct buf *buf, struct bytes bytes,
                  const struct batch_info *info, bool is_leader)
{
    struct segment *segment = log_active(log);
    struct placed_batch placed = {.info = *info, .position = segment->size};

    check(info->base >= log->ends.end || info->base == segment->base);
    check(info->size == bytes.size);
    check(segment->size + info->size <= segment->reserved);

    mem_grow(log->queue, log->queue_count, &log->queue_capacity);
    log->queue[log->queue_count++] = (struct slice){.buf = buf_ref(buf), .bytes = bytes};
    index_note(segment, log->env, log->dir, log->config.index_interval_size, &placed);
    remember_place(log, info, segment->size);
    if (segment->size == 0)
        segment->first_timestamp = info->max_timestamp;
    segment->size += info->size;
    log->since_snapshot += info->size;
    epoch_cache_assign(&log->epochs, info->epoch, info->base);
    if (epoch_cache_last(&log->epochs) != log->epochs_stored)
        log->are_epochs_dirty = true;
    if (log->producers)
        producers_add(log->producers, info);
    log->ends.end = batch_end(info);
    log_check_order(log);
    log_probe(log, (struct probe){.kind = PROBE_LOG_APPEND,
                                  .epoch = info->epoch,
                                  .offset = info->base,
                                  .value = log->ends.end,
                                  .bytes = bytes,
                                  .flag = is_leader});
    sync_want_write(log->sync, &log->member);
}

enum err log_append(struct log *log, const struct slice *batch, const struct batch_info *info,
                    log_epoch epoch, struct log_appended *out)
{
    struct producer_batch original;

    check(batch->bytes.size == info->size);
    enum err err = may_append(log);
    if (err != ERR_NONE)
        return err;
    if (epoch < epoch_cache_last(&log->epochs)) {
        /* Epochs stand outside the checksums: a disk can have made this one up. */
        log_go_offline(log, ERR_CORRUPT, "It holds epoch %d, above its leader's %d.",
                       epoch_cache_last(&log->epochs), epoch);
        return log->error;
    }
    if (log->producers)
        err = producers_check(log->producers, info, &original);
    if (err == ERR_DUPLICATE_SEQUENCE_NUMBER) {
        env_mark(log->env, "duplicate_batch");
        *out = (struct log_appended){.base = original.base,
                                     .end = original.last + 1,
                                     .is_duplicate = true,
                                     .append_time = original.timestamp};
        return ERR_NONE;
    }
    if (err != ERR_NONE)
        return err;
    err = log_make_room(log, info, log->ends.end);
    if (err != ERR_NONE)
        return err;

    struct batch_info stamped = *info;
    stamped.base = log->ends.end;
    stamped.epoch = epoch;
    batch_patch((uint8_t *)(uintptr_t)batch->bytes.data, stamped.base, epoch);
    place(log, batch->buf, batch->bytes, &stamped, true);
    *out = (struct log_appended){
        .base = stamped.base, .end = log->ends.end, .is_duplicate = false, .append_time = -1};
    return ERR_NONE;
}

/* A log that begins within a batch holds all of that batch. */
static bool is_first_of_all(const struct log *log, const struct batch_info *info)
{
    return log->segment_count == 0 && batch_end(info) > log->ends.end;
}

enum err log_append_follower(struct log *log, const struct slice *batches, log_epoch leader_epoch)
{
    struct bytes rest = batches->bytes;
    struct batch_info info;
    struct bytes batch;

    /* An epoch that we led without writing in it is no epoch of this log: the next
     * leader may hold older batches from here on. */
    epoch_cache_truncate(&log->epochs, log->ends.end);
    for (;;) {
        enum err err = may_append(log);
        if (err != ERR_NONE)
            return err;
        err = batch_next(&rest, &info, &batch);
        if (err == ERR_NOT_FOUND || err == ERR_AGAIN)
            return ERR_NONE;
        if (err != ERR_NONE || info.epoch > leader_epoch ||
            info.epoch < epoch_cache_last(&log->epochs) ||
            (info.base < log->ends.end && !is_first_of_all(log, &info)))
            return ERR_CORRUPT;
        err = log_make_room(log, &info, info.base);
        if (err != ERR_NONE)
            return err;
        place(log, batches->buf, batch, &info, false);
    }
}

/* Write the next parts of the queue at `position`; `skip` bytes of batch `first` are done. */
static int64_t write_parts(struct log *log, uint32_t first, uint32_t skip, uint64_t position)
{
    struct bytes parts[LOG_WRITE_PARTS_MAX];
    uint32_t count = 0;

    for (uint32_t i = first; i < log->queue_count && count < LOG_WRITE_PARTS_MAX; i++)
        parts[count++] = log->queue[i].bytes;
    parts[0].data += skip;
    parts[0].size -= skip;
    return env_write(log->env, log_active(log)->file, position, parts, count);
}

/* Write the whole queue. The disk may give up half-way and go on with the rest. */
static enum err write_all(struct log *log)
{
    uint64_t position = log_active(log)->written;
    uint32_t first = 0, skip = 0;

    while (first < log->queue_count) {
        int64_t moved = write_parts(log, first, skip, position);
        if (moved <= 0)
            return moved < 0 ? (enum err)moved : ERR_IO;
        position += (uint64_t)moved;
        uint64_t done = (uint64_t)moved + skip;
        while (first < log->queue_count && done >= log->queue[first].bytes.size)
            done -= log->queue[first++].bytes.size;
        skip = (uint32_t)done;
    }
    check(position == log_active(log)->size);
    return ERR_NONE;
}

static bool is_durable_when_written(const struct log *log)
{
    return log->config.durability == LOG_CLASS_PAGE_CACHE;
}

void log_write_queued(struct log *log)
{
    list_remove(&log->member.queued);
    if (log->queue_count == 0)
        return;
    enum err err = write_all(log);
    if (err != ERR_NONE) {
        env_mark(log->env, "write_failed");
        log_go_offline(log, ERR_IO, "A write failed: %s.", err_name(err));
        return;
    }
    struct segment *segment = log_active(log);
    sync_count_written(log->sync, log->queue_count, segment->size - segment->written);
    segment->written = segment->size;
    segment->is_dirty = true;
    log_drop_queue(log);
    log->ends.written = log->ends.end;
    log_check_order(log);
    if (log->config.durability == LOG_CLASS_SYNCED)
        sync_want_group(log->sync, &log->member);
    if (log->producers && log->since_snapshot >= LOG_SNAPSHOT_INTERVAL)
        log_write_snapshot(log);
    if (is_durable_when_written(log))
        log_raise_durable(log, log->ends.written);
    waits_release(&log->waits[WAIT_WRITTEN], log->ends.written);
}
