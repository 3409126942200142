/* log.c -- a log as a whole: its offsets, its state, its life.
 *
 * Invariants: start <= committed <= durable <= written <= end, checked after every
 * change; synced <= written; the queue holds exactly [written, end); batches stand
 * end to end in the segments, and a segment's base is the end of the one before. */
#include "log_internal.h"

#include <stdarg.h>
#include <stdio.h>

void log_check_order(const struct log *log)
{
    const struct log_ends *ends = &log->ends;

    check(ends->start <= ends->committed);
    check(ends->committed <= ends->durable);
    check(ends->durable <= ends->written);
    check(ends->written <= ends->end);
    check(log->synced <= ends->written);
}

void log_probe(const struct log *log, struct probe probe)
{
    if (log->env->probe == NULL)
        return;
    probe.key = log->config.key;
    env_probe(log->env, &probe);
}

void log_configure(struct log *log, const struct log_config *config)
{
    log->config.segment_size =
        config->segment_size > 0 ? config->segment_size : LOG_SEGMENT_DEFAULT;
    log->config.index_interval_size =
        config->index_interval_size > 0 ? config->index_interval_size : LOG_INDEX_INTERVAL_DEFAULT;
    if (log->segment_count > 0 && (log->config.segment_ms != config->segment_ms ||
                                   log->config.segment_jitter_ms != config->segment_jitter_ms))
        log->segments[log->segment_count - 1]->roll_ms = -1; /* Chosen anew. */
    log->config.segment_ms = config->segment_ms;
    log->config.segment_jitter_ms = config->segment_jitter_ms;
    log->config.compaction = config->compaction;
}

struct log *log_open(const char *dir, const struct log_config *config, struct env *env,
                     struct sync *sync)
{
    struct log *log = mem_zalloc(sizeof *log);

    check(strlen(dir) < LOG_DIR_MAX);
    log->config = *config;
    log_configure(log, config);
    memcpy(log->dir, dir, strlen(dir) + 1);
    log->env = env;
    log->sync = sync;
    log->reserve_step = LOG_RESERVE_FIRST;
    log->epochs_stored = -1;
    log->state = LOG_OPENING;
    sync_member_init(&log->member);
    for (int i = 0; i < WAIT_MARKS; i++)
        waits_init(&log->waits[i]);
    if (config->keeps_producers)
        log->producers = producers_open(config->producers_max);
    log->is_quiet = true;
    log_recover(log);
    log->is_quiet = false;
    log_check_order(log);
    return log;
}

void log_close(struct log *log)
{
    log->is_quiet = true;
    if (log->state == LOG_READY)
        log_write_queued(log);
    if (log->state == LOG_READY && log->segment_count > 0) {
        index_store(log_active(log), log->env, log->dir);
        log_write_snapshot(log);
    }
    sync_forget(&log->member);
    log_close_flight(log);
    log_swap_cancel(log);
    for (int i = 0; i < WAIT_MARKS; i++)
        waits_cancel(&log->waits[i], ERR_CLOSED);
    log_drop_queue(log);
    for (uint32_t i = 0; i < log->segment_count; i++)
        segment_free(log->env, log->segments[i]);
    for (uint32_t i = 0; i < log->doomed_count; i++)
        segment_free(log->env, log->doomed[i]);
    if (log->producers)
        producers_close(log->producers);
    epoch_cache_free(&log->epochs);
    mem_free(log->segments);
    mem_free(log->doomed);
    mem_free(log->queue);
    mem_free(log);
}

void log_go_offline(struct log *log, enum err err, const char *format, ...)
{
    va_list arguments;

    check(err != ERR_NONE);
    if (log->state == LOG_OFFLINE || log->state == LOG_DELETED)
        return;
    log->state = LOG_OFFLINE;
    log->step = LOG_STEP_NONE;
    log->error = err;
    va_start(arguments, format);
    vsnprintf(log->error_text, sizeof log->error_text, format, arguments);
    va_end(arguments);
    trace_error(log->env->trace, "%s: online -> offline: %s", log->dir, log->error_text);
    log_probe(log,
              (struct probe){.kind = PROBE_LOG_OFFLINE, .value = err, .text = log->error_text});

    /* What never was written is no part of the log; nobody was told that it is. */
    list_remove(&log->member.queued);
    list_remove(&log->member.dirty);
    log_drop_queue(log);
    log->ends.end = log->ends.written;
    for (int i = 0; i < WAIT_MARKS; i++)
        waits_cancel(&log->waits[i], ERR_IO);
    if (log->config.hooks.offline && !log->is_quiet)
        log->config.hooks.offline(log->config.hooks.context, log);
}

bool log_is_offline(const struct log *log)
{
    return log->state == LOG_OFFLINE;
}

void log_drop_queue(struct log *log)
{
    for (uint32_t i = 0; i < log->queue_count; i++)
        buf_unref(log->queue[i].buf);
    log->queue_count = 0;
}

struct segment *log_active(const struct log *log)
{
    return log->segment_count == 0 ? NULL : log->segments[log->segment_count - 1];
}

