/* cleaner.c -- which log is compacted next, and how fast.
 *
 *   WAITS --due--> LOOKS --some log is dirty enough--> WORKS --its end--> LOOKS
 *                  LOOKS --none is--> WAITS
 *
 * A look goes over the logs a few a tick; WORKS takes one compaction from step to step, and a sync
 * of it may be under way: nothing is done meanwhile. How far a log is clean stands in its mark, so
 * it goes, synced, before any of the log does (rule 21), and no later log takes it for its own.
 * A compaction that fails leaves its log as it was. Where the disk was full it is tried again;
 * for any other reason the log is not touched again before the place where it failed has gone,
 * by retention or by a truncation, or before the next start; and that is said. */
#include "compact.h"
#include "log_cleaner.h"

enum {
    CLEANER_LOOKS_MAX = 64, /* Logs looked at in a tick. */
    CLEANER_BLIND_MS = 200, /* Between two looks at a clock that is not known yet. */
    CLEANER_SWAP_MS = 1,    /* Between two looks at a swap. */
    RATIO_ONE = 1000000,
};

enum cleaner_state { CLEANER_WAITS, CLEANER_LOOKS, CLEANER_WORKS };

struct cleaner_member {
    struct list link;
    struct log *log;
    mono_ms not_before; /* It failed, and is tried again then. */
    const char *why;    /* It cannot be cleaned; NULL: it can. */
    enum err error;
};

/* A log worth compacting. */
struct candidate {
    struct cleaner_member *member; /* NULL: none. */
    log_offset first_dirty, limit;
    uint32_t ratio; /* In millionths. */
};

struct cleaner {
    struct env *env;
    struct cleaner_config config;
    struct list members;
    struct list *cursor; /* Of the look: the next member's link. */
    enum cleaner_state state;
    mono_ms due;
    struct candidate best;
    struct cleaner_member *member; /* Under way. */
    struct compaction *compaction;
    mono_ms began;
    uint64_t ticket;
    bool is_syncing;
    mono_ms now;
    int64_t allowance;                /* Bytes that may be moved at once. */
    struct cleaner_stats stats, look; /* `look`: what the look under way has found. */
    mono_ms ended; /* When a compaction last did, or a look that found nothing to do. */
};

struct cleaner *cleaner_open(struct env *env, const struct cleaner_config *config)
{
    struct cleaner *cleaner = mem_zalloc(sizeof *cleaner);

    cleaner->env = env;
    cleaner->config = *config;
    cleaner->ticket = (uint64_t)config->tag << 48;
    cleaner->now = cleaner->ended = env_mono(env);
    list_init(&cleaner->members);
    cleaner->cursor = &cleaner->members;
    return cleaner;
}

static void end_compaction(struct cleaner *cleaner)
{
    if (cleaner->compaction)
        compaction_close(cleaner->compaction);
    cleaner->compaction = NULL;
    cleaner->member = NULL;
}

void cleaner_close(struct cleaner *cleaner)
{
    end_compaction(cleaner);
    check(list_is_empty(&cleaner->members));
    mem_free(cleaner);
}

void cleaner_add(struct cleaner *cleaner, struct log *log)
{
    struct cleaner_member *member = mem_zalloc(sizeof *member);

    member->log = log;
    check(!log->cleaner);
    log->cleaner = member;
    list_append(&cleaner->members, &member->link);
    cleaner->stats.logs++;
}

void cleaner_remove(struct cleaner *cleaner, struct log *log)
{
    struct cleaner_member *member = log->cleaner;

    if (!member)
        return;
    if (cleaner->member == member)
        end_compaction(cleaner);
    if (cleaner->best.member == member)
        cleaner->best.member = NULL;
    if (cleaner->cursor == &member->link)
        cleaner->cursor = member->link.next;
    list_remove(&member->link);
    log->cleaner = NULL;
    if (member->why)
        cleaner->stats.uncleanable--;
    mem_free(member);
    cleaner->stats.logs--;
}

/* ---- The look. */

/* Where what may be cleaned ends: below the active segment, what is not committed or not
 * surely synced (rule 14), and what is too young. A segment begins there. */
static enum err find_limit(struct log *log, log_offset first_dirty, wall_ms wall, log_offset *out)
{
    log_offset bound = log->ends.committed, stored = sync_stored(log->sync, log->config.key);
    int64_t lag = log->config.compaction.lag_min_ms;

#ifdef SKIFF_MUTANT_COMPACTS_PAST_COMMITTED
    bound = stored; /* The mutant lets a record that may be truncated supersede another. */
#endif
    uint32_t last = log_segment_index(log, bound < stored ? bound : stored);
    for (uint32_t i = log_segment_index(log, first_dirty); lag > 0 && i < last; i++) {
        struct segment *segment = log->segments[i];
        enum err err =
            segment->is_time_known ? ERR_NONE : segment_learn_time(segment, log->env, log->dir);
        if (err != ERR_NONE)
            return err;
        if (segment->max_timestamp > wall - lag)
            last = i;
    }
    *out = log->segments[last]->base;
    check(*out <= bound);
    check(last == 0 || *out <= stored);
    return ERR_NONE;
}

