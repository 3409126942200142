/* retire.c -- what makes a log start later: retention, DeleteRecords, a leader that did so.
 *
 * Three steps. The start moves in memory, at once; a mark that knows of it is synced, and with it
 * a whole snapshot of what producers did before; then segments that lie below it wholly are
 * unlinked, a few a call. Were a file gone before the mark is durable, the next start would take it
 * for rot; before the snapshot is, a batch that is sent again would be taken for a new one. Until
 * it is unlinked a retired segment stays in the list of segments, where nobody reads it. A power
 * loss may bring back any of them: recovery trusts none.
 *
 * Invariants: start <= committed, so nothing is retired that a leader could still lose; the
 * segment that holds the start stays.
 *
 * Source  KIP-107 (DeleteRecords); Kafka's UnifiedLog.deleteOldSegments for what goes when. */
#include "log_internal.h"

enum {
    UNLINK_AT_ONCE_MAX = 8, /* Segments: three entries of a directory each. */
    MARK_RETRY_MS = 100,    /* Until the mark is looked at again. */
};

log_offset log_retire(struct log *log, log_offset offset)
{
    log_offset start = log->ends.start;

    if (offset > log->ends.committed)
        offset = log->ends.committed;
    if (log->state != LOG_READY || offset <= start)
        return start;
    log->ends.start = offset;
    log_check_order(log);
    if (epoch_cache_retire(&log->epochs, offset))
        log->are_epochs_dirty = true;
    trace_debug(log->env->trace, "%s: start %lld -> %lld", log->dir, (long long)start,
                (long long)offset);
    log_probe(log, (struct probe){.kind = PROBE_LOG_RETIRE, .offset = offset, .value = start});
    log_put_mark(log);
    sync_want_group(log->sync, &log->member);
    return offset;
}

log_offset log_start_synced(const struct log *log)
{
    return log->start_synced;
}

/* The newest record of a segment is old enough. Without timestamps the time counts from when we
 * first looked. */
static bool is_expired(struct segment *segment, const struct log_retention *retention)
{
    if (retention->ms < 0 || retention->now < 0)
        return false;
    if (segment->seen_at < 0)
        segment->seen_at = retention->now;
    wall_ms newest = segment->max_timestamp >= 0 ? segment->max_timestamp : segment->seen_at;
    return newest < retention->now - retention->ms;
}

/* Where the log may start. */
static enum err find_start(struct log *log, const struct log_retention *retention, log_offset *out)
{
    uint64_t left = log_size(log);

    *out = log->ends.start;
    for (uint32_t i = log_first_live(log); i < log->segment_count; i++) {
        struct segment *segment = log->segments[i];
        bool is_active = i + 1 == log->segment_count;
        log_offset end = is_active ? log->ends.end : log->segments[i + 1]->base;
        if (segment->size == 0 || end > log->ends.committed)
            return ERR_NONE;
        enum err err = log_know_time(log, segment);
        if (err != ERR_NONE)
            return err;
        left -= segment->size;
        bool is_surplus = retention->bytes >= 0 && left >= (uint64_t)retention->bytes;
        if (!is_surplus && !is_expired(segment, retention))
            return ERR_NONE;
        *out = end;
    }
    return ERR_NONE;
}

enum err log_retain(struct log *log, const struct log_retention *retention)
{
    log_offset start;

    if (log->state != LOG_READY)
        return ERR_NONE;
    enum err err = find_start(log, retention, &start);
    if (err != ERR_NONE)
        return err;
    log_retire(log, start);
    if (log_first_live(log) > 0 || log->start_synced < log->ends.start)
        sync_want_group(log->sync, &log->member); /* The mark may not have been written then. */
    bool is_spent = log->ends.start == log->ends.end && log->segment_count > 0;
    return is_spent && log_active(log)->size > 0 ? log_roll(log) : ERR_NONE;
}

/* How many retired segments may go now; *again: when there may be more. */
static uint32_t count_gone(struct log *log, mono_ms now, int64_t delay_ms, mono_ms *again)
{
    uint32_t live = log_first_live(log);
    uint32_t gone = 0;

    for (uint32_t i = 0; i < live; i++) {
        struct segment *segment = log->segments[i];
        if (segment->retired_at < 0)
            segment->retired_at = now;
        bool is_due = now - segment->retired_at >= delay_ms;
        bool is_known = log->segments[i + 1]->base <= log->live;
#ifdef SKIFF_MUTANT_UNLINK_BEFORE_MARK
        is_known = true;
#endif
        if (is_due && is_known && gone == i && gone < UNLINK_AT_ONCE_MAX)
            gone++;
        else if (*again == MONO_NEVER && is_due)
            *again = now + (is_known ? 1 : MARK_RETRY_MS);
        else if (*again == MONO_NEVER)
            *again = segment->retired_at + delay_ms;
    }
    return gone;
}

mono_ms log_unlink_retired(struct log *log, mono_ms now, int64_t delay_ms)
{
    mono_ms again = MONO_NEVER;

    if (log->state != LOG_READY)
        return MONO_NEVER;
    if (log->swap.segment)
        return now + MARK_RETRY_MS; /* It knows segments by their places. */
    uint32_t gone = count_gone(log, now, delay_ms, &again);
    if (gone == 0)
        return again;
    for (uint32_t i = 0; i < gone; i++) {
        segment_unlink(log->env, log->dir, log->segments[i]);
        segment_free(log->env, log->segments[i]);
    }
    env_mark(log->env, "segment_unlinked");
    log->segment_count -= gone;
    log->unlinked += gone;
    memmove(log->segments, log->segments + gone, log->segment_count * sizeof *log->segments);
    log_retire_snapshots(log, log->segments[0]->base);
    log->is_directory_dirty = true;
    return again;
}