void log_add_segment(struct log *log, struct segment *segment)
{
    mem_grow(log->segments, log->segment_count, &log->segment_capacity);
    log->segments[log->segment_count++] = segment;
}

uint32_t log_segment_index(const struct log *log, log_offset offset)
{
    uint32_t low = 0, high = log->segment_count;

    check(high > 0);
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (log->segments[middle]->base <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

uint32_t log_first_live(const struct log *log)
{
    return log->segment_count == 0 ? 0 : log_segment_index(log, log->ends.start);
}

void log_raise_durable(struct log *log, log_offset durable)
{
    check(durable <= log->ends.written);
    if (durable <= log->ends.durable)
        return;
    log->ends.durable = durable;
    log_check_order(log);
    log_probe(log, (struct probe){.kind = PROBE_LOG_DURABLE, .offset = durable});
    if (log->config.hooks.durable && !log->is_quiet)
        log->config.hooks.durable(log->config.hooks.context, log);
    waits_release(&log->waits[WAIT_DURABLE], log->ends.durable);
}

log_offset log_commit(struct log *log, log_offset high_watermark)
{
    log_offset committed = high_watermark;

    if (committed > log->ends.durable)
        committed = log->ends.durable;
    if (committed > log->ends.committed) {
        log->ends.committed = committed;
        log_check_order(log);
        if (log->config.durability == LOG_CLASS_SYNCED)
            sync_put_committed(log->sync, log->config.key, committed);
        waits_release(&log->waits[WAIT_COMMITTED], committed);
    }
    return log->ends.committed;
}

log_offset log_commit_marked(struct log *log)
{
    const struct mark *mark = sync_mark(log->sync, log->config.key);

#ifdef SKIFF_MUTANT_RECALLS_DURABLE
    if (mark)
        log_commit(log, mark->durable);
#endif
    if (mark && log->config.durability == LOG_CLASS_SYNCED)
        log_commit(log, mark->committed);
    return log->ends.committed;
}

void log_path(const struct log *log, const char *name, char out[ENV_PATH_MAX])
{
    int size = snprintf(out, ENV_PATH_MAX, "%s/%s", log->dir, name);
    check(size > 0 && size < ENV_PATH_MAX);
}

struct log *log_of_member(struct sync_member *member)
{
    return list_entry(member, struct log, member);
}

log_offset log_bound_offset(const struct log *log, enum log_bound bound)
{
    if (bound == LOG_BOUND_COMMITTED)
        return log->ends.committed;
    return bound == LOG_BOUND_DURABLE ? log->ends.durable : log->ends.written;
}

const struct log_ends *log_ends(const struct log *log)
{
    return &log->ends;
}

const struct log_config *log_config(const struct log *log)
{
    return &log->config;
}

const char *log_dir(const struct log *log)
{
    return log->dir;
}

bool log_is_ready(const struct log *log)
{
    return log->state == LOG_READY;
}

enum err log_error(const struct log *log)
{
    return log->error;
}

const char *log_error_text(const struct log *log)
{
    return log->error_text;
}

uint64_t log_size(const struct log *log)
{
    uint64_t size = 0;

    for (uint32_t i = log_first_live(log); i < log->segment_count; i++)
        size += log->segments[i]->size;
    return size;
}

const struct log_epoch_start *log_epochs(const struct log *log, uint32_t *count)
{
    *count = log->epochs.count;
    return log->epochs.entries;
}

log_epoch log_last_epoch(const struct log *log)
{
    return epoch_cache_last(&log->epochs);
}

log_epoch log_epoch_of(const struct log *log, log_offset offset)
{
    return epoch_cache_find(&log->epochs, offset);
}

struct log_epoch_end log_find_epoch_end(const struct log *log, log_epoch epoch)
{
    return epoch_cache_end(&log->epochs, epoch, log->ends.end);
}

void log_begin_epoch(struct log *log, log_epoch epoch)
{
    epoch_cache_assign(&log->epochs, epoch, log->ends.end);
}

void log_wait(struct log *log, enum wait_mark mark, struct wait *wait, log_offset offset,
              struct timers *timers, mono_ms deadline)
{
    wait_start(&log->waits[mark], wait, offset, timers, deadline);
}

void log_release(struct log *log, enum wait_mark mark, log_offset watermark)
{
    waits_release(&log->waits[mark], watermark);
}

void log_cancel_waits(struct log *log, enum wait_mark mark, enum err result)
{
    waits_cancel(&log->waits[mark], result);
}

struct buf *log_producers_below(const struct log *log, log_offset offset)
{
    check(log->producers);
    return producers_write(log->producers, offset);
}

uint32_t log_list_producers(const struct log *log, struct log_producer **out)
{
    check(log->producers);
    return producers_list(log->producers, out);
}

int32_t log_last_sequence(const struct log *log, int64_t producer_id, int16_t producer_epoch)
{
    return log->producers ? producers_last_sequence(log->producers, producer_id, producer_epoch)
                          : -1;
}
