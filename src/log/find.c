/* find.c -- where the batches are that a reader asks for.
 *
 * The places of the last few batches are remembered, so that a read at the tail costs no
 * system call, and those where the last few finds ended, so that reading on costs half;
 * others come from the sparse index and a short scan. Nothing that reaches past the
 * bound is ever given out. */
#include "log_internal.h"

/* One request on its way: `limit` is where batches at or past the bound begin. */
struct find {
    struct log *log;
    const struct segment *segment;
    log_offset bound;
};

/* The remembered batch that holds `offset`, or the first after it. */
static const struct recent_batch *find_recent(const struct log *log, log_offset offset)
{
    const struct recent_batch *best = NULL;
    uint32_t there = log->recent_count < LOG_RECENT_MAX ? log->recent_count : LOG_RECENT_MAX;

    for (uint32_t i = 1; i <= there; i++) {
        const struct recent_batch *batch = &log->recent[(log->recent_count - i) % LOG_RECENT_MAX];
        if (batch->end > offset)
            best = batch;
        if (batch->base <= offset)
            return best;
    }
    return NULL; /* Older than all that is remembered. */
}

/* The place at which a find ended just before a batch that begins with `offset`. */
static const struct read_place *find_read(const struct find *find, log_offset offset)
{
    const struct log *log = find->log;
    uint32_t there = log->read_count < LOG_READS_MAX ? log->read_count : LOG_READS_MAX;

    for (uint32_t i = 0; i < there; i++)
        if (log->reads[i].base == offset && log->reads[i].segment == find->segment->base)
            return &log->reads[i];
    return NULL;
}

static void remember_read(const struct find *find, log_offset base, uint64_t position)
{
    struct log *log = find->log;

    if (!find_read(find, base))
        log->reads[log->read_count++ % LOG_READS_MAX] =
            (struct read_place){.segment = find->segment->base, .base = base, .position = position};
}

/* Where the first batch that ends past `offset` starts, and its base; the segment's written
 * end and `otherwise` when there is none. */
static enum err place_of(const struct find *find, log_offset offset, log_offset otherwise,
                         uint64_t *position, log_offset *base)
{
    struct log *log = find->log;
    struct placed_batch batch;

    *position = find->segment->written;
    *base = otherwise;
    if (find->segment == log_active(log)) {
        if (offset >= log->ends.written)
            return ERR_NONE;
        const struct recent_batch *recent = find_recent(log, offset);
        if (recent) {
            *position = recent->position;
            *base = recent->base;
            return ERR_NONE;
        }
    }
    const struct read_place *read = find_read(find, offset);
    if (read) {
        *position = read->position;
        *base = read->base;
        return ERR_NONE;
    }
    enum err err = segment_locate(find->segment, log->env, log->dir, offset, &batch);
    if (err == ERR_NOT_FOUND)
        return ERR_NONE;
    if (err != ERR_NONE)
        return err;
    *position = batch.position;
    *base = batch.info.base;
    return ERR_NONE;
}

/* Shorten an extent to whole batches within `size_max` bytes, but at least one. */
static enum err fit(const struct find *find, uint32_t size_max, struct log_extent *extent)
{
    struct log *log = find->log;
    struct placed_batch batch;
    struct scan scan;
    uint64_t stop = extent->position + size_max;

    if (extent->size <= size_max)
        return ERR_NONE;
    uint64_t hint = index_seek_position(find->segment, log->env, log->dir, stop);
    if (hint < extent->position)
        hint = extent->position;
    scan_start(&scan, log->env, find->segment, hint, extent->position + extent->size);
    uint64_t end_position = hint;
    log_offset end = -1;
    enum err err;
    while ((err = scan_next(&scan, &batch)) == ERR_NONE) {
        bool is_first = batch.position == extent->position;
        if (scan.position > stop && !is_first) {
            end = batch.info.base;
            end_position = batch.position;
            remember_read(find, end, end_position);
            break;
        }
        end = batch_end(&batch.info);
        end_position = scan.position;
    }
    if (err != ERR_NONE && err != ERR_NOT_FOUND)
        return err;
    extent->end = end;
    extent->size = (uint32_t)(end_position - extent->position);
    return ERR_NONE;
}

static enum err find_in_segment(const struct find *find, uint32_t index, log_offset offset,
                                uint32_t size_max, struct log_extent *out)
{
    struct log *log = find->log;
    bool is_last = index + 1 == log->segment_count;
    log_offset segment_end = is_last ? log->ends.written : log->segments[index + 1]->base;
    struct log_extent extent = {.file = find->segment->file};
    uint64_t limit = find->segment->written;

    enum err err = place_of(find, offset, segment_end, &extent.position, &extent.base);
    if (err != ERR_NONE)
        return err;
    extent.end = segment_end;
    if (find->bound < segment_end)
        err = place_of(find, find->bound, segment_end, &limit, &extent.end);
    if (err != ERR_NONE)
        return err;
    if (limit <= extent.position)
        return ERR_NONE; /* The batch at `offset` reaches past the bound. */
    uint64_t size = limit - extent.position;
    extent.size = size > UINT32_MAX ? UINT32_MAX : (uint32_t)size;
    err = fit(find, size_max < BATCH_SIZE_MAX ? size_max : BATCH_SIZE_MAX, &extent);
    if (err == ERR_NONE)
        *out = extent;
    return err;
}

static enum err meet_rot(struct log *log, enum err err, log_offset offset)
{
    if (err == ERR_COLD)
        return err;
    if (err == ERR_CORRUPT)
        env_mark(log->env, "rot_found");
    log_go_offline(log, err, "Offset %lld cannot be read: %s.", (long long)offset, err_name(err));
    return log->error;
}

enum err log_find(struct log *log, log_offset offset, uint32_t size_max, enum log_bound bound,
                  struct log_extent *out)
{
    struct find find = {.log = log, .bound = log_bound_offset(log, bound)};

    if (log_is_offline(log))
        return log->error;
    if (offset < log->ends.start || offset > log->ends.end)
        return ERR_OFFSET_OUT_OF_RANGE;
    struct log_extent found = {.base = offset, .end = offset, .file = -1};
    if (offset < find.bound) {
        uint32_t index = log_segment_index(log, offset);
        enum err err = ERR_NONE;
        for (; err == ERR_NONE && found.file < 0 && index < log->segment_count; index++) {
            find.segment = log->segments[index];
            if (find.segment->base >= find.bound)
                break;
            err = find_in_segment(&find, index, offset, size_max, &found);
        }
        if (err != ERR_NONE)
            return meet_rot(log, err, offset);
    }
    *out = found;
    return ERR_NONE;
}

enum err log_read(struct log *log, log_offset offset, uint32_t size_max, enum log_bound bound,
                  struct buf **out)
{
    struct log_extent extent;

    enum err err = log_find(log, offset, size_max, bound, &extent);
    if (err != ERR_NONE)
        return err;
    if (extent.file < 0) {
        *out = NULL;
        return ERR_NONE;
    }
    struct buf *buf = buf_new(extent.size);
    int64_t got = env_read(log->env, extent.file, extent.position, buf->data, extent.size);
    if (got != extent.size) {
        buf_unref(buf);
        return meet_rot(log, got < 0 ? (enum err)got : ERR_CORRUPT, offset);
    }
    buf->size = extent.size;
    *out = buf;
    return ERR_NONE;
}

void log_meet_rot(struct log *log, log_offset offset)
{
    meet_rot(log, ERR_CORRUPT, offset);
}