/* By how much its first dirty record is older than it may be. */
static int64_t overdue_ms(struct log *log, log_offset first_dirty, wall_ms wall)
{
    const struct segment *segment = log->segments[log_segment_index(log, first_dirty)];
    struct placed_batch batch;

    if (log->config.compaction.lag_max_ms == INT64_MAX)
        return 0;
    if (segment_locate(segment, log->env, log->dir, first_dirty, &batch) != ERR_NONE)
        return 0;
    wall_ms since = batch.info.max_timestamp;
    if (since < 0 || since > wall || wall - since <= log->config.compaction.lag_max_ms)
        return 0;
    return wall - since - log->config.compaction.lag_max_ms;
}

/* Bytes between two offsets where segments begin. */
static uint64_t size_between(const struct log *log, uint32_t first, log_offset end)
{
    uint64_t size = 0;

    for (uint32_t i = first; i < log->segment_count && log->segments[i]->base < end; i++)
        size += log->segments[i]->size;
    return size;
}

/* The segment where compaction gave up is not read any more, or the place was cut away. */
static bool has_lost_its_flaw(const struct log *log)
{
    return log_is_ready(log) && log->segment_count > 0 &&
           log->unclean_at < log->segments[log_segment_index(log, log->ends.start)]->base;
}

static void clear_flaw(struct cleaner *cleaner, struct cleaner_member *member)
{
    trace_info(cleaner->env->trace, "%s: uncleanable -> cleanable: what was wrong has gone",
               log_dir(member->log));
    member->why = NULL;
    cleaner->stats.uncleanable--;
}

/* What a log starts at a crash may take back, and then what is below that is dirty, whatever was
 * compacted above: a tombstone there would go before what it deletes. */
static bool is_start_synced(const struct log *log)
{
    return log->start_synced >= log->ends.start;
}

static void look_at(struct cleaner *cleaner, struct cleaner_member *member, wall_ms wall)
{
    struct log *log = member->log;
    struct candidate found = {.member = member};

    if (member->why && has_lost_its_flaw(log))
        clear_flaw(cleaner, member);
    if (member->why) {
        cleaner->look.uncleanable_size += log_size(log);
        return;
    }
    if (!log_is_ready(log) || log->segment_count < 2 || log->swap.segment || !is_start_synced(log))
        return;
    if (log->clean_end < log->ends.start)
        log->clean_end = log->ends.start;
    found.first_dirty = log->clean_end;
    if (find_limit(log, found.first_dirty, wall, &found.limit) != ERR_NONE ||
        found.first_dirty >= found.limit)
        return;
    uint32_t live = log_segment_index(log, log->ends.start);
    uint32_t dirty = log_segment_index(log, found.first_dirty);
    uint64_t clean_size = size_between(log, live, log->segments[dirty]->base);
    uint64_t dirty_size = size_between(log, dirty, found.limit);
    found.ratio = (uint32_t)(dirty_size * RATIO_ONE / (clean_size + dirty_size));
    if (found.ratio / (RATIO_ONE / 100) > cleaner->look.dirty_percent_max)
        cleaner->look.dirty_percent_max = found.ratio / (RATIO_ONE / 100);
    int64_t overdue = overdue_ms(log, found.first_dirty, wall);
    if (overdue > cleaner->look.delay_ms_max)
        cleaner->look.delay_ms_max = overdue;
    if ((found.ratio > log->config.compaction.dirty_ratio_min || overdue > 0) &&
        cleaner->now >= member->not_before &&
        (!cleaner->best.member || found.ratio > cleaner->best.ratio))
        cleaner->best = found;
}

static void enter_look(struct cleaner *cleaner)
{
    cleaner->state = CLEANER_LOOKS;
    cleaner->due = cleaner->now;
    cleaner->cursor = cleaner->members.next;
    cleaner->best = (struct candidate){0};
    cleaner->look = (struct cleaner_stats){0};
}

/* The best of a look that took several ticks may have changed since. */
static bool is_still_dirty(struct candidate *best, wall_ms wall)
{
    struct log *log = best->member->log;

    return log_is_ready(log) && log->segment_count > 1 && log->clean_end == best->first_dirty &&
           log->ends.start <= best->first_dirty && is_start_synced(log) &&
           find_limit(log, best->first_dirty, wall, &best->limit) == ERR_NONE &&
           best->first_dirty < best->limit;
}

static void begin_compaction(struct cleaner *cleaner, wall_ms wall)
{
    struct candidate *best = &cleaner->best;
    struct compact_config config = {.map_size = cleaner->config.map_size,
                                    .map_load_percent = cleaner->config.map_load_percent,
                                    .io_size = cleaner->config.io_size,
                                    .now = wall};

    cleaner->member = best->member;
    cleaner->compaction =
        compaction_open(best->member->log, &config, best->first_dirty, best->limit);
    cleaner->state = CLEANER_WORKS;
    cleaner->due = cleaner->now;
    cleaner->began = cleaner->now;
    trace_debug(cleaner->env->trace, "%s: compaction from %lld to %lld begins",
                log_dir(best->member->log), (long long)best->first_dirty, (long long)best->limit);
}

static void take_look(struct cleaner *cleaner, wall_ms wall)
{
    for (int i = 0; i < CLEANER_LOOKS_MAX && cleaner->cursor != &cleaner->members; i++) {
        struct cleaner_member *member = list_entry(cleaner->cursor, struct cleaner_member, link);
        cleaner->cursor = cleaner->cursor->next;
        look_at(cleaner, member, wall);
    }
    if (cleaner->cursor != &cleaner->members)
        return;
    cleaner->stats.dirty_percent_max = cleaner->look.dirty_percent_max;
    cleaner->stats.delay_ms_max = cleaner->look.delay_ms_max;
    cleaner->stats.uncleanable_size = cleaner->look.uncleanable_size;
    if (cleaner->best.member && is_still_dirty(&cleaner->best, wall)) {
        begin_compaction(cleaner, wall);
        return;
    }
    cleaner->ended = cleaner->now;
    cleaner->state = CLEANER_WAITS;
    cleaner->due = cleaner->now + cleaner->config.backoff_ms;
}

/* ---- The work. */

static void start_sync(struct cleaner *cleaner, const file_id *files, uint32_t count)
{
    cleaner->is_syncing = true;
    cleaner->ticket++;
    env_sync(cleaner->env,
             &(struct env_sync){.ticket = cleaner->ticket, .count = count, .files = files});
}

static void count_up(struct cleaner *cleaner, const struct compaction *compaction)
{
    cleaner->stats.records_dropped += compaction->records_dropped;
    cleaner->stats.map_percent_max =
        (uint32_t)(key_map_count(compaction->keys) * 100 / key_map_room(compaction->keys));
    if (compaction->size_before > 0)
        cleaner->stats.recopy_percent =
            (uint32_t)(compaction->size_after * 100 / compaction->size_before);
    cleaner->stats.last_ms = cleaner->now - cleaner->began;
    cleaner->stats.runs++;
}

static void end_well(struct cleaner *cleaner)
{
    const struct compaction *compaction = cleaner->compaction;
    const struct log *log = cleaner->member->log;

    count_up(cleaner, compaction);
    trace_info(cleaner->env->trace,
               "%s: compacted to %lld: %llu bytes -> %llu, %llu records gone, in %lld ms", log->dir,
               (long long)log->clean_end, (unsigned long long)compaction->size_before,
               (unsigned long long)compaction->size_after,
               (unsigned long long)compaction->records_dropped,
               (long long)(cleaner->now - cleaner->began));
}

static bool is_passing(enum err err)
{
    return err == ERR_SPACE || err == ERR_FILES;
}

static void end_badly(struct cleaner *cleaner)
{
    const struct compaction *compaction = cleaner->compaction;
    struct cleaner_member *member = cleaner->member;

    if (is_passing(compaction->error)) {
        member->not_before = cleaner->now + cleaner->config.backoff_ms;
        trace_warn(cleaner->env->trace, "%s: compaction put off: %s: %s", log_dir(member->log),
                   compaction->what, err_name(compaction->error));
        return;
    }
    member->log->unclean_at = compaction->source.next > 0 ? compaction->source.next - 1 : 0;
    member->why = compaction->what;
    member->error = compaction->error;
    cleaner->stats.uncleanable++;
    trace_error(cleaner->env->trace,
                "%s: cleanable -> uncleanable: %s near offset %lld: %s; it grows from now on",
                log_dir(member->log), compaction->what, (long long)compaction->source.next,
                err_name(compaction->error));
}

static void work(struct cleaner *cleaner)
{
    struct compaction *compaction = cleaner->compaction;
    uint64_t moved = compaction->source.bytes_read + compaction->bytes_written, used;

    enum compact_outcome outcome = compaction_step(compaction, cleaner->config.io_size, &used);
    uint64_t read = compaction->source.bytes_read, written = compaction->bytes_written;
    moved = read + written - moved;
    cleaner->allowance -= moved > INT64_MAX ? INT64_MAX : (int64_t)moved;
    if (outcome == COMPACT_GOES_ON)
        return;
    if (outcome == COMPACT_WAITS) {
        cleaner->due = cleaner->now + CLEANER_SWAP_MS;
        return;
    }
    if (outcome == COMPACT_SYNCS) {
        start_sync(cleaner, compaction->sync_files, compaction->sync_count);
        compaction_close_files(compaction);
        return;
    }
    if (outcome == COMPACT_DONE)
        end_well(cleaner);
    else if (outcome == COMPACT_FAILED)
        end_badly(cleaner);
    cleaner->stats.bytes_read += read;
    cleaner->stats.bytes_written += written;
    if (outcome != COMPACT_LAPSED) /* Who lapses again and again is to be seen. */
        cleaner->ended = cleaner->now;
    end_compaction(cleaner);
    enter_look(cleaner);
}

/* What may be moved grows with the time; it does not gather for more than a second. */
static void grant(struct cleaner *cleaner, mono_ms now)
{
    int64_t passed = now - cleaner->now, more;

    cleaner->now = now;
    if (passed > 1000)
        passed = 1000;
    if (__builtin_mul_overflow(cleaner->config.rate_max, passed, &more))
        more = INT64_MAX;
    if (__builtin_add_overflow(cleaner->allowance, more / 1000, &cleaner->allowance) ||
        cleaner->allowance > cleaner->config.rate_max)
        cleaner->allowance = cleaner->config.rate_max;
}

static bool may_move(struct cleaner *cleaner)
{
    if (cleaner->allowance >= 0)
        return true;
    cleaner->due = cleaner->now + 1 + -cleaner->allowance * 1000 / cleaner->config.rate_max;
    return false;
}

void cleaner_configure(struct cleaner *cleaner, int64_t rate_max, int32_t backoff_ms)
{
    cleaner->config.rate_max = rate_max;
    cleaner->config.backoff_ms = backoff_ms;
    if (cleaner->due != MONO_NEVER && cleaner->due > cleaner->now + backoff_ms)
        cleaner->due = cleaner->now + backoff_ms;
}

void cleaner_tick(struct cleaner *cleaner, mono_ms now, wall_ms wall)
{
    grant(cleaner, now);
    if (cleaner->is_syncing || now < cleaner->due)
        return;
    cleaner->due = now;
    if (wall < 0 && cleaner->state != CLEANER_WORKS) {
        cleaner->due = now + CLEANER_BLIND_MS;
        return;
    }
    switch (cleaner->state) {
    case CLEANER_WAITS:
        enter_look(cleaner);
        break;
    case CLEANER_LOOKS:
        take_look(cleaner, wall);
        break;
    case CLEANER_WORKS:
        if (!cleaner->compaction) /* Its log was removed. */
            enter_look(cleaner);
        else if (may_move(cleaner))
            work(cleaner);
        break;
    }
}

mono_ms cleaner_deadline(const struct cleaner *cleaner)
{
    return cleaner->is_syncing ? MONO_NEVER : cleaner->due;
}

bool cleaner_on_synced(struct cleaner *cleaner, uint64_t ticket, enum err result)
{
    if (!cleaner->is_syncing || ticket != cleaner->ticket)
        return false;
    cleaner->is_syncing = false;
    cleaner->due = cleaner->now;
    if (cleaner->compaction)
        compaction_synced(cleaner->compaction, result);
    return true;
}

/* ---- What it tells. */

void cleaner_read_stats(const struct cleaner *cleaner, mono_ms now, struct cleaner_stats *out)
{
    *out = cleaner->stats;
    if (cleaner->compaction) {
        out->bytes_read += cleaner->compaction->source.bytes_read;
        out->bytes_written += cleaner->compaction->bytes_written;
        out->dir = log_dir(cleaner->member->log);
        out->map_size = key_map_size(cleaner->compaction->keys);
    }
    out->is_running = cleaner->compaction != NULL;
    out->idle_ms = now - cleaner->ended;
}

const struct log *cleaner_next_uncleanable(const struct cleaner *cleaner, const struct log *after)
{
    const struct list *at = after ? after->cleaner->link.next : cleaner->members.next;
    for (; at != &cleaner->members; at = at->next) {
        const struct cleaner_member *member = list_entry(at, struct cleaner_member, link);
        if (member->why)
            return member->log;
    }
    return NULL;
}

const char *cleaner_error_text(const struct log *log)
{
    return log->cleaner ? log->cleaner->why : NULL;
}
